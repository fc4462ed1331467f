//! What a source gives: one ordered sequence of raw records with offsets, read in chunks.
//!
//! A partition is read by one caller at a time, in order; who decodes a chunk afterwards does not matter.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A raw record inside a [`RawChunk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawRecord {
    /// Where its bytes start in the chunk.
    pub start: usize,
    /// Where its bytes end in the chunk.
    pub end: usize,
    /// Its position in the partition.
    pub offset: u64,
    /// The position after it: what a binding that covers it says at least.
    pub next: u64,
    /// Its length in bytes; more than `end - start` when it was cut at `max_record_bytes`.
    pub length: u64,
    /// What comes with it where it lies in a log such as Kafka's; empty for a line of a file.
    pub envelope: Envelope,
}

/// What a record of a log has beside its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Where its key starts and ends in the chunk.
    pub key: Option<(usize, usize)>,
    /// Where its headers start and end in the chunk, encoded as the source and whoever passes them on agree.
    pub headers: (usize, usize),
    /// Its time, in milliseconds since 1970.
    pub timestamp: Option<i64>,
    /// It has no value at all, which is not an empty one.
    pub null: bool,
}

/// Consecutive raw records of one partition.
#[derive(Clone, Debug, Default)]
pub struct RawChunk {
    /// The records' bytes.
    pub bytes: Vec<u8>,
    /// Where each of them lies.
    pub records: Vec<RawRecord>,
}

impl RawChunk {
    /// Empties the chunk, keeping its buffers.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
    }

    /// The bytes of a record.
    #[must_use]
    pub fn of(&self, record: &RawRecord) -> &[u8] {
        &self.bytes[record.start..record.end]
    }

    /// The key of a record.
    #[must_use]
    pub fn key(&self, record: &RawRecord) -> Option<&[u8]> {
        record.envelope.key.map(|(start, end)| &self.bytes[start..end])
    }

    /// The encoded headers of a record.
    #[must_use]
    pub fn headers(&self, record: &RawRecord) -> &[u8] {
        let (start, end) = record.envelope.headers;
        &self.bytes[start..end]
    }
}

/// Reading failed for a reason outside the records themselves.
#[derive(Debug, Error)]
#[error("cannot read {partition} at offset {offset}: {reason}")]
pub struct SourceError {
    /// The partition's name.
    pub partition: String,
    /// How far it was read.
    pub offset: u64,
    /// What the system said.
    pub reason: String,
}

/// Told an offset.
pub type Committed = Box<dyn Fn(u64) + Send>;

/// One ordered sequence of raw records.
pub trait Partition: Send {
    /// Appends the next records, at most `records` of them and about `bytes` bytes (one record may be longer);
    /// false when the end was reached and nothing will follow.
    ///
    /// # Errors
    /// The outside world failed; the run cannot go on.
    fn read(&mut self, chunk: &mut RawChunk, records: usize, bytes: usize) -> Result<bool, SourceError>;

    /// Goes on at an offset that an earlier record ended at, before anything is read.
    ///
    /// # Errors
    /// There is no such offset any more.
    fn seek(&mut self, offset: u64) -> Result<(), SourceError>;

    /// Bytes read so far and bytes in all, where known, as the outside counts them (compressed files: compressed).
    fn progress(&self) -> (u64, Option<u64>);

    /// Calls this when records have come after a read that found none, where the outside says so; others are asked again
    /// with every epoch that is cut.
    fn when_records_come(&mut self, _wake: Arc<dyn Fn() + Send + Sync>) {}

    /// Whom to tell up to which offset everything has been read and what follows from it is committed; asked for once.
    /// Nothing depends on it.
    fn committed(&self) -> Option<Committed> {
        None
    }

    /// Of the bytes read so far, those that [`Partition::seek`] passed over without reading them.
    fn skipped(&self) -> u64 {
        0
    }
}

/// What the outside calls a partition: a topic and a partition of it, or the path of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address {
    /// The topic; of a file, its path.
    pub topic: String,
    /// The partition of the topic; of a file, 0.
    pub partition: u32,
}

impl Address {
    /// The address of a file.
    #[must_use]
    pub fn file(path: impl Into<String>) -> Self {
        Self { topic: path.into(), partition: 0 }
    }
}

/// A partition with its place in log order.
pub struct PartitionEntry {
    /// Which source it belongs to (index in the list of sources sorted by id as bytes).
    pub source: usize,
    /// Its number within the source.
    pub number: u32,
    /// Its name: a path, or topic and partition.
    pub name: String,
    /// What dead letters and headers call it.
    pub address: Address,
    /// Its records.
    pub partition: Box<dyn Partition>,
}
