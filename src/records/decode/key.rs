//! What the key of a Kafka record has to do with the record.
//!
//! With `key: review_id` (the default) a key that is there must be the `review_id`, byte for byte, and a record
//! without a value deletes the review that its key names. With `key: ignore` keys mean nothing.

use super::refusal::{Code, Refusal, quoted};
use super::review::DecodedReview;

/// Longest id in bytes.
pub(super) const MAX_ID_BYTES: usize = 256;

/// How to read the record's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRule<'a> {
    /// Not at all; also for sources without keys.
    Ignore,
    /// It is the `review_id` (of a command the `case_id`); none is no contradiction.
    ReviewId(Option<&'a [u8]>),
}

impl<'a> KeyRule<'a> {
    /// Whether the key is the record's id, which stands in `field`.
    pub(super) fn check(self, field: &str, id: &str) -> Result<(), Refusal> {
        match self {
            Self::ReviewId(Some(key)) if key != id.as_bytes() => {
                let message = format!(
                    "the key is {}; expected {field}, which is {}",
                    quoted(&String::from_utf8_lossy(key)),
                    quoted(id)
                );
                Err(Refusal::validate(Code::KeyMismatch, message))
            }
            _ => Ok(()),
        }
    }

    /// What a review record without a value says.
    ///
    /// # Errors
    /// `null_value` if there is no key to go by, `invalid_utf8` or `invalid_field` if the key cannot be an id.
    pub fn decode_null_review(self) -> Result<DecodedReview<'a>, Refusal> {
        let Self::ReviewId(Some(key)) = self else {
            return Err(Self::null_value());
        };
        let review_id = std::str::from_utf8(key).map_err(|error| {
            let message =
                format!("byte {} of the key is not UTF-8; expected a review_id", error.valid_up_to());
            Refusal::decode(Code::InvalidUtf8, message)
        })?;
        if review_id.is_empty() || review_id.len() > MAX_ID_BYTES {
            let message = format!("the key has {} bytes; expected 1 to {MAX_ID_BYTES}", review_id.len());
            return Err(Refusal::validate(Code::InvalidField, message));
        }
        Ok(DecodedReview::Delete { review_id, ts: None })
    }

    /// The refusal of a record without a value where that means nothing, as it does for feedback.
    pub fn null_value() -> Refusal {
        Refusal::decode(Code::NullValue, "the record has no value; expected an object")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_null_value_deletes_what_the_key_names() {
        fn code(rule: KeyRule<'static>) -> Result<DecodedReview<'static>, Code> {
            rule.decode_null_review().map_err(|refusal| refusal.code)
        }
        assert_eq!(
            code(KeyRule::ReviewId(Some(b"r1"))),
            Ok(DecodedReview::Delete { review_id: "r1", ts: None })
        );
        assert_eq!(code(KeyRule::Ignore), Err(Code::NullValue));
        assert_eq!(code(KeyRule::ReviewId(None)), Err(Code::NullValue));
        assert_eq!(code(KeyRule::ReviewId(Some(b"\xff"))), Err(Code::InvalidUtf8));
        assert_eq!(code(KeyRule::ReviewId(Some(b""))), Err(Code::InvalidField));
        assert_eq!(code(KeyRule::ReviewId(Some(&[b'x'; 257]))), Err(Code::InvalidField));
    }
}
