//! Conditions on one review: a test of a field, or `all`, `any`, `not` of conditions.
//!
//! They are compiled once and compare without allocation. There is no expression that computes.
//!
//! # Layout
//! This file: how a condition is written. `fields`: the values of a review that it can look at. `compiled`: what a written
//! condition becomes, and whether a review passes.

mod compiled;
mod fields;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    compiled::Test,
    fields::{FieldValue, Fields},
};

/// A condition: either a test of one field, or `all`, `any`, `not` of conditions.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Condition {
    /// The field that is tested: `review_id`, `product_id`, `user_id`, `rating`, `title`, `text`, `lang`, `ts`, `verified`,
    /// `helpful_votes` or `source`; behind a scoring step also `sentiment` and `label`, on a table `labelled_by`, `status` and `of`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<Field>,
    /// Equal to this.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schemars(with = "Option<Value>")]
    pub eq: Option<Value>,
    /// Not equal to this.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schemars(with = "Option<Value>")]
    pub ne: Option<Value>,
    /// Less than this number or string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lt: Option<Value>,
    /// Greater than this number or string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gt: Option<Value>,
    /// Equal to one of these.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<Value>>,
    /// A regular expression that the field must match somewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
    /// All of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all: Option<Vec<Condition>>,
    /// At least one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub any: Option<Vec<Condition>>,
    /// Not this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<Box<Condition>>,
}

/// Keeps a `null` that stands there apart from nothing.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// A field that a condition can test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Names the review.
    ReviewId,
    /// The product.
    ProductId,
    /// Who wrote it.
    UserId,
    /// Stars.
    Rating,
    /// Cleaned title.
    Title,
    /// Cleaned text.
    Text,
    /// Language.
    Lang,
    /// Milliseconds since 1970.
    Ts,
    /// Whether the purchase was verified.
    Verified,
    /// How many found it helpful.
    HelpfulVotes,
    /// Where it was collected.
    Source,
    /// Probability of positive; null before it is scored.
    Sentiment,
    /// `positive`, `neutral`, `negative`; null before it is scored.
    Label,
    /// The feedback that set the label.
    LabelledBy,
    /// `accepted` or `duplicate`; null on a stream.
    Status,
    /// The review it duplicates.
    Of,
}
