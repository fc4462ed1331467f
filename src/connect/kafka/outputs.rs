//! What Kafka sinks write, however they do: the records of an epoch, each in the partition that follows from its key,
//! and tombstones for what stood there before a run that begins from scratch.

use std::collections::BTreeSet;

use super::{
    connection::ConnectionSettings,
    error::ClusterError,
    log_topic::WITHIN,
    partitioner::partition_of,
    read_end::ReadEnd,
    topics::{Cluster, TopicDescription},
    transaction::Outgoing,
};
use crate::{
    engine::sink::{Output, SinkError},
    records::message::{Message, headers, messages, push_message},
};

/// A sink, and its topic.
pub(super) struct Member {
    pub(super) id: String,
    pub(super) topic: String,
    pub(super) partitions: u32,
}

/// Writing to the topics of sinks failed.
pub(super) fn fault_of(members: &[Member], reason: String) -> SinkError {
    let topics: Vec<&str> = members.iter().map(|member| member.topic.as_str()).collect();
    SinkError::Write { target: format!("Kafka topics {}", topics.join(", ")), reason }
}

/// The records of an act, on their way.
pub(super) fn outgoing<'a>(
    members: &'a [Member],
    outputs: &'a [Output<'a>],
) -> impl Iterator<Item = Outgoing<'a>> {
    members.iter().zip(outputs).flat_map(|(member, output)| {
        messages(output.text).map(|message| Outgoing {
            topic: &member.topic,
            partition: partition_of(key_of(message.key, message.headers), member.partitions),
            key: message.key,
            value: message.value,
            headers: message.headers,
            told: false,
        })
    })
}

/// What a record's partition follows from: its key, or where it came from.
fn key_of<'m>(key: Option<&'m [u8]>, block: &'m [u8]) -> &'m [u8] {
    let origin = || headers(block).find(|(name, _)| *name == "dirigent.origin").and_then(|(_, value)| value);
    key.or_else(origin).unwrap_or_default()
}

/// For each topic that keeps the last record of a key: tombstones for the keys that it has, where all is to begin anew.
pub(super) fn tombstones(
    (cluster, connection, group): (&Cluster, &ConnectionSettings, &str),
    topics: &[TopicDescription],
) -> Result<Vec<Vec<u8>>, ClusterError> {
    let mut all = Vec::new();
    for topic in topics {
        let mut text = Vec::new();
        let compacted = topic.setting("cleanup.policy").contains("compact");
        for partition in (0..topic.partitions).filter(|_| compacted) {
            let topic = &topic.name;
            let reader = ReadEnd { cluster, connection, group, topic, partition, within: 10 * WITHIN };
            let mut live = BTreeSet::new();
            reader.read(0, |record| match (record.key, record.value) {
                (Some(key), Some(_)) => drop(live.insert(key.to_vec())),
                (Some(key), None) => drop(live.remove(key)),
                (None, _) => {}
            })?;
            for key in live {
                push_message(&mut text, &Message { key: Some(&key), value: None, headers: b"" });
            }
        }
        all.push(text);
    }
    Ok(all)
}
