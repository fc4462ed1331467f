//! The live rows of a step's collection in the newest whole checkpoint, sorted by key, for other tools.
//!
//! As CSV and JSON lines, times are milliseconds since 1970, numbers with six decimals are written without trailing zeros,
//! bytes and hashes as hexadecimal digits; nothing at all is null. As Parquet, the columns have their stored types. The
//! file is put in place when it is whole. Limit: all files of the step are in memory.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use serde_json::{Map, Value};
use thiserror::Error;

use super::{StoredState, StoredStateError};
use crate::{
    engine::checkpoint::{
        FileContext, StoredError,
        export::ParquetExport,
        manifest::{CheckpointError, FileEntry, FileKind},
        merge,
        restored::Restored,
        table::State,
        untyped::{Cell, Row, UntypedFile, UntypedRows},
    },
    operators::stored::{COLLECTIONS, collection},
    topology::diagnostics::suggest,
};

/// The forms of an export, by the ending of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `.csv`: a header, then a line a row.
    Csv,
    /// `.jsonl`: an object a line.
    JsonLines,
    /// `.parquet`.
    Parquet,
}

impl Form {
    /// The form that a file's ending asks for.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "csv" => Some(Self::Csv),
            "jsonl" => Some(Self::JsonLines),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// Why a collection was not exported.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] StoredStateError),
    /// Nothing is stored yet.
    #[error("no checkpoint has been taken yet: a run takes one every `checkpoint:`, and at its end")]
    NoCheckpoint,
    /// No checkpoint can be read.
    #[error("no checkpoint can be read ({0}): `dirigent state verify` names everything that is damaged")]
    Damaged(String),
    /// No such step has a collection.
    #[error("no step `{step}` has stored rows; {hint}")]
    Step {
        /// What was asked for.
        step: String,
        /// The nearest name, or all.
        hint: String,
    },
    /// The state is of another version.
    #[error("the state `{state}` has version {version}, which this program does not read")]
    Version {
        /// The state.
        state: String,
        /// Its version.
        version: u32,
    },
    /// A file cannot be read.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        error: StoredError,
    },
    /// The rows cannot be read or written.
    #[error(transparent)]
    Rows(#[from] StoredError),
    /// The file cannot be written.
    #[error("cannot write {path}: {error}")]
    Write {
        /// The file.
        path: String,
        /// What the system said.
        error: io::Error,
    },
}

/// What was exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The epoch of the checkpoint.
    pub epoch: u64,
    /// Rows.
    pub rows: u64,
}

impl StoredState {
    /// Writes the live rows of a step.
    ///
    /// # Errors
    /// There is no such step, its files cannot be read, or the file cannot be written.
    pub fn export(&self, step: &str, form: Form, out: &Path) -> Result<Exported, ExportError> {
        let restored = self.newest()?;
        let manifest = &restored.manifest;
        let stores_rows = |id: &&str| COLLECTIONS.iter().any(|state| state.id == manifest.steps[*id].state);
        let known: Vec<&str> = manifest.steps.keys().map(String::as_str).filter(stores_rows).collect();
        if !known.contains(&step) {
            return Err(ExportError::Step { step: step.to_owned(), hint: suggest(step, &known) });
        }
        let kind = &manifest.steps[step];
        let state = collection(&kind.state, kind.version)
            .ok_or_else(|| ExportError::Version { state: kind.state.clone(), version: kind.version })?;
        let open = |file: &FileEntry| {
            let bytes = restored.read(file).map_err(StoredStateError::Checkpoint)?;
            let fault = |error| ExportError::File { path: file.path.clone(), error };
            UntypedFile::open(Bytes::from(bytes), state).map_err(fault)
        };
        let files = restored.files(step).filter(|file| file.kind != FileKind::Whole);
        let rows = merge(files.map(open).collect::<Result<_, _>>()?);
        let context = FileContext { step: step.to_owned(), shard: 0, epoch: manifest.epoch };
        let fault = |error| ExportError::Write { path: out.display().to_string(), error };
        let mut name = out.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let new = out.with_file_name(name);
        let file = BufWriter::new(File::create(&new).map_err(fault)?);
        let written = write(file, rows, state, form, &context);
        let written = written.and_then(|(mut file, rows)| {
            file.flush().and_then(|()| std::fs::rename(&new, out)).map_err(fault)?;
            Ok(rows)
        });
        if written.is_err() {
            // what was begun is nothing; why, is said already
            let _ = std::fs::remove_file(&new);
        }
        Ok(Exported { epoch: manifest.epoch, rows: written? })
    }

    /// The newest checkpoint that is whole.
    fn newest(&self) -> Result<Restored, ExportError> {
        let mut reasons = Vec::new();
        for checkpoint in &self.checkpoints {
            let opened = Restored::open(Arc::clone(&self.store), &checkpoint.record);
            match opened {
                Ok(restored) => return Ok(restored),
                Err(error) => {
                    let epoch = checkpoint.record.epoch;
                    tracing::warn!(epoch, %error, "a checkpoint cannot be read; an older one is tried");
                    reasons.push(CheckpointError::to_string(&error));
                }
            }
        }
        Err(if reasons.is_empty() {
            ExportError::NoCheckpoint
        } else {
            ExportError::Damaged(reasons.join("; "))
        })
    }
}

fn write<W: Write + Send>(
    mut out: W,
    rows: UntypedRows,
    state: State,
    form: Form,
    context: &FileContext,
) -> Result<(W, u64), ExportError> {
    let fault = |error| ExportError::Write { path: "the export".into(), error };
    let mut count = 0;
    if form == Form::Parquet {
        let mut file = ParquetExport::new(out, state, context)?;
        for row in rows {
            file.put(&row?)?;
            count += 1;
        }
        return Ok((file.finish()?, count));
    }
    if form == Form::Csv {
        let names: Vec<&str> = state.columns.iter().map(|column| column.name).collect();
        writeln!(out, "{}", names.join(",")).map_err(fault)?;
    }
    for row in rows {
        let row = row?;
        let line = if form == Form::Csv { csv(&row) } else { json(&row, state) };
        writeln!(out, "{line}").map_err(fault)?;
        count += 1;
    }
    Ok((out, count))
}

/// A line of CSV, as RFC 4180 has it, but for the line end.
fn csv(row: &Row) -> String {
    let field = |cell: &Option<Cell>| match cell {
        None => String::new(),
        Some(Cell::Text(text)) if text.is_empty() || text.contains([',', '"', '\n', '\r']) => {
            format!("\"{}\"", text.replace('"', "\"\""))
        }
        Some(cell) => match value(cell) {
            Value::String(text) => text,
            other => other.to_string(),
        },
    };
    row.iter().map(field).collect::<Vec<_>>().join(",")
}

fn json(row: &Row, state: State) -> String {
    let cells = state.columns.iter().zip(row);
    let entries =
        cells.map(|(column, cell)| (column.name.to_owned(), cell.as_ref().map_or(Value::Null, value)));
    Value::Object(entries.collect::<Map<_, _>>()).to_string()
}

fn value(cell: &Cell) -> Value {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match cell {
        Cell::Text(text) => text.as_str().into(),
        Cell::Bytes(bytes) => hex(bytes).into(),
        Cell::Int(int) | Cell::Instant(int) => (*int).into(),
        Cell::Unsigned(int) => (*int).into(),
        // exact as long as the number has no more than 15 digits: what is stored so is a rating or a probability
        Cell::Micro(number) => (*number as f64 / 1e6).into(),
        Cell::Bool(bool) => (*bool).into(),
        Cell::Hash16([low, high]) => format!("{high:016x}{low:016x}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_need_quotes_have_them() {
        let text = |text: &str| Some(Cell::Text(text.into()));
        let row = vec![
            text("a,b"),
            text("say \"x\"\n"),
            text(""),
            None,
            Some(Cell::Micro(4_500_000)),
            Some(Cell::Micro(5_000_000)),
            Some(Cell::Bytes(vec![0, 255])),
            Some(Cell::Bool(true)),
            Some(Cell::Hash16([1, 2])),
        ];
        assert_eq!(
            csv(&row),
            "\"a,b\",\"say \"\"x\"\"\n\",\"\",,4.5,5.0,00ff,true,00000000000000020000000000000001"
        );
    }

    #[test]
    fn the_ending_says_the_form() {
        assert_eq!(Form::of(Path::new("a/b.csv")), Some(Form::Csv));
        assert_eq!(Form::of(Path::new("b.x.parquet")), Some(Form::Parquet));
        assert_eq!(Form::of(Path::new("b.CSV.gz")), None);
        assert_eq!(Form::of(Path::new("csv")), None);
    }
}
