//! What is committed in a topic, from its beginning: partitions are assigned by hand, and nothing is committed to any
//! group.
//!
//! The cluster is asked when the first lines are. Partitions that the topic gets later are read after the next start.

use std::time::Duration;

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    message::BorrowedMessage,
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    client::ClientState,
    connection::{ConnectionSettings, Role},
    error::{ClusterError, is_final},
    log_topic::WITHIN,
    opening::HINT,
    sink::KafkaSinkSettings,
    topics::Cluster,
};
use crate::connect::{
    ends::{Committed, CommittedRecord},
    registry::{CommittedContext, OpenError},
};

/// How long is waited for a record.
const WAIT: Duration = Duration::from_millis(100);
/// How many records are given at once.
const RECORDS: usize = 1_000;

/// Reads what a sink has committed.
pub(super) fn open(
    settings: &Value,
    context: &CommittedContext<'_>,
) -> Result<Box<dyn Committed>, OpenError> {
    let settings = KafkaSinkSettings::deserialize(settings).map_err(|error| OpenError {
        target: format!("the sink {}", context.id),
        reason: error.to_string(),
        hint: "check its settings".into(),
    })?;
    Ok(Box::new(CommittedTopic { topic: settings.topic, connection: settings.connection, reading: None }))
}

struct CommittedTopic {
    topic: String,
    connection: ConnectionSettings,
    reading: Option<Reading>,
}

struct Reading {
    consumer: BaseConsumer<ClientState>,
    state: ClientState,
    /// Of each partition that is not read up to there, where it ended at first.
    behind: Vec<(i32, i64)>,
}

impl CommittedTopic {
    fn connect(&self) -> Result<Reading, ClusterError> {
        let doing = format!("read `{}`", self.topic);
        let cluster = Cluster::connect(&self.connection, WITHIN)?;
        let Some(found) = cluster.describe(&[&self.topic])?.into_iter().flatten().next() else {
            return Err(cluster.no_topic(&doing));
        };
        let mut assigned = TopicPartitionList::new();
        let mut behind = Vec::new();
        for number in 0..found.partitions {
            let ends = cluster.watermarks(&self.topic, number)?;
            let at = |offset: u64| i64::try_from(offset).unwrap_or(i64::MAX);
            let number = i32::try_from(number).unwrap_or(i32::MAX);
            if ends.high > ends.low {
                behind.push((number, at(ends.high)));
            }
            assigned
                .add_partition_offset(&self.topic, number, Offset::Offset(at(ends.low)))
                .map_err(|error| cluster.explain(&doing, &error))?;
        }
        // a group is asked for, and never joined
        let (config, state) = self.connection.client(Role::Consumer { group: "dirigent-escalation" })?;
        let explain = |error| state.explain(&doing, &error);
        let consumer: BaseConsumer<ClientState> =
            config.create_with_context(state.clone()).map_err(explain)?;
        consumer.assign(&assigned).map_err(explain)?;
        Ok(Reading { consumer, state, behind })
    }

    fn fault(&self, error: &ClusterError) -> OpenError {
        OpenError {
            target: format!("the topic {}", self.topic),
            reason: error.to_string(),
            hint: HINT.into(),
        }
    }
}

fn owned(record: &BorrowedMessage<'_>) -> CommittedRecord {
    let [key, value] = [record.key(), record.payload()].map(|bytes| bytes.map(<[u8]>::to_vec));
    CommittedRecord { key, value }
}

impl Committed for CommittedTopic {
    fn read(&mut self) -> Result<(Vec<CommittedRecord>, bool), OpenError> {
        let mut reading = match self.reading.take() {
            Some(reading) => reading,
            None => self.connect().map_err(|error| self.fault(&error))?,
        };
        let doing = format!("read `{}`", self.topic);
        let mut records = Vec::new();
        let mut wait = WAIT;
        while records.len() < RECORDS {
            match reading.consumer.poll(wait) {
                Some(Ok(record)) => records.push(owned(&record)),
                Some(Err(error)) if is_final(&error) => {
                    return Err(self.fault(&reading.state.explain(&doing, &error)));
                }
                // a broker that is gone may come back; the client has said so
                Some(Err(_)) => {}
                None => break,
            }
            wait = Duration::ZERO;
        }
        if !reading.behind.is_empty() {
            // markers of transactions have offsets and are never handed out: only the position tells the end
            let positions = reading.consumer.position();
            let positions = positions.map_err(|error| self.fault(&reading.state.explain(&doing, &error)))?;
            reading.behind.retain(|(number, end)| {
                let position = positions.find_partition(&self.topic, *number).map(|found| found.offset());
                !matches!(position, Some(Offset::Offset(at)) if at >= *end)
            });
        }
        let caught_up = reading.behind.is_empty();
        self.reading = Some(reading);
        Ok((records, caught_up))
    }
}
