//! How far a shard has written: the last record of its partition of the progress topic.
//!
//! It is committed with the outputs that it speaks of, so it is never ahead of them or behind. Each record says everything; the
//! ones before it do not matter. The number of partitions of each output topic is in it, because the partition of a key
//! follows from it: with another number, a key would stand in two places.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    connection::ConnectionSettings,
    log_topic::{ReadError, WITHIN},
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

    /// The last record there is, once every transaction is over: whoever asks has fenced the writer.
    pub(super) fn read(
        &self,
        cluster: &Cluster,
        connection: &ConnectionSettings,
    ) -> Result<Option<ProgressRecord>, ReadError> {
        let mut last = None;
        self.reader(cluster, connection).read(self.last, |record| last = Some(self.parsed(record)))?;
        last.transpose()
    }

    /// The last record that is committed now, for whoever looks on.
    pub(super) fn look(
        &self,
        cluster: &Cluster,
        connection: &ConnectionSettings,
    ) -> Result<Option<ProgressRecord>, ReadError> {
        let mut last = None;
        self.reader(cluster, connection).look(self.last, |record| last = Some(self.parsed(record)))?;
        last.transpose()
    }

    fn reader<'a>(&'a self, cluster: &'a Cluster, connection: &'a ConnectionSettings) -> ReadEnd<'a> {
        let (group, topic, partition) = (&self.group, &self.topic, self.shard);
        ReadEnd { cluster, connection, group, topic, partition, within: WITHIN }
    }

    fn parsed(&self, record: Committed<'_>) -> Result<ProgressRecord, ReadError> {
        let Committed { offset, value, .. } = record;
        serde_json::from_slice(value.unwrap_or_default()).map_err(|error| ReadError::Foreign {
            topic: self.topic.clone(),
            offset,
            reason: error.to_string(),
        })
    }
}
