//! A file of changes read row by row, one group of rows in memory at a time; it knows the columns, and not the type of
//! the rows.
//!
//! The checksum is checked before anything is parsed, then format, state, version and columns, each with its own error.

use std::sync::Arc;

use bytes::Bytes;
use parquet::{
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::{ByteArray, DataType},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        reader::{FileReader, RowGroupReader},
        serialized_reader::SerializedFileReader,
    },
    schema::types::Type,
};

use super::{
    collection::{FORMAT, FileContext, StoredError},
    columns::{Column, schema},
    encoder::{EPOCH_KEY, FORMAT_KEY, SHARD_KEY, STATE_KEY, STEP_KEY, VERSION_KEY},
    rows::RowReader,
    seal,
    values::{Buffer, Values},
};

/// Which state a file should hold.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// Its name.
    pub id: &'static str,
    /// The version that can be read.
    pub version: u32,
    /// Its columns.
    pub columns: &'static [Column],
}

/// Where the rows of a file are unpacked: room that was used for one file is cheaper than new room for the next.
#[derive(Debug, Default)]
pub struct Room {
    buffers: Vec<Buffer>,
    deleted: Vec<bool>,
    joined: Vec<u8>,
}

impl Room {
    /// Empty, with the columns of a state.
    fn of(mut self, columns: &'static [Column]) -> Self {
        if self.buffers.iter().map(|buffer| buffer.column).ne(columns.iter().copied()) {
            self.buffers = columns.iter().copied().map(Buffer::new).collect();
        }
        self.buffers.iter_mut().for_each(Buffer::clear);
        self.deleted.clear();
        self
    }
}

/// The rows of one file.
pub struct Table {
    file: SerializedFileReader<Bytes>,
    context: FileContext,
    /// The columns that the file has.
    there: Vec<Column>,
    room: Room,
    /// The group to be read next, and the row in the one that was read.
    group: usize,
    row: usize,
}

impl Table {
    /// Opens a file.
    ///
    /// # Errors
    /// If it is damaged, or anything but a file of this state.
    pub fn open(bytes: Bytes, state: State) -> Result<Self, StoredError> {
        Self::open_in(bytes, state, Room::default())
    }

    /// The same, in the room of a file that has been read.
    ///
    /// # Errors
    /// If it is damaged, or anything but a file of this state.
    pub fn open_in(bytes: Bytes, state: State, room: Room) -> Result<Self, StoredError> {
        seal::check(&bytes)?;
        let file = SerializedFileReader::new(bytes)?;
        let metadata = file.metadata().file_metadata();
        let entries = metadata.key_value_metadata().map_or(&[][..], Vec::as_slice);
        let found = number(entries, FORMAT_KEY)?;
        if found != FORMAT {
            return Err(StoredError::Format { found, expected: FORMAT });
        }
        let found = text(entries, STATE_KEY)?;
        if found != state.id {
            return Err(StoredError::State { found: found.to_owned(), expected: state.id });
        }
        let found = number(entries, VERSION_KEY)?;
        if found != state.version {
            return Err(StoredError::Version { state: state.id, found, expected: state.version });
        }
        let found = metadata.schema();
        let is_there = |column: &&Column| {
            !column.later || found.get_fields().iter().any(|field| field.name() == column.name)
        };
        let there: Vec<Column> = state.columns.iter().filter(is_there).copied().collect();
        let expected = schema(state.id, &there)?;
        if *expected != *found {
            let (found, expected) = (fields(found), fields(&expected));
            return Err(StoredError::Columns { state: state.id, found, expected });
        }
        let context = FileContext {
            step: text(entries, STEP_KEY)?.to_owned(),
            shard: number(entries, SHARD_KEY)?,
            epoch: number(entries, EPOCH_KEY)?,
        };
        Ok(Self { file, context, there, room: room.of(state.columns), group: 0, row: 0 })
    }

    /// The room it was read in, for another file.
    #[must_use]
    pub fn into_room(self) -> Room {
        self.room
    }

    /// What the file says it is about.
    pub fn context(&self) -> &FileContext {
        &self.context
    }

    /// How many rows the file has, deleted keys included.
    pub fn rows(&self) -> u64 {
        self.file.metadata().file_metadata().num_rows().unsigned_abs()
    }

    /// Has the next row read: whether its key is gone, and its values. None behind the last row.
    ///
    /// # Errors
    /// If the file cannot be read, or what `read` says.
    pub fn next<T>(
        &mut self,
        read: impl FnOnce(bool, &mut RowReader<'_>) -> Result<T, StoredError>,
    ) -> Result<Option<T>, StoredError> {
        while self.row == self.room.deleted.len() {
            if self.group == self.file.num_row_groups() {
                return Ok(None);
            }
            self.load()?;
        }
        let Room { buffers, deleted, joined } = &mut self.room;
        let mut row = RowReader::new(buffers, self.row, joined);
        let found = read(deleted[self.row], &mut row)?;
        for buffer in buffers {
            buffer.pass(self.row);
        }
        self.row += 1;
        Ok(Some(found))
    }

    /// Reads the next group.
    fn load(&mut self) -> Result<(), StoredError> {
        let group = self.file.get_row_group(self.group)?;
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or_default();
        let Room { buffers, deleted, .. } = &mut self.room;
        let mut n = 0;
        for buffer in buffers.iter_mut() {
            buffer.clear();
            if self.there.get(n) == Some(&buffer.column) {
                read_column(&*group, n, rows, buffer)?;
                n += 1;
            } else {
                buffer.present.resize(rows, 0);
            }
        }
        deleted.clear();
        if let ColumnReader::BoolColumnReader(reader) = group.get_column_reader(n)? {
            read_values(reader, rows, &mut Vec::new(), deleted)?;
        }
        (self.group, self.row) = (self.group + 1, 0);
        Ok(())
    }
}

fn read_column(
    group: &dyn RowGroupReader,
    n: usize,
    rows: usize,
    Buffer { present, values, .. }: &mut Buffer,
) -> Result<(), StoredError> {
    match (group.get_column_reader(n)?, values) {
        (ColumnReader::Int64ColumnReader(reader), Values::Ints(ints)) => {
            read_values(reader, rows, present, ints)
        }
        (ColumnReader::BoolColumnReader(reader), Values::Bools(bools)) => {
            read_values(reader, rows, present, bools)
        }
        (ColumnReader::ByteArrayColumnReader(reader), Values::Bytes(bytes, ends)) => {
            let mut values = Vec::new();
            read_values(reader, rows, present, &mut values)?;
            gather(values.iter().map(ByteArray::data), bytes, ends);
            Ok(())
        }
        (ColumnReader::FixedLenByteArrayColumnReader(reader), Values::Bytes(bytes, ends)) => {
            let mut values = Vec::new();
            read_values(reader, rows, present, &mut values)?;
            gather(values.iter().map(|value| value.data()), bytes, ends);
            Ok(())
        }
        // the schema has been compared
        _ => Err(ParquetError::General("a column of another type".to_owned()).into()),
    }
}

fn gather<'a>(values: impl Iterator<Item = &'a [u8]>, bytes: &mut Vec<u8>, ends: &mut Vec<usize>) {
    for value in values {
        bytes.extend_from_slice(value);
        ends.push(bytes.len());
    }
}

/// All rows of a column chunk. Columns without nulls have no levels in the file; they get them here.
fn read_values<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    rows: usize,
    present: &mut Vec<i16>,
    values: &mut Vec<T::T>,
) -> Result<(), StoredError> {
    let mut read = 0;
    while read < rows {
        let (records, ..) = reader.read_records(rows - read, Some(present), None, values)?;
        if records == 0 {
            return Err(ParquetError::EOF("a column has fewer values than rows".to_owned()).into());
        }
        read += records;
    }
    if present.is_empty() {
        present.resize(rows, 1);
    }
    Ok(())
}

fn text<'a>(entries: &'a [KeyValue], key: &'static str) -> Result<&'a str, StoredError> {
    let found = entries.iter().find(|entry| entry.key == key).and_then(|entry| entry.value.as_deref());
    found.ok_or(StoredError::Metadata(key))
}

fn number<N: std::str::FromStr>(entries: &[KeyValue], key: &'static str) -> Result<N, StoredError> {
    text(entries, key)?.parse().map_err(|_| StoredError::Metadata(key))
}

/// Names and types of the columns, for people.
fn fields(schema: &Type) -> String {
    let field = |field: &Arc<Type>| {
        let info = field.get_basic_info();
        let logical = info.logical_type_ref().map(|logical| format!(" {logical:?}")).unwrap_or_default();
        let physical =
            if field.is_primitive() { field.get_physical_type().to_string() } else { "GROUP".to_owned() };
        format!("{}: {physical}{logical}", field.name())
    };
    let fields: Vec<String> = schema.get_fields().iter().map(field).collect();
    fields.join(", ")
}
