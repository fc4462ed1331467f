//! Kafka as a source: partitions of topics, each assigned by hand, read from where checkpoint and log say.
//!
//! A partition keeps the number that the log knows it by. What tells a topic from another one of the same name is the id that the
//! brokers gave it: one that was made anew, or that has lost records which are still needed, is refused and never read on.

use std::collections::BTreeMap;

use regex::Regex;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::{
    appended,
    arrivals::TopicWatch,
    connection::ConnectionSettings,
    consumer::{Consumption, TopicReader},
    error::ClusterError,
    log_topic::WITHIN,
    sink::topic_fault,
    topics::{Cluster, TopicDescription, Watermarks},
};
use crate::{
    connect::{
        place::Place,
        registry::{Fault, OpenError, OpenSource, OpenedSource, SourceContext, SourceKind},
    },
    engine::{log::record::Identity, partition::Address},
};

/// Settings of a Kafka source.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct KafkaSourceSettings {
    /// The topics that are read; one that begins with `^` is a regular expression, for all topics that it matches, those that come later too.
    #[schemars(length(min = 1))]
    pub topics: Vec<String>,
    /// The consumer group that offsets are committed to, for tools that show the lag; nothing is read from there.
    #[serde(default = "group_id")]
    pub group_id: String,
    /// What the key of a record is: the `review_id`, which it then has to equal, or nothing that counts.
    #[serde(default)]
    pub key: KeyUse,
    /// Where reading ends: `latest` reads what is there at the start, without it reading goes on.
    #[serde(default)]
    pub until: Option<Until>,
    /// How the cluster is reached.
    #[serde(flatten)]
    pub connection: ConnectionSettings,
}

/// What a key is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum KeyUse {
    /// The `review_id`; a record without a value deletes it.
    #[default]
    ReviewId,
    /// Nothing.
    Ignore,
}

/// Where reading ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Until {
    /// With what is there at the start.
    Latest,
}

fn group_id() -> String {
    "dirigent".into()
}

/// The registry entry.
pub const SOURCE: SourceKind = SourceKind {
    name: "kafka",
    summary: "Reads records from topics of Apache Kafka, what is committed only.",
    schema: || schema_for!(KafkaSourceSettings),
    check,
    bounded: |settings| settings.get("until").is_some(),
    decides: |settings| {
        let mut decides = serde_json::Map::new();
        for key in ["topics", "key"] {
            decides.extend(settings.get(key).map(|value| (key.to_owned(), value.clone())));
        }
        Value::Object(decides)
    },
    keys: |settings| settings.get("key").and_then(Value::as_str) != Some("ignore"),
    append_fault,
    appended: |settings, _| appended::open(settings),
    reads: |settings, place| {
        let Place::Topic { cluster, topic } = place else { return None };
        let same = settings.get("bootstrap_servers").and_then(Value::as_str) == Some(cluster);
        (same && topics_of(settings).any(|pattern| matches(pattern, topic))).then_some("topics")
    },
    open,
};

fn topics_of(settings: &Value) -> impl Iterator<Item = &str> {
    settings.get("topics").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Whether a name, or an expression that begins with `^`, is that of a topic. Kafka's own topics have none.
pub(super) fn matches(pattern: &str, topic: &str) -> bool {
    if pattern.starts_with('^') {
        !topic.starts_with("__") && Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(topic))
    } else {
        pattern == topic
    }
}

fn check(settings: &Value) -> Vec<Fault> {
    let mut faults = ConnectionSettings::faults(settings);
    for (n, topic) in topics_of(settings).enumerate() {
        let fault = if topic.starts_with('^') {
            let hint = "what begins with `^` is a regular expression".to_owned();
            Regex::new(topic).err().map(|error| (error.to_string(), hint))
        } else {
            topic_fault(topic)
        };
        faults.extend(fault.map(|(message, hint)| (format!("/topics/{n}"), message, hint)));
    }
    faults
}

/// One topic, by its name.
fn append_fault(settings: &Value, read_on: bool) -> Option<Fault> {
    let topics: Vec<&str> = topics_of(settings).collect();
    if read_on && settings.get("until").is_some() {
        let message = "records are appended while it is read, and it ends".to_owned();
        return Some(("/until".to_owned(), message, "leave `until` out".to_owned()));
    }
    match topics[..] {
        [topic] if !topic.starts_with('^') => None,
        _ => {
            let message = "records are appended to one topic, and these may be several".to_owned();
            Some(("/topics".to_owned(), message, "give the name of one topic".to_owned()))
        }
    }
}

/// The topics of a cluster that a source reads, in order.
pub(super) fn found_topics(
    cluster: &Cluster,
    patterns: &[String],
) -> Result<Vec<TopicDescription>, ClusterError> {
    let names: Vec<String> = if patterns.iter().any(|pattern| pattern.starts_with('^')) {
        cluster.names()?
    } else {
        let mut names = patterns.to_vec();
        names.sort();
        names.dedup();
        names
    };
    let wanted: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| patterns.iter().any(|pattern| matches(pattern, name)))
        .collect();
    let mut found = Vec::new();
    for (name, topic) in wanted.iter().zip(cluster.describe(&wanted)?) {
        match topic {
            Some(topic) => found.push(topic),
            None if patterns.iter().any(|pattern| pattern == name) => {
                return Err(ClusterError::NoTopic {
                    doing: format!("read the topic `{name}`"),
                    brokers: cluster.brokers_named().to_owned(),
                });
            }
            None => {}
        }
    }
    Ok(found)
}

/// A partition that is to be read: what it is called, and from where.
pub(super) fn describe(topic: &TopicDescription, partition: u32) -> (String, Identity, Address) {
    let address = Address { topic: topic.name.clone(), partition };
    (format!("{}/{partition}", topic.name), Identity { bytes: 0, hash: topic.id.clone() }, address)
}

fn open(settings: &Value, context: &SourceContext<'_>) -> Result<OpenedSource, OpenError> {
    let target = format!("the source {}", context.id);
    let fault = |reason: String, hint: &str| OpenError { target: target.clone(), reason, hint: hint.into() };
    let settings: KafkaSourceSettings = serde_json::from_value(settings.clone())
        .map_err(|error| fault(error.to_string(), "check its settings"))?;
    let cluster_fault =
        |error: ClusterError| fault(error.to_string(), "docs/kafka.md says what a run needs of a cluster");
    let cluster = Cluster::connect(&settings.connection, WITHIN).map_err(cluster_fault)?;
    let found = found_topics(&cluster, &settings.topics).map_err(cluster_fault)?;
    let mut partitions: Vec<(u32, String, Identity, Address)> = Vec::new();
    let mut next = context.known.iter().map(|known| known.record.number + 1).max().unwrap_or(0);
    let known: BTreeMap<&str, u32> =
        context.known.iter().map(|known| (known.record.name.as_str(), known.record.number)).collect();
    for topic in &found {
        for partition in 0..topic.partitions {
            let (name, identity, address) = describe(topic, partition);
            let number = known.get(name.as_str()).copied().unwrap_or_else(|| {
                next += 1;
                next - 1
            });
            partitions.push((number, name, identity, address));
        }
    }
    partitions.sort_by_key(|(number, ..)| *number);
    let bounded = settings.until.is_some();
    let consumption =
        Consumption::start(&settings.connection, &settings.group_id, (context.id, context.metrics), bounded)
            .map_err(cluster_fault)?;
    let mut opened = Vec::new();
    for (number, name, identity, address) in partitions {
        let Watermarks { low, high } =
            cluster.watermarks(&address.topic, address.partition).map_err(cluster_fault)?;
        let known = context.known.iter().find(|known| known.record.number == number);
        if let Some(known) = known {
            if known.record.identity != identity {
                return Err(fault(
                    format!(
                        "the topic `{}` was deleted and made again since it was read: its offsets mean other records now",
                        address.topic
                    ),
                    "give the source another topic and the topology another name, or begin anew with --from-scratch",
                ));
            }
            let needed = known.covered.max(known.record.start);
            if low > needed {
                return Err(fault(
                    format!(
                        "{name} begins with offset {low} by now, and {needed} is needed: its retention has removed records \
                         that are not in a checkpoint"
                    ),
                    "give the topic a longer retention than the oldest checkpoint is old, and begin anew with --from-scratch",
                ));
            }
        }
        let end = bounded.then(|| consumption.stable_end(&address)).transpose().map_err(cluster_fault)?;
        let start = known.map_or(low, |known| known.record.start);
        let reader = TopicReader::new(
            &consumption,
            (name.clone(), address.clone()),
            start,
            end,
            Some(high),
            context.max_record_bytes,
        );
        opened.push(OpenSource { name, identity, start, topic: Some(address), partition: Box::new(reader) });
    }
    if opened.is_empty() {
        return Err(fault(
            format!("no topic matches {}", settings.topics.join(", ")),
            "`dirigent topics create TOPOLOGY` makes the topics of a topology",
        ));
    }
    let grows = !bounded && context.reads_on;
    let arrivals = grows.then(|| {
        let (topics, bytes) = (settings.topics.clone(), context.max_record_bytes);
        TopicWatch::new(cluster, topics, (context.id, next), bytes, &consumption, &found)
    });
    Ok(OpenedSource { partitions: opened, arrivals: arrivals.map(|watch| Box::new(watch) as Box<_>) })
}
