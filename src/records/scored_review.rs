//! A scored review: what is known of one live review, keyed by `review_id`.
//!
//! Every field is always written, null where there is nothing. Fractions are multiples of 1e-6, rounded before
//! anything is decided on them. The lines of a run come from [`render`](super::render), which a test holds equal to
//! this struct's serde form; readers and the schema use the struct.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A live review with its sentiment and status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "ScoredReview")]
pub struct ScoredReview {
    /// Names the review; the key.
    pub review_id: String,
    /// The product it is about.
    pub product_id: String,
    /// Who wrote it.
    pub user_id: Option<String>,
    /// Stars from 1 to 5, to six decimals.
    pub rating: Option<f64>,
    /// Primary language subtag in lower case; `und` where it could not be told.
    pub lang: String,
    /// Milliseconds since 1970.
    pub ts: i64,
    /// Probability of positive, 0 to 1, to six decimals.
    pub sentiment: Option<f64>,
    /// From `sentiment` (positive from 0.6, negative to 0.4), or the last sentiment feedback.
    pub label: Option<Sentiment>,
    /// The `feedback_id` that set `label`.
    pub labelled_by: Option<String>,
    /// Probability of spam, 0 to 1, to six decimals; null without a spam step.
    pub spam: Option<f64>,
    /// Why it is thought to be spam; null until a step sets it.
    pub spam_reasons: Option<Vec<String>>,
    /// Whether the model could not decide; null until a step sets it.
    pub unsure: Option<bool>,
    /// What the review counts as.
    pub status: Status,
    /// The review that this one duplicates.
    pub of: Option<String>,
    /// Which model version scored what: `{"sentiment": "sentiment@17"}`.
    pub model: BTreeMap<String, String>,
    /// Which fields the record did not bring.
    pub filled: Vec<String>,
    /// The epoch that published this.
    pub epoch: u64,
    /// The record that this version came with.
    pub origin: Origin,
}

/// Where a record stood in its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// The source component's id.
    pub source: String,
    /// Partition of the source.
    pub partition: u32,
    /// Offset in the partition; of a file, the byte at which the line starts.
    pub offset: u64,
}

/// The sign of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sentiment {
    /// At least 0.6.
    Positive,
    /// Between.
    Neutral,
    /// At most 0.4.
    Negative,
}

impl Sentiment {
    /// The label of a rounded probability, in units of 1e-6.
    pub fn of_micro(sentiment: u32) -> Self {
        match sentiment {
            600_000.. => Self::Positive,
            ..=400_000 => Self::Negative,
            _ => Self::Neutral,
        }
    }

    /// The name that is published.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Neutral => "neutral",
            Self::Negative => "negative",
        }
    }
}

/// What a live review counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Takes part in everything.
    Accepted,
    /// Its spam probability reached the threshold.
    Spam,
    /// Same product, user and normalised text as an earlier review.
    Duplicate,
    /// Nearly the text of an earlier review.
    NearDuplicate,
}

impl Status {
    /// The name that is published.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Spam => "spam",
            Self::Duplicate => "duplicate",
            Self::NearDuplicate => "near_duplicate",
        }
    }
}

/// Which of the fields that every record has were filled in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// The language was detected.
    pub lang: bool,
    /// The time came from the record's transport or the clock.
    pub ts: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_changes_at_its_bounds() {
        let labels =
            [0, 400_000, 400_001, 599_999, 600_000, 1_000_000].map(|m| Sentiment::of_micro(m).as_str());
        assert_eq!(labels, ["negative", "negative", "neutral", "neutral", "positive", "positive"]);
    }
}
