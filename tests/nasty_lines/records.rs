//! Whole records: which code counts, deletes, keys, renamed fields, messages.

use dirigent::records::decode::MAX_TEXT_BYTES;
use dirigent::records::{Code, DecodedReview, KeyRule, Refusal, ReviewDecoder, ReviewFields, Stage};

use super::{assert_codes, assert_fine, decode, fields, saying, with};

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
