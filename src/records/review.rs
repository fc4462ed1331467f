//! A review as a client writes it: one JSON object a record, keyed by `review_id`.
//!
//! This struct is the schema, and what a generator or a test writes. Reading goes through
//! [`decode`](super::decode), which knows the order of the checks and what to call each failure; a field that is
//! absent here and one that is `null` mean the same.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A product review, its edit, or its deletion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Review")]
pub struct Review {
    /// Names the review; the Kafka key. Compared as bytes, neither trimmed nor normalised.
    pub review_id: Id,
    /// The product it is about. Required, but for a delete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<Id>,
    /// Who wrote it; `""` is null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Stars from 1 to 5, fractions allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<Rating>,
    /// Headline. After cleaning, it or `text` is not blank; together at most 64 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// BCP-47 language tag; where it is missing, blank or no such tag, the language is detected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
    /// When it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts: Option<Ts>,
    /// What to do; null is `upsert`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<Op>,
    /// Whether the purchase was verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// How many readers found it helpful.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helpful_votes: Option<u64>,
    /// Where it was collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// A string of 1 to 256 bytes, or an integer of `0..2^63`, which stands for its decimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Id {
    /// The id itself.
    Text(#[schemars(length(min = 1, max = 256))] String),
    /// Its decimal digits.
    Integer(#[schemars(range(min = 0, max = 9_223_372_036_854_775_807_u64))] u64),
}

impl From<&str> for Id {
    fn from(id: &str) -> Self {
        Self::Text(id.to_owned())
    }
}

/// A string of up to 256 bytes, of which the empty one stands for nobody, or an integer of `0..2^63`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum UserId {
    /// The id itself, or `""`.
    Text(#[schemars(length(max = 256))] String),
    /// Its decimal digits.
    Integer(#[schemars(range(min = 0, max = 9_223_372_036_854_775_807_u64))] u64),
}

/// Stars, as a number or as its digits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Rating {
    /// 1 to 5.
    Number(#[schemars(range(min = 1, max = 5))] f64),
    /// The same in digits with a point, or blank for none.
    Text(#[schemars(regex(pattern = r"^\s*([0-9]+(\.[0-9]+)?)?\s*$"))] String),
}

/// An instant from 1970-01-01 to 2100-01-01T00:00:00Z, both inclusive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Ts {
    /// Whole seconds since 1970 if below 10^11, else milliseconds.
    Integer(#[schemars(range(min = 0, max = 4_102_444_800_000_u64))] u64),
    /// The same with a fraction, floored to milliseconds.
    Number(#[schemars(range(min = 0, max = 4_102_444_800_001_f64))] f64),
    /// RFC 3339 with an offset.
    Text(
        #[schemars(regex(
            pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
        ))]
        String,
    ),
}

/// What a review record asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Insert or replace.
    Upsert,
    /// Remove; only `review_id`, `op` and `ts` are read.
    Delete,
}
