//! Live rows as a file of Parquet for other tools: the columns of the state, without what only checkpoints need.
//!
//! Types and names are those of the stored files; there is no column `deleted` and no checksum. The same rows give the
//! same bytes.

use std::io::Write;

use parquet::{
    file::{metadata::KeyValue, writer::SerializedFileWriter},
    schema::types::Type,
};

use super::{
    collection::{FileContext, StoredError},
    columns::{plain_schema, properties},
    encoder::{EPOCH_KEY, GROUP_BYTES, GROUP_ROWS, STATE_KEY, STEP_KEY, VERSION_KEY, write_columns},
    table::State,
    untyped::{Cell, Row},
    values::Buffer,
};

/// Writes rows to a file.
pub struct ParquetExport<W: Write + Send> {
    file: SerializedFileWriter<W>,
    buffers: Vec<Buffer>,
    rows: usize,
}

impl<W: Write + Send> ParquetExport<W> {
    /// Begins a file with the rows of a step.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn new(out: W, state: State, context: &FileContext) -> Result<Self, StoredError> {
        let entry = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
        let metadata = vec![
            entry(STATE_KEY, state.id.to_owned()),
            entry(VERSION_KEY, state.version.to_string()),
            entry(STEP_KEY, context.step.clone()),
            entry(EPOCH_KEY, context.epoch.to_string()),
        ];
        let schema: std::sync::Arc<Type> = plain_schema(state.id, state.columns)?;
        let file = SerializedFileWriter::new(out, schema, properties(state.columns, metadata)?)?;
        let buffers = state.columns.iter().copied().map(Buffer::new).collect();
        Ok(Self { file, buffers, rows: 0 })
    }

    /// Writes a row.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn put(&mut self, row: &Row) -> Result<(), StoredError> {
        for (buffer, cell) in self.buffers.iter_mut().zip(row) {
            buffer.push(cell.as_ref().map(Cell::value));
        }
        self.rows += 1;
        let full = self.buffers.iter().map(Buffer::size).sum::<usize>() >= GROUP_BYTES;
        if self.rows == GROUP_ROWS || full { self.end_group() } else { Ok(()) }
    }

    /// Ends the file, and gives back what it was written to.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(mut self) -> Result<W, StoredError> {
        self.end_group()?;
        Ok(self.file.into_inner()?)
    }

    fn end_group(&mut self) -> Result<(), StoredError> {
        if std::mem::take(&mut self.rows) == 0 {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        write_columns(&mut group, &mut self.buffers)?;
        group.close()?;
        Ok(())
    }
}
