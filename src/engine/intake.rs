//! Intake: the partitions of all sources, shared by the workers of a process.
//!
//! A worker *claims* a chunk of raw records (in order, under the partition's lock), decodes it by itself, and *submits*
//! what decoding says of each record. Submissions are stamped strictly in order, so the epoch of a record depends on
//! its partition alone; who decoded it does not matter. An epoch goes to the log as soon as every partition is past it.
//!
//! Back-pressure and alignment: a partition is not read on while `epochs_in_flight` of its epochs, or `RECORDS` records,
//! whichever is more, or `BYTES` bytes are uncommitted. The open epoch may always be read on: it could not close else.
//!
//! Fairness: chunks go to whoever is free, but a worker that has fallen behind a fair part of its share goes first: a
//! worker that is kept busy (by the learner, or by the system) must not end up with no part in the decoding.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use timely::scheduling::SyncActivator;

use super::{
    Epoch,
    clock::{EventClock, EventClockSettings, Reading, Stamp},
    log::{EpochLog, EpochRecord},
    partition::{PartitionEntry, RawChunk, SourceError},
};

/// Uncommitted records a partition may always have.
const RECORDS: u64 = 4_096;
/// Uncommitted bytes a partition may have beyond its open epoch.
const BYTES: u64 = 32 << 20;
/// The most records and bytes of a chunk.
const CHUNK: (usize, usize) = (256, 256 << 10);
/// Records that a worker may be behind before it goes first.
const SLACK: u64 = 512;
/// Over how many records of a partition the share of refused ones is taken.
const ERROR_WINDOW: u64 = 10_000;

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

/// One epoch of a partition on its way.
struct Flight {
    epoch: Epoch,
    records: u64,
    bytes: u64,
}

/// A submitted chunk whose records are not all stamped.
struct Submitted {
    sequence: u64,
    records: usize,
    stamps: Vec<Stamp>,
}

struct PartitionState {
    claimed: u64,
    submitted: u64,
    /// Submissions that came before their turn.
    early: BTreeMap<u64, Vec<(Reading, u64, u64)>>,
    /// Records handed to the clock and not stamped yet: (next offset, bytes).
    at_clock: VecDeque<(u64, u64)>,
    chunks: VecDeque<Submitted>,
    clock: EventClock,
    flights: VecDeque<Flight>,
    unstamped: (u64, u64),
    errors: (u64, u64),
    /// Bytes read and bytes in all, as the outside counts them.
    progress: (u64, Option<u64>),
    read_to_end: bool,
    done: bool,
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

/// The source operator of one worker.
struct Claimer {
    source: usize,
    worker: usize,
    waker: SyncActivator,
    /// Records it has claimed.
    records: u64,
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

    /// The source operator of a worker: who claims, and whom to wake when epochs move.
    pub(super) fn register(&self, source: usize, worker: usize, waker: SyncActivator) {
        lock(&self.state).claimers.push(Claimer { source, worker, waker, records: 0 });
    }

    /// A worker owns a step that every epoch waits for (a learner): while others keep up, it leaves decoding to them.
    pub fn occupy(&self, worker: usize) {
        let mut state = lock(&self.state);
        if !state.occupied.contains(&worker) {
            state.occupied.push(worker);
        }
    }

    /// Reads the next chunk of a source that may be read on; `None` when there is none now for this worker.
    pub(super) fn claim(&self, source: usize, worker: usize, chunk: &mut RawChunk) -> Option<Claim> {
        if self.failed.load(Ordering::Relaxed) {
            return None;
        }
        let occupied;
        let mut candidates: Vec<(Epoch, usize)> = {
            let state = lock(&self.state);
            // what others wait for must not wait for a long chunk
            occupied = state.occupied.contains(&worker) && state.claimers.len() > 1;
            let limit = self.limit.load(Ordering::Relaxed);
            let of_source = state.partitions.iter().enumerate().filter(|(p, _)| self.sources[*p] == source);
            let restrained = state.leaves_it_to_others(source, worker);
            let candidates: Vec<_> = of_source
                .filter(|(_, s)| s.may_read(&self.settings, limit))
                .filter(|(_, s)| !restrained || s.records_in_flight() < RECORDS * 3 / 4)
                .map(|(p, s)| (s.clock.low(), p))
                .collect();
            if !candidates.is_empty()
                && let Some(behind) = state.goes_first(source, worker)
            {
                // a worker that has ended already needs no waking
                let _ = behind.waker.activate();
                return None;
            }
            candidates
        };
        candidates.sort_unstable();
        for (_, p) in candidates {
            let mut reader = lock(&self.readers[p]);
            {
                let state = lock(&self.state);
                if !state.partitions[p].may_read(&self.settings, self.limit.load(Ordering::Relaxed)) {
                    continue;
                }
            }
            chunk.clear();
            self.reading.fetch_add(1, Ordering::AcqRel);
            let records = if occupied { CHUNK.0 / 4 } else { CHUNK.0 };
            let outcome = reader.entry.partition.read(chunk, records, CHUNK.1);
            self.reading.fetch_sub(1, Ordering::AcqRel);
            let more = match outcome {
                Ok(more) => more,
                Err(error) => {
                    self.fail(error.into());
                    return None;
                }
            };
            if let Some(last) = chunk.records.last() {
                reader.offset = last.next;
            }
            let mut state = lock(&self.state);
            let partition = &mut state.partitions[p];
            partition.progress = reader.entry.partition.progress();
            if chunk.records.is_empty() {
                partition.read_to_end = !more;
                drop(reader);
                self.advance(&mut state, p);
                continue;
            }
            partition.read_to_end = !more;
            let claim = Claim { partition: p as u32, sequence: partition.claimed };
            partition.claimed += 1;
            partition.unstamped.0 += chunk.records.len() as u64;
            partition.unstamped.1 += chunk.bytes.len() as u64;
            if let Some(claimer) =
                state.claimers.iter_mut().find(|c| (c.source, c.worker) == (source, worker))
            {
                claimer.records += chunk.records.len() as u64;
            }
            return Some(claim);
        }
        None
    }

    /// Takes what decoding said of a claimed chunk: a reading, the offset after it and its bytes, a record each.
    pub(super) fn submit(&self, claim: Claim, readings: Vec<(Reading, u64, u64)>) {
        let mut state = lock(&self.state);
        let partition = &mut state.partitions[claim.partition as usize];
        partition.early.insert(claim.sequence, readings);
        self.advance(&mut state, claim.partition as usize);
    }

    /// The stamps of a submitted chunk, once all its records have one.
    pub(super) fn stamps(&self, claim: Claim) -> Option<Vec<Stamp>> {
        lock(&self.state).ready.remove(&claim)
    }

    /// No record of this source will fall before this epoch; `None` when no record is to come.
    pub(super) fn low(&self, source: usize) -> Option<Epoch> {
        if self.failed.load(Ordering::Relaxed) {
            return None;
        }
        let state = lock(&self.state);
        let of_source = state.partitions.iter().enumerate().filter(|(p, _)| self.sources[*p] == source);
        of_source.filter(|(_, s)| !s.done).map(|(_, s)| s.unreleased()).min()
    }

    /// The last epoch that records may be released at: the lowest that some partition, of any source, is still in.
    ///
    /// A stop ends the run at that very epoch, so nothing that was released ever has to be taken back.
    pub(super) fn released(&self) -> Epoch {
        let state = lock(&self.state);
        state.lowest().unwrap_or(Epoch::MAX).min(self.limit())
    }

    /// Every sink has committed all epochs before this one.
    pub(super) fn commit(&self, before: Epoch) {
        if self.committed.fetch_max(before, Ordering::Relaxed) >= before {
            return;
        }
        *lock(&self.moved) = Instant::now();
        let mut state = lock(&self.state);
        for partition in &mut state.partitions {
            while partition.flights.front().is_some_and(|flight| flight.epoch < before) {
                partition.flights.pop_front();
            }
        }
        state.log.truncate(before);
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
        let state = lock(&self.state);
        let busy = state.partitions.iter().any(|s| !s.done || !s.flights.is_empty());
        (*lock(&self.moved), busy)
    }

    /// Whether some worker is inside a read.
    #[must_use]
    pub fn reading(&self) -> bool {
        self.reading.load(Ordering::Acquire) > 0
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

    /// Stamps what can be stamped of a partition, logs the epochs that all partitions have passed, wakes the workers.
    fn advance(&self, state: &mut State, p: usize) {
        let partition = &mut state.partitions[p];
        let before = (partition.clock.low(), partition.unreleased(), partition.done, state.ready.len());
        let mut stamped = Vec::new();
        while let Some(readings) = partition.early.remove(&partition.submitted) {
            partition.chunks.push_back(Submitted {
                sequence: partition.submitted,
                records: readings.len(),
                stamps: Vec::with_capacity(readings.len()),
            });
            partition.submitted += 1;
            for (reading, next, bytes) in readings {
                partition.at_clock.push_back((next, bytes));
                if let Some(refused) = partition.count_error(reading.refused)
                    && refused as f64 > self.settings.max_error_ratio * ERROR_WINDOW as f64
                {
                    let partition = self.names[p].1.clone();
                    lock(&self.failure).get_or_insert(IntakeError::TooManyErrors {
                        partition,
                        offset: next,
                        refused,
                    });
                    self.failed.store(true, Ordering::Release);
                    self.wake(state);
                    return;
                }
                partition.clock.push(reading, &mut |stamp| stamped.push(stamp));
            }
        }
        let limit = self.limit.load(Ordering::Relaxed);
        let all_in = partition.read_to_end && partition.submitted == partition.claimed;
        if all_in || partition.clock.low() > limit {
            partition.clock.finish(&mut |stamp| stamped.push(stamp));
        }
        for stamp in stamped {
            let Some((next, bytes)) = partition.at_clock.pop_front() else { break };
            state.open.entry(stamp.epoch).or_default().insert(p as u32, next);
            partition.fly(stamp.epoch, bytes);
            self.records.fetch_add(1, Ordering::Relaxed);
            let Some(chunk) = partition.chunks.front_mut() else { break };
            chunk.stamps.push(stamp);
            if chunk.stamps.len() == chunk.records {
                let claim = Claim { partition: p as u32, sequence: chunk.sequence };
                state.ready.insert(claim, std::mem::take(&mut chunk.stamps));
                partition.chunks.pop_front();
            }
        }
        if all_in || partition.clock.low() > limit {
            partition.done = true;
        }
        let after = (partition.clock.low(), partition.unreleased(), partition.done, state.ready.len());
        if after != before {
            *lock(&self.moved) = Instant::now();
            self.log(state);
            self.wake(state);
        }
    }

    fn log(&self, state: &mut State) {
        let passed = state.lowest().unwrap_or(Epoch::MAX);
        let limit = self.limit.load(Ordering::Relaxed);
        while let Some(open) = state.open.first_entry() {
            if *open.key() >= passed || *open.key() > limit {
                break;
            }
            let (epoch, bindings) = open.remove_entry();
            state.log.append(EpochRecord { epoch, bindings: bindings.into_iter().collect() });
        }
        self.durable.store(state.log.durable().unwrap_or(0), Ordering::Release);
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

    /// Another worker that has to claim before this one does: it has less than half of an equal share, or than an eighth
    /// of all where workers are few, and this one has more.
    fn goes_first(&self, source: usize, worker: usize) -> Option<&Claimer> {
        let first = self.behind(source).next()?;
        (!self.behind(source).any(|c| c.worker == worker)).then_some(first)
    }

    fn behind(&self, source: usize) -> impl Iterator<Item = &Claimer> {
        let of_source = move || self.claimers.iter().filter(move |c| c.source == source);
        let (workers, records) = of_source().fold((0, 0), |(n, sum), c| (n + 1, sum + c.records));
        of_source().filter(move |c| c.records + SLACK < records / (2 * workers).max(8))
    }

    /// Whether a worker that has other things to do claims only what the others do not keep up with.
    fn leaves_it_to_others(&self, source: usize, worker: usize) -> bool {
        self.occupied.contains(&worker)
            && self.claimers.iter().any(|c| c.source == source && c.worker != worker)
            && !self.behind(source).any(|c| c.worker == worker)
    }
}

impl PartitionState {
    fn new(clock: EventClockSettings, progress: (u64, Option<u64>)) -> Self {
        Self {
            claimed: 0,
            submitted: 0,
            early: BTreeMap::new(),
            at_clock: VecDeque::new(),
            chunks: VecDeque::new(),
            clock: EventClock::new(clock),
            flights: VecDeque::new(),
            unstamped: (0, 0),
            errors: (0, 0),
            progress,
            read_to_end: false,
            done: false,
        }
    }

    /// The lowest epoch that a chunk which is not stamped to its end may hold.
    fn unreleased(&self) -> Epoch {
        let begun = self.chunks.front().and_then(|chunk| chunk.stamps.first());
        begun.map_or(self.clock.low(), |stamp| stamp.epoch)
    }

    fn bytes_in_flight(&self) -> u64 {
        self.unstamped.1 + self.flights.iter().map(|flight| flight.bytes).sum::<u64>()
    }

    fn records_in_flight(&self) -> u64 {
        self.unstamped.0 + self.flights.iter().map(|flight| flight.records).sum::<u64>()
    }

    fn may_read(&self, settings: &IntakeSettings, limit: Epoch) -> bool {
        if self.read_to_end || self.done || self.clock.low() > limit {
            return false;
        }
        let records = self.records_in_flight();
        let few = self.flights.len() < settings.epochs_in_flight || records < RECORDS;
        few && (self.flights.len() <= 1 || self.bytes_in_flight() < BYTES)
    }

    fn fly(&mut self, epoch: Epoch, bytes: u64) {
        self.unstamped.0 = self.unstamped.0.saturating_sub(1);
        self.unstamped.1 = self.unstamped.1.saturating_sub(bytes);
        match self.flights.back_mut() {
            Some(flight) if flight.epoch == epoch => {
                flight.records += 1;
                flight.bytes += bytes;
            }
            _ => self.flights.push_back(Flight { epoch, records: 1, bytes }),
        }
    }

    /// Counts a record; the refused ones among the last 10,000 when a window is full.
    fn count_error(&mut self, refused: bool) -> Option<u64> {
        self.errors.0 += 1;
        self.errors.1 += u64::from(refused);
        (self.errors.0 == ERROR_WINDOW).then(|| std::mem::take(&mut self.errors).1)
    }
}
