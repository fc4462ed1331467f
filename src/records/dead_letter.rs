//! A dead letter as a file sink writes it: the original key and bytes, and why they were refused.
//!
//! Exactly one of `value` (valid UTF-8) and `value_base64` stands there, neither for a null value; a key that is not
//! UTF-8 goes to `key_base64` and leaves `key` null. The headers are those of Kafka Connect, under their full names,
//! and all of them strings. Nothing here depends on the worker or the time.

use base64::{Engine, engine::general_purpose::STANDARD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A refused record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "DeadLetter")]
pub struct DeadLetter {
    /// The record's key, if it had one in UTF-8.
    pub key: Option<String>,
    /// A key that is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_base64: Option<String>,
    /// The record's bytes, if they are UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Bytes that are not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_base64: Option<String>,
    /// Where the record came from and why it was refused.
    pub headers: DeadLetterHeaders,
}

impl DeadLetter {
    /// The original bytes, or their beginning; none of a record without a value.
    ///
    /// # Errors
    /// What stands for bytes that are not UTF-8 is no base64.
    pub fn bytes(&self) -> Result<Option<Vec<u8>>, base64::DecodeError> {
        match (&self.value, &self.value_base64) {
            (Some(text), _) => Ok(Some(text.clone().into_bytes())),
            (None, Some(encoded)) => STANDARD.decode(encoded).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// Kafka Connect's headers of a failed record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadLetterHeaders {
    /// Topic, or the path of the file.
    #[serde(rename = "__connect.errors.topic")]
    pub topic: String,
    /// Partition, in decimal.
    #[serde(rename = "__connect.errors.partition")]
    pub partition: String,
    /// Offset, in decimal.
    #[serde(rename = "__connect.errors.offset")]
    pub offset: String,
    /// The component that refused it.
    #[serde(rename = "__connect.errors.connector.name")]
    pub component: String,
    /// `decode`, `validate`, `transform` or `sink`.
    #[serde(rename = "__connect.errors.stage")]
    pub stage: String,
    /// The code.
    #[serde(rename = "__connect.errors.exception.class.name")]
    pub code: String,
    /// What was found, and what was expected.
    #[serde(rename = "__connect.errors.exception.message")]
    pub message: String,
    /// Length of the whole record in bytes, where only its start is kept.
    #[serde(rename = "dirigent.truncated", default, skip_serializing_if = "Option::is_none")]
    pub truncated: Option<String>,
}
