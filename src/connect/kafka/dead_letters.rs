//! The dead letters of a topic: read as they are, and sent back where they came from once what refused them is mended.
//!
//! Sending back is idempotent: the letters of a code and the group's offset behind them are one transaction, so a second
//! replay, or one after a crash, goes on behind what the first one sent. What comes back has the original key, value and
//! headers, and a header that says which attempt it is.

use std::collections::BTreeMap;

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};

use super::{
    client::ClientState,
    connection::{ConnectionSettings, Role},
    error::ClusterError,
    log_topic::WITHIN,
    read_end::{Committed, ReadEnd},
    topics::Cluster,
    transaction::{Outgoing, Transactions},
};
use crate::{
    records::message::{headers, push_header},
    telemetry::Metrics,
};

/// Which attempt a record is, from 2 on.
const ATTEMPT: &str = "dirigent.attempt";
/// Headers that a dead letter has besides those of its record.
const OURS: [&str; 4] = [ATTEMPT, "dirigent.epoch", "dirigent.origin", "dirigent.truncated"];
/// Kafka Connect's headers begin so.
const CONNECT: &str = "__connect.errors.";
/// Letters of one transaction.
const BATCH: usize = 5_000;

/// A dead letter of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its partition of the topic.
    pub partition: u32,
    /// Its offset there.
    pub offset: u64,
    /// The record's key.
    pub key: Option<Vec<u8>>,
    /// The record's value.
    pub value: Option<Vec<u8>>,
    /// All headers, encoded.
    pub headers: Vec<u8>,
}

impl Letter {
    /// What one of Kafka Connect's headers says, by the end of its name, such as `topic`.
    #[must_use]
    pub fn says(&self, name: &str) -> Option<&str> {
        // a record that was refused again has the headers of each time: the last one counts
        let found =
            headers(&self.headers).filter(|(header, _)| header.strip_prefix(CONNECT) == Some(name)).last();
        std::str::from_utf8(found?.1?).ok()
    }

    /// Whether only its beginning was kept.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        headers(&self.headers).any(|(name, _)| name == "dirigent.truncated")
    }

    /// Which attempt it was.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        let said = headers(&self.headers).find(|(name, _)| *name == ATTEMPT).and_then(|(_, value)| value);
        said.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok()).unwrap_or(1)
    }

    /// The headers that it goes back with.
    fn back(&self) -> Vec<u8> {
        let mut block = Vec::new();
        for (name, value) in headers(&self.headers) {
            if !name.starts_with(CONNECT) && !OURS.contains(&name) {
                push_header(&mut block, name, value);
            }
        }
        push_header(&mut block, ATTEMPT, Some((self.attempt() + 1).to_string().as_bytes()));
        block
    }
}

/// A topic of dead letters.
pub struct DeadLetterTopic {
    cluster: Cluster,
    connection: ConnectionSettings,
    topic: String,
    /// The name of the topology.
    name: String,
}

/// What a replay has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Records that were sent back.
    pub sent: u64,
    /// Letters that have only the beginning of a record, or do not say where they came from.
    pub left: u64,
    /// Letters that an earlier replay has sent back.
    pub before: u64,
}

impl DeadLetterTopic {
    /// Reaches the topic.
    ///
    /// # Errors
    /// The brokers do not answer, or there is no such topic.
    pub fn connect(connection: ConnectionSettings, topic: &str, name: &str) -> Result<Self, ClusterError> {
        let cluster = Cluster::connect(&connection, WITHIN)?;
        Ok(Self { cluster, connection, topic: topic.to_owned(), name: name.to_owned() })
    }

    fn partitions(&self) -> Result<u32, ClusterError> {
        match self.cluster.describe(&[&self.topic])?.remove(0) {
            Some(topic) => Ok(topic.partitions),
            None => Err(ClusterError::NoTopic {
                doing: format!("read the dead letters of `{}`", self.topic),
                brokers: self.connection.bootstrap_servers.clone(),
            }),
        }
    }

    /// Gives every letter, by partition and offset.
    ///
    /// # Errors
    /// The brokers do not answer, or there is no such topic.
    pub fn read(&self, mut each: impl FnMut(Letter)) -> Result<(), ClusterError> {
        for partition in 0..self.partitions()? {
            self.read_partition(partition, 0, &mut each)?;
        }
        Ok(())
    }

    fn read_partition(
        &self,
        partition: u32,
        from: u64,
        each: &mut dyn FnMut(Letter),
    ) -> Result<u64, ClusterError> {
        let group = self.group("");
        let reader = ReadEnd {
            cluster: &self.cluster,
            connection: &self.connection,
            group: &group,
            topic: &self.topic,
            partition,
            within: 4 * WITHIN,
        };
        reader.look(from, |Committed { offset, key, value, headers }| {
            let (key, value) = (key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec));
            each(Letter { partition, offset, key, value, headers: headers() });
        })
    }

    /// The group whose offsets say which letters of a code were sent back.
    fn group(&self, code: &str) -> String {
        format!("dirigent.{}.dlq.{code}", self.name)
    }

    /// Sends the letters of a code back to the topics that they came from.
    ///
    /// # Errors
    /// The brokers do not answer or do not allow it; what was sent is known to the next replay.
    pub fn replay(&self, code: &str, metrics: &Metrics) -> Result<Replayed, ClusterError> {
        let group = self.group(code);
        let (config, state) = self.connection.client(Role::Consumer { group: &group })?;
        let doing = "ask for what was replayed";
        let fault = |error: rdkafka::error::KafkaError| state.explain(doing, &error);
        let consumer: BaseConsumer<ClientState> = config.create_with_context(state.clone()).map_err(fault)?;
        let partitions = self.partitions()?;
        let mut asked = TopicPartitionList::new();
        for partition in 0..partitions {
            asked.add_partition(&self.topic, number(partition));
        }
        consumer.assign(&asked).map_err(fault)?;
        // a replay that was killed must not go on while this one reads
        let id = format!("dirigent.{}.dlq", self.name);
        let mut transactions = Transactions::new(&self.connection, id, ("dlq", metrics))?;
        transactions.init()?;
        let committed = consumer.committed_offsets(asked, WITHIN).map_err(fault)?;
        let Some(metadata) = consumer.group_metadata() else {
            return Err(ClusterError::Settings { reason: format!("the group {group} has no metadata") });
        };
        let mut replayed = Replayed::default();
        for partition in 0..partitions {
            let known = committed.find_partition(&self.topic, number(partition)).map(|found| found.offset());
            let from = match known {
                Some(Offset::Offset(offset)) => u64::try_from(offset).unwrap_or(0),
                _ => 0,
            };
            let mut letters = Vec::new();
            self.read_partition(partition, 0, &mut |letter| {
                if letter.says("exception.class.name") != Some(code) {
                } else if letter.offset < from {
                    replayed.before += 1;
                } else {
                    letters.push(letter);
                }
            })?;
            let topics = self.topics_of(&letters)?;
            for batch in letters.chunks(BATCH) {
                let outgoing: Vec<(&Letter, &str, u32, Vec<u8>)> = batch
                    .iter()
                    .filter(|letter| !letter.is_cut())
                    .filter_map(|letter| {
                        let topic = letter.says("topic").filter(|topic| topics.contains_key(*topic))?;
                        let partition = letter.says("partition")?.parse().ok()?;
                        (partition < topics[topic]).then(|| (letter, topic, partition, letter.back()))
                    })
                    .collect();
                let mut offsets = TopicPartitionList::new();
                let next = batch.last().map_or(0, |letter| letter.offset + 1);
                let next = Offset::Offset(i64::try_from(next).unwrap_or(i64::MAX));
                offsets.add_partition_offset(&self.topic, number(partition), next).map_err(fault)?;
                let records = outgoing.iter().map(|(letter, topic, partition, headers)| Outgoing {
                    topic,
                    partition: *partition,
                    key: letter.key.as_deref(),
                    value: letter.value.as_deref(),
                    headers,
                    told: false,
                });
                transactions.write_with_offsets(records, &offsets, &metadata)?;
                replayed.sent += outgoing.len() as u64;
                replayed.left += (batch.len() - outgoing.len()) as u64;
            }
        }
        Ok(replayed)
    }

    /// The topics that letters came from, those that are there, with how many partitions they have.
    fn topics_of(&self, letters: &[Letter]) -> Result<BTreeMap<String, u32>, ClusterError> {
        let mut names: Vec<&str> = letters.iter().filter_map(|letter| letter.says("topic")).collect();
        names.sort_unstable();
        names.dedup();
        let found = self.cluster.describe(&names)?;
        Ok(found.into_iter().flatten().map(|topic| (topic.name, topic.partitions)).collect())
    }
}

fn number(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_back_has_its_own_headers_and_the_attempt() {
        let mut block = Vec::new();
        for (name, value) in [
            ("trace", "abc"),
            ("__connect.errors.topic", "old"),
            ("__connect.errors.topic", "reviews"),
            ("dirigent.attempt", "2"),
            ("dirigent.epoch", "7"),
        ] {
            push_header(&mut block, name, Some(value.as_bytes()));
        }
        let letter = Letter { partition: 0, offset: 1, key: None, value: None, headers: block };
        assert_eq!((letter.says("topic"), letter.attempt(), letter.is_cut()), (Some("reviews"), 2, false));
        let back = letter.back();
        let found: Vec<_> = headers(&back).collect();
        assert_eq!(found, [("trace", Some(&b"abc"[..])), ("dirigent.attempt", Some(&b"3"[..]))]);
    }
}
