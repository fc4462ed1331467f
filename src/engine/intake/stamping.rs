//! Stamps, strictly in the order of each partition; epochs that every partition has passed go to the log.

use std::{sync::atomic::Ordering, time::Instant};

use super::{
    Claim, Intake, IntakeError, Position, State, lock,
    partition_state::{AtClock, Boundary, ERROR_WINDOW, Flight, PartitionState, Submitted},
};
use crate::engine::{
    Epoch,
    clock::{ClockState, Reading, Stamp},
};

impl Intake {
    /// Takes what decoding said of a claimed chunk: a reading, the offset after it and its bytes, a record each.
    pub(in crate::engine) fn submit(&self, claim: Claim, readings: Vec<(Reading, u64, u64)>) {
        let mut state = lock(&self.state);
        let partition = &mut state.partitions[claim.partition as usize];
        partition.early.insert(claim.sequence, readings);
        self.advance(&mut state, claim.partition as usize);
    }

    /// The stamps of a submitted chunk, once all its records have one.
    pub(in crate::engine) fn stamps(&self, claim: Claim) -> Option<Vec<Stamp>> {
        lock(&self.state).ready.remove(&claim)
    }

    /// No record of this source will fall before this epoch; `None` when no record is to come.
    pub(in crate::engine) fn low(&self, source: usize) -> Option<Epoch> {
        if self.failed.load(Ordering::Relaxed) {
            return None;
        }
        let state = lock(&self.state);
        let of_source = state.partitions.iter().filter(|s| s.source == source && !s.done);
        let may_come = (!state.closed && state.growing.contains(&source)).then_some(state.uncut);
        of_source.map(PartitionState::unreleased).chain(may_come).min()
    }

    /// The last epoch that records may be released at: the lowest that some partition, of any source, is still in.
    ///
    /// A stop ends the run at that very epoch, so nothing that was released ever has to be taken back.
    pub(in crate::engine) fn released(&self) -> Epoch {
        let state = lock(&self.state);
        state.lowest().unwrap_or(Epoch::MAX).min(self.limit())
    }

    /// Every sink has committed all epochs before this one.
    pub(in crate::engine) fn commit(&self, before: Epoch) {
        if self.committed.fetch_max(before, Ordering::Relaxed) >= before {
            return;
        }
        *lock(&self.moved) = Instant::now();
        let counts = !self.aborted();
        let (limit, now) = (self.limit(), Instant::now());
        let mut latency = self.latency.tally();
        let mut state = lock(&self.state);
        for partition in &mut state.partitions {
            // what lies past the last epoch of a run is never committed, though the frontier passes it
            let committed = |flight: &mut Flight| flight.epoch < before && flight.epoch <= limit;
            let mut end = None;
            while let Some((_, offset)) =
                partition.bound.pop_front_if(|(epoch, _)| *epoch < before && *epoch <= limit)
            {
                end = Some(offset);
            }
            if let (Some(end), Some(tell), true) = (end, &partition.committed, counts) {
                tell(end);
            }
            while let Some(flight) = partition.flights.pop_front_if(committed) {
                for (read, records) in flight.read.iter().filter(|_| counts) {
                    latency.observe(now.duration_since(*read).as_secs_f64(), *records);
                }
            }
        }
        while state.logged.front().is_some_and(|logged| logged.epoch < before) {
            state.logged.pop_front();
        }
        drop(state);
        self.latency.add(&mut latency);
    }

    /// The records of a source that were read and stamped past the last epoch of the run: none before it is asked to stop.
    #[must_use]
    pub fn left_behind(&self, source: usize) -> u64 {
        let limit = self.limit();
        let state = lock(&self.state);
        let of_source = state.partitions.iter().filter(|partition| partition.source == source);
        let flights = of_source.flat_map(|partition| &partition.flights);
        flights.filter(|flight| flight.epoch > limit).map(|flight| flight.records).sum()
    }

    /// Stamps what can be stamped of a partition, logs the epochs that all partitions have passed, wakes the workers.
    pub(super) fn advance(&self, state: &mut State, p: usize) {
        let partition = &mut state.partitions[p];
        let before = (partition.low(), partition.unreleased(), partition.done, state.ready.len());
        let mut stamped = Vec::new();
        while let Some(readings) = partition.early.remove(&partition.submitted) {
            let Some(read) = partition.read.pop_front() else { break };
            partition.chunks.push_back(Submitted {
                read,
                sequence: partition.submitted,
                records: readings.len(),
                stamps: Vec::with_capacity(readings.len()),
            });
            partition.submitted += 1;
            for (reading, next, bytes) in readings {
                let mut stamp = |stamp, began| stamped.push((stamp, began));
                partition.end_before(self.settings.clock, next, &mut stamp);
                let Reading { ts, refused } = reading;
                partition.at_clock.push_back(AtClock { next, bytes, refused, ts });
                if let Some(clock) = &mut partition.clock {
                    clock.push(reading, &mut stamp);
                }
            }
        }
        let limit = self.limit.load(Ordering::Relaxed);
        let over = partition.all_in() || partition.low() > limit;
        if let Some(clock) = partition.clock.as_mut().filter(|_| over) {
            clock.finish(&mut |stamp, began| stamped.push((stamp, began)));
        }
        self.stamp(state, p, stamped);
        let partition = &mut state.partitions[p];
        let over = partition.all_in() || partition.low() > limit;
        if over && partition.clock.is_some() {
            partition.done = true;
            partition.ended = partition.all_in();
        }
        if partition.clock.is_none() {
            self.cut_again(state);
            if limit != Epoch::MAX && state.replay.front().is_none_or(|next| next.epoch > limit) {
                self.stop_cutting(state);
            }
        }
        let partition = &state.partitions[p];
        let after = (partition.low(), partition.unreleased(), partition.done, state.ready.len());
        if after != before {
            *lock(&self.moved) = Instant::now();
            self.log(state);
            self.wake(state);
        }
    }

    /// Gives the records of a partition that are at the clock their stamps, in order; with each that begins an epoch of
    /// the data's clock, where that stood before it.
    pub(super) fn stamp(&self, state: &mut State, p: usize, stamped: Vec<(Stamp, Option<ClockState>)>) {
        let partition = &mut state.partitions[p];
        let (mut records, mut newest) = (0, 0);
        for (stamp, began) in stamped {
            let Some(AtClock { next, bytes, refused, .. }) = partition.at_clock.pop_front() else { break };
            if let Some(clock) = began {
                let before = Position { offset: partition.stamped, clock, errors: partition.errors };
                partition.boundaries.push_back(Boundary { epoch: stamp.epoch, before });
            }
            partition.stamped = next;
            state.open.entry(stamp.epoch).or_default().insert(p as u32, next);
            if let Some(refused) = partition.count_error(refused)
                && refused as f64 > self.settings.max_error_ratio * ERROR_WINDOW as f64
            {
                let partition = partition.name.clone();
                let failure = IntakeError::TooManyErrors { partition, offset: next, refused };
                self.fail_within(failure);
                self.wake(state);
                return;
            }
            let Some(chunk) = partition.chunks.front_mut() else { break };
            chunk.stamps.push(stamp);
            let read = chunk.read;
            if chunk.stamps.len() == chunk.records {
                let claim = Claim { partition: p as u32, sequence: chunk.sequence, place: partition.place };
                state.ready.insert(claim, std::mem::take(&mut chunk.stamps));
                partition.chunks.pop_front();
            }
            partition.fly(stamp.epoch, bytes, read);
            records += 1;
            newest = newest.max(stamp.epoch);
        }
        self.records.fetch_add(records, Ordering::Relaxed);
        self.newest.fetch_max(newest, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::{
        checkpoint::announce::Announcements,
        clock::EventClockSettings,
        intake::{Beginning, ClockSettings, IntakeSettings},
        log::memory::MemoryLog,
        partition::{Address, Envelope, Partition, PartitionEntry, RawChunk, RawRecord, SourceError},
    };

    /// So many records at a time, without an end.
    struct Endless(usize);

    impl Partition for Endless {
        fn read(&mut self, chunk: &mut RawChunk, _: usize, _: usize) -> Result<bool, SourceError> {
            let record =
                RawRecord { start: 0, end: 0, offset: 0, next: 1, length: 0, envelope: Envelope::default() };
            chunk.records.extend((0..self.0).map(|_| record));
            Ok(true)
        }

        fn seek(&mut self, _: u64) -> Result<(), SourceError> {
            Ok(())
        }

        fn progress(&self) -> (u64, Option<u64>) {
            (0, None)
        }
    }

    /// Two partitions, the first of which is ten epochs ahead; all epochs, ascending.
    fn two() -> (Intake, Vec<Epoch>) {
        let clock = EventClockSettings { tick: 100, epoch_records: 1_000, max_ts_jump: 1_000 };
        let clock = ClockSettings::Event(clock);
        let settings = IntakeSettings { clock, epochs_in_flight: 4, max_error_ratio: 0.5 };
        let entry = |source, partition| PartitionEntry {
            source,
            number: 0,
            name: "endless".into(),
            address: Address::file("endless"),
            partition: Box::new(partition),
        };
        let partitions = vec![entry(0, Endless(12)), entry(1, Endless(2))];
        let intake = Intake::new(
            settings,
            partitions,
            &["a".to_owned(), "b".to_owned()],
            Beginning::default(),
            Arc::new(MemoryLog::default()),
            Announcements::new(None, 0),
        );
        let mut epochs = Vec::new();
        for source in [0, 1] {
            let mut chunk = RawChunk::default();
            let claim = intake.claim(source, 0, &mut chunk).expect("records");
            let reading = |n: usize| (Reading { ts: Some(n as i64 * 100), refused: false }, 1, 1);
            intake.submit(claim, (0..chunk.records.len()).map(reading).collect());
            epochs.extend(intake.stamps(claim).expect("stamps").iter().map(|stamp| stamp.epoch));
        }
        epochs.sort_unstable();
        assert_eq!(epochs.len(), 14);
        (intake, epochs)
    }

    fn counted(intake: &Intake) -> u64 {
        intake.latency().distribution().count
    }

    #[test]
    fn latency_counts_each_record_of_a_committed_epoch_once() {
        let (intake, epochs) = two();
        assert_eq!((intake.newest(), counted(&intake)), (epochs[13], 0));
        let before = epochs[9];
        for _ in 0..2 {
            intake.commit(before);
            let committed = epochs.iter().filter(|epoch| **epoch < before).count() as u64;
            assert_eq!(counted(&intake), committed);
        }
        intake.commit(Epoch::MAX);
        assert_eq!(counted(&intake), 14);
    }

    #[test]
    fn what_a_stop_or_a_fault_leaves_uncommitted_has_no_latency() {
        let (stopped, epochs) = two();
        stopped.stop();
        assert!(stopped.limit() < epochs[13]);
        stopped.commit(Epoch::MAX);
        let kept = epochs.iter().filter(|epoch| **epoch <= stopped.limit()).count() as u64;
        assert!(kept >= 3 && counted(&stopped) == kept, "{kept} of {epochs:?}");
        let (failed, _) = two();
        failed.abort();
        failed.commit(Epoch::MAX);
        assert_eq!(counted(&failed), 0);
    }
}
