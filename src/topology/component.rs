//! What every source, transform and sink has beside the settings of its kind.
//!
//! These structs, like those of the kinds, give the parser, the schema and the reference.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{connect::escalation::TargetSettings, operators::registry::Record};

/// What every source has.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SourceCommon {
    /// What the source hands out.
    #[serde(default = "review")]
    pub(super) record: Record,
    /// Our name of a field: its name in the records of this source.
    #[serde(default)]
    pub(super) fields: BTreeMap<String, String>,
}

fn review() -> Record {
    Record::Review
}

/// What every transform and sink has.
#[derive(Debug, JsonSchema)]
#[expect(dead_code, reason = "read through its schema only: the resolver needs the place of each input")]
pub(super) struct ReaderCommon {
    /// What it reads: ids of sources or transforms, or `id.output` for a named output.
    #[schemars(length(min = 1))]
    inputs: Vec<String>,
}

/// The keys that are not settings of a source's kind.
pub(super) const SOURCE_KEYS: &[&str] = &["type", "record", "fields"];

/// The keys that are not settings of a transform's or sink's kind.
pub(super) const READER_KEYS: &[&str] = &["type", "inputs"];

/// The keys that are not settings of a target's receiver.
pub(super) fn target_keys() -> Vec<&'static str> {
    TargetSettings::KEYS.iter().copied().chain(["type"]).collect()
}
