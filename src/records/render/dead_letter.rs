//! A dead letter's line: bytes that are UTF-8 as a string, others in base64.

use super::json::{base64, integer, put, string};
use crate::records::decode::{Code, Stage};

/// The parts of a [`DeadLetter`](crate::records::DeadLetter).
#[derive(Clone, Copy, Debug)]
pub struct DeadLetterView<'a> {
    /// The record's key.
    pub key: Option<&'a [u8]>,
    /// The record's bytes, or their start.
    pub value: Option<&'a [u8]>,
    /// Topic, or the path of the file.
    pub topic: &'a str,
    /// Partition.
    pub partition: u32,
    /// Offset.
    pub offset: u64,
    /// The component that refused it.
    pub component: &'a str,
    /// Where it was refused.
    pub stage: Stage,
    /// What is wrong.
    pub code: Code,
    /// What was found and what was expected.
    pub message: &'a str,
    /// Length of the whole record in bytes, if `value` is its start.
    pub truncated: Option<u64>,
}

/// Appends a dead letter.
pub fn dead_letter(view: &DeadLetterView<'_>, out: &mut Vec<u8>) {
    put(out, "{\"key\":");
    match view.key.map(std::str::from_utf8) {
        None => put(out, "null"),
        Some(Ok(key)) => string(out, key),
        Some(Err(_)) => {
            put(out, "null,\"key_base64\":");
            base64(out, view.key.unwrap_or_default());
        }
    }
    match view.value.map(std::str::from_utf8) {
        None => {}
        Some(Ok(value)) => {
            put(out, ",\"value\":");
            string(out, value);
        }
        Some(Err(_)) => {
            put(out, ",\"value_base64\":");
            base64(out, view.value.unwrap_or_default());
        }
    }
    put(out, ",\"headers\":{\"__connect.errors.topic\":");
    string(out, view.topic);
    put(out, ",\"__connect.errors.partition\":\"");
    integer(out, view.partition);
    put(out, "\",\"__connect.errors.offset\":\"");
    integer(out, view.offset);
    put(out, "\",\"__connect.errors.connector.name\":");
    string(out, view.component);
    put(out, ",\"__connect.errors.stage\":");
    string(out, view.stage.as_str());
    put(out, ",\"__connect.errors.exception.class.name\":");
    string(out, view.code.as_str());
    put(out, ",\"__connect.errors.exception.message\":");
    string(out, view.message);
    if let Some(length) = view.truncated {
        put(out, ",\"dirigent.truncated\":\"");
        integer(out, length);
        put(out, "\"");
    }
    put(out, "}}");
}

/// The headers that a dead letter has besides those of the record, by name: for a message, whose key and value are the
/// record's own.
pub fn dead_letter_headers(view: &DeadLetterView<'_>) -> impl Iterator<Item = (&'static str, String)> {
    let truncated = view.truncated.map(|length| ("dirigent.truncated", length.to_string()));
    [
        ("__connect.errors.topic", view.topic.to_owned()),
        ("__connect.errors.partition", view.partition.to_string()),
        ("__connect.errors.offset", view.offset.to_string()),
        ("__connect.errors.connector.name", view.component.to_owned()),
        ("__connect.errors.stage", view.stage.as_str().to_owned()),
        ("__connect.errors.exception.class.name", view.code.as_str().to_owned()),
        ("__connect.errors.exception.message", view.message.to_owned()),
    ]
    .into_iter()
    .chain(truncated)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::super::written;
    use super::*;
    use crate::records::{DeadLetter, DeadLetterHeaders};

    fn dead_struct(view: &DeadLetterView<'_>) -> DeadLetter {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let encoded = |bytes: &[u8]| text(bytes).is_none().then(|| STANDARD.encode(bytes));
        DeadLetter {
            key: view.key.and_then(text),
            key_base64: view.key.and_then(encoded),
            value: view.value.and_then(text),
            value_base64: view.value.and_then(encoded),
            headers: DeadLetterHeaders {
                topic: view.topic.to_owned(),
                partition: view.partition.to_string(),
                offset: view.offset.to_string(),
                component: view.component.to_owned(),
                stage: view.stage.as_str().to_owned(),
                code: view.code.as_str().to_owned(),
                message: view.message.to_owned(),
                truncated: view.truncated.map(|length| length.to_string()),
            },
        }
    }

    #[test]
    fn a_dead_letter_has_one_value_at_most() {
        let view = DeadLetterView {
            key: Some(b"k"),
            value: Some(b"{\"a\":1"),
            topic: "in/reviews.jsonl",
            partition: 0,
            offset: 12,
            component: "clean",
            stage: Stage::Decode,
            code: Code::MalformedJson,
            message: "no",
            truncated: None,
        };
        let views = [
            view,
            DeadLetterView { key: None, value: None, ..view },
            DeadLetterView { key: Some(b"\xff"), value: Some(b"\xc3"), truncated: Some(1_000_001), ..view },
            DeadLetterView { key: Some(b""), value: Some(b""), ..view },
        ];
        for view in views {
            let line = written(|out| dead_letter(&view, out));
            let expected = serde_json::to_value(dead_struct(&view)).unwrap();
            assert_eq!(line, serde_json::to_string(&dead_struct(&view)).unwrap());
            let headers: serde_json::Map<_, _> =
                dead_letter_headers(&view).map(|(name, value)| (name.to_owned(), value.into())).collect();
            assert_eq!(expected["headers"], serde_json::Value::Object(headers));
        }
        let line = written(|out| dead_letter(&views[2], out));
        assert!(
            line.starts_with(
                r#"{"key":null,"key_base64":"/w==","value_base64":"ww==","headers":{"__connect"#
            ),
            "{line}"
        );
    }

    proptest! {
        #[test]
        fn dead_letters_are_as_serde_writes_them(
            key in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..6)),
            value in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..12)),
            text in any::<String>(),
        ) {
            let view = DeadLetterView {
                key: key.as_deref(),
                value: value.as_deref(),
                topic: &text,
                partition: 3,
                offset: u64::MAX,
                component: &text,
                stage: Stage::Validate,
                code: Code::KeyMismatch,
                message: &text,
                truncated: None,
            };
            prop_assert_eq!(
                written(|out| dead_letter(&view, out)),
                serde_json::to_string(&dead_struct(&view)).unwrap()
            );
        }
    }
}
