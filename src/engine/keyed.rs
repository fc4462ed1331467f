//! Steps that act on closed epochs: what arrives is held until its epoch is complete, then handed over in one piece.
//!
//! A step gives the same result in whatever order its records arrived, because it sorts them; [`runs`] gives the
//! records of each key together. Ties are the step's business: it sorts by (key, log order).

use std::{collections::BTreeMap, sync::Arc};

use timely::{
    ExchangeData,
    container::CapacityContainerBuilder,
    dataflow::{
        channels::pact::{Exchange, Pipeline},
        operators::{Capability, generic::Operator},
    },
};

use super::{
    Epoch,
    checkpoint::{announce::Announcements, parts::Part},
    edge::Stream,
};

/// What a step does with a closed epoch.
pub trait EpochStep<I, O> {
    /// Takes all records of a closed epoch that were routed to this worker and may leave them in any state.
    fn close(&mut self, epoch: Epoch, records: &mut Vec<I>, give: &mut dyn FnMut(O));

    /// No record will come any more.
    fn end(&mut self) {}

    /// What it keeps from one epoch to the next, if it can say so at no cost.
    fn keeps(&self) -> Option<Keeps> {
        None
    }
}

/// What a step keeps from one epoch to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeps {
    /// Rows, or groups of them.
    pub rows: usize,
    /// Bytes that were taken from the allocator for them; what several steps share belongs to the first.
    pub bytes: usize,
}

/// A step whose state cannot be derived from other state, and is therefore in the checkpoints.
pub trait KeptStep {
    /// What has changed in its state since it was asked last, with everything up to this epoch closed and nothing
    /// after it. It must not take long: encoding happens elsewhere.
    fn part(&mut self, epoch: Epoch) -> Part;
}

/// Runs a step on the worker that `route` names for each record (its value modulo the number of workers).
///
/// Timely takes the low bits for routing; a hash table takes them for its buckets: route by the upper half of a hash.
pub fn keyed<'s, I: ExchangeData + Clone, O: 'static>(
    input: Stream<'s, I>,
    name: &str,
    route: impl Fn(&I) -> u64 + 'static,
    step: impl EpochStep<I, O> + 'static,
) -> Stream<'s, O> {
    per_epoch(input, name, Exchange::new(move |record| route(record)), step, |_, _| {})
}

/// Runs a step as [`keyed`] does; at checkpoints it gives its part.
pub fn kept<'s, I: ExchangeData + Clone, O: 'static>(
    input: Stream<'s, I>,
    name: &str,
    route: impl Fn(&I) -> u64 + 'static,
    step: impl EpochStep<I, O> + KeptStep + 'static,
    announcements: &Arc<Announcements>,
) -> Stream<'s, O> {
    let mut keeper = announcements.keeper();
    per_epoch(input, name, Exchange::new(move |record| route(record)), step, move |step, closed| {
        keeper.give(closed, |epoch| step.part(epoch));
    })
}

/// How many rooms for the records of an epoch are kept, and of how many bytes: not those of an epoch out of the ordinary.
const ROOMS: usize = 4;
const ROOM: usize = 1 << 20;

/// `before_closing` is called before each epoch is closed, and whenever the frontier may have moved, with the first
/// epoch that is not closed.
fn per_epoch<'s, I: Clone + 'static, O: 'static, P, S>(
    input: Stream<'s, I>,
    name: &str,
    pact: P,
    mut step: S,
    mut before_closing: impl FnMut(&mut S, Epoch) + 'static,
) -> Stream<'s, O>
where
    P: timely::dataflow::channels::pact::ParallelizationContract<u64, Vec<I>>,
    S: EpochStep<I, O> + 'static,
{
    input.unary_frontier::<CapacityContainerBuilder<Vec<O>>, _, _, _>(pact, name, move |_, _| {
        let mut held: BTreeMap<Epoch, (Capability<u64>, Vec<I>)> = BTreeMap::new();
        // of epochs that were closed: room that was used once is cheaper than new room
        let mut rooms: Vec<Vec<I>> = Vec::new();
        let mut ended = false;
        move |(input, frontier), output| {
            input.for_each(|capability, records| {
                if let Some(&epoch) = capability.least() {
                    let mut room = || rooms.pop().unwrap_or_default();
                    let entry = held.entry(epoch).or_insert_with(|| (capability.delayed(&epoch, 0), room()));
                    entry.1.append(records);
                }
            });
            let open = frontier.frontier().first().copied().unwrap_or(Epoch::MAX);
            while let Some(entry) = held.first_entry().filter(|entry| *entry.key() < open) {
                let (epoch, (capability, mut records)) = entry.remove_entry();
                before_closing(&mut step, epoch);
                let mut session = output.session(&capability);
                step.close(epoch, &mut records, &mut |given| session.give(given));
                records.clear();
                if rooms.len() < ROOMS && size_of::<I>() * records.capacity() <= ROOM {
                    rooms.push(records);
                }
            }
            before_closing(&mut step, open);
            if frontier.is_empty() && held.is_empty() && !ended {
                ended = true;
                step.end();
            }
        }
    })
}

/// The runs of equal keys in a sorted slice.
pub fn runs<'a, T, K: PartialEq>(
    sorted: &'a mut [T],
    key: impl Fn(&T) -> K + 'a,
) -> impl Iterator<Item = &'a mut [T]> {
    sorted.chunk_by_mut(move |a, b| key(a) == key(b))
}

/// All records but those of one epoch, where they are; `left_out` is told how many these are.
pub fn without<'s, I: Clone + 'static>(
    input: Stream<'s, I>,
    name: &str,
    epoch: Epoch,
    mut left_out: impl FnMut(usize) + 'static,
) -> Stream<'s, I> {
    input.unary::<CapacityContainerBuilder<Vec<I>>, _, _, _>(Pipeline, name, move |_, _| {
        move |input, output| {
            input.for_each(|capability, records| {
                if capability.least() == Some(&epoch) {
                    left_out(records.len());
                } else {
                    output.session(&capability).give_container(records);
                }
            });
        }
    })
}

/// Maps each record to any number of others at the same time, where it is.
pub fn flat_map<'s, I: Clone + 'static, O: 'static>(
    input: Stream<'s, I>,
    name: &str,
    mut each: impl FnMut(Epoch, I, &mut dyn FnMut(O)) + 'static,
) -> Stream<'s, O> {
    input.unary::<CapacityContainerBuilder<Vec<O>>, _, _, _>(Pipeline, name, move |_, _| {
        move |input, output| {
            input.for_each(|capability, records| {
                if let Some(&epoch) = capability.least() {
                    let mut session = output.session(&capability);
                    for record in records.drain(..) {
                        each(epoch, record, &mut |given| session.give(given));
                    }
                }
            });
        }
    })
}
