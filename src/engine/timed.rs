//! Steps that time alone changes: kept ones that are also closed at epochs where no record came to them.
//!
//! A step says from which epoch on it has something to do; it is closed at the first epoch of the log that reaches it, and
//! at every epoch that has records for it, in order. Which epochs there are is known from the log alone, which a
//! replay has alike, so neither workers nor restarts have a say in it. An epoch is in the log before any frontier is past
//! it: the log need not be durable here, because nothing leaves a sink before it is.
//!
//! While something waits, a capability is held for the first epoch at which it may be due; else none is. What still waits
//! when the log has ended goes with the run; a checkpoint has it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use timely::{
    ExchangeData,
    container::CapacityContainerBuilder,
    dataflow::{
        channels::pact::Exchange,
        operators::{Capability, generic::Operator},
    },
};

use super::{
    Epoch,
    edge::Stream,
    intake::Intake,
    keyed::{EpochStep, KeptStep},
};

/// A step that time alone changes.
pub trait TimedStep {
    /// The epoch from which on it is to be closed, whether records come or not; later than the last one it was closed at.
    fn wake(&self) -> Option<Epoch>;
}

/// The epochs of the log as one reader sees them: those that it has not taken, in order.
#[derive(Debug, Default)]
pub(in crate::engine) struct LogReader(Mutex<VecDeque<Epoch>>);

impl LogReader {
    pub(in crate::engine) fn of(epochs: impl IntoIterator<Item = Epoch>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(epochs.into_iter().collect())))
    }

    pub(in crate::engine) fn add(&self, epoch: Epoch) {
        self.epochs().push_back(epoch);
    }

    fn epochs(&self) -> MutexGuard<'_, VecDeque<Epoch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the epochs before `open`, and up to `with_records` at most; the first one that reaches `wake`, if it comes before
    /// `with_records`.
    fn due(&self, open: Epoch, with_records: Option<Epoch>, wake: Option<Epoch>) -> Option<Epoch> {
        let mut epochs = self.epochs();
        while let Some(epoch) = epochs.pop_front_if(|epoch| *epoch < open) {
            if with_records.is_some_and(|records| epoch >= records) {
                if with_records != Some(epoch) {
                    epochs.push_front(epoch);
                }
                return None;
            }
            if wake.is_some_and(|wake| wake <= epoch) {
                return Some(epoch);
            }
        }
        None
    }
}

/// Runs a step as [`kept`](super::keyed::kept) does, and closes it at the epochs that it waits for.
pub fn timed<'s, I: ExchangeData + Clone, O: 'static>(
    input: Stream<'s, I>,
    name: &str,
    route: impl Fn(&I) -> u64 + 'static,
    mut step: impl EpochStep<I, O> + KeptStep + TimedStep + 'static,
    intake: &Arc<Intake>,
) -> Stream<'s, O> {
    let mut keeper = intake.checkpoints().keeper();
    let (intake, log) = (Arc::clone(intake), intake.read_log());
    let scope = input.scope();
    let pact = Exchange::new(move |record: &I| route(record));
    input.unary_frontier::<CapacityContainerBuilder<Vec<O>>, _, _, _>(pact, name, move |_, info| {
        // of epochs that come while all sources of this step have ended, only the log tells
        intake.wake_when_durable(scope.worker().sync_activator_for(info.address.to_vec()));
        let mut held: BTreeMap<Epoch, (Capability<u64>, Vec<I>)> = BTreeMap::new();
        // for epochs at which the step may be due
        let mut waits: Option<Capability<u64>> = None;
        let mut ended = false;
        move |(input, frontier), output| {
            input.for_each(|capability, records| {
                if let Some(&epoch) = capability.least() {
                    let entry =
                        held.entry(epoch).or_insert_with(|| (capability.delayed(&epoch, 0), Vec::new()));
                    entry.1.append(records);
                }
            });
            if ended {
                return;
            }
            if intake.aborted() {
                held.clear();
                waits = None;
                return;
            }
            // asked before the log is read: after the last epoch there is no other
            let over = frontier.is_empty() && intake.last_of_all().is_some();
            let open = frontier.frontier().first().copied().unwrap_or(Epoch::MAX);
            loop {
                let with_records =
                    held.first_key_value().map(|(epoch, _)| *epoch).filter(|epoch| *epoch < open);
                let due = log.due(open, with_records, step.wake());
                let Some(epoch) = due.or(with_records) else { break };
                let (capability, mut records) = match held.remove(&epoch) {
                    Some(entry) => entry,
                    None => match &waits {
                        Some(capability) => (capability.delayed(&epoch), Vec::new()),
                        None => break,
                    },
                };
                keeper.give(epoch, |epoch| step.part(epoch));
                let mut session = output.session(&capability);
                step.close(epoch, &mut records, &mut |given| session.give(given));
                drop(session);
                waits = step.wake().map(|wake| capability.delayed(&wake.max(epoch + 1)));
            }
            keeper.give(open, |epoch| step.part(epoch));
            if over {
                (waits, ended) = (None, true);
                step.end();
            } else if let Some(capability) = waits.as_mut().filter(|_| open < Epoch::MAX) {
                // every epoch before `open` is in the log, and none of them was due
                let first = open.max(*capability.time());
                capability.downgrade(&first);
            }
        }
    })
}

#[cfg(test)]
mod tests;
