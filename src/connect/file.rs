//! Files as sources and sinks.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::registry::{SinkKind, SourceKind};

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

/// Settings of a file sink.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSinkSettings {
    /// The file that is written, JSON lines.
    pub path: String,
}

/// The source's registry entry.
pub const SOURCE: SourceKind = SourceKind {
    name: "file",
    summary: "Reads JSON lines from files, plain or compressed, or from standard input.",
    schema: || schema_for!(FileSourceSettings),
    check: |_| Vec::new(),
    bounded: |settings| !settings.get("follow").and_then(Value::as_bool).unwrap_or(false),
};

/// The sink's registry entry.
pub const SINK: SinkKind = SinkKind {
    name: "file",
    summary: "Writes JSON lines, ordered by epoch and key.",
    schema: || schema_for!(FileSinkSettings),
    check: |_| Vec::new(),
    target: |settings| format!("file {}", settings.get("path").and_then(Value::as_str).unwrap_or_default()),
};
