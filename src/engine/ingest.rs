//! The source operator: claims a chunk, decodes it, has it stamped, and releases its records at their epochs.
//!
//! Each worker runs one for each source; chunks go to whoever is free. Records are released once every partition of
//! every source is in their epoch: a stop, which ends the run there, then finds nothing behind it that has gone ahead. A
//! worker's capability stays at the lowest epoch that its own unreleased records, or any still to be stamped, may have.

use std::{collections::VecDeque, sync::Arc};

use timely::{
    container::CapacityContainerBuilder,
    dataflow::{
        Scope,
        channels::pact::Pipeline,
        operators::generic::{OutputBuilder, builder_rc::OperatorBuilder},
    },
};

use super::{
    Epoch,
    clock::{Reading, Stamp},
    edge::Stream,
    intake::{Claim, Intake},
    partition::RawChunk,
};

/// Turns raw records into a block of rows, on whichever worker claimed them.
pub trait Decoder: 'static {
    /// Decoded records, in the order of the chunk.
    type Block: 'static;

    /// Decodes a chunk of a partition; one reading a record.
    fn decode(&mut self, chunk: &RawChunk, partition: u32, readings: &mut Vec<Reading>) -> Self::Block;

    /// Tells each record its stamp.
    fn stamp(&mut self, block: &mut Self::Block, stamps: &[Stamp]);
}

/// The records of a block that fall in one epoch.
pub struct Chunk<B> {
    /// The block, shared by its chunks.
    pub block: Arc<B>,
    /// The first of them.
    pub start: usize,
    /// Past the last of them.
    pub end: usize,
}

impl<B> Clone for Chunk<B> {
    fn clone(&self) -> Self {
        Self { block: Arc::clone(&self.block), start: self.start, end: self.end }
    }
}

/// A stamped block that is not released to its end.
struct Held<B> {
    block: Arc<B>,
    stamps: Vec<Stamp>,
    /// The first record that is not released.
    start: usize,
}

impl<B> Held<B> {
    /// Gives its records up to an epoch, in pieces of one epoch each.
    fn release(&mut self, up_to: Epoch, mut give: impl FnMut(Epoch, Chunk<B>)) {
        let pieces = self.stamps[self.start..].chunk_by(|a, b| a.epoch == b.epoch);
        for piece in pieces.take_while(|piece| piece[0].epoch <= up_to) {
            let (start, end) = (self.start, self.start + piece.len());
            give(piece[0].epoch, Chunk { block: Arc::clone(&self.block), start, end });
            self.start = end;
        }
    }

    /// The epoch of the first record that is not released.
    fn epoch(&self) -> Option<Epoch> {
        self.stamps.get(self.start).map(|stamp| stamp.epoch)
    }
}

/// Builds the source operator of one source. `committed` is the stream that every sink's progress comes back on.
pub fn ingest<'s, D: Decoder>(
    scope: Scope<'s, u64>,
    name: &str,
    source: usize,
    intake: Arc<Intake>,
    committed: Stream<'s, ()>,
    mut decoder: D,
) -> Stream<'s, Chunk<D::Block>> {
    let mut builder = OperatorBuilder::new(name.to_owned(), scope);
    let mut committed = builder.new_input_connection(committed, Pipeline, []);
    let (output, stream) = builder.new_output_connection::<Vec<Chunk<D::Block>>, _>([]);
    let mut output = OutputBuilder::<_, CapacityContainerBuilder<Vec<Chunk<D::Block>>>>::from(output);
    let address = builder.operator_info().address;
    let worker = scope.index();
    let activator = scope.activator_for(std::rc::Rc::clone(&address));
    intake.register(source, worker, scope.worker().sync_activator_for(address.to_vec()));
    builder.build(move |mut capabilities| {
        let mut capability = capabilities.pop();
        let mut chunk = RawChunk::default();
        let mut readings = Vec::new();
        let mut unstamped: VecDeque<(Claim, D::Block)> = VecDeque::new();
        let mut waiting: VecDeque<Held<D::Block>> = VecDeque::new();
        move |frontiers| {
            committed.for_each(|_, _| {});
            // the edge adds one: what comes back at t + 1 was passed at t
            intake.commit(
                frontiers[0].frontier().first().map_or(Epoch::MAX, |&before| before.saturating_sub(1)),
            );
            let Some(held) = capability.as_mut() else { return };
            let claimed = intake.claim(source, worker, &mut chunk);
            if let Some(claim) = claimed {
                readings.clear();
                let block = decoder.decode(&chunk, claim.place, &mut readings);
                let submission = readings.iter().zip(&chunk.records);
                let submission =
                    submission.map(|(r, raw)| (*r, raw.next, (raw.end - raw.start) as u64)).collect();
                unstamped.push_back((claim, block));
                intake.submit(claim, submission);
            }
            // The lower bound is read before the stamps: what is stamped in between lies at or above it.
            let low = intake.low(source);
            let (released, limit) = (intake.released(), intake.limit());
            let mut output = output.activate();
            for (claim, mut block) in std::mem::take(&mut unstamped) {
                match intake.stamps(claim) {
                    Some(stamps) => {
                        decoder.stamp(&mut block, &stamps);
                        waiting.push_back(Held { block: Arc::new(block), stamps, start: 0 });
                    }
                    None => unstamped.push_back((claim, block)),
                }
            }
            for chunk in &mut waiting {
                chunk.release(released, |epoch, piece| output.session(&held.delayed(&epoch)).give(piece));
            }
            // what lies past the last epoch of a run that was stopped is never released
            waiting.retain(|chunk| chunk.epoch().is_some_and(|epoch| epoch <= limit));
            drop(output);
            let lowest = waiting.iter().filter_map(Held::epoch).min();
            let low = match (low, lowest) {
                // some record of this worker has no stamp yet
                (None, _) if !unstamped.is_empty() => Some(*held.time()),
                (low, lowest) => low.into_iter().chain(lowest).min(),
            };
            match low {
                Some(low) if !intake.aborted() => {
                    if low > *held.time() {
                        held.downgrade(&low);
                    }
                }
                _ => capability = None,
            }
            if claimed.is_some() {
                activator.activate();
            }
        }
    });
    stream
}
