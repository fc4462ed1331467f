//! The settings of the whole topology: what stands at its top level beside `sources`, `transforms` and `sinks`.
//!
//! The struct is the only source of truth: its doc comments are the reference, its schemars attributes the schema
//! that `validate` and editors use, its defaults the defaults. Some of it is refused by this version; `check` says why.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{
    connect::object_store::{Location, StoreError},
    engine::{
        checkpoint::store::{CheckpointStore, LocalStore},
        disk::Disk,
        duration::Millis,
    },
};

/// What drives the epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// Epochs follow the wall clock: live input.
    Wall,
    /// Epochs follow the data: bounded input only, and the same output from the same input.
    Event,
}

/// The settings of a whole topology.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The name of the topology: the identity of its state.
    #[schemars(length(min = 1, max = 100), regex(pattern = r"^[a-z0-9][a-z0-9_.-]*$"), extend("x-expected" = "lower-case letters, digits, `-`, `_` and `.`, a letter or digit first"))]
    pub name: String,
    /// What drives the epochs: `event` (the data; bounded input) or `wall` (time; live input).
    pub clock: Clock,
    /// The length of an epoch, of data time with `clock: event`: the longer, the fewer versions are published.
    #[serde(default = "epoch")]
    pub epoch: Millis,
    /// How many records of one partition may share an epoch.
    #[serde(default = "epoch_records")]
    #[schemars(range(min = 1))]
    pub epoch_records: u64,
    /// How many epochs may be open at once before reading waits.
    #[serde(default = "epochs_in_flight")]
    #[schemars(range(min = 1))]
    pub epochs_in_flight: u64,
    /// A record whose time lies further ahead than this does not move the epochs by itself: one wrong date is no leap of years.
    #[serde(default = "max_ts_jump")]
    pub max_ts_jump: Millis,
    /// With `clock: wall`, an empty epoch is cut this often, so that waiting ends.
    #[serde(default = "idle_epoch")]
    pub idle_epoch: Millis,
    /// Where the log lies on a cluster: how long another run of the same name may have logged nothing before this one takes its place.
    #[serde(default = "takeover_after")]
    pub takeover_after: Millis,
    /// How often a checkpoint is taken, in wall time: what came after it is computed again after a crash. Changes no output.
    #[serde(default = "checkpoint")]
    pub checkpoint: Millis,
    /// The folder of the epoch log, checkpoints, models, progress and refused records, from the working folder: `file:PATH` or a path on a local disk; without it, `file:./state/NAME`. One run at a time has it, and the next one goes on from it. With `s3://BUCKET/FOLDER`, `gs://BUCKET/FOLDER` or `az://CONTAINER/FOLDER` checkpoints and models lie there, the rest in `./state/NAME`; refused records need a sink then. Endpoint and credentials come from the environment (`AWS_...`, `GOOGLE_...`, `AZURE_...`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The languages among which a missing one is detected.
    #[serde(default = "languages")]
    #[schemars(schema_with = "languages_schema")]
    pub languages: Vec<String>,
    /// Worker threads; without it, one for each core. Changes no output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub workers: Option<u64>,
    /// A longer record, in bytes, is refused as `too_large`.
    #[serde(default = "max_record_bytes")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub max_record_bytes: u64,
    /// A run stops when more than this share of its first 10,000 records is refused: it reads something else.
    #[serde(default = "max_error_ratio")]
    #[schemars(range(min = 0, max = 1))]
    pub max_error_ratio: f64,
    /// A run that has input but makes no progress for this long reports it and ends.
    #[serde(default = "stall_timeout")]
    pub stall_timeout: Millis,
    /// The address of `/metrics`, `/livez`, `/startupz` and `/readyz`, such as `127.0.0.1:9464`; without it, they are not served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
}

fn epoch() -> Millis {
    Millis(100)
}

fn epoch_records() -> u64 {
    1_000
}

fn epochs_in_flight() -> u64 {
    4
}

fn max_ts_jump() -> Millis {
    Millis(400 * 86_400_000)
}

fn idle_epoch() -> Millis {
    Millis(1_000)
}

fn takeover_after() -> Millis {
    Millis(10_000)
}

fn checkpoint() -> Millis {
    Millis(10_000)
}

fn languages() -> Vec<String> {
    vec!["en".into(), "de".into()]
}

fn languages_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": {"type": "string", "pattern": "^[a-z]{2,8}$", "x-expected": "a lower-case language code such as en"},
        "minItems": 1,
    })
}

fn max_record_bytes() -> u64 {
    1_000_000
}

fn max_error_ratio() -> f64 {
    0.5
}

fn stall_timeout() -> Millis {
    Millis(60_000)
}

/// Within the folder of state: the refused records that no sink of the topology reads.
pub const DEAD_LETTERS: &str = "dead-letters.jsonl";
/// Within the folder of state: the report that a picture was drawn from, when nobody asked to keep it.
pub const REPORT: &str = "report.json";

impl Options {
    /// The local folder of state.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        match &self.state {
            Some(state) if Location::parse(state).is_none() => {
                let path = state.strip_prefix("file:").unwrap_or(state);
                PathBuf::from(path.strip_prefix("//").unwrap_or(path))
            }
            _ => Path::new("./state").join(&self.name),
        }
    }

    /// Where checkpoints and models lie, if not in the local folder of state.
    #[must_use]
    pub fn location(&self) -> Option<Location> {
        Location::parse(self.state.as_ref()?)?.ok()
    }

    /// The store of checkpoints and models; `disk` is what a local one lies on.
    ///
    /// # Errors
    /// A remote one cannot be reached as the environment says.
    pub fn checkpoint_store(&self, disk: &Arc<dyn Disk>) -> Result<Arc<dyn CheckpointStore>, StoreError> {
        match self.location() {
            Some(location) => location.open(),
            None => Ok(LocalStore::shared(disk, &self.state_dir())),
        }
    }
}

/// What the schema cannot say: key, what is wrong, what to do.
pub(super) fn check(options: &Options) -> Vec<(&'static str, String, String)> {
    let mut faults = Vec::new();
    for (key, duration) in [
        ("epoch", options.epoch),
        ("max_ts_jump", options.max_ts_jump),
        ("idle_epoch", options.idle_epoch),
        ("checkpoint", options.checkpoint),
        ("takeover_after", options.takeover_after),
        ("stall_timeout", options.stall_timeout),
    ] {
        if duration.0 == 0 {
            faults.push((
                key,
                format!("`{key}` is zero"),
                "give it a length, such as 100ms or 1h".to_owned(),
            ));
        }
    }
    if let Some(location) = options.state.as_deref().and_then(Location::parse) {
        match location {
            Err(problem) => faults.push((
                "state",
                format!("`state` is no URL of a bucket and a folder: {problem}"),
                "write s3://BUCKET/FOLDER, gs://BUCKET/FOLDER or az://CONTAINER/FOLDER; endpoint and credentials come from the environment".to_owned(),
            )),
            Ok(Location { kind, .. }) if !kind.is_built => faults.push((
                "state",
                format!("`state` lies under `{}:`, and this program was built without it", kind.scheme),
                format!(
                    "build it with `cargo build --release --features {}`, or write file:PATH for the local disk",
                    kind.feature
                ),
            )),
            Ok(_) => {}
        }
    } else if let Some(state) = &options.state {
        let scheme = state.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| !scheme.contains('/'));
        match scheme {
            Some("file") | None if options.state_dir().as_os_str().is_empty() => {
                faults.push(("state", "`state` names no folder".into(), "write file:./state/NAME".into()));
            }
            Some("file") | None => {}
            Some(scheme) => faults.push((
                "state",
                format!("`state` cannot lie under `{scheme}:`"),
                "write file:PATH or a path for the local disk; checkpoints and models may lie under s3:, gs: or az:".to_owned(),
            )),
        }
    }
    if let Some(listen) = &options.listen
        && listen.parse::<SocketAddr>().is_err()
    {
        faults.push((
            "listen",
            "`listen` is not an address".to_owned(),
            "write an IP address and a port, such as 127.0.0.1:9464 or 0.0.0.0:9464".to_owned(),
        ));
    }
    faults
}
