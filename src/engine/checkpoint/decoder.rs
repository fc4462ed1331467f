//! From the bytes of a file to its changes, in ascending order of keys.

use std::marker::PhantomData;

use bytes::Bytes;

use super::{
    collection::{Change, FileContext, Stored, StoredError},
    table::{State, Table},
};

/// The changes of a file, read while they are asked for. After an error there are none.
pub struct Rows<R> {
    table: Table,
    last: Option<Vec<u8>>,
    failed: bool,
    of: PhantomData<fn() -> R>,
}

impl<R: Stored> Rows<R> {
    /// Opens a file.
    ///
    /// # Errors
    /// If it is damaged, or anything but a file of this state in this version.
    pub fn open(bytes: Bytes) -> Result<Self, StoredError> {
        let table = Table::open(bytes, State { id: R::ID, version: R::VERSION, columns: R::COLUMNS })?;
        Ok(Self { table, last: None, failed: false, of: PhantomData })
    }

    /// What the file says it is about.
    pub fn context(&self) -> &FileContext {
        self.table.context()
    }

    /// How many changes the file has.
    pub fn len(&self) -> u64 {
        self.table.rows()
    }

    /// Whether the file has no changes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn read(&mut self) -> Result<Option<Change<R>>, StoredError> {
        let change = self.table.next(|deleted, row| {
            if deleted {
                let key = match R::COLUMNS[0].kind {
                    super::ColumnType::Text => row.text()?.as_bytes(),
                    _ => row.bytes()?,
                };
                return Ok(Change::Delete(key.into()));
            }
            R::take(row).map(Change::Put)
        })?;
        if let Some(change) = &change {
            match &mut self.last {
                Some(last) if last.as_slice() >= change.key() => return Err(StoredError::Order(R::ID)),
                Some(last) => {
                    last.clear();
                    last.extend_from_slice(change.key());
                }
                None => self.last = Some(change.key().to_vec()),
            }
        }
        Ok(change)
    }
}

impl<R: Stored> Iterator for Rows<R> {
    type Item = Result<Change<R>, StoredError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let read = self.read();
        self.failed = read.is_err();
        read.transpose()
    }
}

/// All changes of a file.
///
/// # Errors
/// If it is damaged, or anything but a file of this state in this version.
pub fn decode<R: Stored>(bytes: Bytes) -> Result<Vec<Change<R>>, StoredError> {
    Rows::open(bytes)?.collect()
}
