//! Why a record is refused: a code for machines, a sentence for people.
//!
//! The sentence says which field, what was found and what was expected, shortly and the same on every run; it quotes
//! at most 40 characters of the record.

use std::fmt;

/// What is wrong, as dead letters name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// The record is not UTF-8.
    InvalidUtf8,
    /// The record is not JSON, or more than JSON within our limits.
    MalformedJson,
    /// The record is JSON but no object.
    NotAnObject,
    /// A required field is absent or null.
    MissingField,
    /// A field has a value that it must not have, or occurs twice.
    InvalidField,
    /// The record's key is not its `review_id`.
    KeyMismatch,
    /// The record has no value, and that means nothing here.
    NullValue,
    /// The record, or its title and text, are too long.
    TooLarge,
    /// Nothing is left of title and text after cleaning.
    EmptyText,
}

impl Code {
    /// All codes.
    pub const ALL: [Self; 9] = [
        Self::InvalidUtf8,
        Self::MalformedJson,
        Self::NotAnObject,
        Self::MissingField,
        Self::InvalidField,
        Self::KeyMismatch,
        Self::NullValue,
        Self::TooLarge,
        Self::EmptyText,
    ];

    /// The name in headers and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "invalid_utf8",
            Self::MalformedJson => "malformed_json",
            Self::NotAnObject => "not_an_object",
            Self::MissingField => "missing_field",
            Self::InvalidField => "invalid_field",
            Self::KeyMismatch => "key_mismatch",
            Self::NullValue => "null_value",
            Self::TooLarge => "too_large",
            Self::EmptyText => "empty_text",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which part of the work refused the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Bytes to an object.
    Decode,
    /// The object's fields.
    Validate,
    /// A later step.
    Transform,
    /// Delivery.
    Sink,
}

impl Stage {
    /// The name in headers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Validate => "validate",
            Self::Transform => "transform",
            Self::Sink => "sink",
        }
    }
}

/// A record's refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// What is wrong.
    pub code: Code,
    /// Where it was found.
    pub stage: Stage,
    /// What was found and what was expected.
    pub message: String,
}

impl Refusal {
    pub(super) fn decode(code: Code, message: impl Into<String>) -> Self {
        Self { code, stage: Stage::Decode, message: message.into() }
    }

    pub(super) fn validate(code: Code, message: impl Into<String>) -> Self {
        Self { code, stage: Stage::Validate, message: message.into() }
    }

    /// A record of `length` bytes where `limit` (`max_record_bytes`) are allowed. Such a record is not decoded; its
    /// dead letter keeps the first `limit` bytes and names the whole length.
    pub fn record_too_large(length: u64, limit: u64) -> Self {
        Self::decode(Code::TooLarge, format!("the record has {length} bytes; expected at most {limit}"))
    }
}

/// At most 40 characters of a text from the record, as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    let end = text.char_indices().nth(40).map_or(text.len(), |(at, _)| at);
    let dots = if end < text.len() { "..." } else { "" };
    format!("{}{dots}", serde_json::Value::from(&text[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotations_are_short_and_on_one_line() {
        assert_eq!(quoted("a\n\"b\""), r#""a\n\"b\"""#);
        assert_eq!(quoted(&"ä".repeat(40)), format!("\"{}\"", "ä".repeat(40)));
        assert_eq!(quoted(&"ä".repeat(41)), format!("\"{}\"...", "ä".repeat(40)));
    }
}
