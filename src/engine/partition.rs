//! What a source gives: one ordered sequence of raw records with offsets, read in chunks.
//!
//! A partition is read by one caller at a time, in order; who decodes a chunk afterwards does not matter.

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

/// One ordered sequence of raw records.
pub trait Partition: Send {
    /// Appends the next records, at most `records` of them and about `bytes` bytes (one record may be longer);
    /// false when the end was reached and nothing will follow.
    ///
    /// # Errors
    /// The outside world failed; the run cannot go on.
    fn read(&mut self, chunk: &mut RawChunk, records: usize, bytes: usize) -> Result<bool, SourceError>;

    /// Bytes read so far and bytes in all, where known, as the outside counts them (compressed files: compressed).
    fn progress(&self) -> (u64, Option<u64>);
}

/// A partition with its place in log order.
pub struct PartitionEntry {
    /// Which source it belongs to (index in the list of sources sorted by id as bytes).
    pub source: usize,
    /// Its number within the source.
    pub number: u32,
    /// Its name: a path, or topic and partition.
    pub name: String,
    /// Its records.
    pub partition: Box<dyn Partition>,
}
