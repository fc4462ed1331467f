//! Feedback per review and family, and how long it waits.
//!
//! The last one in log order holds a family's place; a withdrawal takes both places. Whoever loses all places before
//! it was applied is superseded. What holds a place of a review that is live at the close of an epoch is applied,
//! once and for ever; what holds one of a review that is not live waits, from the epoch in which it came or in which
//! the review was deleted, and goes when it has waited longer than `label_wait`.
//!
//! Tie: a wait that ends in the very epoch in which something happens to it is not decided by the contract;
//! [`Places::tied`] tells, and random cases that come to it are not judged.

use std::collections::{BTreeMap, BTreeSet};

use super::books::Ledger;
use super::decode::Feedback;
use super::log::Origin;

/// Sentiment and spam.
const FAMILIES: [&[&str]; 2] = [&["positive", "neutral", "negative"], &["spam", "ham"]];

#[derive(Clone, Debug)]
struct Place {
    origin: Origin,
    feedback: Feedback,
    /// The epoch since which it waits; `None` while its review is live.
    since: Option<u64>,
}

/// All feedback that counts.
#[derive(Debug, Default)]
pub(crate) struct Places {
    of: BTreeMap<String, [Option<Place>; 2]>,
    pub(crate) tied: bool,
}

impl Places {
    /// Drops what has waited for too long when this epoch begins.
    pub(crate) fn expire(&mut self, epoch: u64, label_wait: Option<u64>, ledger: &mut Ledger) {
        let Some(wait) = label_wait else { return };
        let places = self.of.values_mut().flatten();
        let mut gone = BTreeSet::new();
        for place in places {
            let waited = place.as_ref().and_then(|p| p.since).map(|since| epoch - since);
            self.tied |= waited == Some(wait);
            if waited.is_some_and(|waited| waited > wait) {
                gone.extend(place.take().map(|p| p.origin));
            }
        }
        for origin in gone.iter().filter(|origin| !self.holds(origin)) {
            if !ledger.is_booked(origin) {
                ledger.book(origin, "dropped.expired");
            }
        }
    }

    /// Puts the next feedback in log order in its place.
    pub(crate) fn put(&mut self, epoch: u64, origin: &Origin, feedback: &Feedback, ledger: &mut Ledger) {
        let place = Place { origin: origin.clone(), feedback: feedback.clone(), since: Some(epoch) };
        let places = self.of.entry(feedback.review_id.clone()).or_default();
        let mut evicted = BTreeSet::new();
        for (family, slot) in FAMILIES.iter().zip(places) {
            if feedback.label.as_deref().is_none_or(|label| family.contains(&label)) {
                evicted.extend(slot.replace(place.clone()).map(|p| p.origin));
            }
        }
        for origin in evicted.iter().filter(|origin| !self.holds(origin)) {
            if !ledger.is_booked(origin) {
                ledger.book(origin, "superseded");
            }
        }
    }

    /// Closes an epoch: feedback of live reviews is applied, that of others waits.
    pub(crate) fn close(&mut self, epoch: u64, live: impl Fn(&str) -> bool, ledger: &mut Ledger) {
        for (review_id, places) in &mut self.of {
            for place in places.iter_mut().flatten() {
                if live(review_id) {
                    place.since = None;
                    if !ledger.is_booked(&place.origin) {
                        ledger.book(&place.origin, "applied");
                    }
                } else {
                    place.since.get_or_insert(epoch);
                }
            }
        }
    }

    /// Books what still waits at the end of input.
    pub(crate) fn end(&self, ledger: &mut Ledger) {
        for place in self.of.values().flatten().flatten() {
            if !ledger.is_booked(&place.origin) {
                ledger.book(&place.origin, "pending");
            }
        }
    }

    /// The sentiment label of a review and the id of the feedback that says it.
    pub(crate) fn sentiment(&self, review_id: &str) -> Option<(&str, &str)> {
        let feedback = &self.of.get(review_id)?[0].as_ref()?.feedback;
        Some((feedback.label.as_deref()?, &feedback.feedback_id))
    }

    fn holds(&self, origin: &Origin) -> bool {
        self.of.values().flatten().flatten().any(|place| place.origin == *origin)
    }
}
