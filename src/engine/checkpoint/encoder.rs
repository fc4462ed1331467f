//! From changes, sorted by key, to the bytes of a file.
//!
//! Rows are gathered by column and written in groups of bounded size, so a reader never holds more than one group. The
//! same changes give the same bytes.

use std::{io::Write, marker::PhantomData, mem};

use bytes::Bytes;
use parquet::{
    data_type::{BoolType, ByteArray, ByteArrayType, FixedLenByteArrayType, Int64Type},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        writer::{SerializedColumnWriter, SerializedFileWriter, SerializedRowGroupWriter},
    },
};

use super::{
    ascending::Ascending,
    collection::{Change, FORMAT, FileContext, Stored, StoredError},
    columns::{ColumnType, properties, schema},
    rows::RowWriter,
    seal::seal,
    values::{Buffer, Value, Values},
};

/// A group ends with as many rows as this, or when it is seen to hold as many bytes.
pub(super) const GROUP_ROWS: usize = 8 * 1024;
pub(super) const GROUP_BYTES: usize = 2 << 20;
/// Every how many rows the bytes are counted.
const COUNT_EVERY: usize = 16;

/// Keys of the file's metadata.
pub(super) const FORMAT_KEY: &str = "dirigent.format";
pub(super) const STATE_KEY: &str = "dirigent.state";
pub(super) const VERSION_KEY: &str = "dirigent.version";
pub(super) const STEP_KEY: &str = "dirigent.step";
pub(super) const SHARD_KEY: &str = "dirigent.shard";
pub(super) const EPOCH_KEY: &str = "dirigent.epoch";

/// Writes one file.
pub struct Encoder<R> {
    file: SerializedFileWriter<Vec<u8>>,
    buffers: Vec<Buffer>,
    deleted: Vec<bool>,
    keys: Ascending,
    of: PhantomData<fn(R)>,
}

impl<R: Stored> Encoder<R> {
    /// A file without rows.
    ///
    /// # Errors
    /// If the state's columns have no schema.
    pub fn new(context: &FileContext) -> Result<Self, StoredError> {
        Self::within(Vec::new(), context)
    }

    /// A file without rows, which is made in the memory of `room`.
    ///
    /// # Errors
    /// If the state's columns have no schema.
    pub fn within(mut room: Vec<u8>, context: &FileContext) -> Result<Self, StoredError> {
        room.clear();
        let entry = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
        let metadata = vec![
            entry(FORMAT_KEY, FORMAT.to_string()),
            entry(STATE_KEY, R::ID.to_owned()),
            entry(VERSION_KEY, R::VERSION.to_string()),
            entry(STEP_KEY, context.step.clone()),
            entry(SHARD_KEY, context.shard.to_string()),
            entry(EPOCH_KEY, context.epoch.to_string()),
        ];
        let properties = properties(R::COLUMNS, metadata)?;
        Ok(Self {
            file: SerializedFileWriter::new(room, schema(R::ID, R::COLUMNS)?, properties)?,
            buffers: R::COLUMNS.iter().copied().map(Buffer::new).collect(),
            deleted: Vec::new(),
            keys: Ascending::default(),
            of: PhantomData,
        })
    }

    /// Writes the row of its key.
    ///
    /// # Errors
    /// If its key is not above the last one, or its values do not fit the columns.
    pub fn put(&mut self, row: &R) -> Result<(), StoredError> {
        self.keys.next(row.key(), R::ID)?;
        let mut writer = RowWriter::new(&mut self.buffers);
        row.put(&mut writer);
        writer.finish()?;
        self.end_row(false)
    }

    /// Writes that a key is gone.
    ///
    /// # Errors
    /// If it is not above the last one.
    pub fn delete(&mut self, key: &[u8]) -> Result<(), StoredError> {
        self.keys.next(key, R::ID)?;
        for (n, buffer) in self.buffers.iter_mut().enumerate() {
            let value = match buffer.column.kind {
                _ if n > 0 => None,
                ColumnType::Text => {
                    let problem = "text that is not UTF-8";
                    let fault = |_| StoredError::Value { column: buffer.column.name, problem };
                    Some(Value::Text(std::str::from_utf8(key).map_err(fault)?))
                }
                _ => Some(Value::Bytes(key)),
            };
            buffer.push(value);
        }
        self.end_row(true)
    }

    /// Writes changes, sorted by key and above the last one.
    ///
    /// # Errors
    /// If the keys do not ascend strictly, or values do not fit the columns.
    pub fn put_all(&mut self, changes: &[Change<R>]) -> Result<(), StoredError> {
        changes.iter().try_for_each(|change| match change {
            Change::Put(row) => self.put(row),
            Change::Delete(key) => self.delete(key),
        })
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// If Parquet refuses.
    pub fn finish(mut self) -> Result<Vec<u8>, StoredError> {
        self.end_group()?;
        let mut file = self.file.into_inner()?;
        seal(&mut file)?;
        Ok(file)
    }

    fn end_row(&mut self, deleted: bool) -> Result<(), StoredError> {
        self.deleted.push(deleted);
        let rows = self.deleted.len();
        let size = || self.buffers.iter().map(Buffer::size).sum::<usize>();
        let full = rows == GROUP_ROWS || rows.is_multiple_of(COUNT_EVERY) && size() >= GROUP_BYTES;
        if full { self.end_group() } else { Ok(()) }
    }

    fn end_group(&mut self) -> Result<(), StoredError> {
        if self.deleted.is_empty() {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        write_columns(&mut group, &mut self.buffers)?;
        if let Some(mut writer) = group.next_column()? {
            writer.typed::<BoolType>().write_batch(&self.deleted, None, None)?;
            writer.close()?;
        }
        group.close()?;
        self.deleted.clear();
        Ok(())
    }
}

/// Writes the columns of a group, and leaves their buffers empty.
pub(super) fn write_columns<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    buffers: &mut [Buffer],
) -> Result<(), ParquetError> {
    for buffer in buffers {
        let Some(mut writer) = group.next_column()? else { break };
        write(&mut writer, buffer)?;
        writer.close()?;
        buffer.clear();
    }
    Ok(())
}

fn write(writer: &mut SerializedColumnWriter<'_>, buffer: &mut Buffer) -> Result<(), ParquetError> {
    let present = Some(buffer.present.as_slice());
    match &mut buffer.values {
        Values::Ints(ints) => writer.typed::<Int64Type>().write_batch(ints, present, None)?,
        Values::Bools(bools) => writer.typed::<BoolType>().write_batch(bools, present, None)?,
        Values::Bytes(bytes, ends) => {
            let shared = Bytes::from(mem::take(bytes));
            let starts = [0].into_iter().chain(ends.iter().copied());
            let values = starts.zip(&*ends).map(|(start, end)| ByteArray::from(shared.slice(start..*end)));
            let written = if buffer.column.kind == ColumnType::Hash16 {
                let values: Vec<_> = values.map(Into::into).collect();
                writer.typed::<FixedLenByteArrayType>().write_batch(&values, present, None)?
            } else {
                let values: Vec<_> = values.collect();
                writer.typed::<ByteArrayType>().write_batch(&values, present, None)?
            };
            // nobody else has it any more, so it is the same memory again
            *bytes = Vec::from(shared);
            written
        }
    };
    Ok(())
}

/// The bytes of a file with these changes, sorted by key.
///
/// # Errors
/// If the keys do not ascend strictly, or values do not fit the columns.
pub fn encode<R: Stored>(changes: &[Change<R>], context: &FileContext) -> Result<Vec<u8>, StoredError> {
    let mut encoder = Encoder::new(context)?;
    encoder.put_all(changes)?;
    encoder.finish()
}
