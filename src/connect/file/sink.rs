//! Writes closed epochs to a file, one JSON value a line. A run starts anew: what stood in the file is replaced.

use std::{fs::File, io::Write, path::Path};

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    connect::registry::{OpenError, SinkKind},
    engine::{
        Epoch,
        sink::{Sink, SinkError},
    },
};

/// Settings of a file sink.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSinkSettings {
    /// The file that is written, JSON lines. Its folder is made if it is not there.
    pub path: String,
}

/// The registry entry.
pub const SINK: SinkKind = SinkKind {
    name: "file",
    summary: "Writes JSON lines, ordered by epoch and key.",
    schema: || schema_for!(FileSinkSettings),
    check: |_| Vec::new(),
    target: |settings| format!("file {}", settings.get("path").and_then(Value::as_str).unwrap_or_default()),
    open: |settings| {
        let path = settings.get("path").and_then(Value::as_str).unwrap_or_default();
        open(Path::new(path))
    },
};

/// Opens a file for a run, replacing what stood in it.
///
/// # Errors
/// The folder cannot be made or the file cannot be written.
pub fn open(path: &Path) -> Result<Box<dyn Sink>, OpenError> {
    let target = path.display().to_string();
    let create = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        File::create(path)
    };
    match create() {
        Ok(file) => Ok(Box::new(FileSink { file, target })),
        Err(error) => {
            Err(OpenError { target, reason: error.to_string(), hint: "can this user write there?".into() })
        }
    }
}

struct FileSink {
    file: File,
    target: String,
}

impl FileSink {
    fn fault(&self, error: &std::io::Error) -> SinkError {
        SinkError { target: self.target.clone(), reason: error.to_string() }
    }
}

impl Sink for FileSink {
    fn write(&mut self, _epoch: Epoch, text: &[u8]) -> Result<(), SinkError> {
        self.file.write_all(text).map_err(|error| self.fault(&error))
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.file.flush().map_err(|error| self.fault(&error))
    }
}
