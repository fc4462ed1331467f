//! How far an intake is, for those who watch a run: metrics, the progress line, the watch for stalls. Nothing that is read
//! here affects an epoch.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use super::{Intake, IntakeProgress, lock, partition_state::PartitionState};
use crate::{engine::Epoch, telemetry::Histogram};

impl Intake {
    /// When an epoch was last stamped or committed, and whether anything is on its way or could be read.
    #[must_use]
    pub fn activity(&self) -> (Instant, bool) {
        let (state, limit) = (lock(&self.state), self.limit());
        let flies = |s: &PartitionState| s.flights.front().is_some_and(|flight| flight.epoch <= limit);
        let busy = state.partitions.iter().any(|s| !s.done || flies(s));
        (*lock(&self.moved), busy)
    }

    /// Whether an epoch may come that is not logged: false at the end of the input, and when a stop has taken hold.
    #[must_use]
    pub fn has_more(&self) -> bool {
        lock(&self.state).lowest().is_some()
    }

    /// Whether some worker is inside a read.
    #[must_use]
    pub fn reading(&self) -> bool {
        self.reading.load(Ordering::Acquire) > 0
    }

    /// Whether the log waits for the outside right now.
    #[must_use]
    pub fn waits_for_log(&self) -> bool {
        self.log.waiting()
    }

    /// The newest epoch that a record was stamped with, 0 before the first.
    #[must_use]
    pub fn newest(&self) -> Epoch {
        self.newest.load(Ordering::Relaxed)
    }

    /// How long ago a source last gave a record.
    #[must_use]
    pub fn idle(&self, source: usize) -> Duration {
        let state = lock(&self.state);
        let of_source = state.partitions.iter().filter(|partition| partition.source == source);
        of_source.map(|partition| partition.last_read.elapsed()).min().unwrap_or_default()
    }

    /// Seconds from the reading of each record to the commit of its epoch by all sinks.
    #[must_use]
    pub fn latency(&self) -> &Histogram {
        &self.latency
    }

    /// How far the intake is.
    #[must_use]
    pub fn progress(&self) -> IntakeProgress {
        let mut progress = IntakeProgress {
            records: self.records.load(Ordering::Relaxed),
            total: Some(0),
            before: self.before,
            ..Default::default()
        };
        // not from the readers: one of them may be inside a read that waits for the outside
        let state = lock(&self.state);
        for (read, total) in state.partitions.iter().map(|s| s.progress) {
            progress.read += read;
            progress.total = progress.total.zip(total).map(|(a, b)| a + b);
        }
        progress.bytes_in_flight = state.partitions.iter().map(PartitionState::bytes_in_flight).sum();
        progress.epochs_in_flight = state.partitions.iter().map(|s| s.flights.len()).max().unwrap_or(0);
        progress
    }
}
