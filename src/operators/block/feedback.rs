//! Blocks of feedback.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{Refusals, RefusedRecord, book_in, check_length, key_rule, time_of};
use crate::{
    engine::{
        clock::{Reading, Stamp},
        ingest::Decoder,
        partition::RawChunk,
    },
    operators::{row::Place, wiring::Run},
    records::{FeedbackDecoder, FeedbackFields, KeyRule, Label},
};

/// Feedback as it flows to the step that applies it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FeedbackRow {
    /// xxh3 of the review id.
    pub id_hash: u64,
    /// The review it is about.
    pub review_id: Box<str>,
    /// Its own id.
    pub feedback_id: Box<str>,
    /// What it says.
    pub label: Label,
    /// Where it stands.
    pub place: Place,
}

/// Decoded feedback.
#[derive(Debug, Default)]
pub struct FeedbackBlock {
    feedback: Vec<Option<Arc<FeedbackRow>>>,
    refused: Vec<(usize, Arc<RefusedRecord>)>,
}

impl FeedbackBlock {
    /// The feedback of a range of records.
    pub fn in_range(&self, start: usize, end: usize) -> impl Iterator<Item = Arc<FeedbackRow>> {
        self.feedback[start..end].iter().flatten().cloned()
    }
}

impl Refusals for FeedbackBlock {
    fn refusals(&self) -> &[(usize, Arc<RefusedRecord>)] {
        &self.refused
    }
}

/// Decodes feedback, on any worker.
pub struct FeedbackBlocks {
    /// What the workers share.
    pub run: Arc<Run>,
    /// The source's rank among the sources.
    pub rank: usize,
    /// What its records call our fields.
    pub fields: FeedbackFields,
    /// Whether the keys of its records are review ids.
    pub keys: bool,
    /// Reused buffers.
    pub decoder: FeedbackDecoder,
}

impl Decoder for FeedbackBlocks {
    type Block = FeedbackBlock;

    fn decode(&mut self, chunk: &RawChunk, partition: u32, readings: &mut Vec<Reading>) -> FeedbackBlock {
        let mut block = FeedbackBlock::default();
        for raw in &chunk.records {
            let place = Place { partition, offset: raw.offset };
            let value = chunk.of(raw);
            let decoded = check_length(raw, self.run.max_record_bytes).and_then(|()| {
                if raw.envelope.null {
                    return Err(KeyRule::null_value());
                }
                self.decoder.decode(value, key_rule(self.keys, chunk, raw), &self.fields)
            });
            match decoded {
                Ok(feedback) => {
                    readings.push(Reading { ts: feedback.ts.or_else(|| time_of(raw)), refused: false });
                    block.feedback.push(Some(Arc::new(FeedbackRow {
                        id_hash: xxh3_64(feedback.review_id.as_bytes()),
                        review_id: feedback.review_id.into(),
                        feedback_id: feedback.feedback_id.into(),
                        label: feedback.label,
                        place,
                    })));
                }
                Err(refusal) => {
                    readings.push(Reading { ts: None, refused: true });
                    block
                        .refused
                        .push((block.feedback.len(), RefusedRecord::new(place, chunk, raw, refusal)));
                    block.feedback.push(None);
                }
            }
        }
        block
    }

    fn stamp(&mut self, _: &mut FeedbackBlock, stamps: &[Stamp]) {
        book_in(&self.run, self.rank, stamps);
    }
}
