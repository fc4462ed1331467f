//! The values of a row, in the order of its columns: written into buffers of columns, and read from them.
//!
//! A value of another type than its column, a null where none may be, and a row with too few or too many values are
//! mistakes of the program; writing notes the first and reports it at the end.

use super::{
    collection::StoredError,
    values::{Buffer, Value},
};

/// Takes the values of one row. Each method writes the next column; `None` is null.
#[derive(Debug)]
pub struct RowWriter<'a> {
    buffers: std::slice::IterMut<'a, Buffer>,
    fault: Option<StoredError>,
}

impl<'a> RowWriter<'a> {
    pub(super) fn new(buffers: &'a mut [Buffer]) -> Self {
        Self { buffers: buffers.iter_mut(), fault: None }
    }

    /// Whether all columns got a value that fits them.
    pub(super) fn finish(mut self) -> Result<(), StoredError> {
        match (self.fault.take(), self.buffers.next()) {
            (Some(fault), _) => Err(fault),
            (None, Some(buffer)) => Err(buffer.fault("no value of this row")),
            (None, None) => Ok(()),
        }
    }

    /// The next column's value.
    pub fn value(&mut self, value: Option<Value<'_>>) {
        let Some(buffer) = self.buffers.next() else {
            self.fault
                .get_or_insert(StoredError::Value { column: "", problem: "a value behind the last column" });
            return;
        };
        let column = buffer.column;
        if value.map_or(!column.nullable, |value| value.kind() != column.kind) {
            let problem = if value.is_none() { "nothing" } else { "a value of another type" };
            self.fault.get_or_insert(buffer.fault(problem));
        }
        buffer.push(value);
    }

    /// A text.
    pub fn text<'t>(&mut self, text: impl Into<Option<&'t str>>) {
        self.value(text.into().map(Value::Text));
    }

    /// Bytes.
    pub fn bytes<'t>(&mut self, bytes: impl Into<Option<&'t [u8]>>) {
        self.value(bytes.into().map(Value::Bytes));
    }

    /// A signed integer.
    pub fn int(&mut self, int: impl Into<Option<i64>>) {
        self.value(int.into().map(Value::Int));
    }

    /// An integer from 0.
    pub fn unsigned(&mut self, int: impl Into<Option<u64>>) {
        self.value(int.into().map(Value::Unsigned));
    }

    /// A number in units of 1e-6.
    pub fn micro(&mut self, number: impl Into<Option<i64>>) {
        self.value(number.into().map(Value::Micro));
    }

    /// Milliseconds since 1970.
    pub fn instant(&mut self, milliseconds: impl Into<Option<i64>>) {
        self.value(milliseconds.into().map(Value::Instant));
    }

    /// Yes or no.
    pub fn bool(&mut self, bool: impl Into<Option<bool>>) {
        self.value(bool.into().map(Value::Bool));
    }

    /// A hash: low word, high word.
    pub fn hash(&mut self, hash: impl Into<Option<[u64; 2]>>) {
        self.value(hash.into().map(Value::Hash16));
    }
}

/// Gives the values of one row. Each method reads the next column.
#[derive(Debug)]
pub struct RowReader<'a> {
    buffers: std::slice::Iter<'a, Buffer>,
    joined: &'a mut Vec<u8>,
    row: usize,
    column: &'static str,
}

/// A method for the values of one type that are always there, and one for those that may be null.
macro_rules! readers {
    ($($(#[$doc:meta])* $name:ident, $or_null:ident: $variant:ident($of:ty);)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// If the column has no such value.
        pub fn $name(&mut self) -> Result<$of, StoredError> {
            self.$or_null()?.ok_or_else(|| self.fault("nothing"))
        }

        #[doc = concat!("The same as [`", stringify!($name), "`](Self::", stringify!($name), "), or nothing.")]
        ///
        /// # Errors
        /// If the column has another type.
        pub fn $or_null(&mut self) -> Result<Option<$of>, StoredError> {
            match self.value()? {
                Some(Value::$variant(value)) => Ok(Some(value)),
                Some(_) => Err(self.fault("a value of another type")),
                None => Ok(None),
            }
        }
    )*};
}

impl<'a> RowReader<'a> {
    pub(super) fn new(buffers: &'a [Buffer], row: usize, joined: &'a mut Vec<u8>) -> Self {
        Self { buffers: buffers.iter(), joined, row, column: "" }
    }

    /// Parts one behind the other, in a buffer that is used again for every row.
    pub fn join(&mut self, parts: &[&[u8]]) -> &[u8] {
        self.joined.clear();
        for part in parts {
            self.joined.extend_from_slice(part);
        }
        self.joined
    }

    /// What is wrong with the value read last.
    pub fn fault(&self, problem: &'static str) -> StoredError {
        StoredError::Value { column: self.column, problem }
    }

    /// The next column's value.
    ///
    /// # Errors
    /// If the text is not UTF-8, or there is no such column.
    pub fn value(&mut self) -> Result<Option<Value<'a>>, StoredError> {
        let buffer = self.buffers.next().ok_or_else(|| self.fault("no value behind it"))?;
        self.column = buffer.column.name;
        buffer.value(self.row)
    }

    readers! {
        /// A text.
        text, text_or_null: Text(&'a str);
        /// Bytes.
        bytes, bytes_or_null: Bytes(&'a [u8]);
        /// A signed integer.
        int, int_or_null: Int(i64);
        /// An integer from 0.
        unsigned, unsigned_or_null: Unsigned(u64);
        /// A number in units of 1e-6.
        micro, micro_or_null: Micro(i64);
        /// Milliseconds since 1970.
        instant, instant_or_null: Instant(i64);
        /// Yes or no.
        bool, bool_or_null: Bool(bool);
        /// A hash: low word, high word.
        hash, hash_or_null: Hash16([u64; 2]);
    }
}
