//! What reaches the step that applies feedback: changes of rows, feedback, and what a checkpoint held.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    block::FeedbackRow,
    held_feedback::HeldOfReview,
    row::{Place, Scored},
};

/// What arrives: a change of a review's row, or feedback.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Change {
    Row(Scored, i8),
    Feedback(Arc<FeedbackRow>),
    /// What was held in the checkpoint that the run goes on from.
    Restored(HeldOfReview),
}

impl Change {
    /// The review that it speaks of: hash and id.
    pub(super) fn key(&self) -> (u64, &[u8]) {
        match self {
            Self::Row(row, _) => (row.review.head().id_hash, row.review.id_bytes()),
            Self::Feedback(feedback) => (feedback.id_hash, feedback.review_id.as_bytes()),
            Self::Restored(held) => (held.id_hash, held.review_id.as_bytes()),
        }
    }

    /// Its place in the log.
    pub(super) fn place(&self) -> Place {
        match self {
            Self::Row(row, _) => row.cause,
            Self::Feedback(feedback) => feedback.place,
            Self::Restored(_) => Place::default(),
        }
    }
}
