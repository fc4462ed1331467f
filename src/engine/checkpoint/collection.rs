//! What a step keeps under keys, as it is stored: rows with open columns, in files of changes sorted by key.
//!
//! A base file holds every row of a shard, a delta those that changed and the keys that are gone. State, its version and
//! the format of the file stand in the file's metadata; one that says anything else is refused with what was found and
//! expected. A shard follows from the key alone, so neither workers nor processes have a say in it.

use parquet::errors::ParquetError;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{
    columns::Column,
    rows::{RowReader, RowWriter},
};

/// Version of the format of all collections: metadata, checksum, the column `deleted`.
pub const FORMAT: u32 = 1;

/// Seed of [`shard_of`]: for ever the same, or old files would lie in the wrong shards.
const SHARD_SEED: u64 = 0xD1B1_6E47_0000_0001;

/// A row of a collection.
pub trait Stored: Sized + Send {
    /// Names the state, as the step's registry entry does: letters, digits and underscores.
    const ID: &'static str;
    /// Version of the state's format.
    const VERSION: u32;
    /// The columns; the first is the key, a [`Text`](super::ColumnType::Text) or [`Bytes`](super::ColumnType::Bytes)
    /// that no row is without.
    const COLUMNS: &'static [Column];

    /// The key, as the first column says it.
    fn key(&self) -> &[u8];

    /// Writes all values, in the order of the columns.
    fn put(&self, row: &mut RowWriter<'_>);

    /// The row with these values, read in the order of the columns.
    ///
    /// # Errors
    /// If a value is no such row's.
    fn take(row: &mut RowReader<'_>) -> Result<Self, StoredError>;
}

/// A change of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<R> {
    /// This is the row of its key now.
    Put(R),
    /// The key has no row any more.
    Delete(Box<[u8]>),
}

/// A change of what lies under a key.
pub trait KeyedChange: Sized {
    /// What lies there.
    type Row;

    /// The key that changes.
    fn key(&self) -> &[u8];

    /// What lies there now; `None` where the key is gone.
    fn into_row(self) -> Option<Self::Row>;
}

impl<R: Stored> KeyedChange for Change<R> {
    type Row = R;

    fn key(&self) -> &[u8] {
        match self {
            Self::Put(row) => row.key(),
            Self::Delete(key) => key,
        }
    }

    fn into_row(self) -> Option<R> {
        match self {
            Self::Put(row) => Some(row),
            Self::Delete(_) => None,
        }
    }
}

/// What a file is about, beside its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileContext {
    /// The id of the step whose state it is.
    pub step: String,
    /// The shard.
    pub shard: u32,
    /// The epoch of the checkpoint it was written for.
    pub epoch: u64,
}

/// Why a collection was not written, or a file is none that can be read here.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// Nothing that this program writes.
    #[error("the file is damaged or was not written by Dirigent: {0}")]
    Foreign(&'static str),
    /// The checksum is not that of the content.
    #[error("the file is damaged: its checksum is not that of its content")]
    Damaged,
    /// An entry of the metadata is not there or makes no sense.
    #[error("the file's metadata has no valid entry `{0}`")]
    Metadata(&'static str),
    /// Written by another version of the program.
    #[error("the file has format {found}, this program reads format {expected}")]
    Format {
        /// What the file says.
        found: u32,
        /// What can be read.
        expected: u32,
    },
    /// The state of another kind of step.
    #[error("the file holds the state `{found}`, expected was `{expected}`")]
    State {
        /// What the file says.
        found: String,
        /// What was asked for.
        expected: &'static str,
    },
    /// Another version of the state.
    #[error("the file holds version {found} of the state `{state}`, this program reads version {expected}")]
    Version {
        /// The state.
        state: &'static str,
        /// What the file says.
        found: u32,
        /// What can be read.
        expected: u32,
    },
    /// Other columns than the state has.
    #[error("the file has the columns {found}; the state `{state}` has {expected}")]
    Columns {
        /// The state.
        state: &'static str,
        /// What the file has.
        found: String,
        /// What the state has.
        expected: String,
    },
    /// Keys that do not ascend.
    #[error("the keys of the state `{0}` do not ascend strictly")]
    Order(&'static str),
    /// A value that the state does not know.
    #[error("the column `{column}` holds {problem}")]
    Value {
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Parquet cannot be written or read.
    #[error("{0}")]
    Parquet(#[from] ParquetError),
}

/// The shard of a key among `shards` of them, the same for ever: the upper bits of xxh3 with a fixed seed.
pub fn shard_of(key: &[u8], shards: u32) -> u32 {
    let upper = xxh3_64_with_seed(key, SHARD_SEED) >> 32;
    ((upper * u64::from(shards)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_even_and_for_ever_the_same() {
        let mut counts = [0; 7];
        for n in 0..7_000_u32 {
            counts[shard_of(format!("review-{n}").as_bytes(), 7) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
        let golden = [b"".as_slice(), b"a", b"review-1"].map(|key| shard_of(key, 64));
        assert_eq!(golden, [57, 36, 29], "stored files lie in shards by this function");
        assert_eq!(shard_of(b"a", 1), 0);
    }
}
