//! Lines that go wrong elsewhere, each with the code that refuses it or with what becomes of it.

use std::collections::BTreeMap;

use dirigent::records::decode::MAX_TEXT_BYTES;
use dirigent::records::{
    Code, DecodedReview, FeedbackDecoder, FeedbackFields, KeyRule, Label, Refusal, ReviewDecoder,
    ReviewFields, Stage, Upsert,
};

fn fields() -> ReviewFields {
    ReviewFields::review(&BTreeMap::new()).expect("no field is renamed")
}

fn decode<T>(line: impl AsRef<[u8]>, see: impl FnOnce(DecodedReview<'_>) -> T) -> Result<T, Refusal> {
    ReviewDecoder::default().decode(line.as_ref(), KeyRule::Ignore, &fields()).map(see)
}

fn upsert<T>(line: impl AsRef<[u8]>, see: impl FnOnce(Upsert<'_>) -> T) -> Result<T, Refusal> {
    decode(line, |decoded| match decoded {
        DecodedReview::Upsert(upsert) => see(upsert),
        DecodedReview::Delete { .. } => panic!("an upsert was expected"),
    })
}

/// A review that is in order, with something more in it.
fn with(more: &str) -> String {
    format!(r#"{{"review_id":"r","product_id":"p","text":"fine",{more}}}"#)
}

/// A review with this JSON string as its text.
fn saying(text: &str) -> String {
    format!(r#"{{"review_id":"r","product_id":"p","text":"{text}"}}"#)
}

fn assert_codes<L: AsRef<[u8]>>(code: Code, lines: impl IntoIterator<Item = L>) {
    for line in lines {
        let shown = String::from_utf8_lossy(&line.as_ref()[..line.as_ref().len().min(120)]).into_owned();
        let refusal = decode(&line, |decoded| format!("{decoded:?}")).expect_err(&shown);
        assert_eq!(refusal.code, code, "{shown}: {refusal}");
        assert!(refusal.message.len() < 400 && !refusal.message.contains('\n'), "{shown}: {refusal}");
    }
}

fn assert_fine<L: AsRef<[u8]>>(lines: impl IntoIterator<Item = L>) {
    for line in lines {
        let shown = String::from_utf8_lossy(&line.as_ref()[..line.as_ref().len().min(120)]).into_owned();
        decode(&line, |_| ()).unwrap_or_else(|refusal| panic!("{shown}: {refusal}"));
    }
}

#[test]
fn what_is_not_json_is_refused_whole() {
    let deep = |depth: usize| with(&format!(r#""x":{}{}"#, "[".repeat(depth - 1), "]".repeat(depth - 1)));
    assert_fine([deep(2), deep(64)]);
    let objects =
        |depth: usize| with(&format!(r#""x":{}{{}}{}"#, r#"{"a":"#.repeat(depth - 2), "}".repeat(depth - 2)));
    assert_fine([objects(64)]);
    assert_codes(
        Code::MalformedJson,
        [deep(65), deep(200), deep(100_000), objects(65), "[".repeat(65), "[".repeat(1_000_000)],
    );
    assert_codes(
        Code::MalformedJson,
        [
            "",
            " ",
            "\u{feff}{}",
            r#"{"review_id":"r""#,
            r#"{"review_id":"r"#,
            r#"{"review_id":"r","product_id":"p","text":"fi"#,
            r#"{"review_id":"r",}"#,
            r#"{'review_id':'r'}"#,
            r#"{review_id:"r"}"#,
            r#"{"review_id":"r"} x"#,
            r#"{"review_id":"r"}{}"#,
            r#"[1,2"#,
            r#"nul"#,
            r#"{"review_id":"r" // no comments
}"#,
            "{\"review_id\":\"a\u{0}b\"}",
            "{\"review_id\":\"a\tb\"}",
            "\u{0}",
        ],
    );
    let more = [
        r#""x":NaN"#,
        r#""x":Infinity"#,
        r#""x":-Infinity"#,
        r#""x":1e400"#,
        r#""x":-1e400"#,
        r#""x":[{"y":1e400}]"#,
        r#""rating":1e400"#,
        r#""x":01"#,
        r#""x":1."#,
        r#""x":.5"#,
        r#""x":+1"#,
        r#""x":0x10"#,
        r#""x":"\ud800""#,
        r#""x":"\udc00\ud800""#,
        r#""x":["\ud83d"]"#,
        r#""x":{"\udfff":1}"#,
        r#""\ud800":1"#,
        r#""title":"\ud83d x""#,
        r#""x":"\x41""#,
        r#""x":"\u12""#,
        r#""x":tru"#,
    ];
    assert_codes(Code::MalformedJson, more.map(with));
    assert_codes(Code::MalformedJson, [with(&format!(r#""x":{}"#, "9".repeat(310)))]);
    // Malformed further on counts before what is wrong further up.
    assert_codes(Code::MalformedJson, [r#"{"review_id":null,"review_id":1,"x":nope}"#, "[1] 2", "7 7"]);
}

#[test]
fn bytes_that_are_not_utf_8_come_first() {
    let lines: [&[u8]; 6] = [
        b"\xff",
        b"{\"review_id\":\"\xc3\"}",
        b"{\"x\":\"\xed\xa0\x80\"}",
        b"[\xc0\x80",
        b"\xff\xfe{\0}\0",
        b"{\"r\xe9\":1}",
    ];
    assert_codes(Code::InvalidUtf8, lines);
}

#[test]
fn what_is_json_but_no_object_is_told_apart() {
    assert_codes(
        Code::NotAnObject,
        ["null", "true", "7", "-7", "1.5", "\"{}\"", "[]", "[{}]", " null ", "[1e3,[[\"\"]]]"],
    );
}

#[test]
fn a_known_field_may_occur_once_at_the_top_level() {
    let lines = [
        r#""text":"fine""#,
        r#""review_id":"r""#,
        r#""rating":null,"rating":3"#,
        r#""r\u0061ting":3,"rating":3"#,
        r#""op":"delete","text":"again""#,
    ];
    assert_codes(Code::InvalidField, lines.map(with));
    assert_codes(Code::InvalidField, [r#"{"text":1,"text":2}"#]);
    assert_fine([r#""x":1,"x":2"#, r#""x":{"text":1,"text":2}"#, r#""Text":1"#].map(with));
}

#[test]
fn ids_are_strings_or_integers_as_they_stand() {
    let id = |id: &str| format!(r#"{{"review_id":{id},"product_id":"p","text":"fine"}}"#);
    for (json, read) in [
        ("7", "7"),
        ("0", "0"),
        ("9223372036854775807", "9223372036854775807"),
        (r#"" r ""#, " r "),
        (r#""\u0000""#, "\u{0}"),
        (r#""\ud83d\ude00""#, "😀"),
        ("\"u\u{308}\"", "u\u{308}"),
        (r#""<b>&amp;""#, "<b>&amp;"),
    ] {
        assert_eq!(upsert(id(json), |review| review.review_id.to_owned()).as_deref(), Ok(read), "{json}");
    }
    let long = |length: usize| id(&format!("\"{}\"", "x".repeat(length)));
    assert_fine([long(256)]);
    assert_codes(Code::InvalidField, [long(257), id(&format!("\"{}\"", "ä".repeat(129)))]);
    let wrong =
        ["9223372036854775808", "18446744073709551616", "1.0", "1e3", "-1", "\"\"", "true", "[]", "{}"];
    assert_codes(Code::InvalidField, wrong.map(id));
    assert_codes(
        Code::MissingField,
        [id("null"), "{}".to_owned(), r#"{"product_id":"p","text":"fine"}"#.to_owned()],
    );

    let product = |json: &str| format!(r#"{{"review_id":"r","product_id":{json},"text":"fine"}}"#);
    assert_codes(Code::MissingField, [product("null"), r#"{"review_id":"r","text":"fine"}"#.to_owned()]);
    assert_codes(Code::InvalidField, [product("\"\""), product("1.5")]);
    assert_fine([product("\" \""), product("12")]);

    for (json, read) in
        [("null", None), ("\"\"", None), ("\" \"", Some(" ")), ("5", Some("5")), ("\"u\"", Some("u"))]
    {
        let line = with(&format!(r#""user_id":{json}"#));
        assert_eq!(
            upsert(line, |review| review.user_id.map(str::to_owned)),
            Ok(read.map(str::to_owned)),
            "{json}"
        );
    }
    assert_codes(
        Code::InvalidField,
        ["-5", "2.0", "false", "[\"u\"]"].map(|json| with(&format!(r#""user_id":{json}"#))),
    );
}

#[test]
fn ratings_are_numbers_from_1_to_5() {
    let line = |json: &str| with(&format!(r#""rating":{json}"#));
    for (json, read) in [
        ("4", Some(4_000_000)),
        ("4.5", Some(4_500_000)),
        ("5e0", Some(5_000_000)),
        ("\"4.50\"", Some(4_500_000)),
        ("\" 3 \"", Some(3_000_000)),
        ("\"\\u00a03\\n\"", Some(3_000_000)),
        ("\"003\"", Some(3_000_000)),
        ("1.0000005", Some(1_000_000)),
        ("1.0000015", Some(1_000_002)),
        ("4.9999999", Some(5_000_000)),
        ("\"\"", None),
        ("\"  \"", None),
        ("null", None),
    ] {
        assert_eq!(upsert(line(json), |review| review.rating), Ok(read), "{json}");
    }
    let wrong = [
        "0",
        "0.9999999",
        "5.0000001",
        "-3",
        "6",
        "1e300",
        "true",
        "\"4,0\"",
        "\"4/5\"",
        "\"+4\"",
        "\"4.\"",
        "\".5\"",
        "\"4e0\"",
        "\"five\"",
        "\"0\"",
        "\"٤\"",
        "\"NaN\"",
        "[4]",
        "{}",
    ];
    assert_codes(Code::InvalidField, wrong.map(line));
}

#[test]
fn times_are_read_strictly() {
    let line = |json: &str| with(&format!(r#""ts":{json}"#));
    for (json, read) in [
        ("0", Some(0)),
        ("-0", Some(0)),
        ("1700000000", Some(1_700_000_000_000)),
        ("1.7e9", Some(1_700_000_000_000)),
        ("1700000000.1239", Some(1_700_000_000_123)),
        ("1700000000123", Some(1_700_000_000_123)),
        ("1700000000123.9", Some(1_700_000_000_123)),
        ("4102444800", Some(4_102_444_800_000)),
        ("4102444800000", Some(4_102_444_800_000)),
        ("\"2023-11-14T22:13:20Z\"", Some(1_700_000_000_000)),
        ("\"2023-11-14 22:13:20.5+01:00\"", Some(1_699_996_400_500)),
        ("null", None),
    ] {
        assert_eq!(upsert(line(json), |review| review.ts), Ok(read), "{json}");
    }
    let wrong = [
        "-1",
        "-0.0001",
        "4102444801",
        "99999999999",
        "4102444800001",
        "1e18",
        "\"1700000000\"",
        "\"\"",
        "\" \"",
        "\"2023-11-14\"",
        "\"2023-11-14T22:13:20\"",
        "\"2016-12-31T23:59:60Z\"",
        "\"2023-02-30T00:00:00Z\"",
        "\"2100-01-01T00:00:00.001Z\"",
        "\"1969-12-31T23:59:59Z\"",
        "\"yesterday\"",
        "true",
        "[]",
    ];
    assert_codes(Code::InvalidField, wrong.map(line));
}

#[test]
fn other_fields_have_their_types() {
    assert_fine(
        [r#""op":"upsert""#, r#""op":null"#, r#""verified":null,"helpful_votes":null,"source":null"#]
            .map(with),
    );
    let wrong = [
        r#""op":"""#,
        r#""op":"remove""#,
        r#""op":"DELETE""#,
        r#""op":1"#,
        r#""title":5"#,
        r#""title":["a"]"#,
        r#""verified":"true""#,
        r#""verified":"""#,
        r#""verified":1"#,
        r#""helpful_votes":-1"#,
        r#""helpful_votes":1.0"#,
        r#""helpful_votes":1e3"#,
        r#""helpful_votes":"3""#,
        r#""helpful_votes":"""#,
        r#""source":5"#,
        r#""lang":5"#,
        r#""lang":["en"]"#,
    ];
    assert_codes(Code::InvalidField, wrong.map(with));
    assert_codes(Code::InvalidField, [r#"{"review_id":"r","product_id":"p","text":5}"#]);
    let votes =
        upsert(with(r#""helpful_votes":18446744073709551615,"verified":false,"source":" a ""#), |review| {
            (review.helpful_votes, review.verified, review.source.map(str::to_owned))
        });
    assert_eq!(votes, Ok((Some(u64::MAX), Some(false), Some(" a ".to_owned()))));
    assert_eq!(upsert(with(r#""source":" \t""#), |review| review.source.is_some()), Ok(false));
}

#[test]
fn languages_are_reduced_and_never_refused_for_their_form() {
    for (json, read) in [
        ("\"de-AT\"", Some("de")),
        ("\"EN\"", Some("en")),
        ("\"und\"", Some("und")),
        ("\"en_US\"", None),
        ("\"english language\"", None),
        ("\"\"", None),
        ("\" \"", None),
        ("\"x-private\"", None),
        ("null", None),
    ] {
        let line = with(&format!(r#""lang":{json}"#));
        let lang = upsert(line, |review| review.lang.map(|lang| lang.to_string()));
        assert_eq!(lang, Ok(read.map(str::to_owned)), "{json}");
    }
}

#[test]
fn texts_are_cleaned() {
    for (json, cleaned, normalised) in [
        ("I <3 it", "I <3 it", "i <3 it"),
        ("a <b>bold</b> word", "a bold word", "a bold word"),
        ("un<closed", "un<closed", "un<closed"),
        ("5 < 6 > 4", "5 < 6 > 4", "5 < 6 > 4"),
        ("<!-- gone -->x<?pi?>", "x", "x"),
        ("Tom &amp; Jerry", "Tom & Jerry", "tom & jerry"),
        ("Tom &amp Jerry", "Tom &amp Jerry", "tom &amp jerry"),
        ("&lt;b&gt;", "<b>", "<b>"),
        ("&amp;lt;", "&lt;", "&lt;"),
        ("&#8364;&#x20AC;", "€€", "€€"),
        ("&#0;&#xD800;&bogus;", "&#0;&#xD800;&bogus;", "&#0;&#xd800;&bogus;"),
        ("&#150;x", "x", "x"),
        ("u\\u0308ber", "über", "über"),
        ("u\u{308}ber", "über", "über"),
        ("STRASSE Straße", "STRASSE Straße", "strasse strasse"),
        ("o\u{fb03}ce", "oﬃce", "office"),
        ("\u{ff21}\u{2460}", "Ａ①", "a1"),
        ("\u{130}stanbul", "İstanbul", "i\u{307}stanbul"),
        ("\u{1F469}\u{200D}\u{1F4BB}", "👩\u{200D}💻", "👩\u{200D}💻"),
        ("\\ud83d\\udc69\\u200d\\ud83d\\udcbb", "👩\u{200D}💻", "👩\u{200D}💻"),
        ("a\u{202E}b\u{2066}c\u{200F}d", "a b c\u{200F}d", "a b c\u{200F}d"),
        ("so\u{AD}ft\u{200B}er\u{FEFF}", "so ft er", "so ft er"),
        ("nul\\u0000l \\u001b[31m", "nul l [31m", "nul l [31m"),
        ("\u{E000}x\u{F8FF}\u{10FFFD}", "x", "x"),
        ("tabs\\t\\r\\n and\u{A0}\u{3000}blanks ", "tabs and blanks", "tabs and blanks"),
        ("\u{1112}\u{1161}\u{11AB}", "한", "한"),
        ("&e\u{301}acute;", "&éacute;", "&éacute;"),
        ("a\\/b \\\"q\\\"", "a/b \"q\"", "a/b \"q\""),
    ] {
        let found =
            upsert(saying(json), |review| (review.text.to_owned(), review.text_normalised.to_owned()));
        assert_eq!(found, Ok((cleaned.to_owned(), normalised.to_owned())), "{json}");
    }
}

#[test]
fn title_and_text_are_kept_apart_and_joined_by_a_newline() {
    let line = |title: &str, text: &str| {
        format!(r#"{{"review_id":1,"product_id":2,"title":{title},"text":{text}}}"#)
    };
    for (title, text, normalised) in [
        ("\"A\"", "\"B\"", "a\nb"),
        ("\"A\"", "null", "a"),
        ("\" <br> \"", "\"B\"", "b"),
        ("\"A\"", "\"&nbsp;\"", "a"),
    ] {
        let found = upsert(line(title, text), |review| {
            let parts = [review.title_normalised, review.text_normalised].map(str::to_owned);
            (
                review.normalised.to_owned(),
                parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n"),
            )
        });
        assert_eq!(found, Ok((normalised.to_owned(), normalised.to_owned())), "{title} {text}");
    }
    assert_codes(
        Code::EmptyText,
        [
            line("null", "null"),
            line("\"\"", "\" \""),
            line("\"<br/>\"", "\"&nbsp;&#8203;\\u0000\""),
            r#"{"review_id":1,"product_id":2}"#.to_owned(),
        ],
    );
}

#[test]
fn texts_have_a_length() {
    let line = |title: usize, text: usize| {
        format!(
            r#"{{"review_id":"r","product_id":"p","title":"{}","text":"{}"}}"#,
            "t".repeat(title),
            "ä".repeat(text)
        )
    };
    assert_fine([line(0, MAX_TEXT_BYTES / 2), line(MAX_TEXT_BYTES - 2, 1), line(MAX_TEXT_BYTES, 0)]);
    assert_codes(Code::TooLarge, [line(1, MAX_TEXT_BYTES / 2), line(10_000_000, 0)]);
    // Escapes count as what they stand for.
    let escaped = saying(&"\\u0041".repeat(MAX_TEXT_BYTES));
    assert_eq!(upsert(escaped, |review| review.text.len()), Ok(MAX_TEXT_BYTES));
    assert_codes(Code::TooLarge, [saying(&"\\u0041".repeat(MAX_TEXT_BYTES + 1))]);
    // A long line that is ignored is no long text.
    assert_fine([with(&format!(r#""x":"{}""#, "x".repeat(10_000_000)))]);
    assert_codes(Code::MalformedJson, ["x".repeat(10_000_000)]);
}

#[test]
fn the_first_code_that_applies_counts() {
    let long = "x".repeat(MAX_TEXT_BYTES + 1);
    let ordered = [
        (Code::MissingField, format!(r#"{{"op":5,"ts":"no","text":"{long}"}}"#)),
        (Code::InvalidField, r#"{"review_id":"r","op":5}"#.to_owned()),
        (Code::InvalidField, r#"{"review_id":"r","ts":"no"}"#.to_owned()),
        (Code::MissingField, format!(r#"{{"review_id":"r","user_id":1.5,"text":"{long}"}}"#)),
        (Code::InvalidField, format!(r#"{{"review_id":"r","product_id":"p","title":1,"text":"{long}"}}"#)),
        (Code::InvalidField, format!(r#"{{"review_id":"r","product_id":"p","rating":9,"text":"{long}"}}"#)),
        (Code::TooLarge, format!(r#"{{"review_id":"r","product_id":"p","verified":1,"text":"{long}"}}"#)),
        (Code::TooLarge, format!(r#"{{"review_id":"r","product_id":"p","title":"{}"}}"#, " ".repeat(70_000))),
        (Code::InvalidField, r#"{"review_id":"r","product_id":"p","helpful_votes":-1}"#.to_owned()),
    ];
    for (code, line) in ordered {
        assert_codes(code, [line]);
    }
}

#[test]
fn a_delete_needs_little_and_looks_at_nothing_else() {
    let rubbish =
        r#"{"op":"delete","review_id":"r","product_id":{},"rating":"bad","text":7,"lang":1,"ts":5}"#;
    let seen = decode(rubbish, |decoded| decoded == DecodedReview::Delete { review_id: "r", ts: Some(5000) });
    assert_eq!(seen, Ok(true));
    assert_fine([r#"{"op":"delete","review_id":12}"#]);
    assert_codes(Code::MissingField, [r#"{"op":"delete"}"#, r#"{"op":"delete","review_id":null}"#]);
    assert_codes(
        Code::InvalidField,
        [r#"{"op":"delete","review_id":"r","ts":"bad"}"#, r#"{"op":"delete","review_id":""}"#],
    );
}

#[test]
fn carriage_returns_and_blanks_around_a_line_are_no_matter() {
    assert_fine([format!("{}\r", saying("x")), format!(" \t{} \r\n", saying("x"))]);
}

#[test]
fn the_key_is_the_id_or_nothing() {
    let code = |line: &str, key: KeyRule<'_>| {
        ReviewDecoder::default()
            .decode(line.as_bytes(), key, &fields())
            .map(|_| ())
            .map_err(|refusal| refusal.code)
    };
    let line = r#"{"review_id":7,"product_id":"p","text":"fine","op":null}"#;
    assert_eq!(code(line, KeyRule::ReviewId(Some(b"7"))), Ok(()));
    assert_eq!(code(line, KeyRule::ReviewId(None)), Ok(()));
    assert_eq!(code(line, KeyRule::ReviewId(Some(b"07"))), Err(Code::KeyMismatch));
    assert_eq!(code(line, KeyRule::ReviewId(Some(b"\xff"))), Err(Code::KeyMismatch));
    assert_eq!(code(line, KeyRule::ReviewId(Some(b""))), Err(Code::KeyMismatch));
    assert_eq!(code(line, KeyRule::Ignore), Ok(()));
    assert_eq!(code(r#"{"review_id":7,"op":"no"}"#, KeyRule::ReviewId(Some(b"8"))), Err(Code::KeyMismatch));
    assert_eq!(code(r#"{"review_id":"","op":"no"}"#, KeyRule::ReviewId(Some(b"8"))), Err(Code::InvalidField));
}

#[test]
fn renamed_fields_are_read_under_their_new_names_only() {
    let renamed =
        [("product_id", "asin"), ("rating", "overall"), ("text", "reviewText"), ("ts", "unixReviewTime")];
    let renamed = renamed.map(|(our, name)| (our.to_owned(), name.to_owned())).into();
    let fields = ReviewFields::review(&renamed).unwrap();
    let line = br#"{"review_id":1,"asin":"p","overall":5,"reviewText":"fine","unixReviewTime":1400000000,"text":7,"text":8}"#;
    let mut decoder = ReviewDecoder::default();
    let Ok(DecodedReview::Upsert(review)) = decoder.decode(line, KeyRule::Ignore, &fields) else {
        panic!("the renamed fields are in order");
    };
    assert_eq!((review.product_id, review.text, review.ts), ("p", "fine", Some(1_400_000_000_000)));
    let line = br#"{"review_id":1,"asin":"p","overall":"4/5","reviewText":"fine"}"#;
    let refusal = decoder.decode(line, KeyRule::Ignore, &fields).unwrap_err();
    assert_eq!(refusal.message, r#"rating (overall) is "4/5"; expected a number from 1 to 5"#);
    assert_eq!(refusal.stage, Stage::Validate);
    let line = br#"{"review_id":1,"asin":"p","overall":4,"overall":4,"reviewText":"fine"}"#;
    assert_eq!(
        decoder.decode(line, KeyRule::Ignore, &fields).map_err(|refusal| refusal.code),
        Err(Code::InvalidField)
    );
}

#[test]
fn feedback_follows_the_same_rules() {
    let fields = FeedbackFields::feedback(&BTreeMap::new()).unwrap();
    let label = |line: &str| {
        let mut decoder = FeedbackDecoder::default();
        let key = KeyRule::ReviewId(Some(b"r"));
        decoder
            .decode(line.as_bytes(), key, &fields)
            .map(|feedback| feedback.label)
            .map_err(|refusal| refusal.code)
    };
    let line = |label: &str| {
        format!(r#"{{"feedback_id":1,"review_id":"r","label":{label},"by":"","ts":"2023-11-14T22:13:20Z"}}"#)
    };
    for (json, expected) in [
        ("\"positive\"", Label::Positive),
        ("\"neutral\"", Label::Neutral),
        ("\"negative\"", Label::Negative),
        ("\"spam\"", Label::Spam),
        ("\"ham\"", Label::Ham),
        ("null", Label::Withdraw),
    ] {
        assert_eq!(label(&line(json)), Ok(expected));
    }
    for (wrong, code) in [
        (line("\"Positive\""), Code::InvalidField),
        (line("\"\""), Code::InvalidField),
        (line("1"), Code::InvalidField),
        (r#"{"feedback_id":1,"review_id":"r"}"#.to_owned(), Code::MissingField),
        (r#"{"review_id":"r","label":null}"#.to_owned(), Code::MissingField),
        (r#"{"feedback_id":1,"label":null}"#.to_owned(), Code::MissingField),
        (r#"{"feedback_id":1,"review_id":"s","label":7}"#.to_owned(), Code::KeyMismatch),
        (r#"{"feedback_id":1,"review_id":"r","label":null,"ts":"now"}"#.to_owned(), Code::InvalidField),
        (r#"{"feedback_id":1,"review_id":"r","label":null,"by":1.5}"#.to_owned(), Code::InvalidField),
        (r#"{"feedback_id":1,"review_id":"r","label":null,"label":null}"#.to_owned(), Code::InvalidField),
        ("null".to_owned(), Code::NotAnObject),
        ("{".to_owned(), Code::MalformedJson),
    ] {
        assert_eq!(label(&wrong), Err(code), "{wrong}");
    }
}

#[test]
fn what_is_said_of_a_refusal_is_short_and_exact() {
    for (line, message) in [
        (saying("<br>"), "nothing is left of title and text after cleaning; expected words in one of them"),
        (with(r#""rating":true"#), "rating is true; expected a number from 1 to 5"),
        (with(r#""text":"x""#), "text occurs twice; expected each field once"),
        ("null".to_owned(), "the record is null; expected an object"),
        ("{}".to_owned(), "review_id is missing; expected a string or an integer"),
        ("{\"a\":1".to_owned(), "EOF while parsing an object at line 1 column 6"),
    ] {
        assert_eq!(decode(&line, |_| ()).unwrap_err().message, message);
    }
    assert_eq!(Refusal::record_too_large(1_000_001, 1_000_000).code, Code::TooLarge);
}

#[test]
fn a_decoder_forgets_the_record_before() {
    let mut decoder = ReviewDecoder::default();
    let long = r#"{"review_id":12345,"product_id":"\u0070","title":"L\u00e4nger &amp; ","text":"<i>x</i>"}"#;
    for _ in 0..2 {
        assert!(decoder.decode(long.as_bytes(), KeyRule::Ignore, &fields()).is_ok());
        assert!(decoder.decode(b"{\"review_id\":\"\\u0071", KeyRule::Ignore, &fields()).is_err());
        let line = saying("Y");
        let Ok(DecodedReview::Upsert(review)) = decoder.decode(line.as_bytes(), KeyRule::Ignore, &fields())
        else {
            panic!("the third record is in order");
        };
        assert_eq!((review.title, review.text, review.normalised), ("", "Y", "y"));
    }
}
