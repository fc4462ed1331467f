//! What a start has found and how long it took, for the log and the metrics.

use std::time::{Duration, Instant};

use crate::engine::Epoch;

/// The parts of a start.
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
}

/// A part of a start, by its place in [`PHASES`].
#[derive(Clone, Copy)]
pub(super) enum Phase {
    Log,
    Sources,
    Checkpoint,
    Sinks,
}

impl PhaseTimer {
    pub(super) fn start() -> Self {
        Self { since: Instant::now(), took: [Duration::ZERO; 4] }
    }

    /// A part, or a piece of it, is over.
    pub(super) fn over(&mut self, phase: Phase) {
        self.took[phase as usize] += self.since.elapsed();
        self.since = Instant::now();
    }
}
