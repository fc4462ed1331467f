//! All Kafka sinks of a topology as they are opened: what is the same however they are written.
//!
//! Their topics have to be there, with as many partitions as when they were first written. A run that begins from scratch takes
//! back what stands in them.

use serde_json::Value;

use super::{
    connection::ConnectionSettings,
    error::ClusterError,
    outputs::{Member, tombstones},
    progress::ProgressRecord,
    sink::{Delivery, KafkaSinkSettings},
    topics::{Cluster, TopicDescription},
};
use crate::connect::registry::{OpenError, SinkContext};

pub(super) const HINT: &str = "docs/kafka.md says what a run needs of a cluster";
const SAME_DELIVERY: &str = "give all Kafka sinks of the topology the same `delivery`";

/// The sinks that are opened.
pub(super) struct Opening<'a> {
    /// Their ids.
    pub(super) names: Vec<&'a str>,
    topics: Vec<String>,
    /// How the cluster is reached, and how often a reader may see a record.
    pub(super) connection: ConnectionSettings,
    pub(super) delivery: Delivery,
    pub(super) context: &'a SinkContext<'a>,
}

impl<'a> Opening<'a> {
    /// # Errors
    /// The settings are no such settings, or differ in how records are delivered.
    pub(super) fn new(sinks: &[(&'a str, &Value)], context: &'a SinkContext<'a>) -> Result<Self, OpenError> {
        let names: Vec<&str> = sinks.iter().map(|(id, _)| *id).collect();
        let parse = |(_, settings): &(&str, &Value)| serde_json::from_value((*settings).clone());
        let parsed: Result<Vec<KafkaSinkSettings>, _> = sinks.iter().map(parse).collect();
        let settings = parsed.map_err(|error| fault(&names, error.to_string(), HINT))?;
        let Some(KafkaSinkSettings { delivery, connection, .. }) = settings.first().cloned() else {
            return Err(fault(&names, "there is none".into(), HINT));
        };
        if settings.iter().any(|settings| settings.delivery != delivery) {
            let reason = "they differ in `delivery`, and are written in one act";
            return Err(fault(&names, reason.into(), SAME_DELIVERY));
        }
        let topics = settings.into_iter().map(|settings| settings.topic).collect();
        Ok(Self { names, topics, connection, delivery, context })
    }

    /// What went wrong, and what to do.
    pub(super) fn fault(&self, reason: String, hint: &str) -> OpenError {
        fault(&self.names, reason, hint)
    }

    /// The cluster has not answered, or does not allow it.
    pub(super) fn cluster_fault(&self, error: &ClusterError) -> OpenError {
        self.fault(error.to_string(), HINT)
    }

    /// The sinks with their topics.
    ///
    /// # Errors
    /// A topic is not there.
    pub(super) fn members(
        &self,
        cluster: &Cluster,
    ) -> Result<(Vec<Member>, Vec<TopicDescription>), OpenError> {
        let topics: Vec<&str> = self.topics.iter().map(String::as_str).collect();
        let found = cluster.describe(&topics).map_err(|error| self.cluster_fault(&error))?;
        let (mut members, mut descriptions) = (Vec::new(), Vec::new());
        for ((id, topic), found) in self.names.iter().zip(topics).zip(found) {
            let Some(found) = found else {
                let hint = "`dirigent topics create TOPOLOGY` makes the topics of a topology";
                return Err(self.fault(format!("there is no topic `{topic}`, which `{id}` writes"), hint));
            };
            let (id, topic) = ((*id).to_owned(), topic.to_owned());
            members.push(Member { id, topic, partitions: found.partitions });
            descriptions.push(found);
        }
        Ok((members, descriptions))
    }

    /// Refuses topics that have other partitions than when they were written.
    pub(super) fn same_partitions(
        &self,
        members: &[Member],
        before: &ProgressRecord,
    ) -> Result<(), OpenError> {
        for Member { topic, partitions, .. } in members {
            let before = before.partitions.get(topic).copied().unwrap_or(*partitions);
            if before != *partitions {
                let reason = format!(
                    "the topic `{topic}` had {before} partitions and has {partitions} now: keys would stand in other partitions than before"
                );
                let hint = "write to a new topic, or begin anew with --from-scratch";
                return Err(self.fault(reason, hint));
            }
        }
        Ok(())
    }

    /// What empties the topics for a run that begins from scratch: for each sink a tombstone of every key; nothing for any
    /// other run.
    ///
    /// # Errors
    /// They cannot be read.
    pub(super) fn emptied(
        &self,
        at: (&Cluster, &ConnectionSettings, &str),
        topics: &[TopicDescription],
    ) -> Result<Vec<Vec<u8>>, OpenError> {
        if !self.context.from_scratch {
            return Ok(Vec::new());
        }
        tombstones(at, topics).map_err(|error| self.cluster_fault(&error))
    }
}

fn fault(names: &[&str], reason: String, hint: &str) -> OpenError {
    OpenError { target: format!("the Kafka sinks {}", names.join(", ")), reason, hint: hint.into() }
}
