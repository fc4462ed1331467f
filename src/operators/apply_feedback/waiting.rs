//! Feedback without a live review waits: for as long as `label_wait` in epoch time, anew when its review goes.

use super::ApplyFeedback;
use crate::{
    engine::Epoch,
    operators::{books::Outcome, held_feedback::Entry},
};

impl ApplyFeedback {
    /// The review was not there in the checkpoint: what is held waits on.
    pub(super) fn wait_on(&mut self, entry: &Entry) {
        let Some(wait) = self.label_wait else { return };
        for held in &entry.held {
            let deadline = held.since.saturating_add(wait);
            self.deadlines.entry(deadline).or_default().push((held.feedback.id_hash, entry.id().into()));
        }
    }

    /// The review is not there: what is held waits, from now on if the review has just gone.
    pub(super) fn wait(&mut self, epoch: Epoch, gone: bool, entry: &mut Entry) {
        if gone {
            entry.held.iter_mut().for_each(|held| held.since = epoch);
        }
        if let (Some(wait), Some(held)) =
            (self.label_wait, entry.held.iter().rfind(|held| held.since == epoch))
        {
            let deadline = epoch.saturating_add(wait);
            self.deadlines.entry(deadline).or_default().push((held.feedback.id_hash, entry.id().into()));
        }
    }

    /// Drops the feedback that has waited longer than `label_wait` when this epoch is reached.
    pub(super) fn expire(&mut self, epoch: Epoch) {
        let Some(wait) = self.label_wait else { return };
        while let Some(due) = self.deadlines.first_entry() {
            if *due.key() >= epoch {
                break;
            }
            for (hash, id) in due.remove() {
                let Ok(mut found) = self.entries.find_entry(hash, |e| e.hash() == hash && e.id() == &*id)
                else {
                    continue;
                };
                let entry = found.get_mut();
                if entry.review.is_some() {
                    continue;
                }
                self.bytes -= entry.allocated();
                for old in entry.held.extract_if(.., |held| held.since.saturating_add(wait) < epoch) {
                    if !old.booked {
                        self.ledger
                            .count(self.run.source_of(old.feedback.place), Outcome::Dropped("expired"));
                    }
                }
                self.run.changed(&mut self.changed, || entry.stored(&id));
                if entry.held.is_empty() {
                    found.remove();
                } else {
                    self.bytes += entry.allocated();
                }
            }
        }
    }
}
