//! How far one sink is, for whoever watches it: nothing follows from it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Epoch;

/// How far a sink is.
#[derive(Debug, Default)]
pub struct SinkMeter {
    written: AtomicU64,
    frontier: AtomicU64,
}

impl SinkMeter {
    /// Counts records that have been written.
    pub(super) fn wrote(&self, records: u64) {
        self.written.fetch_add(records, Ordering::Relaxed);
    }

    /// Everything before this epoch is committed.
    pub(super) fn committed(&self, before: Epoch) {
        self.frontier.store(before, Ordering::Relaxed);
    }

    /// Records written so far.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// The lowest epoch that it may still have something to commit of; the highest there is when it is done.
    #[must_use]
    pub fn frontier(&self) -> Epoch {
        self.frontier.load(Ordering::Relaxed)
    }
}
