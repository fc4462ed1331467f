//! Writes closed epochs to a file, one JSON value a line. A run starts anew: what stood in the file is replaced.

use std::{fs::File, io::Write, path::Path};

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::names_a_folder;
use crate::{
    connect::{
        place::Place,
        registry::{Fault, OpenError, SinkKind, Target},
    },
    engine::{
        Epoch,
        sink::{Sink, SinkError},
    },
};

/// Settings of a file sink.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSinkSettings {
    /// The file that is written, JSON lines. Its folder is made if it is not there. A run replaces it, so nothing else may write or read it.
    pub path: String,
}

/// The registry entry.
pub const SINK: SinkKind = SinkKind {
    name: "file",
    summary: "Writes JSON lines, ordered by epoch and key.",
    schema: || schema_for!(FileSinkSettings),
    check,
    target: |settings| {
        let path = path_of(settings);
        Target { setting: "path", words: format!("file {path}"), place: Place::file(Path::new(path)) }
    },
    open: |settings| open(Path::new(path_of(settings))),
};

fn path_of(settings: &Value) -> &str {
    settings.get("path").and_then(Value::as_str).unwrap_or_default()
}

fn check(settings: &Value) -> Vec<Fault> {
    let written = path_of(settings);
    let path = Path::new(written);
    let refuse = |message: &str, hint: &str| vec![("/path".to_owned(), message.to_owned(), hint.to_owned())];
    let packed = path.extension().filter(|ending| ["gz", "zst"].iter().any(|packed| ending == packed));
    if written.is_empty() {
        refuse("the path is empty", "give the file that is to be written, such as out/scored.jsonl")
    } else if written == "-" {
        refuse(
            "a sink does not write to `-`",
            "write to /dev/stdout for standard output, to ./- for a file of that name",
        )
    } else if names_a_folder(written) {
        refuse("the path is a folder", "give a file in it, such as scored.jsonl")
    } else if let Some(ending) = packed {
        refuse(
            &format!("a sink writes plain lines, not .{}", ending.display()),
            "leave that ending out, and pack the file after the run",
        )
    } else {
        Vec::new()
    }
}

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
