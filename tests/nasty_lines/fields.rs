//! Single fields: what they may be, and what they are read as.

use dirigent::records::Code;

use super::{assert_codes, assert_fine, upsert, with};

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
