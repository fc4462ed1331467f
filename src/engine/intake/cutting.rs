//! `clock: wall`: an epoch is cut in time, and holds what was decoded until then.
//!
//! The cut names the epoch, `max(now, the last one + 1)`, and everything that waits at the clock gets it; where each
//! partition stands is its binding. Nothing else depends on the time. So a run that replays the log needs no clock: an
//! epoch that the log holds is cut when all its records are there, and holds exactly those.
//!
//! A cut waits while `epochs_in_flight` are not committed. Without records an empty epoch is cut now and then, so that
//! waiting in epoch time ends. All input has ended with the epoch that is cut after its last record.

use std::{sync::atomic::Ordering, time::Instant};

use super::{ClockSettings, Intake, IntakeError, State, lock, partition_state::Submitted};
use crate::engine::{
    Epoch,
    clock::Stamp,
    log::record::{Command, EpochRecord},
};

impl Intake {
    /// Cuts an epoch, if there is a reason to and it may be; `now` in milliseconds since 1970. Sources that have
    /// nothing at the moment are asked again.
    pub fn cut(&self, now: u64) {
        let ClockSettings::Wall { idle } = self.settings.clock else { return };
        let mut state = lock(&self.state);
        self.wake(&state);
        let stopping = self.stopping.load(Ordering::Relaxed);
        let stopped = self.limit() != Epoch::MAX || self.aborted();
        let committed = self.committed.load(Ordering::Relaxed);
        let in_flight = state.logged.iter().filter(|logged| logged.epoch >= committed).count();
        // a chunk that the last epoch of a replay ends in is not released before it has an end: it must not wait
        let begun = |chunk: &Submitted| !chunk.stamps.is_empty();
        let begun = state.partitions.iter().any(|partition| partition.chunks.front().is_some_and(begun));
        let waits = in_flight >= self.settings.epochs_in_flight && !begun && !stopping;
        if stopped || !state.replay.is_empty() || waits {
            return;
        }
        let last = self.logged();
        let something = state.partitions.iter().any(|partition| !partition.at_clock.is_empty());
        let ended = state.all_in();
        if !something && (state.ended || (ended && last == 0)) {
            // the log says already that all has ended, or there was nothing at all; what is not read yet may be more
            *lock(&self.moved) = Instant::now();
            if ended {
                self.finish(&mut state);
            } else if stopping {
                self.stop_cutting(&mut state);
            }
        } else if stopping {
            // the last epoch, with a checkpoint behind it
            let epoch = now.max(last + 1);
            self.limit.store(epoch, Ordering::Release);
            self.cut_at(&mut state, epoch, |_, _| true, ended);
            self.stop_cutting(&mut state);
        } else if something || ended || now.saturating_sub(last) >= idle {
            self.cut_at(&mut state, now.max(last + 1), |_, _| true, ended);
        }
    }

    /// Cuts the epochs that the log holds already, as soon as all their records are there.
    pub(super) fn cut_again(&self, state: &mut State) {
        let limit = self.limit();
        while let Some(record) = state.replay.front().filter(|record| record.epoch <= limit) {
            let record: EpochRecord = record.clone();
            let ends: Vec<Option<u64>> =
                state.partitions.iter().map(|p| record.bindings.get(&p.key).copied()).collect();
            let all_here = state.partitions.iter().zip(&ends).all(|(partition, end)| {
                end.is_none_or(|end| partition.at_clock.back().is_some_and(|last| last.next >= end))
            });
            if !all_here {
                let short = state.partitions.iter().zip(&ends).find(|(partition, end)| {
                    end.is_some_and(|end| {
                        partition.all_in() && partition.at_clock.back().is_none_or(|last| last.next < end)
                    })
                });
                if short.is_some() {
                    let found = "less: the input ends before".to_owned();
                    let logged = format!("epoch {}: {:?}", record.epoch, record.bindings);
                    lock(&self.failure).get_or_insert(IntakeError::Changed {
                        epoch: record.epoch,
                        logged,
                        found,
                    });
                    self.failed.store(true, Ordering::Release);
                    self.wake(state);
                }
                return;
            }
            let end = record.commands.contains(&Command::End);
            self.cut_at(state, record.epoch, |p, next| ends[p].is_some_and(|end| next <= end), end);
        }
    }

    /// Gives an epoch to the records at the clock that `holds` says are in it (by partition and the offset after them),
    /// and logs it.
    fn cut_at(&self, state: &mut State, epoch: Epoch, holds: impl Fn(usize, u64) -> bool, ended: bool) {
        state.open.entry(epoch).or_default();
        for p in 0..state.partitions.len() {
            let partition = &mut state.partitions[p];
            let held = partition.at_clock.iter().take_while(|record| holds(p, record.next));
            let stamps = held.map(|record| {
                // a record without a time of its own has that of its epoch
                (Stamp { epoch, ts: record.ts.unwrap_or(epoch.cast_signed()) }, None)
            });
            let stamps = stamps.collect();
            self.stamp(state, p, stamps);
            state.partitions[p].uncut = epoch + 1;
        }
        state.uncut = epoch + 1;
        // what a log says came after an end is still to come
        if ended && state.replay.len() <= 1 {
            self.finish(state);
        }
        state.ended = ended;
        self.log(state);
        self.wake(state);
    }

    /// All partitions that were read to their end are done.
    fn finish(&self, state: &mut State) {
        for partition in &mut state.partitions {
            if partition.all_in() && partition.at_clock.is_empty() {
                (partition.done, partition.ended) = (true, true);
            }
        }
        self.wake(state);
    }

    /// Ends the run with the last epoch that was cut: what has come since is read again by the next one.
    pub(super) fn stop_cutting(&self, state: &mut State) {
        self.limit.fetch_min(self.logged(), Ordering::AcqRel);
        state.closed = true;
        for p in 0..state.partitions.len() {
            state.partitions[p].done = true;
            self.leave_behind(state, p);
        }
        self.wake(state);
    }

    /// Puts what is at the clock of a stopped run past its last epoch, where it is never released.
    pub(super) fn leave_behind(&self, state: &mut State, p: usize) {
        let epoch = self.limit().saturating_add(1);
        let left = state.partitions[p].at_clock.len();
        self.stamp(state, p, vec![(Stamp { epoch, ts: 0 }, None); left]);
    }
}
