//! The records of the epoch log. Their JSON is the stored form: fields are only ever added.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::{Epoch, partition::Address};

/// A record with its number in the log and the start that wrote it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogRecord {
    /// 1, 2, 3 and so on, without a gap but for what was truncated.
    pub seq: u64,
    /// Which start of the run wrote it; never goes back.
    pub generation: u64,
    /// What it says.
    #[serde(flatten)]
    pub body: Body,
}

/// What a record of the log says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// A start takes the log, where that is not done by a lock: nothing of an older one comes after it.
    Claim {
        /// What tells it from others, whoever stores it first.
        nonce: String,
    },
    /// A run has started.
    Generation(Start),
    /// A partition is read from here on; it is logged before any of its records is. Another one of the same number says
    /// more of it: the last one counts.
    Partition(PartitionRecord),
    /// An epoch.
    Epoch(EpochRecord),
    /// A checkpoint counts from here on.
    Checkpoint(CheckpointRecord),
    /// Everything up to this epoch was truncated.
    Truncated {
        /// The last epoch that is gone.
        through: Epoch,
        /// What stood there and is still needed, where the log cannot be rewritten: it stands for what was before it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        kept: Vec<LogRecord>,
    },
}

/// A start of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The name of the topology: whose log this is.
    pub name: String,
    /// Hash of everything in the topology that affects output.
    pub configuration: String,
    /// Version of what the binary makes of it.
    pub semantics_version: u32,
    /// The resolved topology, without secrets.
    pub topology: Value,
    /// What tells this start from another one of the same number, where two may run at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// Nothing before it counts, where the log cannot be removed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub anew: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A partition, and what tells it from another one under the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionRecord {
    /// The id of its source.
    pub source: String,
    /// Its number within the source.
    pub number: u32,
    /// Its name: a path, or topic and partition.
    pub name: String,
    /// What identifies its content.
    pub identity: Identity,
    /// The offset of the first record that is read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub start: u64,
    /// The topic and its partition, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Address>,
    /// The offset where it ends, once nothing of what may follow there is read any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
}

impl PartitionRecord {
    /// What bindings and positions call it.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.source, self.number)
    }

    /// What dead letters and headers call it.
    #[must_use]
    pub fn address(&self) -> Address {
        self.topic.clone().unwrap_or_else(|| Address::file(&self.name))
    }
}

/// What tells a file from another one, a hash of its beginning; or a topic, the id that the broker gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// How many bytes are hashed: 4,096, or all of a shorter file; 0 for a topic.
    pub bytes: u64,
    /// BLAKE3 of them; the id of a topic.
    pub hash: String,
}

/// What besides records acts in an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// All input has ended: what is published at the end is published here.
    End,
}

/// One epoch: for each partition that has records in it, the offset where they end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The epoch.
    pub epoch: Epoch,
    /// `source/partition` -> end offset.
    pub bindings: BTreeMap<String, u64>,
    /// What else acts in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<Command>,
}

/// A checkpoint, valid by this record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointRecord {
    /// The last epoch that it holds.
    pub epoch: Epoch,
    /// Its folder below the state.
    pub path: String,
    /// BLAKE3 of its manifest.
    pub manifest: String,
}
