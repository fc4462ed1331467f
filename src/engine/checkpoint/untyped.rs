//! Rows of a collection without their type: to check files, and to give them to other tools.
//!
//! Files are read side by side, one group of rows of each in memory. Of equal keys the later file counts, and a key that
//! is gone has no row; keys ascend strictly within a file, or it is refused. Limit: a value of its own for each cell, so
//! it is slower than reading rows of a type.

use std::{cmp::Reverse, collections::BTreeMap};

use bytes::Bytes;

use super::{
    collection::{FileContext, StoredError},
    table::{State, Table},
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

/// The changes of one file. After an error there are none.
pub struct UntypedFile {
    table: Table,
    state: State,
    last: Option<Vec<u8>>,
    failed: bool,
}

impl UntypedFile {
    /// Opens a file.
    ///
    /// # Errors
    /// If it is damaged, or anything but a file of this state.
    pub fn open(bytes: Bytes, state: State) -> Result<Self, StoredError> {
        Ok(Self { table: Table::open(bytes, state)?, state, last: None, failed: false })
    }

    /// What the file says it is about.
    #[must_use]
    pub fn context(&self) -> &FileContext {
        self.table.context()
    }

    fn read(&mut self) -> Result<Option<UntypedChange>, StoredError> {
        let columns = self.state.columns.len();
        let change = self.table.next(|deleted, row| {
            let cells = (0..columns).map(|_| Ok(row.value()?.map(Cell::from)));
            let cells = cells.collect::<Result<Row, StoredError>>()?;
            let key = cells.first().and_then(Option::as_ref).map(|key| key.key().to_vec());
            let key = key.ok_or_else(|| row.fault("nothing, and is the key"))?;
            Ok(UntypedChange { key, row: (!deleted).then_some(cells) })
        })?;
        if let Some(change) = &change {
            if self.last.as_ref().is_some_and(|last| *last >= change.key) {
                return Err(StoredError::Order(self.state.id));
            }
            self.last = Some(change.key.clone());
        }
        Ok(change)
    }
}

impl Iterator for UntypedFile {
    type Item = Result<UntypedChange, StoredError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let read = self.read();
        self.failed = read.is_err();
        read.transpose()
    }
}

/// The live rows of several files, by ascending key. After an error there are none.
pub struct UntypedRows {
    files: Vec<UntypedFile>,
    /// The next change of each file; of one key that of the latest first.
    next: BTreeMap<(Vec<u8>, Reverse<usize>), Option<Row>>,
    last: Option<Vec<u8>>,
    started: bool,
    failed: bool,
}

impl UntypedRows {
    /// The rows of files of which a later one counts before an earlier one.
    #[must_use]
    pub fn new(files: Vec<UntypedFile>) -> Self {
        Self { files, next: BTreeMap::new(), last: None, started: false, failed: false }
    }

    fn refill(&mut self, file: usize) -> Result<(), StoredError> {
        if let Some(UntypedChange { key, row }) = self.files[file].next().transpose()? {
            self.next.insert((key, Reverse(file)), row);
        }
        Ok(())
    }

    fn read(&mut self) -> Result<Option<Row>, StoredError> {
        if !self.started {
            self.started = true;
            (0..self.files.len()).try_for_each(|file| self.refill(file))?;
        }
        while let Some(((key, Reverse(file)), row)) = self.next.pop_first() {
            self.refill(file)?;
            if self.last.as_ref() == Some(&key) {
                continue;
            }
            self.last = Some(key);
            if row.is_some() {
                return Ok(row);
            }
        }
        Ok(None)
    }
}

impl Iterator for UntypedRows {
    type Item = Result<Row, StoredError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let read = self.read();
        self.failed = read.is_err();
        read.transpose()
    }
}
