//! Feedback as a client writes it: what a person says about one review, keyed by `review_id`.
//!
//! As with [`Review`](super::Review), this struct is the schema and the writing side; reading goes through
//! [`decode`](super::decode). `label` has to stand there even when it is null: a missing one is an error, a null one
//! withdraws.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::review::{Id, Ts, UserId};

/// A person's word on a review.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Feedback")]
pub struct Feedback {
    /// Names this feedback.
    pub feedback_id: Id,
    /// The review it is about; the Kafka key.
    pub review_id: Id,
    /// `positive`, `neutral`, `negative` (sentiment), `spam`, `ham`; null withdraws both families.
    pub label: Option<FeedbackLabel>,
    /// Who says so; `""` is null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// When it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts: Option<Ts>,
}

/// The labels that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackLabel {
    /// The review is positive.
    Positive,
    /// The review is neither.
    Neutral,
    /// The review is negative.
    Negative,
    /// The review is spam.
    Spam,
    /// The review is not spam.
    Ham,
}
