//! Files as a source: each file that the path names is a partition, in name order.
//!
//! Files that are followed may come, be renamed and removed while a run goes on (`followed`, `watch`); others stay as they
//! are. Standard input is spooled (`spool`). A pipe under a name of its own is read as it comes: a run that has read from
//! it cannot go on, and says so before it waits for who writes there.

use std::path::PathBuf;

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    appended,
    followed::{self, files_that_match},
    identity::{BEGINNING, identify, identity},
    lines::LineReader,
    names_a_folder,
    spool::{LiveSpool, copy_of_standard_input},
};
use crate::connect::{
    place::Place,
    registry::{Fault, Known, OpenError, OpenSource, OpenedSource, SourceContext, SourceKind},
};

/// Settings of a file source.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSourceSettings {
    /// A path or a glob such as `data/*.jsonl`; each file is a partition, in name order. `.gz` and `.zst` are unpacked; `-` is standard input, of which a copy is kept in the folder of state. A later run reads what was appended; a file that was replaced or removed is refused, unless it is followed.
    pub path: String,
    /// Go on reading when a file grows, and read files that come later, once they have a line; one that is renamed (rotated) or removed is read to its end first. Standard input is read as it comes. Not with `clock: event`, nor for archives.
    #[serde(default)]
    pub follow: bool,
}

/// The registry entry.
pub const SOURCE: SourceKind = SourceKind {
    name: "file",
    summary: "Reads JSON lines from files, plain or compressed, or from standard input.",
    schema: || schema_for!(FileSourceSettings),
    check,
    bounded: |settings| !settings.get("follow").and_then(Value::as_bool).unwrap_or(false),
    decides: Value::clone,
    keys: |_| true,
    append_fault,
    appended: |settings, disk| Ok(appended::open(path_of(settings), disk)),
    reads: |settings, place| {
        let path = path_of(settings);
        let reads = if path == "-" { *place == Place::StandardInput } else { place.matches(path) };
        reads.then_some("path")
    },
    open,
};

fn path_of(settings: &Value) -> &str {
    settings.get("path").and_then(Value::as_str).unwrap_or_default()
}

fn check(settings: &Value) -> Vec<Fault> {
    let path = path_of(settings);
    let refuse = |message: String, hint: String| vec![("/path".to_owned(), message, hint)];
    if path.is_empty() {
        refuse("the path is empty".into(), "give a file, or a glob such as data/*.jsonl".into())
    } else if let Err(error) = glob::Pattern::new(path) {
        refuse(
            format!("the path is no glob: {} (after {} characters)", error.msg, error.pos),
            "`*`, `?`, `[a-z]` and `**` are known in a path; `[*]`, `[?]` and `[[]` stand for the characters themselves"
                .into(),
        )
    } else if settings.get("follow").and_then(Value::as_bool) == Some(true)
        && (path.ends_with(".gz") || path.ends_with(".zst"))
    {
        vec![(
            "/follow".to_owned(),
            "an archive cannot be followed".to_owned(),
            "follow a plain file that something appends to".to_owned(),
        )]
    } else if names_a_folder(path) {
        let folder = path.trim_end_matches('/');
        refuse("the path is a folder".into(), format!("read the files in it: {folder}/*.jsonl"))
    } else {
        Vec::new()
    }
}

/// One plain file, under its own name.
fn append_fault(settings: &Value, read_on: bool) -> Option<Fault> {
    let path = path_of(settings);
    if read_on && settings.get("follow").and_then(Value::as_bool) != Some(true) {
        let message = "records are appended while it is read, and it is not followed".to_owned();
        return Some(("/path".to_owned(), message, "add `follow: true`".to_owned()));
    }
    let several = path == "-" || path.contains(['*', '?', '[']);
    several.then(|| {
        let message = format!("records are appended to one file, and `{path}` may be several, or none");
        ("/path".to_owned(), message, "give the name of a file, such as state/deliveries.jsonl".to_owned())
    })
}

fn fault(target: &str, reason: String, hint: &str) -> OpenError {
    OpenError { target: target.to_owned(), reason, hint: hint.to_owned() }
}

fn open(settings: &Value, context: &SourceContext<'_>) -> Result<OpenedSource, OpenError> {
    let settings: FileSourceSettings = serde_json::from_value(settings.clone())
        .map_err(|e| fault("the file source", e.to_string(), "check its settings"))?;
    match (settings.path.as_str(), settings.follow) {
        ("-", _) => open_standard_input(settings.follow, context),
        (pattern, true) => followed::open(pattern, context),
        (pattern, false) => open_files(pattern, context),
    }
}

fn open_standard_input(follow: bool, context: &SourceContext<'_>) -> Result<OpenedSource, OpenError> {
    let name = "-".to_owned();
    let known = context.known.first().map(|known| known.record.identity.clone());
    let open = || {
        Ok::<_, std::io::Error>(if follow {
            // nobody else's file lies there: nothing has to tell it from another
            let spool = LiveSpool::open(context)?;
            let lines = LineReader::follow(Box::new(spool), name.clone(), context.max_record_bytes);
            (lines, known.unwrap_or_else(|| identity(b"")))
        } else {
            let spool = copy_of_standard_input(context)?;
            let bytes = known.map_or(BEGINNING, |known| known.bytes);
            (LineReader::open(&spool, name.clone(), context.max_record_bytes)?, identify(&spool, bytes)?)
        })
    };
    let hint = "it is spooled into the state folder first: is that readable and writable?";
    let (partition, identity) = open().map_err(|error| fault("standard input", error.to_string(), hint))?;
    let opened = OpenSource { name, identity, start: 0, topic: None, partition: Box::new(partition) };
    Ok(OpenedSource { partitions: vec![opened], arrivals: None })
}

fn open_files(pattern: &str, context: &SourceContext<'_>) -> Result<OpenedSource, OpenError> {
    let mut paths = files_that_match(pattern)
        .map_err(|e| fault(pattern, e.to_string(), "`*`, `?`, `[a-z]` and `**` are known in a path"))?;
    let known_as =
        |name: &str| -> Option<&Known> { context.known.iter().find(|known| known.record.name == name) };
    // files keep the numbers that the log knows them by; those that have come since follow them
    paths.sort_by_key(|path| known_as(&path.to_string_lossy()).map_or(u32::MAX, |known| known.record.number));
    if paths.is_empty() {
        return Err(fault(
            pattern,
            "no such file".into(),
            "the path is relative to the folder the run was started in; a glob must match at least one file",
        ));
    }
    let open_one = |path: &PathBuf| {
        let name = path.to_string_lossy().into_owned();
        let known = known_as(&name);
        if !path.is_file() && known.is_some() {
            return Err(fault(
                &name,
                "it is a pipe or a device that an earlier run has read from, and cannot be read again".into(),
                "give its content as a file or on standard input (`-`), which is kept; or begin anew with --from-scratch",
            ));
        }
        let readable = |e: std::io::Error| fault(&name, e.to_string(), "can it be read by this user?");
        let bytes = known.map_or(BEGINNING, |known| known.record.identity.bytes);
        let partition = LineReader::open(path, name.clone(), context.max_record_bytes).map_err(readable)?;
        let identity = identify(path, bytes).map_err(readable)?;
        Ok(OpenSource { name: name.clone(), identity, start: 0, topic: None, partition: Box::new(partition) })
    };
    let partitions = paths.iter().map(open_one).collect::<Result<_, _>>()?;
    Ok(OpenedSource { partitions, arrivals: None })
}
