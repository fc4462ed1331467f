//! How far a shard has written: the last record of its partition of the progress topic.
//!
//! It is committed with the outputs that it speaks of, so it is never ahead of them or behind. Each record says everything; the
//! ones before it do not matter. The number of partitions of each output topic is in it, because the partition of a key
//! follows from it: with another number, a key would stand in two places.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    connection::ConnectionSettings,
    log::{ReadError, WITHIN},
    read_end::{Committed, ReadEnd},
    topics::Cluster,
    wanted::PROGRESS,
};
use crate::engine::sink::{Progress, chain::Chain};

/// How far one sink has written. Its JSON is the stored form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    pub(super) epoch: u64,
    pub(super) chain: Chain,
}

impl From<Progress> for Written {
    fn from(progress: Progress) -> Self {
        Self { epoch: progress.epoch, chain: progress.chain }
    }
}

impl From<Written> for Progress {
    fn from(written: Written) -> Self {
        Self { epoch: written.epoch, chain: written.chain }
    }
}

/// Why a record was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// A run has opened the shard.
    Open,
    /// Epochs were written.
    Progress,
}

/// A record of the progress topic. Its JSON is the stored form: fields are only ever added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProgressRecord {
    pub(super) kind: Kind,
    /// The start of the run that wrote it.
    pub(super) generation: u64,
    /// By id of the sink; of those that have written anything.
    pub(super) sinks: BTreeMap<String, Written>,
    /// Partitions of each output topic.
    pub(super) partitions: BTreeMap<String, u32>,
}

/// The partition of a shard.
pub(super) struct ProgressTopic {
    pub(super) topic: String,
    pub(super) shard: u32,
    pub(super) group: String,
    /// Where the last record that is known stands.
    pub(super) last: u64,
}

impl ProgressTopic {
    pub(super) fn new(name: &str, shard: u32) -> Self {
        Self { topic: format!("{name}{PROGRESS}"), shard, group: format!("dirigent.{name}"), last: 0 }
    }

    /// The last record there is.
    pub(super) fn read(
        &self,
        cluster: &Cluster,
        connection: &ConnectionSettings,
    ) -> Result<Option<ProgressRecord>, ReadError> {
        let reader = ReadEnd {
            cluster,
            connection,
            group: &self.group,
            topic: &self.topic,
            partition: self.shard,
            within: WITHIN,
        };
        let mut last: Option<Result<ProgressRecord, (u64, String)>> = None;
        reader.read(self.last, |Committed { offset, value, .. }| {
            let parsed = serde_json::from_slice(value.unwrap_or_default())
                .map_err(|error| (offset, error.to_string()));
            last = Some(parsed);
        })?;
        match last {
            None => Ok(None),
            Some(Ok(record)) => Ok(Some(record)),
            Some(Err((offset, reason))) => {
                Err(ReadError::Foreign { topic: self.topic.clone(), offset, reason })
            }
        }
    }
}
