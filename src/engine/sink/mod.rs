//! Sinks: closed epochs, put in order on one worker and written by a thread of their own.
//!
//! An epoch leaves for the writer when the sink's frontier has passed it and it is durable in the log; empty ones leave
//! too, because the chain of hashes and the progress cover every epoch. The sink holds a capability past the last
//! written epoch: the frontier behind the sinks is what has been committed, and back-pressure follows from it. Waiting
//! for the outside happens on the writer's thread only.
//!
//! # Layout
//! * [`chain`]: hashes over the output. [`writer`]: the thread, which starts before the dataflow, and what a connector
//!   does. `disturb`: for tests of the check. [`writers`]: what all threads share.

pub mod chain;
mod disturb;
mod shard;
pub mod writer;
pub mod writers;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, atomic::Ordering},
};

use timely::{
    container::CapacityContainerBuilder,
    dataflow::{Scope, channels::pact::Exchange, operators::generic::Operator},
};

pub use super::lines::Lines;
pub use writer::{Member, OpenSink, Output, Progress, Sink, SinkError, Writer, WriterContext};
pub use writers::Writers;

use self::{disturb::disturb, writer::Batch};
use super::{Epoch, edge::Stream, intake::Intake, lines::ordered};

/// What a sink needs to know of the run.
#[derive(Clone)]
pub struct SinkContext {
    /// The intake, for durability and the last epoch.
    pub intake: Arc<Intake>,
    /// Shared state of all writers.
    pub writers: Arc<Writers>,
    /// The worker that owns the sink.
    pub owner: usize,
    /// The last epoch that is not written here: 0 at the very start.
    pub from: Epoch,
}

/// Builds a sink; what comes back says which epochs it has committed. `take` is called on the owner only; without a
/// writer, what arrives is thrown away.
pub fn sink<'s>(
    scope: Scope<'s, u64>,
    input: Stream<'s, Lines>,
    name: &str,
    context: SinkContext,
    take: impl FnOnce() -> Option<Writer>,
) -> Stream<'s, ()> {
    let owner = context.owner as u64;
    let mut writer = if scope.index() == context.owner { take() } else { None };
    let (title, id) = (name.to_owned(), name.to_owned());
    input.unary_frontier::<CapacityContainerBuilder<Vec<()>>, _, _, _>(
        Exchange::new(move |_: &Lines| owner),
        name,
        move |capability, info| {
            let waker = || scope.worker().sync_activator_for(info.address.to_vec());
            let SinkContext { intake, writers, from, .. } = context;
            let mut hold = writer.is_some().then_some(capability);
            let meter = (scope.index() as u64 == owner).then(|| writers.meter(&title));
            if let Some(writer) = &writer {
                intake.wake_when_durable(waker());
                writer.waker.get_or_init(waker);
            }
            let mut held: BTreeMap<Epoch, Vec<Lines>> = BTreeMap::new();
            let mut sent = from;
            let mut unwritten: VecDeque<Epoch> = VecDeque::new();
            move |(input, frontier), _output| {
                input.for_each(|capability, blocks| {
                    if let Some(&epoch) = capability.least() {
                        held.entry(epoch).or_default().append(blocks);
                    }
                });
                let Some(running) = &writer else {
                    held.clear();
                    return;
                };
                if intake.aborted() {
                    held.clear();
                    (hold, writer) = (None, None);
                    return;
                }
                let open = frontier.frontier().first().copied().unwrap_or(Epoch::MAX);
                let ready: Vec<Batch> = intake
                    .durable_between(sent, open)
                    .into_iter()
                    .map(|logged| {
                        let blocks = held.remove(&logged.epoch).unwrap_or_default();
                        let mut text = ordered(&blocks);
                        disturb(&id, &mut text);
                        Batch {
                            epoch: logged.epoch,
                            text,
                            records: blocks.iter().map(|block| block.len() as u64).sum(),
                            checkpoint: logged.checkpoint,
                        }
                    })
                    .collect();
                if let Some(last) = ready.last() {
                    sent = last.epoch;
                    unwritten.extend(ready.iter().map(|batch| batch.epoch));
                    running.send(ready);
                }
                let written = running.written.load(Ordering::Acquire);
                if let Some(capability) = hold.as_mut().filter(|held| *held.time() <= written) {
                    capability.downgrade(&(written + 1));
                }
                while unwritten.front().is_some_and(|epoch| *epoch <= written) {
                    unwritten.pop_front();
                }
                if let Some(meter) = &meter {
                    let next = unwritten.front().or(held.keys().next());
                    meter.committed(next.copied().unwrap_or(open).min(open));
                }
                // what lies past the last epoch of a run that was stopped is thrown away; that the own sources have ended says
                // nothing of the epochs that others are still to give
                let past_all = || intake.last_of_all().is_some_and(|last| last <= written.max(from));
                if frontier.is_empty() && past_all() {
                    (hold, writer) = (None, None);
                    if let Some(meter) = &meter {
                        meter.committed(Epoch::MAX);
                    }
                }
            }
        },
    )
}
