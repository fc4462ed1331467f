//! Who reads next: chunks go to whoever is free, but no worker is left without, and one that others wait for takes less.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Instant,
};

use timely::scheduling::SyncActivator;

use super::{Claim, Intake, State, lock, partition_state::RECORDS};
use crate::engine::{
    Epoch,
    partition::{Partition, RawChunk},
};

/// The most records and bytes of a chunk.
const CHUNK: (usize, usize) = (64, 256 << 10);
/// Records that a worker may be behind before it goes first.
const SLACK: u64 = 512;

/// A partition, read by one worker at a time.
type Reader = Arc<Mutex<Box<dyn Partition>>>;

/// The source operator of one worker.
pub(super) struct Claimer {
    pub(super) source: usize,
    pub(super) worker: usize,
    pub(super) waker: SyncActivator,
    /// Records it has claimed.
    pub(super) records: u64,
}

impl Intake {
    /// The source operator of a worker: who claims, and whom to wake when epochs move.
    pub(in crate::engine) fn register(&self, source: usize, worker: usize, waker: SyncActivator) {
        lock(&self.listening).push((source, waker.clone()));
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
    pub(in crate::engine) fn claim(
        &self,
        source: usize,
        worker: usize,
        chunk: &mut RawChunk,
    ) -> Option<Claim> {
        if self.failed.load(Ordering::Relaxed) {
            return None;
        }
        let occupied;
        let mut candidates: Vec<(Epoch, usize, Reader)> = {
            let state = lock(&self.state);
            // what others wait for must not wait for a long chunk
            occupied = state.occupied.contains(&worker) && state.claimers.len() > 1;
            let limit = self.limit.load(Ordering::Relaxed);
            let of_source = state.partitions.iter().enumerate().filter(|(_, s)| s.source == source);
            let restrained = state.leaves_it_to_others(source, worker);
            let candidates: Vec<_> = of_source
                .filter(|(p, _)| state.may_read(*p, &self.settings, limit))
                .filter(|(_, s)| !restrained || s.records_in_flight() < RECORDS * 3 / 4)
                .map(|(p, s)| (s.low(), p, Arc::clone(&s.reader)))
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
        candidates.sort_unstable_by_key(|(low, p, _)| (*low, *p));
        for (_, p, reader) in candidates {
            let mut reader = lock(&reader);
            {
                let state = lock(&self.state);
                if !state.may_read(p, &self.settings, self.limit.load(Ordering::Relaxed)) {
                    continue;
                }
            }
            chunk.clear();
            self.reading.fetch_add(1, Ordering::AcqRel);
            let records = if occupied { CHUNK.0 / 2 } else { CHUNK.0 };
            let outcome = reader.read(chunk, records, CHUNK.1);
            self.reading.fetch_sub(1, Ordering::AcqRel);
            let more = match outcome {
                Ok(more) => more,
                Err(error) => {
                    self.fail(error.into());
                    return None;
                }
            };
            let mut state = lock(&self.state);
            let partition = &mut state.partitions[p];
            partition.progress = reader.progress();
            if chunk.records.is_empty() {
                partition.read_to_end = !more;
                drop(reader);
                self.advance(&mut state, p);
                continue;
            }
            partition.read_to_end = !more;
            let claim = Claim { partition: p as u32, sequence: partition.claimed, place: partition.place };
            partition.claimed += 1;
            let now = Instant::now();
            partition.read.push_back(now);
            partition.last_read = now;
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
}

impl State {
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
