//! Rows of a collection without their type: to check files, and to give them to other tools.
//!
//! They are read and merged as rows of a type are (`decoder`, `merging`). Limit: a value of its own for each cell, so it is
//! slower than that.

use bytes::Bytes;

use super::{
    collection::{KeyedChange, StoredError},
    decoder::{FileChanges, StoredChange},
    merging::Merged,
    rows::RowReader,
    table::State,
    values::Value,
};

/// A value of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A signed integer.
    Int(i64),
    /// An integer from 0.
    Unsigned(u64),
    /// A number in units of 1e-6.
    Micro(i64),
    /// Milliseconds since 1970.
    Instant(i64),
    /// Yes or no.
    Bool(bool),
    /// A hash: low word, high word.
    Hash16([u64; 2]),
}

impl From<Value<'_>> for Cell {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Text(text) => Self::Text(text.to_owned()),
            Value::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            Value::Int(int) => Self::Int(int),
            Value::Unsigned(int) => Self::Unsigned(int),
            Value::Micro(number) => Self::Micro(number),
            Value::Instant(at) => Self::Instant(at),
            Value::Bool(bool) => Self::Bool(bool),
            Value::Hash16(hash) => Self::Hash16(hash),
        }
    }
}

impl Cell {
    /// The value, borrowed.
    #[must_use]
    pub fn value(&self) -> Value<'_> {
        match self {
            Self::Text(text) => Value::Text(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Int(int) => Value::Int(*int),
            Self::Unsigned(int) => Value::Unsigned(*int),
            Self::Micro(number) => Value::Micro(*number),
            Self::Instant(at) => Value::Instant(*at),
            Self::Bool(bool) => Value::Bool(*bool),
            Self::Hash16(hash) => Value::Hash16(*hash),
        }
    }

    fn key(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
            _ => &[],
        }
    }
}

/// The values of a row, in the order of the columns; `None` is null.
pub type Row = Vec<Option<Cell>>;

/// A change: the key, and its row unless it is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UntypedChange {
    /// The key.
    pub key: Vec<u8>,
    /// The row; `None` where the key is gone.
    pub row: Option<Row>,
}

impl KeyedChange for UntypedChange {
    type Row = Row;

    fn key(&self) -> &[u8] {
        &self.key
    }

    fn into_row(self) -> Option<Row> {
        self.row
    }
}

impl StoredChange for UntypedChange {
    fn take(deleted: bool, row: &mut RowReader<'_>, state: State) -> Result<Self, StoredError> {
        let cells = state.columns.iter().map(|_| Ok(row.value()?.map(Cell::from)));
        let cells = cells.collect::<Result<Row, StoredError>>()?;
        let key = cells.first().and_then(Option::as_ref).map(|key| key.key().to_vec());
        let key = key.ok_or_else(|| row.fault("nothing, and is the key"))?;
        Ok(Self { key, row: (!deleted).then_some(cells) })
    }
}

/// The changes of one file.
pub type UntypedFile = FileChanges<UntypedChange>;

impl UntypedFile {
    /// Opens a file.
    ///
    /// # Errors
    /// If it is damaged, or anything but a file of this state.
    pub fn open(bytes: Bytes, state: State) -> Result<Self, StoredError> {
        Self::of_state(bytes, state)
    }
}

/// The live rows of several files, by ascending key.
pub type UntypedRows = Merged<UntypedChange, UntypedFile>;
