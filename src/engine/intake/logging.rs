//! Epochs that every partition has passed go to the log; those that the log holds already are compared with it.
//!
//! An epoch is logged before any worker's frontier can be past it, so whatever has to happen in it (the end of the
//! input, a checkpoint) is known to every step before the step closes it.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use timely::scheduling::SyncActivator;

use super::{Intake, IntakeError, State, lock};
use crate::engine::{
    Epoch,
    log::{
        LogEvents,
        record::{Command, EpochRecord},
    },
    threads::ThreadError,
    timed::LogReader,
};

/// An epoch that is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The epoch.
    pub epoch: Epoch,
    /// A checkpoint is taken after it.
    pub checkpoint: bool,
}

impl Intake {
    /// Begins to write the log; called once, before anything is claimed.
    ///
    /// # Errors
    /// The log's thread cannot be started.
    pub fn start_log(self: &Arc<Self>) -> Result<(), ThreadError> {
        let (durable, failed) = (Arc::downgrade(self), Arc::downgrade(self));
        for partition in &lock(&self.state).partitions {
            self.listen(&mut **lock(&partition.reader), partition.source);
        }
        self.log.start(LogEvents {
            durable: Box::new(move |epoch| {
                if let Some(intake) = durable.upgrade() {
                    intake.durable.fetch_max(epoch, Ordering::AcqRel);
                    intake.wake_those_who_wait_for_the_log();
                }
            }),
            failed: Box::new(move |reason| {
                if let Some(intake) = failed.upgrade() {
                    intake.fail(IntakeError::Log(reason));
                }
            }),
        })?;
        if self.limit() != Epoch::MAX {
            // a run that is to end where the log does may have nothing to read at all
            let mut state = lock(&self.state);
            for p in 0..state.partitions.len() {
                self.advance(&mut state, p);
            }
        }
        Ok(())
    }

    /// The last epoch that is durable in the log, 0 before the first.
    #[must_use]
    pub fn durable(&self) -> Epoch {
        self.durable.load(Ordering::Acquire)
    }

    /// The last epoch that went to the log, durable or not; where the run began before the first.
    #[must_use]
    pub fn logged(&self) -> Epoch {
        self.last_logged.load(Ordering::Acquire)
    }

    /// The last epoch of the run, once there will be no other: its sinks have to be past it, whatever they read from.
    pub(in crate::engine) fn last_of_all(&self) -> Option<Epoch> {
        let state = lock(&self.state);
        state.lowest().is_none().then(|| self.logged())
    }

    /// The durable epochs after one and before another, in order.
    pub(in crate::engine) fn durable_between(&self, after: Epoch, before: Epoch) -> Vec<Logged> {
        let durable = self.durable();
        if durable <= after {
            return Vec::new();
        }
        let state = lock(&self.state);
        let first = state.logged.partition_point(|logged| logged.epoch <= after);
        let here = |logged: &&Logged| logged.epoch < before && logged.epoch <= durable;
        state.logged.range(first..).take_while(here).copied().collect()
    }

    /// A reader of all epochs that are logged from the beginning of the run on; to be asked for while the dataflow is built:
    /// before it runs, nothing is committed, and so no epoch is forgotten here.
    pub(in crate::engine) fn read_log(&self) -> Arc<LogReader> {
        let state = lock(&self.state);
        let reader = LogReader::of(state.logged.iter().map(|logged| logged.epoch));
        lock(&self.log_readers).push(Arc::clone(&reader));
        reader
    }

    /// The first epoch after this one that all input has ended with. A replay may have several, where the input has
    /// grown since it ended first.
    #[must_use]
    pub fn ended_with(&self, after: Epoch) -> Option<Epoch> {
        lock(&self.ended_with).iter().copied().find(|end| *end > after)
    }

    /// Whom to wake when epochs become durable.
    pub(in crate::engine) fn wake_when_durable(&self, waker: SyncActivator) {
        lock(&self.waiting_for_log).push(waker);
    }

    pub(super) fn wake_those_who_wait_for_the_log(&self) {
        for waker in lock(&self.waiting_for_log).iter() {
            // a worker that has ended already needs no waking
            let _ = waker.activate();
        }
    }

    /// Logs the epochs that all partitions have passed.
    pub(super) fn log(&self, state: &mut State) {
        if self.aborted() {
            // an epoch may lack what came after the fault
            return;
        }
        let passed = state.lowest().unwrap_or(Epoch::MAX);
        let limit = self.limit.load(Ordering::Relaxed);
        let all_ended = state.growing.is_empty() && state.partitions.iter().all(|partition| partition.ended);
        // a sink whose own sources have ended hears of epochs by the log alone, which says nothing of what it holds already
        let silent = passed == Epoch::MAX || !state.replay.is_empty();
        while let Some(open) = state.open.first_entry() {
            if *open.key() >= passed || *open.key() > limit {
                break;
            }
            let (epoch, bindings) = open.remove_entry();
            for (p, end) in &bindings {
                let partition = &mut state.partitions[*p as usize];
                if partition.committed.is_some() {
                    partition.bound.push_back((epoch, *end));
                }
            }
            let bindings: BTreeMap<String, u64> = bindings
                .into_iter()
                .map(|(p, end)| (state.partitions[p as usize].key.clone(), end))
                .collect();
            let end = all_ended && state.open.is_empty();
            let commands = if end { vec![Command::End] } else { Vec::new() };
            let record = EpochRecord { epoch, bindings, commands };
            let replayed = state.replay.pop_front();
            let is_replay = replayed.is_some();
            let end = match replayed {
                Some(logged) => {
                    if (logged.epoch, &logged.bindings) != (record.epoch, &record.bindings) {
                        let failure = IntakeError::Changed {
                            epoch: logged.epoch,
                            logged: described(&logged),
                            found: described(&record),
                        };
                        self.fail_within(failure);
                        return;
                    }
                    logged.commands.contains(&Command::End)
                }
                None => {
                    self.log.append(record);
                    end
                }
            };
            let last = end || epoch == limit || (state.open.is_empty() && passed == Epoch::MAX);
            // what a replay ends with has one too: else each start would replay it again, for ever
            let checkpoint = (last || !is_replay) && self.checkpoints.due(last);
            if checkpoint {
                let positions = state.partitions.iter().map(|p| (p.key.clone(), p.position_after(epoch)));
                self.checkpoints.announce(epoch, last, positions.collect());
            }
            for partition in &mut state.partitions {
                while partition.boundaries.front().is_some_and(|boundary| boundary.epoch <= epoch) {
                    partition.boundaries.pop_front();
                }
            }
            state.logged.push_back(Logged { epoch, checkpoint });
            lock(&self.log_readers).iter().for_each(|reader| reader.add(epoch));
            if end {
                lock(&self.ended_with).push(epoch);
            }
            self.last_logged.store(epoch, Ordering::Release);
        }
        if silent {
            self.wake_those_who_wait_for_the_log();
        }
        if all_ended && let Some(logged) = state.replay.pop_front() {
            let found = "the end of the input".to_owned();
            let failure = IntakeError::Changed { epoch: logged.epoch, logged: described(&logged), found };
            self.fail_within(failure);
        }
    }

    /// Ends everything at once while the state is held, whose holder wakes the workers' sources; the sinks' are not among
    /// them.
    pub(super) fn fail_within(&self, failure: IntakeError) {
        lock(&self.failure).get_or_insert(failure);
        self.failed.store(true, Ordering::Release);
        self.wake_those_who_wait_for_the_log();
    }
}

fn described(record: &EpochRecord) -> String {
    let bindings: Vec<String> =
        record.bindings.iter().map(|(partition, offset)| format!("{partition} up to {offset}")).collect();
    format!("epoch {}: {}", record.epoch, bindings.join(", "))
}
