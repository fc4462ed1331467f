//! Feedback.

use std::collections::BTreeMap;

use dirigent::records::{Code, FeedbackDecoder, FeedbackFields, KeyRule, Label};

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
