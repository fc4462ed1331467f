//! What checkpoints cost, and when the last one was stored. The one place that looks at the wall clock: a figure says when,
//! and nothing follows from it.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::histogram::{Distribution, Histogram};

/// Upper bounds of the time that a checkpoint takes, in seconds.
const DURATION: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// One of the gauges.
pub(super) type Gauge = fn(&CheckpointMeter) -> f64;

/// The checkpoints of a run.
#[derive(Debug)]
pub struct CheckpointMeter {
    duration: Histogram,
    stored: AtomicU64,
    failed: AtomicU64,
    retries: AtomicU64,
    bytes: AtomicU64,
    epoch: AtomicU64,
    /// Milliseconds since 1970.
    at: AtomicU64,
}

impl Default for CheckpointMeter {
    fn default() -> Self {
        Self {
            duration: Histogram::new(DURATION),
            stored: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
            at: AtomicU64::new(0),
        }
    }
}

impl CheckpointMeter {
    /// The run goes on from the checkpoint of this epoch.
    pub fn goes_on_from(&self, epoch: u64) {
        self.epoch.store(epoch, Ordering::Relaxed);
    }

    /// A checkpoint counts: its epoch, the bytes written for it, and how long it took from its last part to its record.
    pub fn stored(&self, epoch: u64, bytes: u64, took: Duration) {
        let mut tally = self.duration.tally();
        tally.observe(took.as_secs_f64(), 1);
        self.duration.add(&mut tally);
        self.stored.fetch_add(1, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
        self.epoch.store(epoch, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.at.store(u64::try_from(now.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// A checkpoint could not be stored.
    pub fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// The store has not answered, and is tried again.
    pub fn tries_again(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the store was tried again.
    pub(super) fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// How long they took.
    pub(super) fn duration(&self) -> Distribution {
        self.duration.distribution()
    }

    /// How many there were, by result.
    pub(super) fn results(&self) -> [(&'static str, u64); 2] {
        [("success", self.stored.load(Ordering::Relaxed)), ("failure", self.failed.load(Ordering::Relaxed))]
    }

    /// Bytes written for the newest.
    pub(super) fn bytes(&self) -> f64 {
        self.bytes.load(Ordering::Relaxed) as f64
    }

    /// The epoch of the newest, or of the one that the run goes on from.
    pub(super) fn epoch(&self) -> f64 {
        self.epoch.load(Ordering::Relaxed) as f64
    }

    /// When the newest was stored, in seconds since 1970; 0 before the first.
    pub(super) fn at(&self) -> f64 {
        self.at.load(Ordering::Relaxed) as f64 / 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_shown_and_all_are_counted() {
        let meter = CheckpointMeter::default();
        meter.goes_on_from(7);
        assert_eq!((meter.epoch(), meter.at(), meter.duration().count), (7.0, 0.0, 0));
        meter.stored(9, 100, Duration::from_millis(20));
        meter.stored(12, 30, Duration::from_secs(400));
        meter.failed();
        assert_eq!((meter.epoch(), meter.bytes()), (12.0, 30.0));
        assert_eq!(meter.results(), [("success", 2), ("failure", 1)]);
        let duration = meter.duration();
        assert_eq!((duration.count, duration.sum), (2, 400.02));
        assert_eq!((duration.buckets[2], duration.buckets[14]), ((0.025, 1), (f64::INFINITY, 1)));
        assert!(meter.at() > 1.7e9);
    }
}
