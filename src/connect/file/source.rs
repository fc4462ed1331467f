//! Files as a source: each file that the path names is a partition, in name order.
//!
//! Standard input has no position to come back to, so it is spooled to a file first. A pipe under a name of its own is read
//! as it comes: a run that has read from it cannot go on, and says so before it waits for who writes there.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{lines::LineReader, names_a_folder};
use crate::{
    connect::{
        place::Place,
        registry::{Fault, OpenError, OpenSource, SourceContext, SourceKind},
    },
    engine::log::record::{Identity, PartitionRecord},
};

/// Settings of a file source.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSourceSettings {
    /// A path or a glob such as `data/*.jsonl`; each file is a partition, in name order. `.gz` and `.zst` are unpacked; `-` is standard input, of which a copy is kept in the folder of state. A later run reads what was appended; a file that was replaced or removed is refused.
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
    } else if settings.get("follow").and_then(Value::as_bool) == Some(true)
        && (path == "-" || path.ends_with(".gz") || path.ends_with(".zst"))
    {
        let what = if path == "-" { "standard input" } else { "an archive" };
        vec![(
            "/follow".to_owned(),
            format!("{what} cannot be followed"),
            "follow a plain file that something appends to".to_owned(),
        )]
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
        let open = || {
            let spool = spool_standard_input(context)?;
            let partition = LineReader::open(&spool, "-".into(), context.max_record_bytes, false)?;
            Ok::<_, io::Error>((partition, identify(&spool, "-", context.known)?))
        };
        let hint = "it is spooled into the state folder first: is that readable and writable?";
        let (partition, identity) =
            open().map_err(|error| fault("standard input", error.to_string(), hint))?;
        return Ok(vec![OpenSource { name: "-".into(), identity, partition: Box::new(partition) }]);
    }
    let matches = glob::glob(&settings.path).map_err(|e| {
        fault(&settings.path, e.to_string(), "`*`, `?`, `[a-z]` and `**` are known in a path")
    })?;
    let mut paths: Vec<PathBuf> = matches.filter_map(Result::ok).filter(|path| !path.is_dir()).collect();
    paths.sort();
    // files keep the numbers that the log knows them by; those that have come since follow them
    let number = |path: &PathBuf| {
        let known = context.known.iter().find(|known| *known.name == *path.to_string_lossy());
        known.map_or(u32::MAX, |known| known.number)
    };
    paths.sort_by_key(number);
    if paths.is_empty() {
        return Err(fault(
            &settings.path,
            "no such file".into(),
            "the path is relative to the folder the run was started in; a glob must match at least one file",
        ));
    }
    let open_one = |path: &PathBuf| {
        let name = path.to_string_lossy().into_owned();
        if !path.is_file() && context.known.iter().any(|known| known.name == name) {
            return Err(fault(
                &name,
                "it is a pipe or a device that an earlier run has read from, and cannot be read again".into(),
                "give its content as a file or on standard input (`-`), which is kept; or begin anew with --from-scratch",
            ));
        }
        let partition = LineReader::open(path, name.clone(), context.max_record_bytes, settings.follow)
            .map_err(|e| fault(&name, e.to_string(), "can it be read by this user?"))?;
        let identity = identify(path, &name, context.known)
            .map_err(|e| fault(&name, e.to_string(), "can it be read by this user?"))?;
        Ok(OpenSource { name, identity, partition: Box::new(partition) })
    };
    paths.iter().map(open_one).collect()
}

/// How much of a file's beginning tells it from another one, in bytes.
const BEGINNING: u64 = 4_096;

/// What identifies a file's content: a hash of its beginning, over as many bytes as were hashed when it was first read.
/// Of a pipe nothing may be taken: what is read here is missing there.
fn identify(path: &Path, name: &str, known: &[PartitionRecord]) -> io::Result<Identity> {
    let known = known.iter().find(|partition| partition.name == name);
    let bytes = known.map_or(BEGINNING, |partition| partition.identity.bytes);
    let mut beginning = Vec::new();
    if path.is_file() {
        File::open(path)?.take(bytes).read_to_end(&mut beginning)?;
    }
    let hash = blake3::hash(&beginning).to_hex().to_string();
    Ok(Identity { bytes: beginning.len() as u64, hash })
}

/// The copy of standard input. A run that goes on reads the one that was made when it began; what leaves nothing behind
/// makes a copy of its own, each time.
fn spool_standard_input(context: &SourceContext<'_>) -> io::Result<PathBuf> {
    let folder = context.state.join(SPOOL);
    std::fs::create_dir_all(&folder)?;
    let ending = if context.durable { "jsonl" } else { "once.jsonl" };
    let path = folder.join(format!("{}.{ending}", context.id));
    if context.durable && path.exists() {
        tracing::info!(source = context.id, "standard input is not read: the run goes on with its copy");
        return Ok(path);
    }
    let part = path.with_extension("part");
    let mut file = File::create(&part)?;
    io::copy(&mut io::stdin().lock(), &mut file)?;
    file.sync_all()?;
    std::fs::rename(&part, &path)?;
    File::open(&folder)?.sync_all()?;
    Ok(path)
}
