//! From the bytes of a file to its changes, in ascending order of keys.

use std::marker::PhantomData;

use bytes::Bytes;

use super::{
    ascending::Ascending,
    collection::{Change, FileContext, KeyedChange, Stored, StoredError},
    columns::ColumnType,
    rows::RowReader,
    table::{Room, State, Table},
};

/// A change as a file has it.
pub trait StoredChange: KeyedChange {
    /// The change whose values are read here; of a key that is gone only the key has one.
    ///
    /// # Errors
    /// If a value is no such change's.
    fn take(deleted: bool, row: &mut RowReader<'_>, state: State) -> Result<Self, StoredError>;
}

impl<R: Stored> StoredChange for Change<R> {
    fn take(deleted: bool, row: &mut RowReader<'_>, _: State) -> Result<Self, StoredError> {
        if !deleted {
            return R::take(row).map(Self::Put);
        }
        let key = match R::COLUMNS[0].kind {
            ColumnType::Text => row.text()?.as_bytes(),
            _ => row.bytes()?,
        };
        Ok(Self::Delete(key.into()))
    }
}

/// The changes of a file, read while they are asked for. After an error there are none.
pub struct FileChanges<C> {
    table: Table,
    state: State,
    keys: Ascending,
    failed: bool,
    of: PhantomData<fn() -> C>,
}

/// The changes of a file of rows of a type.
pub type Rows<R> = FileChanges<Change<R>>;

impl<R: Stored> Rows<R> {
    /// Opens a file.
    ///
    /// # Errors
    /// If it is damaged, or anything but a file of this state in this version.
    pub fn open(bytes: Bytes) -> Result<Self, StoredError> {
        Self::open_in(bytes, Room::default())
    }

    /// The same, in the room of a file that has been read.
    ///
    /// # Errors
    /// If it is damaged, or anything but a file of this state in this version.
    pub fn open_in(bytes: Bytes, room: Room) -> Result<Self, StoredError> {
        Self::of_state_in(bytes, State { id: R::ID, version: R::VERSION, columns: R::COLUMNS }, room)
    }
}

impl<C> FileChanges<C> {
    /// Opens a file of a state.
    ///
    /// # Errors
    /// If it is damaged, or anything but a file of this state in this version.
    pub(super) fn of_state(bytes: Bytes, state: State) -> Result<Self, StoredError> {
        Self::of_state_in(bytes, state, Room::default())
    }

    fn of_state_in(bytes: Bytes, state: State, room: Room) -> Result<Self, StoredError> {
        let table = Table::open_in(bytes, state, room)?;
        Ok(Self { table, state, keys: Ascending::default(), failed: false, of: PhantomData })
    }

    /// The room it was read in, for another file.
    pub(super) fn into_room(self) -> Room {
        self.table.into_room()
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
}

impl<C: StoredChange> FileChanges<C> {
    fn read(&mut self) -> Result<Option<C>, StoredError> {
        let state = self.state;
        let change = self.table.next(|deleted, row| C::take(deleted, row, state))?;
        if let Some(change) = &change {
            self.keys.next(change.key(), state.id)?;
        }
        Ok(change)
    }
}

impl<C: StoredChange> Iterator for FileChanges<C> {
    type Item = Result<C, StoredError>;

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
