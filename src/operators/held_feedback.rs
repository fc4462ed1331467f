//! The feedback that counts of one review: in each family of labels (sentiment, spam) the last one. A withdrawal stands for
//! both families and says nothing in either.

use std::sync::Arc;

use super::{
    block::FeedbackRow,
    row::{AppliedLabel, Review},
};
use crate::{
    engine::Epoch,
    records::{Label, Sentiment},
};

/// Families of labels: in each, the last feedback counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Families {
    /// Positive, neutral, negative.
    pub(super) sentiment: bool,
    /// Spam, ham.
    pub(super) spam: bool,
}

impl Families {
    /// The families that a label stands for.
    pub(super) fn of(label: Label) -> Self {
        let spam = matches!(label, Label::Spam | Label::Ham);
        Self { sentiment: !spam, spam: spam || label == Label::Withdraw }
    }
}

/// What a label says of the sentiment.
fn sentiment(label: Label) -> Option<Sentiment> {
    match label {
        Label::Positive => Some(Sentiment::Positive),
        Label::Neutral => Some(Sentiment::Neutral),
        Label::Negative => Some(Sentiment::Negative),
        Label::Spam | Label::Ham | Label::Withdraw => None,
    }
}

/// Feedback that is the last of its review in at least one family.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) feedback: Arc<FeedbackRow>,
    /// The families in which it still is the last.
    pub(super) families: Families,
    /// Whether the books say already where it ended.
    pub(super) booked: bool,
    /// The epoch in which it began to wait; meaningless while the review lives.
    pub(super) since: Epoch,
}

/// A review, live or awaited.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) review: Option<Review>,
    pub(super) held: Vec<Held>,
}

impl Entry {
    pub(super) fn hash(&self) -> u64 {
        match (&self.review, self.held.first()) {
            (Some(review), _) => review.head().id_hash,
            (None, Some(held)) => held.feedback.id_hash,
            (None, None) => 0,
        }
    }

    pub(super) fn id(&self) -> &[u8] {
        match (&self.review, self.held.first()) {
            (Some(review), _) => review.id_bytes(),
            (None, Some(held)) => held.feedback.review_id.as_bytes(),
            (None, None) => &[],
        }
    }

    /// The sentiment feedback that acts.
    pub(super) fn label(&self) -> Option<Arc<AppliedLabel>> {
        let held = self.held.iter().find(|held| held.families.sentiment)?;
        let label = sentiment(held.feedback.label)?;
        Some(Arc::new(AppliedLabel { label, feedback_id: held.feedback.feedback_id.clone() }))
    }
}
