//! The registry of connectors: what `validate`, `schema` and the assembly know about a source or a sink.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use schemars::Schema;
use serde_json::Value;
use thiserror::Error;

use super::{
    ends::{Appended, Committed},
    place::Place,
    standard_input::StandardInput,
};
use crate::{
    engine::{
        arrivals::Arrivals,
        disk::Disk,
        journal::JournalError,
        log::{
            LogStore,
            contents::LogContents,
            record::{Identity, PartitionRecord},
        },
        partition::{Address, Partition},
        sink::{OpenSink, Progress, SinkError},
    },
    records::render::Form,
    telemetry::Metrics,
};

/// A fault in settings that the schema cannot express: JSON pointer, what is wrong, what to do.
pub type Fault = (String, String, String);

/// A source or sink that could not be opened.
#[derive(Debug, Error)]
#[error("cannot open {target}: {reason}")]
pub struct OpenError {
    /// What was to be opened.
    pub target: String,
    /// What the system said.
    pub reason: String,
    /// What to do about it.
    pub hint: String,
}

impl OpenError {
    /// Sinks that are not written together were opened together.
    pub(super) fn count(kind: &str, found: usize) -> Self {
        Self {
            target: format!("{found} {kind} sinks at once"),
            reason: "each is written by itself".into(),
            hint: "this is a bug: please report it".into(),
        }
    }
}

/// Why sinks could not be opened.
#[derive(Debug, Error)]
pub enum OpenSinkError {
    /// They cannot be written to.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Somebody else has them by now.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// What a source may need of the run to open its partitions.
#[derive(Clone, Copy, Debug)]
pub struct SourceContext<'a> {
    /// The id of the source.
    pub id: &'a str,
    /// The local state folder, for journals of input without a position.
    pub state: &'a Path,
    /// The longest record in bytes; longer ones are cut there.
    pub max_record_bytes: usize,
    /// The partitions of this source that the log knows, by number.
    pub known: &'a [Known],
    /// Whether a later run may go on from this one.
    pub durable: bool,
    /// Whether what the log does not know is read: not where only the log is to be run again.
    pub reads_on: bool,
    /// The disk that the state folder lies on.
    pub disk: &'a Arc<dyn Disk>,
    /// Standard input.
    pub standard_input: &'a StandardInput,
    /// The metrics of the run.
    pub metrics: &'a Arc<Metrics>,
}

/// A partition that the log knows.
#[derive(Clone, Debug)]
pub struct Known {
    /// What the log says of it.
    pub record: PartitionRecord,
    /// Where it stands at the checkpoint that the run goes on from.
    pub covered: u64,
    /// Up to where the log covers it: what lies between has to be read again.
    pub bound: u64,
}

/// What a sink may need of the run to be opened.
#[derive(Clone, Copy, Debug)]
pub struct SinkContext<'a> {
    /// The local state folder, for its progress.
    pub state: &'a Path,
    /// The disk that both lie on.
    pub disk: &'a Arc<dyn Disk>,
    /// The name of the topology.
    pub name: &'a str,
    /// Which start of the run this is.
    pub generation: u64,
    /// Where the records of this start begin in the log, in terms of the place where that lies.
    pub log_at: u64,
    /// Set when the run is told to end.
    pub interrupt: &'a Arc<AtomicBool>,
    /// The metrics of the run.
    pub metrics: &'a Arc<Metrics>,
    /// What stands where it writes is to be replaced.
    pub from_scratch: bool,
}

/// What reading the committed records of a sink may need of the run.
#[derive(Clone, Copy, Debug)]
pub struct CommittedContext<'a> {
    /// The id of the sink.
    pub id: &'a str,
    /// The local state folder, for its progress.
    pub state: &'a Path,
    /// The disk that both lie on.
    pub disk: &'a Arc<dyn Disk>,
}

/// A partition of a source that has just been opened.
pub struct OpenSource {
    /// Its name, in dead letters.
    pub name: String,
    /// What tells its content from another's under the same name.
    pub identity: Identity,
    /// The offset of its first record, for a first start.
    pub start: u64,
    /// The topic and its partition, where it is one.
    pub topic: Option<Address>,
    /// Its records.
    pub partition: Box<dyn Partition>,
}

/// A source that has just been opened.
pub struct OpenedSource {
    /// Its partitions, by number: those that the log knows first.
    pub partitions: Vec<OpenSource>,
    /// What finds more of them while the run goes on.
    pub arrivals: Option<Box<dyn Arrivals>>,
}

/// Opens what a source reads from, to append to it, by the settings of the source.
pub type OpenAppended = fn(&Value, &Arc<dyn Disk>) -> Result<Box<dyn Appended>, OpenError>;

/// Opens what a sink has committed, by its settings.
pub type OpenCommitted = fn(&Value, &CommittedContext<'_>) -> Result<Box<dyn Committed>, OpenError>;

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
    /// What of its settings decides which records it gives: the rest may change without anybody noticing.
    pub decides: fn(&Value) -> Value,
    /// Whether the keys of its records are review ids with these settings; a source without keys may say so.
    pub keys: fn(&Value) -> bool,
    /// Whether what it reads can be appended to with these settings, and, where the second says so, a run that is going on reads what
    /// comes: what is wrong with them, if not.
    pub append_fault: fn(&Value, bool) -> Option<Fault>,
    /// What appends there. Nothing is asked of anybody yet.
    pub appended: OpenAppended,
    /// The setting by which it reads a place, if it does: no sink of its topology may write there.
    pub reads: fn(&Value, &Place) -> Option<&'static str>,
    /// Opens its partitions, in their order.
    pub open: fn(&Value, &SourceContext<'_>) -> Result<OpenedSource, OpenError>,
}

/// Where a sink writes.
#[derive(Clone, Debug)]
pub struct Target {
    /// The setting that says so.
    pub setting: &'static str,
    /// In words, the setting as it is written: `file out/x.jsonl`.
    pub words: String,
    /// The place.
    pub place: Place,
}

/// What the place of a log may need of the run to be opened.
#[derive(Debug)]
pub struct LogContext<'a> {
    /// The settings of the sink that has the place.
    pub settings: &'a Value,
    /// The name of the topology.
    pub name: &'a str,
    /// The local state folder.
    pub state: &'a Path,
    /// The disk that it lies on.
    pub disk: &'a Arc<dyn Disk>,
    /// How often a run logs an epoch though nothing comes.
    pub idle_epoch: Duration,
    /// How long another run may have logged nothing before it counts as ended.
    pub takeover_after: Duration,
    /// Another run is ended at once.
    pub takeover: bool,
    /// Set when the run is told to end.
    pub interrupt: &'a Arc<AtomicBool>,
    /// The metrics of the run.
    pub metrics: &'a Arc<Metrics>,
}

/// The start of the run that wrote last, and how far it has written of each sink, by id.
pub type WrittenElsewhere = (u64, BTreeMap<String, Progress>);

/// The place that a kind of sink has for the log of a run, and for how far its sinks have written.
#[derive(Debug)]
pub struct LogPlace {
    /// Opens it for a run.
    pub open: fn(&LogContext<'_>) -> Result<Box<dyn LogStore>, OpenError>,
    /// What the log of a topology says, by the settings of such a sink and the topology's name: for whoever looks on. A run
    /// may be going on.
    pub read: fn(&Value, &str) -> Result<LogContents, OpenError>,
    /// How far the sinks have written, by id, with the start that wrote last.
    pub written: fn(&Value, &str) -> Result<WrittenElsewhere, OpenError>,
}

/// Reads how far sinks have written; nothing, where that lies elsewhere.
pub type KeptProgress = fn(&dyn Disk, &Path) -> Result<Option<WrittenElsewhere>, JournalError>;

/// Opens sinks that are written in one act, by id and settings.
pub type OpenSinks = fn(&[(&str, &Value)], &SinkContext<'_>) -> Result<OpenSink, OpenSinkError>;

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
    /// What it takes for one output record.
    pub form: Form,
    /// What it writes to: nothing else of its topology may write or read there.
    pub target: fn(&Value) -> Target,
    /// Whether all sinks of the kind are written in one act; else each by itself.
    pub together: bool,
    /// The place that it has for the log of a run with these settings, if that is not to lie in the state folder.
    pub log: fn(&Value) -> Option<&'static LogPlace>,
    /// What the state folder says of how far the sinks of the kind have written, where one record says it of all of them.
    pub kept: Option<KeptProgress>,
    /// What reads what is committed there; a run may be writing. Nothing is asked of anybody yet.
    pub committed: OpenCommitted,
    /// Opens them for a run, where their progress says that they were left.
    pub open: OpenSinks,
}

/// All kinds of sources.
pub const SOURCES: &[&SourceKind] = &[&super::file::SOURCE, &super::kafka::source::SOURCE];

/// All kinds of sinks.
pub const SINKS: &[&SinkKind] = &[&super::file::SINK, &super::kafka::sink::SINK];
