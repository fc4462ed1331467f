//! Files as a source: each file that the path names is a partition, in name order.
//!
//! Standard input has no position to come back to, so it is spooled to a file first.

use std::{fs::File, io, path::PathBuf};

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{lines::LineReader, names_a_folder};
use crate::connect::{
    place::Place,
    registry::{Fault, OpenError, OpenSource, SourceContext, SourceKind},
};

/// Settings of a file source.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSourceSettings {
    /// A path or a glob such as `data/*.jsonl`; each file is a partition, in name order. `.gz` and `.zst` are unpacked; `-` is standard input.
    pub path: String,
    /// Go on reading when the file grows. Not with `clock: event`.
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
    reads: |settings, place| {
        let path = path_of(settings);
        let reads = if path == "-" { *place == Place::StandardInput } else { place.matches(path) };
        reads.then_some("path")
    },
    open,
};

/// The folder for copies of standard input, in the state folder.
pub const SPOOL: &str = "spool";

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
    } else if names_a_folder(path) {
        let folder = path.trim_end_matches('/');
        refuse("the path is a folder".into(), format!("read the files in it: {folder}/*.jsonl"))
    } else {
        Vec::new()
    }
}

fn open(settings: &Value, context: &SourceContext<'_>) -> Result<Vec<OpenSource>, OpenError> {
    let fault = |path: &str, reason: String, hint: &str| OpenError {
        target: path.to_owned(),
        reason,
        hint: hint.to_owned(),
    };
    let settings: FileSourceSettings = serde_json::from_value(settings.clone())
        .map_err(|e| fault("the file source", e.to_string(), "check its settings"))?;
    if settings.path == "-" {
        let spool = spool_standard_input(context).map_err(|e| {
            fault(
                "standard input",
                e.to_string(),
                "it is spooled into the state folder first: is that writable?",
            )
        })?;
        let partition = LineReader::open(&spool, "-".into(), context.max_record_bytes).map_err(|e| {
            fault(
                "standard input",
                e.to_string(),
                "it is spooled into the state folder first: is that readable?",
            )
        })?;
        return Ok(vec![OpenSource { name: "-".into(), partition: Box::new(partition) }]);
    }
    let matches = glob::glob(&settings.path).map_err(|e| {
        fault(&settings.path, e.to_string(), "`*`, `?`, `[a-z]` and `**` are known in a path")
    })?;
    let mut paths: Vec<PathBuf> = matches.filter_map(Result::ok).filter(|path| !path.is_dir()).collect();
    paths.sort();
    if paths.is_empty() {
        return Err(fault(
            &settings.path,
            "no such file".into(),
            "the path is relative to the folder the run was started in; a glob must match at least one file",
        ));
    }
    let open_one = |path: &PathBuf| {
        let name = path.to_string_lossy().into_owned();
        let partition = LineReader::open(path, name.clone(), context.max_record_bytes)
            .map_err(|e| fault(&name, e.to_string(), "can it be read by this user?"))?;
        Ok(OpenSource { name, partition: Box::new(partition) })
    };
    paths.iter().map(open_one).collect()
}

fn spool_standard_input(context: &SourceContext<'_>) -> io::Result<PathBuf> {
    let folder = context.state.join(SPOOL);
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{}.jsonl", context.id));
    let mut file = File::create(&path)?;
    io::copy(&mut io::stdin().lock(), &mut file)?;
    file.sync_all()?;
    Ok(path)
}
