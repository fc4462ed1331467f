//! The feedback edge that keeps a model's readers and its one writer apart.
//!
//! Readers of epoch E wait until the writer has closed every epoch before E; the writer of epoch E waits, by its input's
//! frontier, until every reader is done with E. So a model shared in place is never read while it is written, without a
//! lock, and what epoch E reads is what was published before E: a function of the log, with any number of workers.

use std::{collections::BTreeMap, sync::Arc};

use timely::{
    ExchangeData,
    container::CapacityContainerBuilder,
    dataflow::{
        Scope,
        channels::pact::{Exchange, Pipeline},
        operators::{
            Capability, ConnectLoop, Feedback,
            core::feedback::Handle,
            generic::{OutputBuilder, builder_rc::OperatorBuilder},
        },
    },
    progress::Antichain,
};

use super::{Epoch, edge::Stream, intake::Intake, keyed::KeptStep};

/// The end of a feedback edge that is still to be connected.
pub struct LoopEnd<'s>(Handle<'s, u64, Vec<()>>);

/// A feedback edge: what is connected to its end at time t comes out of the stream at t + 1.
#[must_use]
pub fn feedback(scope: Scope<'_, u64>) -> (LoopEnd<'_>, Stream<'_, ()>) {
    let (handle, stream) = scope.feedback::<Vec<()>>(1);
    (LoopEnd(handle), stream)
}

impl<'s> LoopEnd<'s> {
    /// Connects the end.
    pub fn connect(self, stream: Stream<'s, ()>) {
        stream.connect_loop(self.0);
    }
}

/// Hands records of epoch t over as they come, as soon as `gate` has passed every epoch before t.
///
/// The gate has no path to the output: it only opens. (With one, the loop would hold times open that no record has.)
pub fn gated<'s, I: Clone + 'static, O: Clone + 'static>(
    scope: Scope<'s, u64>,
    input: Stream<'s, I>,
    gate: Stream<'s, ()>,
    name: &str,
    mut each: impl FnMut(Epoch, I, &mut dyn FnMut(O)) + 'static,
) -> Stream<'s, O> {
    let mut builder = OperatorBuilder::new(name.to_owned(), scope);
    let mut input = builder.new_input(input, Pipeline);
    let mut gate = builder.new_input_connection(gate, Pipeline, []);
    let (output, stream) = builder.new_output_connection::<Vec<O>, _>([(0, Antichain::from_elem(0))]);
    let mut output = OutputBuilder::<_, CapacityContainerBuilder<Vec<O>>>::from(output);
    builder.build(move |_| {
        let mut held: BTreeMap<Epoch, (Capability<u64>, Vec<I>)> = BTreeMap::new();
        move |frontiers| {
            gate.for_each(|_, _| {});
            input.for_each(|capability, records| {
                if let Some(&epoch) = capability.least() {
                    let entry =
                        held.entry(epoch).or_insert_with(|| (capability.delayed(&epoch, 0), Vec::new()));
                    entry.1.append(records);
                }
            });
            let mut output = output.activate();
            while let Some(entry) = held.first_entry() {
                if frontiers[1].less_equal(entry.key()) {
                    break;
                }
                let (epoch, (capability, records)) = entry.remove_entry();
                let mut session = output.session(&capability);
                for record in records {
                    each(epoch, record, &mut |given| session.give(given));
                }
            }
        }
    });
    stream
}

/// What the one owner of a model does.
pub trait Owner<I, O>: KeptStep {
    /// Takes all records of a closed epoch; what is given leaves at it.
    fn close(&mut self, epoch: Epoch, records: &mut Vec<I>, give: &mut dyn FnMut(O));

    /// All input has ended with this epoch, which is closed; what is given leaves at it.
    fn end(&mut self, epoch: Epoch, give: &mut dyn FnMut(O));
}

/// The worker that owns every model's writer.
pub const OWNER: usize = 0;

/// What an owner does when it may give.
type Act<'a, O> = dyn FnMut(&mut dyn FnMut(O)) + 'a;
/// Lets an owner act at an epoch.
type GiveAt<'a, O> = dyn FnMut(Epoch, &mut Act<'_, O>) + 'a;

/// Runs the owner on one worker, [`OWNER`]. The first stream says which epochs are closed, for the loop; the second carries what
/// the owner gives.
pub fn owned<'s, I: ExchangeData, O: 'static, W: Owner<I, O> + 'static>(
    scope: Scope<'s, u64>,
    input: Stream<'s, I>,
    name: &str,
    intake: &Arc<Intake>,
    mut owner: W,
) -> (Stream<'s, ()>, Stream<'s, O>) {
    let mut builder = OperatorBuilder::new(name.to_owned(), scope);
    let mut input = builder.new_input(input, Exchange::new(|_: &I| OWNER as u64));
    let (closed, closed_stream) = builder.new_output::<Vec<()>>();
    let mut closed = OutputBuilder::<_, CapacityContainerBuilder<Vec<()>>>::from(closed);
    let (given, given_stream) = builder.new_output::<Vec<O>>();
    let mut given = OutputBuilder::<_, CapacityContainerBuilder<Vec<O>>>::from(given);
    let first = scope.index() == OWNER;
    let intake = Arc::clone(intake);
    let mut keeper = first.then(|| intake.checkpoints().keeper());
    builder.build(move |mut capabilities| {
        // Held at the frontier, so that something can still leave at an epoch that has just closed.
        let mut last = capabilities.pop().filter(|_| first);
        drop(capabilities);
        let mut held: BTreeMap<Epoch, (Capability<u64>, Vec<I>)> = BTreeMap::new();
        let mut ended = 0;
        move |frontiers| {
            let _closed = closed.activate();
            let mut given = given.activate();
            input.for_each(|capability, records| {
                if let Some(&epoch) = capability.least() {
                    let entry =
                        held.entry(epoch).or_insert_with(|| (capability.delayed(&epoch, 0), Vec::new()));
                    entry.1.append(records);
                }
            });
            let open = frontiers[0].frontier().first().copied().unwrap_or(Epoch::MAX);
            // the end of the input is known before the epoch that it is in can close; it may be followed by another
            let mut give_at = |epoch: Epoch, act: &mut Act<'_, O>| {
                if let Some(capability) = &last {
                    let at = capability.delayed(&epoch.max(*capability.time()));
                    act(&mut |record| given.session(&at).give(record));
                }
            };
            let mut before_closing = |owner: &mut W, before: Epoch, give_at: &mut GiveAt<'_, O>| {
                let next = |ended| intake.ended_with(ended).filter(|end| first && *end < before);
                while let Some(end) = next(ended) {
                    ended = end;
                    give_at(end, &mut |give| owner.end(end, give));
                }
                if let Some(keeper) = &mut keeper {
                    keeper.give(before, |at| owner.part(at));
                }
            };
            while let Some(entry) = held.first_entry().filter(|entry| *entry.key() < open) {
                let (epoch, (_capability, mut records)) = entry.remove_entry();
                before_closing(&mut owner, epoch, &mut give_at);
                give_at(epoch, &mut |give| owner.close(epoch, &mut records, give));
            }
            before_closing(&mut owner, open, &mut give_at);
            match &mut last {
                Some(_) if open == Epoch::MAX => last = None,
                Some(capability) if open > *capability.time() => capability.downgrade(&open),
                _ => {}
            }
        }
    });
    (closed_stream, given_stream)
}
