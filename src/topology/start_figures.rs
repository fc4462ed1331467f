//! What a start has found and how long it took, for the log and the metrics.

use std::time::{Duration, Instant};

use crate::engine::Epoch;

/// The parts of a start, in their order.
pub const PHASES: [&str; 4] = ["log", "sources", "checkpoint", "sinks"];

/// A start in figures.
#[derive(Clone, Copy, Debug)]
pub struct StartFigures {
    /// Which start of the run this is.
    pub generation: u64,
    /// The last epoch of the checkpoint that it goes on from; 0 without one.
    pub checkpoint: Epoch,
    /// Epochs after it that are computed again.
    pub replayed: usize,
    /// Bytes of unpacked input after it that an earlier run had read.
    pub read_again: u64,
    /// Bytes that count as read and were passed over.
    pub skipped: u64,
    /// How long each part took, as [`PHASES`] names them: lock and log; opening the sources; checking the checkpoint and
    /// going to its offsets; opening the sinks.
    pub took: [Duration; 4],
}

/// Takes the time of each part.
pub(super) struct PhaseTimer {
    since: Instant,
    pub(super) took: [Duration; 4],
    next: usize,
}

impl PhaseTimer {
    pub(super) fn start() -> Self {
        Self { since: Instant::now(), took: [Duration::ZERO; 4], next: 0 }
    }

    /// A part is over.
    pub(super) fn over(&mut self) {
        self.took[self.next] = self.since.elapsed();
        (self.since, self.next) = (Instant::now(), self.next + 1);
    }
}
