//! Values of columns, and the buffers that hold those of some rows, column by column.

use super::{
    collection::StoredError,
    columns::{Column, ColumnType},
};

/// A value of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Of a [`ColumnType::Text`].
    Text(&'a str),
    /// Of a [`ColumnType::Bytes`].
    Bytes(&'a [u8]),
    /// Of a [`ColumnType::Int`].
    Int(i64),
    /// Of a [`ColumnType::Unsigned`].
    Unsigned(u64),
    /// Of a [`ColumnType::Micro`].
    Micro(i64),
    /// Of a [`ColumnType::Instant`].
    Instant(i64),
    /// Of a [`ColumnType::Bool`].
    Bool(bool),
    /// Of a [`ColumnType::Hash16`]: low word, high word.
    Hash16([u64; 2]),
}

impl Value<'_> {
    pub(super) fn kind(self) -> ColumnType {
        match self {
            Self::Text(_) => ColumnType::Text,
            Self::Bytes(_) => ColumnType::Bytes,
            Self::Int(_) => ColumnType::Int,
            Self::Unsigned(_) => ColumnType::Unsigned,
            Self::Micro(_) => ColumnType::Micro,
            Self::Instant(_) => ColumnType::Instant,
            Self::Bool(_) => ColumnType::Bool,
            Self::Hash16(_) => ColumnType::Hash16,
        }
    }
}

/// The values of one column that are not null, in order.
#[derive(Debug)]
pub(super) enum Values {
    /// Text, bytes and hashes, one behind the other; where each ends.
    Bytes(Vec<u8>, Vec<usize>),
    Ints(Vec<i64>),
    Bools(Vec<bool>),
}

impl Values {
    fn new(kind: ColumnType) -> Self {
        match kind {
            ColumnType::Text | ColumnType::Bytes | ColumnType::Hash16 => Self::Bytes(Vec::new(), Vec::new()),
            ColumnType::Int | ColumnType::Unsigned | ColumnType::Micro | ColumnType::Instant => {
                Self::Ints(Vec::new())
            }
            ColumnType::Bool => Self::Bools(Vec::new()),
        }
    }

    fn bytes(&self, n: usize) -> Option<&[u8]> {
        let Self::Bytes(bytes, ends) = self else { return None };
        let start = if n == 0 { 0 } else { *ends.get(n - 1)? };
        bytes.get(start..*ends.get(n)?)
    }
}

/// Some rows of one column.
#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) column: Column,
    /// For each row, 1 where it has a value, 0 where it is null.
    pub(super) present: Vec<i16>,
    pub(super) values: Values,
    /// Which of the values is the next one to be read.
    next: usize,
}

impl Buffer {
    pub(super) fn new(column: Column) -> Self {
        Self { column, present: Vec::new(), values: Values::new(column.kind), next: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.present.clear();
        self.next = 0;
        match &mut self.values {
            Values::Bytes(bytes, ends) => {
                bytes.clear();
                ends.clear();
            }
            Values::Ints(ints) => ints.clear(),
            Values::Bools(bools) => bools.clear(),
        }
    }

    /// Bytes that its values take.
    pub(super) fn size(&self) -> usize {
        match &self.values {
            Values::Bytes(bytes, ends) => bytes.len() + 8 * ends.len(),
            Values::Ints(ints) => 8 * ints.len(),
            Values::Bools(bools) => bools.len(),
        }
    }

    pub(super) fn push(&mut self, value: Option<Value<'_>>) {
        self.present.push(value.is_some().into());
        let Some(value) = value else { return };
        match (&mut self.values, value) {
            (Values::Bytes(bytes, ends), Value::Text(text)) => {
                bytes.extend_from_slice(text.as_bytes());
                ends.push(bytes.len());
            }
            (Values::Bytes(bytes, ends), Value::Bytes(value)) => {
                bytes.extend_from_slice(value);
                ends.push(bytes.len());
            }
            (Values::Bytes(bytes, ends), Value::Hash16([low, high])) => {
                bytes.extend_from_slice(&high.to_be_bytes());
                bytes.extend_from_slice(&low.to_be_bytes());
                ends.push(bytes.len());
            }
            (Values::Ints(ints), Value::Int(int) | Value::Micro(int) | Value::Instant(int)) => ints.push(int),
            (Values::Ints(ints), Value::Unsigned(int)) => ints.push(int.cast_signed()),
            (Values::Bools(bools), Value::Bool(bool)) => bools.push(bool),
            // the caller has compared the types
            _ => {}
        }
    }

    pub(super) fn fault(&self, problem: &'static str) -> StoredError {
        StoredError::Value { column: self.column.name, problem }
    }

    /// The value of a row, which is the next one.
    pub(super) fn value(&self, row: usize) -> Result<Option<Value<'_>>, StoredError> {
        if self.present.get(row).is_none_or(|present| *present == 0) {
            return Ok(None);
        }
        let value = match (self.column.kind, &self.values) {
            (ColumnType::Text, values) => match values.bytes(self.next).map(std::str::from_utf8) {
                Some(Ok(text)) => Some(Value::Text(text)),
                Some(Err(_)) => return Err(self.fault("text that is not UTF-8")),
                None => None,
            },
            (ColumnType::Bytes, values) => values.bytes(self.next).map(Value::Bytes),
            (ColumnType::Hash16, values) => values
                .bytes(self.next)
                .and_then(|bytes| bytes.try_into().ok())
                .map(u128::from_be_bytes)
                .map(|hash| Value::Hash16([hash as u64, (hash >> 64) as u64])),
            (ColumnType::Bool, Values::Bools(bools)) => bools.get(self.next).copied().map(Value::Bool),
            (kind, Values::Ints(ints)) => ints.get(self.next).map(|int| match kind {
                ColumnType::Unsigned => Value::Unsigned(int.cast_unsigned()),
                ColumnType::Micro => Value::Micro(*int),
                ColumnType::Instant => Value::Instant(*int),
                _ => Value::Int(*int),
            }),
            _ => None,
        };
        value.map(Some).ok_or_else(|| self.fault("fewer values than rows"))
    }

    /// Goes on behind a row.
    pub(super) fn pass(&mut self, row: usize) {
        self.next += usize::from(self.present.get(row).is_some_and(|present| *present != 0));
    }
}
