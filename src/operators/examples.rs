//! What a live review teaches: its example, where the label comes from, and what an epoch did to it.

use super::row::{Place, Scored};
use crate::{
    learning::{Features, quality::Origin},
    records::Sentiment,
};

/// What an epoch did to the example of one review.
pub(super) struct Change {
    pub(super) place: Place,
    pub(super) old: Option<Scored>,
    pub(super) new: Option<Scored>,
}

impl Change {
    pub(super) fn review_id(&self) -> &[u8] {
        self.new.as_ref().or(self.old.as_ref()).map_or(&[], |row| row.review.id_bytes())
    }
}

/// The label that a row teaches: feedback beats stars; neutral feedback and three stars teach nothing.
pub(super) fn example(row: &Scored) -> Option<(Features<'_>, bool)> {
    let positive = if !row.accepted() {
        None
    } else if let Some(label) = &row.label {
        match label.label {
            Sentiment::Positive => Some(true),
            Sentiment::Negative => Some(false),
            Sentiment::Neutral => None,
        }
    } else {
        match row.review.rating() {
            Some(4_000_000..) => Some(true),
            Some(..=2_000_000) => Some(false),
            _ => None,
        }
    };
    positive.map(|positive| (Features(row.review.features()), positive))
}

/// Whether people said so, or the stars.
pub(super) fn origin(row: &Scored) -> Origin {
    if row.label.is_some() { Origin::Feedback } else { Origin::Stars }
}
