//! The registry of connectors: what `validate`, `schema` and the assembly know about a source or a sink.

use schemars::Schema;
use serde_json::Value;

/// A fault in settings that the schema cannot express: JSON pointer, what is wrong, what to do.
pub type Fault = (String, String, String);

/// A kind of source.
#[derive(Debug)]
pub struct SourceKind {
    /// `type:` in a topology.
    pub name: &'static str,
    /// One sentence for the reference.
    pub summary: &'static str,
    /// JSON Schema of its settings, `record` and `fields` left out (every source has them).
    pub schema: fn() -> Schema,
    /// What the schema cannot say.
    pub check: fn(&Value) -> Vec<Fault>,
    /// Whether its input ends by itself with these settings.
    pub bounded: fn(&Value) -> bool,
}

/// A kind of sink.
#[derive(Debug)]
pub struct SinkKind {
    /// `type:` in a topology.
    pub name: &'static str,
    /// One sentence for the reference.
    pub summary: &'static str,
    /// JSON Schema of its settings, without `type` and `inputs`.
    pub schema: fn() -> Schema,
    /// What the schema cannot say.
    pub check: fn(&Value) -> Vec<Fault>,
    /// What it writes to: two sinks of one topology may not write to the same place.
    pub target: fn(&Value) -> String,
}

/// All kinds of sources.
pub const SOURCES: &[&SourceKind] = &[&super::file::SOURCE];

/// All kinds of sinks.
pub const SINKS: &[&SinkKind] = &[&super::file::SINK];
