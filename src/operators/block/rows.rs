//! Blocks of small records, each a row of its own: feedback, commands.
//!
//! What kind of record it is, its [`RowDecoder`] knows; that records without a value and those that are too long are
//! refused, and what is kept of a refused one, is the same for all.

use std::{fmt, sync::Arc};

use super::{Refusals, RefusedRecord, book_in, check_length, key_rule, time_of};
use crate::{
    engine::{
        clock::{Reading, Stamp},
        ingest::Decoder,
        partition::RawChunk,
    },
    operators::{row::Place, wiring::Run},
    records::{KeyRule, Refusal},
};

/// Makes a row of the bytes of a record.
pub trait RowDecoder: 'static {
    /// What flows to the step that reads it.
    type Row: fmt::Debug + 'static;

    /// The time that a record tells, and its row.
    ///
    /// # Errors
    /// What is wrong with it.
    fn decode(
        &mut self,
        record: &[u8],
        key: KeyRule<'_>,
        place: Place,
    ) -> Result<(Option<i64>, Self::Row), Refusal>;
}

/// Decoded rows.
#[derive(Debug)]
pub struct RowBlock<R> {
    rows: Vec<Option<Arc<R>>>,
    refused: Vec<(usize, Arc<RefusedRecord>)>,
}

impl<R> RowBlock<R> {
    /// The rows of a range of records.
    pub fn in_range(&self, start: usize, end: usize) -> impl Iterator<Item = Arc<R>> {
        self.rows[start..end].iter().flatten().cloned()
    }
}

impl<R> Refusals for RowBlock<R> {
    fn refusals(&self) -> &[(usize, Arc<RefusedRecord>)] {
        &self.refused
    }
}

/// Decodes blocks of rows, on any worker.
pub struct RowBlocks<D> {
    /// What the workers share.
    pub run: Arc<Run>,
    /// The source's rank among the sources.
    pub rank: usize,
    /// Whether the keys of its records are held against the field that they repeat.
    pub keys: bool,
    /// What knows the kind of record.
    pub decoder: D,
}

impl<D: RowDecoder> Decoder for RowBlocks<D> {
    type Block = RowBlock<D::Row>;

    fn decode(&mut self, chunk: &RawChunk, partition: u32, readings: &mut Vec<Reading>) -> Self::Block {
        let mut block = RowBlock { rows: Vec::with_capacity(chunk.records.len()), refused: Vec::new() };
        for raw in &chunk.records {
            let place = Place { partition, offset: raw.offset };
            let decoded = check_length(raw, self.run.max_record_bytes).and_then(|()| {
                if raw.envelope.null {
                    return Err(KeyRule::null_value());
                }
                self.decoder.decode(chunk.of(raw), key_rule(self.keys, chunk, raw), place)
            });
            match decoded {
                Ok((ts, row)) => {
                    readings.push(Reading { ts: ts.or_else(|| time_of(raw)), refused: false });
                    block.rows.push(Some(Arc::new(row)));
                }
                Err(refusal) => {
                    readings.push(Reading { ts: None, refused: true });
                    let refused = RefusedRecord::new(place, chunk, raw, refusal);
                    block.refused.push((block.rows.len(), refused));
                    block.rows.push(None);
                }
            }
        }
        block
    }

    fn stamp(&mut self, _: &mut Self::Block, stamps: &[Stamp]) {
        book_in(&self.run, self.rank, stamps);
    }
}
