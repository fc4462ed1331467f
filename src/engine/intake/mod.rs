//! Intake: the partitions of all sources, shared by the workers of a process.
//!
//! A worker *claims* a chunk of raw records (in order, under the partition's lock), decodes it by itself, and *submits*
//! what decoding says of each record. Submissions are stamped strictly in order, so the epoch of a record depends on
//! its partition alone; who decoded it does not matter. An epoch goes to the log as soon as every partition is past it.
//!
//! # Layout
//! * `claims`: who reads next. `stamping`: epochs, and the log. `partition_state`: what is on its way.
//!
//! Back-pressure and alignment: a partition is not read on while `epochs_in_flight` of its epochs, or `RECORDS` records,
//! whichever is more, or `BYTES` bytes are uncommitted. The open epoch may always be read on: it could not close else.
//!
//! Fairness: chunks go to whoever is free, but a worker that has fallen behind a fair part of its share goes first: a
//! worker that is kept busy (by the learner, or by the system) must not end up with no part in the decoding.

mod claims;
mod partition_state;
mod stamping;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use self::{
    claims::Claimer,
    partition_state::{ERROR_WINDOW, PartitionState},
};
use super::{
    Epoch,
    clock::{EventClockSettings, Stamp},
    log::EpochLog,
    partition::{PartitionEntry, SourceError},
};
use crate::telemetry::Histogram;

/// Upper bounds of the time from reading to commit, in seconds.
const LATENCY: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Settings of the intake.
#[derive(Clone, Copy, Debug)]
pub struct IntakeSettings {
    /// How epochs follow from the data.
    pub clock: EventClockSettings,
    /// Uncommitted epochs of a partition before it waits.
    pub epochs_in_flight: usize,
    /// The share of refused records, over 10,000 of a partition, that stops the run.
    pub max_error_ratio: f64,
}

/// Why the intake cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// A partition could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The input is plainly of another kind.
    #[error(
        "{refused} of {ERROR_WINDOW} records of {partition} up to offset {offset} were refused, more than max_error_ratio allows: \
         is this the right input for its source? (its `record:` and `fields:` say how it is read)"
    )]
    TooManyErrors {
        /// The partition's name.
        partition: String,
        /// Where the last of them ends.
        offset: u64,
        /// How many were refused.
        refused: u64,
    },
}

/// A chunk that a worker has claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// Its partition, by log order.
    pub partition: u32,
    /// Its number within the partition.
    pub sequence: u64,
}

struct State {
    partitions: Vec<PartitionState>,
    ready: BTreeMap<Claim, Vec<Stamp>>,
    open: BTreeMap<Epoch, BTreeMap<u32, u64>>,
    log: Box<dyn EpochLog>,
    claimers: Vec<Claimer>,
    /// Workers with a step of their own that the others wait for.
    occupied: Vec<usize>,
}

struct Reader {
    entry: PartitionEntry,
    offset: u64,
}

/// How far the intake is, for progress and metrics.
#[derive(Clone, Copy, Debug, Default)]
pub struct IntakeProgress {
    /// Records stamped so far.
    pub records: u64,
    /// Bytes read, as the outside counts them.
    pub read: u64,
    /// Bytes in all, where every partition knows.
    pub total: Option<u64>,
    /// Epochs logged and not committed.
    pub epochs_in_flight: usize,
    /// Bytes read and not committed.
    pub bytes_in_flight: u64,
}

/// The partitions of all sources of a process.
pub struct Intake {
    settings: IntakeSettings,
    readers: Vec<Mutex<Reader>>,
    sources: Vec<usize>,
    names: Vec<(u32, String)>,
    state: Mutex<State>,
    /// Epochs above it are not committed: set once when the run is asked to stop.
    limit: AtomicU64,
    durable: AtomicU64,
    committed: AtomicU64,
    records: AtomicU64,
    failed: AtomicBool,
    failure: Mutex<Option<IntakeError>>,
    moved: Mutex<Instant>,
    reading: AtomicU64,
    /// The newest epoch that a record was stamped with.
    newest: AtomicU64,
    latency: Histogram,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Intake {
    /// An intake over partitions in log order: by source, then number.
    #[must_use]
    pub fn new(settings: IntakeSettings, partitions: Vec<PartitionEntry>, log: Box<dyn EpochLog>) -> Self {
        let states = partitions
            .iter()
            .map(|entry| PartitionState::new(settings.clock, entry.partition.progress()))
            .collect();
        Self {
            settings,
            sources: partitions.iter().map(|entry| entry.source).collect(),
            names: partitions.iter().map(|entry| (entry.number, entry.name.clone())).collect(),
            readers: partitions.into_iter().map(|entry| Mutex::new(Reader { entry, offset: 0 })).collect(),
            state: Mutex::new(State {
                partitions: states,
                ready: BTreeMap::new(),
                open: BTreeMap::new(),
                log,
                claimers: Vec::new(),
                occupied: Vec::new(),
            }),
            limit: AtomicU64::new(Epoch::MAX),
            durable: AtomicU64::new(0),
            committed: AtomicU64::new(0),
            records: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            failure: Mutex::new(None),
            moved: Mutex::new(Instant::now()),
            reading: AtomicU64::new(0),
            newest: AtomicU64::new(0),
            latency: Histogram::new(LATENCY),
        }
    }

    /// The number of a partition within its source, and its name.
    #[must_use]
    pub fn name(&self, partition: u32) -> (u32, &str) {
        let (number, name) = &self.names[partition as usize];
        (*number, name)
    }

    /// The source of a partition.
    #[must_use]
    pub fn source(&self, partition: u32) -> usize {
        self.sources[partition as usize]
    }

    /// The last epoch that is durable in the log, 0 before the first.
    #[must_use]
    pub fn durable(&self) -> Epoch {
        self.durable.load(Ordering::Acquire)
    }

    /// The last epoch to be committed when the run was asked to stop.
    #[must_use]
    pub fn limit(&self) -> Epoch {
        self.limit.load(Ordering::Acquire)
    }

    /// Ends the input after the epoch that is open now: an epoch is finished, never split.
    pub fn stop(&self) {
        let mut state = lock(&self.state);
        if let Some(lowest) = state.lowest() {
            self.limit.store(lowest, Ordering::Release);
            for p in 0..state.partitions.len() {
                self.advance(&mut state, p);
            }
        }
        self.wake(&state);
    }

    /// Ends everything at once because of a fault; the first one counts.
    pub fn fail(&self, error: IntakeError) {
        lock(&self.failure).get_or_insert(error);
        self.abort();
    }

    /// Ends everything at once; the reason is known elsewhere.
    pub fn abort(&self) {
        self.failed.store(true, Ordering::Release);
        self.wake(&lock(&self.state));
    }

    /// Whether the run has been aborted.
    #[must_use]
    pub fn aborted(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// The fault that ended the intake.
    pub fn take_failure(&self) -> Option<IntakeError> {
        lock(&self.failure).take()
    }

    /// When an epoch was last stamped or committed, and whether anything is on its way or could be read.
    #[must_use]
    pub fn activity(&self) -> (Instant, bool) {
        let (state, limit) = (lock(&self.state), self.limit());
        let flies = |s: &PartitionState| s.flights.front().is_some_and(|flight| flight.epoch <= limit);
        let busy = state.partitions.iter().any(|s| !s.done || flies(s));
        (*lock(&self.moved), busy)
    }

    /// Whether some worker is inside a read.
    #[must_use]
    pub fn reading(&self) -> bool {
        self.reading.load(Ordering::Acquire) > 0
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
        let of_source = state.partitions.iter().zip(&self.sources).filter(|(_, s)| **s == source);
        of_source.map(|(partition, _)| partition.last_read.elapsed()).min().unwrap_or_default()
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

    fn wake(&self, state: &State) {
        for claimer in &state.claimers {
            // A worker that has ended already needs no waking.
            let _ = claimer.waker.activate();
        }
    }
}

impl State {
    /// The lowest epoch that a partition is still in; `None` when all are done.
    fn lowest(&self) -> Option<Epoch> {
        self.partitions.iter().filter(|s| !s.done).map(|s| s.clock.low()).min()
    }
}
