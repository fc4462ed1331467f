//! Blocks: the decoded records of one chunk, in a handful of buffers and not one allocation a record.
//!
//! The text of a review ends here, unless a step asked for it: what goes on are ids, hashes and features. A block has an
//! entry for every raw record, refused ones too, so that stamps and ranges count alike for all.
//!
//! # Layout
//! This file: refused records, which blocks of all kinds hold. `reviews`: blocks of reviews. `rows`: blocks of small records, of
//! which `feedback`, `case_commands` and `deliveries` are a kind each.

mod case_commands;
mod deliveries;
mod feedback;
mod reviews;
mod rows;

use std::sync::Arc;

use super::{books::Outcome, row::Place, wiring::Run};
use crate::{
    engine::{
        clock::Stamp,
        partition::{RawChunk, RawRecord},
    },
    records::{Code, KeyRule, Refusal, Stage, timestamp},
};

pub use self::{
    case_commands::{CommandRow, CommandRows},
    deliveries::{DeliveryRow, DeliveryRows},
    feedback::{FeedbackRow, FeedbackRows},
    reviews::{BlockReview, ReviewBlock, ReviewBlocks, ReviewChunk, ReviewSource},
    rows::{RowBlock, RowBlocks, RowDecoder},
};

/// A record that was refused, with its original bytes.
#[derive(Debug)]
pub struct RefusedRecord {
    /// Where it stands.
    pub place: Place,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its bytes, or their start; none of a record without a value.
    pub value: Option<Vec<u8>>,
    /// Its headers, encoded.
    pub headers: Vec<u8>,
    /// What is wrong.
    pub code: Code,
    /// Where that was found.
    pub stage: Stage,
    /// What was found and expected.
    pub message: String,
    /// Its whole length, where it was cut.
    pub truncated: Option<u64>,
}

impl RefusedRecord {
    pub(super) fn new(place: Place, chunk: &RawChunk, raw: &RawRecord, refusal: Refusal) -> Arc<Self> {
        let value = chunk.of(raw);
        let truncated = (raw.length > value.len() as u64).then_some(raw.length);
        Arc::new(Self {
            place,
            key: chunk.key(raw).map(<[u8]>::to_vec),
            value: (!raw.envelope.null).then(|| value.to_vec()),
            headers: chunk.headers(raw).to_vec(),
            code: refusal.code,
            stage: refusal.stage,
            message: refusal.message,
            truncated,
        })
    }
}

/// What a block holds of its refused records: index in the block, and the record.
pub trait Refusals {
    /// All of them, ascending.
    fn refusals(&self) -> &[(usize, Arc<RefusedRecord>)];
}

fn check_length(raw: &RawRecord, max_record_bytes: usize) -> Result<(), Refusal> {
    let limit = max_record_bytes as u64;
    if raw.length > limit { Err(Refusal::record_too_large(raw.length, limit)) } else { Ok(()) }
}

/// How the key of a record is to be read.
fn key_rule<'c>(keys: bool, chunk: &'c RawChunk, raw: &RawRecord) -> KeyRule<'c> {
    if keys { KeyRule::ReviewId(chunk.key(raw)) } else { KeyRule::Ignore }
}

/// The time that a record has where it says none itself.
fn time_of(raw: &RawRecord) -> Option<i64> {
    raw.envelope.timestamp.filter(|ms| (0..=timestamp::LAST_MS).contains(ms))
}

/// Books stamped records as read: every one of them, those too that a stop leaves in an open epoch.
fn book_in(run: &Run, rank: usize, stamps: &[Stamp]) {
    for of_one_epoch in stamps.chunk_by(|a, b| a.epoch == b.epoch) {
        run.books.book_anyway(of_one_epoch[0].epoch, rank, Outcome::In, of_one_epoch.len() as u64);
    }
}
