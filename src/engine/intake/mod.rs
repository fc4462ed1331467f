//! Intake: the partitions of all sources, shared by the workers of a process.
//!
//! A worker *claims* a chunk of raw records (in order, under the partition's lock), decodes it by itself, and *submits*
//! what decoding says of each record. Submissions are stamped strictly in order, so the epoch of a record depends on
//! its partition alone; who decoded it does not matter. An epoch goes to the log as soon as every partition is past it.
//!
//! # Layout
//! * `claims`: who reads next. `stamping`: epochs. `cutting`: epochs of the wall clock. `settings`, `error`. `logging`: what goes to the log, or is compared with it.
//!   `partition_state`: what is on its way. `partitions`: which there are, and what they are called. `watching`: how far it is, for
//!   whoever watches.
//!
//! Back-pressure and alignment: a partition is not read on while `epochs_in_flight` of its epochs, or `RECORDS` records,
//! whichever is more, or `BYTES` bytes are uncommitted. The open epoch may always be read on: it could not close else.
//!
//! Partitions may come while it runs (`clock: wall`). They stand in the order in which they came; places, which order
//! their records, name them by source and number. One that has the name of an earlier one of its source is read when that
//! one is all in.
//!
//! Fairness: chunks go to whoever is free, but a worker that has fallen behind a fair part of its share goes first: a
//! worker that is kept busy (by the learner, or by the system) must not end up with no part in the decoding.

mod claims;
mod cutting;
mod error;
mod logging;
mod partition_state;
mod partitions;
mod settings;
mod stamping;
mod watching;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use self::{
    claims::Claimer,
    partition_state::{PartitionState, ends},
    partitions::predecessor,
};
use timely::scheduling::SyncActivator;

use super::{
    Epoch,
    checkpoint::announce::Announcements,
    clock::Stamp,
    log::{EpochLog, record::EpochRecord},
    partition::PartitionEntry,
    timed::LogReader,
};
use crate::telemetry::Histogram;

/// Upper bounds of the time from reading to commit, in seconds.
const LATENCY: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

pub use error::IntakeError;
pub use logging::Logged;
pub use partitions::NUMBER;
pub use settings::{Beginning, ClockSettings, IntakeProgress, IntakeSettings, Position};

/// A chunk that a worker has claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// Its partition, in the order in which they came.
    pub partition: u32,
    /// Its number within the partition.
    pub sequence: u64,
    /// What places call the partition.
    pub place: u32,
}

struct State {
    /// In the order in which they came.
    partitions: Vec<PartitionState>,
    /// With the wall clock: the first epoch that is not cut.
    uncut: Epoch,
    /// The sources that may get partitions while they are read.
    growing: BTreeSet<usize>,
    /// No epoch is cut any more.
    closed: bool,
    ready: BTreeMap<Claim, Vec<Stamp>>,
    open: BTreeMap<Epoch, BTreeMap<u32, u64>>,
    /// What the log holds already and has to come again.
    replay: VecDeque<EpochRecord>,
    /// The last epoch of the log says that all input has ended.
    ended: bool,
    /// Epochs that are logged and not committed by every sink.
    logged: VecDeque<Logged>,
    claimers: Vec<Claimer>,
    /// Workers with a step of their own that the others wait for.
    occupied: Vec<usize>,
}

/// The partitions of all sources of a process.
pub struct Intake {
    settings: IntakeSettings,
    /// The ids of the sources, by rank.
    source_ids: Vec<String>,
    log: Arc<dyn EpochLog>,
    checkpoints: Arc<Announcements>,
    state: Mutex<State>,
    /// Who reads the log as it grows: added to while the state is held.
    log_readers: Mutex<Vec<Arc<LogReader>>>,
    /// Who waits for epochs to become durable.
    waiting_for_log: Mutex<Vec<SyncActivator>>,
    /// The source operators of all workers, by source: asked when records have come.
    listening: Mutex<Vec<(usize, SyncActivator)>>,
    /// Epochs above it are not committed: where the run was told to end, or set once when it is asked to stop.
    limit: AtomicU64,
    /// With the wall clock: the next cut is to be the last one.
    stopping: AtomicBool,
    last_logged: AtomicU64,
    /// The epochs so far that all input has ended with.
    ended_with: Mutex<Vec<Epoch>>,
    durable: AtomicU64,
    committed: AtomicU64,
    records: AtomicU64,
    failed: AtomicBool,
    failure: Mutex<Option<IntakeError>>,
    moved: Mutex<Instant>,
    reading: AtomicU64,
    /// Bytes before the positions where reading began, as the outside counts them.
    before: u64,
    /// The newest epoch that a record was stamped with.
    newest: AtomicU64,
    latency: Histogram,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Intake {
    /// An intake over partitions (by source, then number), which stand where `beginning` says.
    #[must_use]
    pub fn new(
        settings: IntakeSettings,
        partitions: Vec<PartitionEntry>,
        source_ids: &[String],
        beginning: Beginning,
        log: Arc<dyn EpochLog>,
        checkpoints: Arc<Announcements>,
    ) -> Self {
        let Beginning { after, positions, replay, ended, limit, growing } = beginning;
        let positions = positions.into_iter().chain(std::iter::repeat(Position::default()));
        let floor = if after == 0 { 0 } else { after + 1 };
        let before = partitions.iter().map(|entry| entry.partition.progress().0).sum();
        let mut states: Vec<PartitionState> = Vec::with_capacity(partitions.len());
        for (entry, from) in partitions.into_iter().zip(positions) {
            let source_id = &source_ids[entry.source];
            let mut state = PartitionState::new(entry, source_id, settings.clock, from, floor);
            state.ends = ends(&replay, &state.key, from.offset);
            state.after = predecessor(&states, &state);
            states.push(state);
        }
        let durable = replay.back().map_or(after, |record| record.epoch);
        Self {
            settings,
            source_ids: source_ids.to_vec(),
            log,
            checkpoints,
            state: Mutex::new(State {
                partitions: states,
                uncut: floor,
                growing,
                closed: false,
                ready: BTreeMap::new(),
                open: BTreeMap::new(),
                replay,
                ended,
                // a sink that is new begins with what the state holds
                logged: (after > 0)
                    .then_some(Logged { epoch: after, checkpoint: false })
                    .into_iter()
                    .collect(),
                claimers: Vec::new(),
                occupied: Vec::new(),
            }),
            log_readers: Mutex::default(),
            waiting_for_log: Mutex::default(),
            listening: Mutex::default(),
            limit: AtomicU64::new(limit.unwrap_or(Epoch::MAX)),
            stopping: AtomicBool::new(false),
            last_logged: AtomicU64::new(after),
            ended_with: Mutex::default(),
            durable: AtomicU64::new(durable),
            committed: AtomicU64::new(0),
            records: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            failure: Mutex::new(None),
            moved: Mutex::new(Instant::now()),
            reading: AtomicU64::new(0),
            before,
            newest: AtomicU64::new(0),
            latency: Histogram::new(LATENCY),
        }
    }

    /// Whether epochs that the log has are still to come again.
    #[must_use]
    pub fn replaying(&self) -> bool {
        !lock(&self.state).replay.is_empty()
    }

    /// Whether the wall clock drives the epochs.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.settings.clock, ClockSettings::Wall { .. })
    }

    /// The checkpoints of the run.
    #[must_use]
    pub fn checkpoints(&self) -> &Arc<Announcements> {
        &self.checkpoints
    }

    /// The last epoch to be committed when the run was asked to stop.
    #[must_use]
    pub fn limit(&self) -> Epoch {
        self.limit.load(Ordering::Acquire)
    }

    /// Ends the input after the epoch that is open now: an epoch is finished, never split.
    pub fn stop(&self) {
        let mut state = lock(&self.state);
        if matches!(self.settings.clock, ClockSettings::Wall { .. }) {
            // the next cut is the last one; while a log is replayed, its next epoch would not come before its time
            self.stopping.store(true, Ordering::Relaxed);
            if !state.replay.is_empty() {
                self.stop_cutting(&mut state);
            }
        } else if let Some(lowest) = state.lowest() {
            self.limit.fetch_min(lowest, Ordering::AcqRel);
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
        self.wake_those_who_wait_for_the_log();
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

    fn wake(&self, state: &State) {
        for claimer in &state.claimers {
            // A worker that has ended already needs no waking.
            let _ = claimer.waker.activate();
        }
    }
}

impl State {
    /// The lowest epoch that a partition is still in, or may come in; `None` when all are done.
    fn lowest(&self) -> Option<Epoch> {
        let may_come = (!self.closed && !self.growing.is_empty()).then_some(self.uncut);
        self.partitions.iter().filter(|s| !s.done).map(PartitionState::low).chain(may_come).min()
    }

    /// Whether all input was read, decoded and handed to the clock, and no partition will come.
    fn all_in(&self) -> bool {
        self.growing.is_empty() && self.partitions.iter().all(PartitionState::all_in)
    }

    /// Whether a partition may be read now.
    fn may_read(&self, p: usize, settings: &IntakeSettings, limit: Epoch) -> bool {
        let partition = &self.partitions[p];
        partition.may_read(settings, limit, !self.replay.is_empty())
            && partition.after.is_none_or(|before| self.partitions[before].all_in())
    }
}

#[cfg(test)]
mod tests;
