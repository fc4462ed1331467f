//! The source operator: claims a chunk, decodes it, has it stamped, and releases its records at their epochs.
//!
//! Each worker runs one for each source; chunks go to whoever is free. A worker's capability stays at the lowest epoch
//! that its own unreleased chunks, or any record still to be stamped, may have.

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
    let activator = scope.activator_for(std::rc::Rc::clone(&address));
    intake.register(scope.worker().sync_activator_for(address.to_vec()));
    builder.build(move |mut capabilities| {
        let mut capability = capabilities.pop();
        let mut chunk = RawChunk::default();
        let mut readings = Vec::new();
        let mut waiting: VecDeque<(Claim, D::Block)> = VecDeque::new();
        move |frontiers| {
            committed.for_each(|_, _| {});
            // the edge adds one: what comes back at t + 1 was passed at t
            intake.commit(
                frontiers[0].frontier().first().map_or(Epoch::MAX, |&before| before.saturating_sub(1)),
            );
            let Some(held) = capability.as_mut() else { return };
            let claimed = intake.claim(source, &mut chunk);
            if let Some(claim) = claimed {
                readings.clear();
                let block = decoder.decode(&chunk, claim.partition, &mut readings);
                let submission = readings.iter().zip(&chunk.records);
                let submission =
                    submission.map(|(r, raw)| (*r, raw.next, (raw.end - raw.start) as u64)).collect();
                waiting.push_back((claim, block));
                intake.submit(claim, submission);
            }
            // The lower bound is read before the stamps: what is stamped in between lies at or above it.
            let low = intake.low(source);
            let limit = intake.limit();
            let mut output = output.activate();
            let mut still = VecDeque::with_capacity(waiting.len());
            for (claim, mut block) in waiting.drain(..) {
                let Some(stamps) = intake.stamps(claim) else {
                    still.push_back((claim, block));
                    continue;
                };
                decoder.stamp(&mut block, &stamps);
                let block = Arc::new(block);
                let mut start = 0;
                for run in stamps.chunk_by(|a, b| a.epoch == b.epoch) {
                    let (epoch, end) = (run[0].epoch, start + run.len());
                    if epoch <= limit {
                        let at = held.delayed(&epoch);
                        output.session(&at).give(Chunk { block: Arc::clone(&block), start, end });
                    }
                    start = end;
                }
            }
            waiting = still;
            drop(output);
            match low {
                Some(low) if low > *held.time() => held.downgrade(&low),
                None if waiting.is_empty() || intake.aborted() => capability = None,
                _ => {}
            }
            if claimed.is_some() {
                activator.activate();
            }
        }
    });
    stream
}
