//! Writes closed epochs to a file, one JSON value a line, exactly once: what a crash left behind the recorded progress
//! is cut, and written again with the same bytes.
//!
//! An epoch's lines are appended and synced before the progress that names them. On opening, the file must be at least as
//! long as the progress says, and its last block must have the recorded hash; a file that is not ours is not touched.
//!
//! Limit: of a pipe or a device nothing can be cut or looked at again; a run that goes on writes what comes after the
//! progress, and what a crash left behind it may come twice.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    committed, names_a_folder,
    progress::{BLOCK, FileProgress, Recorded},
};
use crate::{
    connect::{
        place::Place,
        registry::{Fault, OpenError, SinkContext, SinkKind, Target},
    },
    engine::{
        disk::{DiskFile, folder_of},
        sink::{OpenSink, Output, Sink, SinkError},
    },
    records::render::Form,
};

/// Settings of a file sink.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSinkSettings {
    /// The file that is written, JSON lines. Its folder is made if it is not there. A run goes on at its end, so nothing else may write it; one that is there before the first run is refused.
    pub path: String,
}

/// The registry entry.
pub const SINK: SinkKind = SinkKind {
    name: "file",
    summary: "Writes JSON lines, ordered by epoch and key.",
    schema: || schema_for!(FileSinkSettings),
    check,
    form: Form::Line,
    target: |settings| {
        let path = path_of(settings);
        Target { setting: "path", words: format!("file {path}"), place: Place::file(Path::new(path)) }
    },
    together: false,
    log: |_| None,
    kept: None,
    committed: |settings, context| Ok(committed::open(Path::new(path_of(settings)), context)),
    open: |members, context| {
        let [(id, settings)] = members else { return Err(OpenError::count("file", members.len()).into()) };
        Ok(open(id, Path::new(path_of(settings)), context)?)
    },
};

/// A file of messages, one behind the other: what a sink of messages gives, for a replay. No topology can name it.
pub const MESSAGES: SinkKind = SinkKind { form: Form::Message, ..SINK };

fn path_of(settings: &Value) -> &str {
    settings.get("path").and_then(Value::as_str).unwrap_or_default()
}

/// What is wrong with the `path` of settings that name a file to write.
pub(in crate::connect) fn check(settings: &Value) -> Vec<Fault> {
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

/// Opens a file where its progress says that it was left.
///
/// # Errors
/// The file cannot be written, is not ours, or is not what the progress says.
pub fn open(id: &str, path: &Path, context: &SinkContext<'_>) -> Result<OpenSink, OpenError> {
    let target = path.display().to_string();
    let fault =
        |reason: String, hint: &str| OpenError { target: target.clone(), reason, hint: hint.to_owned() };
    let io = |error: io::Error| fault(error.to_string(), "can this user write there?");
    let disk = Arc::clone(context.disk);
    let (mut progress, recorded) = FileProgress::open(id, path, context).map_err(|error| {
        fault(
            error.to_string(),
            "the progress of a sink lies in the state folder: restore it, or begin anew with --from-scratch",
        )
    })?;
    let length = disk.length(path).map_err(io)?;
    let is_stream = disk.is_stream(path);
    // a file that was moved here goes on; the place alone says nothing
    let instead = progress.elsewhere.clone();
    let refuse = |reason: String, hint: &str| match &instead {
        Some(other) => fault(
            format!("this sink has written to {} so far, and {reason}", other.display()),
            "move that file here and change nothing else, or begin anew with --from-scratch",
        ),
        None => fault(reason, hint),
    };
    let ours = matches!(recorded, Recorded::Written { .. }) || instead.is_none();
    let kept = match &recorded {
        Recorded::Written { .. } if is_stream && instead.is_some() => {
            return Err(refuse("nothing of that is in a pipe or a device".into(), ""));
        }
        _ if is_stream => 0,
        Recorded::Opened if ours => 0,
        Recorded::Nothing | Recorded::Opened => {
            if length.is_some_and(|length| length > 0) && !context.from_scratch {
                return Err(fault(
                    "it exists, and was not written by this topology's state".into(),
                    "move it away, or replace it and the state with `dirigent run --from-scratch`",
                ));
            }
            0
        }
        Recorded::Written { length: expected, block, .. } => {
            let found = length.unwrap_or(0);
            if found < *expected {
                return Err(refuse(
                    format!("it has {found} bytes of the {expected} that were written"),
                    "something cut or removed it: restore it, or begin anew with --from-scratch",
                ));
            }
            let start = expected / BLOCK * BLOCK;
            let bytes = disk.read_range(path, start, *expected).map_err(io)?;
            if progress.resume(*expected, &bytes) != *block {
                return Err(refuse(
                    format!("it was changed between byte {start} and byte {expected}"),
                    "restore it, or begin anew with --from-scratch",
                ));
            }
            *expected
        }
    };
    let open_file = || {
        disk.make_folder(folder_of(path))?;
        if !is_stream && length.is_some_and(|length| length > kept) {
            disk.cut(path, kept)?;
        }
        let file = disk.append_to(path)?;
        if !is_stream {
            disk.sync_folder(folder_of(path))?;
        }
        Ok(file)
    };
    progress.opened(path).map_err(|error| fault(error.to_string(), "is the state folder writable?"))?;
    let file = open_file().map_err(io)?;
    let written = match recorded {
        Recorded::Written { progress, .. } => Some(progress),
        _ => None,
    };
    Ok(OpenSink {
        sink: Box::new(FileSink { file, path: path.to_owned(), progress }),
        written: vec![written],
    })
}

struct FileSink {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    progress: FileProgress,
}

impl Sink for FileSink {
    fn commit(&mut self, outputs: &[Output<'_>]) -> Result<(), SinkError> {
        let [Output { text, progress }] = *outputs else { return Ok(()) };
        let fault = |reason: String| SinkError::Write { target: self.path.display().to_string(), reason };
        if !text.is_empty() {
            self.file.append(text).map_err(|error| fault(error.to_string()))?;
            self.file.sync().map_err(|error| fault(error.to_string()))?;
        }
        self.progress.commit(text, progress).map_err(|error| fault(error.to_string()))
    }
}
