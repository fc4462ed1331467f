//! The feedback that counts of one review: in each family of labels (sentiment, spam) the last one. A withdrawal stands for
//! both families and says nothing in either.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    block::FeedbackRow,
    row::{AppliedLabel, Review},
    stored_feedback::{HeldFeedback, StoredFeedback},
};
use crate::{
    engine::{Epoch, checkpoint::Change},
    records::{Label, Sentiment},
};

/// Families of labels: in each, the last feedback counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
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

    /// Bytes that it takes beside its place in a table; the review is another step's.
    pub(super) fn allocated(&self) -> usize {
        let feedback = |held: &Held| {
            let FeedbackRow { review_id, feedback_id, .. } = &*held.feedback;
            // two counts of references, the row, and its ids
            2 * size_of::<usize>() + size_of::<FeedbackRow>() + review_id.len() + feedback_id.len()
        };
        self.held.capacity() * size_of::<Held>() + self.held.iter().map(feedback).sum::<usize>()
    }

    pub(super) fn id(&self) -> &[u8] {
        match (&self.review, self.held.first()) {
            (Some(review), _) => review.id_bytes(),
            (None, Some(held)) => held.feedback.review_id.as_bytes(),
            (None, None) => &[],
        }
    }

    /// What a checkpoint holds of it, under the review's id.
    pub(super) fn stored(&self, id: &[u8]) -> Change<StoredFeedback> {
        // it is kept only with labels that still act or wait; a withdrawal that has been booked is not among them
        let Some(first) = self.held.first() else { return Change::Delete(id.into()) };
        let held = self.held.iter().map(|held| HeldFeedback {
            feedback_id: held.feedback.feedback_id.clone(),
            label: held.feedback.label,
            place: held.feedback.place,
            sentiment: held.families.sentiment,
            spam: held.families.spam,
            booked: held.booked,
            since: held.since,
        });
        Change::Put(StoredFeedback { review_id: first.feedback.review_id.clone(), held: held.collect() })
    }

    /// The sentiment feedback that acts.
    pub(super) fn label(&self) -> Option<Arc<AppliedLabel>> {
        let held = self.held.iter().find(|held| held.families.sentiment)?;
        let label = sentiment(held.feedback.label)?;
        Some(Arc::new(AppliedLabel { label, feedback_id: held.feedback.feedback_id.clone() }))
    }
}

/// All feedback held for one review, as it comes from a checkpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct HeldOfReview {
    pub(super) id_hash: u64,
    pub(super) review_id: Box<str>,
    pub(super) held: Vec<Held>,
}

impl From<StoredFeedback> for HeldOfReview {
    fn from(stored: StoredFeedback) -> Self {
        let StoredFeedback { review_id, held } = stored;
        let id_hash = xxh3_64(review_id.as_bytes());
        let held = held.into_iter().map(|held| Held {
            feedback: Arc::new(FeedbackRow {
                id_hash,
                review_id: review_id.clone(),
                feedback_id: held.feedback_id,
                label: held.label,
                place: held.place,
            }),
            families: Families { sentiment: held.sentiment, spam: held.spam },
            booked: held.booked,
            since: held.since,
        });
        let held = held.collect();
        Self { id_hash, review_id, held }
    }
}
