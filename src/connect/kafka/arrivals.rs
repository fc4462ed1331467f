//! What changes about the topics of a source while a run goes on: partitions that are added, topics that match by now, topics that
//! were deleted or made again.
//!
//! A new partition is read from its first offset on, under the next number. A topic that is gone, or is another one under the
//! old name, ends the run: going on would pass over records in silence.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    consumer::{Consumption, TopicReader},
    error::ClusterError,
    source::{describe, found_topics},
    topics::{Cluster, TopicDescription},
};
use crate::engine::{
    arrivals::{Arrivals, Found, Then},
    log::record::PartitionRecord,
    partition::SourceError,
};

/// How often the brokers are asked.
const ASK: Duration = Duration::from_secs(3);

/// Watches the topics of a source.
pub(super) struct TopicWatch {
    cluster: Cluster,
    patterns: Vec<String>,
    source: String,
    /// The number of the next partition.
    next: u32,
    max_record_bytes: usize,
    consumption: Arc<Consumption>,
    /// Id and partitions of each topic.
    known: BTreeMap<String, (String, u32)>,
    asked: Instant,
}

impl TopicWatch {
    pub(super) fn new(
        cluster: Cluster,
        patterns: Vec<String>,
        (source, next): (&str, u32),
        max_record_bytes: usize,
        consumption: &Arc<Consumption>,
        found: &[TopicDescription],
    ) -> Self {
        let known = found.iter().map(|topic| (topic.name.clone(), (topic.id.clone(), topic.partitions)));
        Self {
            cluster,
            patterns,
            source: source.to_owned(),
            next,
            max_record_bytes,
            consumption: Arc::clone(consumption),
            known: known.collect(),
            asked: Instant::now(),
        }
    }

    fn fault(&self, topic: &str, reason: &str) -> SourceError {
        SourceError {
            partition: format!("the topic `{topic}` of {}", self.source),
            offset: 0,
            reason: reason.into(),
        }
    }

    fn missing(&self, found: &[TopicDescription]) -> Result<(), SourceError> {
        match self.known.keys().find(|name| !found.iter().any(|topic| topic.name == **name)) {
            Some(gone) => Err(self.fault(gone, "it was deleted while it was read")),
            None => Ok(()),
        }
    }
}

impl Arrivals for TopicWatch {
    fn look(&mut self) -> Result<Vec<Found>, SourceError> {
        if self.asked.elapsed() < ASK {
            return Ok(Vec::new());
        }
        self.asked = Instant::now();
        let found = match found_topics(&self.cluster, &self.patterns) {
            Ok(found) => found,
            Err(ClusterError::NoTopic { .. }) => {
                return Err(self.fault(&self.patterns.join(", "), "it was deleted while it was read"));
            }
            Err(error) => {
                tracing::warn!(source = self.source, "the topics cannot be looked at: {error}");
                return Ok(Vec::new());
            }
        };
        self.missing(&found)?;
        let mut arrived = Vec::new();
        for topic in &found {
            let before = match self.known.get(&topic.name) {
                Some((id, _)) if *id != topic.id => {
                    return Err(self.fault(
                        &topic.name,
                        "it was deleted and made again while it was read: its offsets mean other records now",
                    ));
                }
                Some((_, partitions)) => *partitions,
                None => 0,
            };
            for partition in before..topic.partitions {
                let (name, identity, address) = describe(topic, partition);
                tracing::info!(source = self.source, partition = name, "a partition has come");
                let bytes = self.max_record_bytes;
                let reader = TopicReader::new(
                    &self.consumption,
                    (name.clone(), address.clone()),
                    0,
                    None,
                    None,
                    bytes,
                );
                let record = PartitionRecord {
                    source: self.source.clone(),
                    number: self.next,
                    name,
                    identity,
                    start: 0,
                    topic: Some(address),
                    end: None,
                };
                self.next += 1;
                arrived.push(Found { record, then: Then::Read(Box::new(reader)) });
            }
            self.known.insert(topic.name.clone(), (topic.id.clone(), topic.partitions));
        }
        Ok(arrived)
    }
}
