//! Kafka as a sink: what all Kafka sinks of a topology have of an epoch, and how far they have written with it, in one
//! transaction. Nobody who reads what is committed sees one of them without the others.
//!
//! On opening, whoever wrote before is fenced, then the log is read again (a newer start ends this one), then the progress; an
//! `open` record is committed and read back. After a commit whose outcome is not known the same is done, and writing goes on
//! after what the progress says. "Fenced" is no verdict either: a transaction that took too long looks the same.
//!
//! Without transactions (`delivery: at_least_once`) the records of an epoch come before its progress, and again after a crash
//! between them; log and progress mean the same.

use std::collections::{BTreeMap, BTreeSet};

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::{
    connection::ConnectionSettings,
    error::ClusterError,
    fence::fence,
    log::{self, LogTopic, Placed, ReadError, WITHIN, last_generation},
    partitioner::partition_of,
    patience::Patience,
    progress::{Kind, ProgressRecord, ProgressTopic, Written},
    read_end::ReadEnd,
    standby::make_topic,
    topics::TopicDescription,
    transaction::{Outgoing, Transactions},
    wanted::WantedTopic,
};
use crate::{
    connect::{
        place::Place,
        registry::{Fault, OpenError, OpenSinkError, SinkContext, SinkKind, Target},
    },
    engine::sink::{OpenSink, Output, Progress, Sink, SinkError},
    records::{
        message::{Message, headers, messages, push_message},
        render::Form,
    },
};

/// Settings of a Kafka sink.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct KafkaSinkSettings {
    /// The topic that is written: upserts and tombstones, which may be compacted. It has to be there: `dirigent topics create` makes it.
    pub topic: String,
    /// How the cluster is reached.
    #[serde(flatten)]
    pub connection: ConnectionSettings,
}

/// The registry entry.
pub const SINK: SinkKind = SinkKind {
    name: "kafka",
    summary: "Writes records to a topic, exactly once: all Kafka sinks of an epoch in one transaction.",
    schema: || schema_for!(KafkaSinkSettings),
    check,
    form: Form::Message,
    target: |settings| {
        let topic = text(settings, "topic");
        let place = Place::Topic { cluster: text(settings, "bootstrap_servers").into(), topic: topic.into() };
        Target { setting: "topic", words: format!("topic {topic}"), place }
    },
    together: true,
    log: Some(&log::PLACE),
    open,
};

fn text<'v>(settings: &'v Value, key: &str) -> &'v str {
    settings.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn check(settings: &Value) -> Vec<Fault> {
    let mut faults = ConnectionSettings::faults(settings);
    faults
        .extend(topic_fault(text(settings, "topic")).map(|(message, hint)| ("/topic".into(), message, hint)));
    faults
}

/// What is wrong with the name of a topic: message and hint.
pub(super) fn topic_fault(topic: &str) -> Option<(String, String)> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let hint = "a topic's name has 1 to 249 of the characters a-z, A-Z, 0-9, `.`, `_` and `-`".to_owned();
    match topic.chars().find(|c| !allowed(*c)) {
        Some(c) => Some((format!("`{topic}` has a `{c}`"), hint)),
        None if topic.is_empty() => Some(("the topic is empty".into(), hint)),
        None if topic.len() > 249 || topic == "." || topic == ".." => {
            Some((format!("`{topic}` is no name of a topic"), hint))
        }
        None => None,
    }
}

/// What stands in the log since this start began, and the last record of the progress.
type Fenced = (Vec<Placed>, Option<ProgressRecord>);

/// So many records of the progress may stand before the last one, which alone counts.
const OUTDATED: u64 = 10_000;

/// One sink of the shard.
struct Member {
    id: String,
    topic: String,
    partitions: u32,
}

/// The shard that all Kafka sinks share.
struct KafkaSink {
    log: LogTopic,
    /// Where the records of this generation begin in the log.
    log_at: u64,
    generation: u64,
    progress: ProgressTopic,
    transactions: Transactions,
    members: Vec<Member>,
    /// How far the sinks have written.
    written: BTreeMap<String, Written>,
    /// What the last record of the progress says: the same, but for a run that begins from scratch.
    stands: BTreeMap<String, Written>,
    /// Where the progress began when it was last cut.
    cut: u64,
    patience: Patience,
}

fn open(sinks: &[(&str, &Value)], context: &SinkContext<'_>) -> Result<OpenSink, OpenSinkError> {
    let names: Vec<&str> = sinks.iter().map(|(id, _)| *id).collect();
    let target = format!("the Kafka sinks {}", names.join(", "));
    let fault = |reason: String, hint: &str| OpenError { target: target.clone(), reason, hint: hint.into() };
    let cluster_fault = |error: ClusterError| fault(error.to_string(), HINT);
    let parse = |settings: &Value| {
        serde_json::from_value::<KafkaSinkSettings>(settings.clone()).map_err(|e| fault(e.to_string(), HINT))
    };
    let settings: Vec<KafkaSinkSettings> =
        sinks.iter().map(|(_, settings)| parse(settings)).collect::<Result<_, _>>()?;
    let Some(first) = settings.first() else { return Err(fault("there is none".into(), HINT).into()) };
    let log = LogTopic::connect(first.connection.clone(), context.name).map_err(cluster_fault)?;
    make_topic(&log.cluster, &WantedTopic::progress(context.name, 1)).map_err(|e| fault(e, HINT))?;
    let topics: Vec<&str> = settings.iter().map(|settings| settings.topic.as_str()).collect();
    let found_topics = log.cluster.describe(&topics).map_err(cluster_fault)?;
    let mut members = Vec::new();
    for ((id, topic), found) in names.iter().zip(&topics).zip(&found_topics) {
        let Some(found) = found else {
            let hint = "`dirigent topics create TOPOLOGY` makes the topics of a topology";
            return Err(fault(format!("there is no topic `{topic}`, which `{id}` writes"), hint).into());
        };
        members.push(Member {
            id: (*id).to_owned(),
            topic: (*topic).to_owned(),
            partitions: found.partitions,
        });
    }
    let id = format!("dirigent.{}.0", context.name);
    let transactions =
        Transactions::new(&log.connection, id, ("sinks", context.metrics)).map_err(cluster_fault)?;
    let mut sink = KafkaSink {
        log,
        log_at: context.log_at,
        generation: context.generation,
        progress: ProgressTopic::new(context.name, 0),
        transactions,
        members,
        written: BTreeMap::new(),
        stands: BTreeMap::new(),
        cut: 0,
        patience: Patience::new(context.interrupt, context.metrics),
    };
    let refused = |error: SinkError| match error {
        SinkError::Superseded { .. } => OpenSinkError::Sink(error),
        error => OpenSinkError::Open(fault(error.to_string(), HINT)),
    };
    let found = sink.fence().map_err(refused)?;
    sink.stands = found.as_ref().map(|found| found.sinks.clone()).unwrap_or_default();
    if let Some(found) = found.filter(|_| !context.from_scratch) {
        for member in &sink.members {
            let before = found.partitions.get(&member.topic).copied().unwrap_or(member.partitions);
            if before != member.partitions {
                let changed = fault(
                    format!(
                        "the topic `{}` had {before} partitions and has {} now: keys would stand in other partitions than before",
                        member.topic, member.partitions
                    ),
                    "write to a new topic, or begin anew with --from-scratch",
                );
                return Err(changed.into());
            }
        }
        sink.written = found.sinks;
    }
    let emptied = if context.from_scratch {
        sink.tombstones(&found_topics).map_err(cluster_fault)?
    } else {
        Vec::new()
    };
    let outputs: Vec<Output<'_>> =
        emptied.iter().map(|text| Output { text, progress: Progress::default() }).collect();
    let opened = sink.record(Kind::Open, sink.written.clone());
    sink.settle(&outputs, opened).map_err(refused)?;
    let written = names.iter().map(|id| sink.written.get(*id).map(|written| (*written).into())).collect();
    Ok(OpenSink { sink: Box::new(sink), written })
}

const HINT: &str = "docs/kafka.md says what a run needs of a cluster";

impl KafkaSink {
    /// Fences whoever wrote before; the last record of the progress then.
    fn fence(&mut self) -> Result<Option<ProgressRecord>, SinkError> {
        loop {
            match self.try_to_fence() {
                Ok((records, progress)) => match last_generation(&records) {
                    Some(generation) if generation > self.generation => {
                        return Err(SinkError::Superseded { generation });
                    }
                    _ => return Ok(progress),
                },
                Err(error) => self.patience.wait(&error).map_err(|reason| self.fault(reason))?,
            }
        }
    }

    fn try_to_fence(&mut self) -> Result<Fenced, ReadError> {
        let outputs = self
            .members
            .iter()
            .flat_map(|member| (0..member.partitions).map(|partition| (&*member.topic, partition)));
        let progress = (&*self.progress.topic, self.progress.shard);
        let at = (&self.log.cluster, &self.log.connection, &*self.log.group);
        fence(at, &mut self.transactions, outputs.chain(std::iter::once(progress)))?;
        let (records, _) = self.log.read(self.log_at)?;
        Ok((records, self.progress.read(&self.log.cluster, &self.log.connection)?))
    }

    /// For each topic that keeps the last record of a key: tombstones for the keys that it has, where all is to begin anew.
    fn tombstones(&self, topics: &[Option<TopicDescription>]) -> Result<Vec<Vec<u8>>, ClusterError> {
        let mut all = Vec::new();
        for topic in topics.iter().flatten() {
            let mut text = Vec::new();
            let compacted = topic.setting("cleanup.policy").contains("compact");
            for partition in (0..topic.partitions).filter(|_| compacted) {
                let reader = ReadEnd {
                    cluster: &self.log.cluster,
                    connection: &self.log.connection,
                    group: &self.progress.group,
                    topic: &topic.name,
                    partition,
                    within: 10 * WITHIN,
                };
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

    fn fault(&self, reason: String) -> SinkError {
        let topics: Vec<&str> = self.members.iter().map(|member| member.topic.as_str()).collect();
        SinkError::Write { target: format!("Kafka topics {}", topics.join(", ")), reason }
    }

    fn record(&self, kind: Kind, sinks: BTreeMap<String, Written>) -> ProgressRecord {
        let partitions =
            self.members.iter().map(|member| (member.topic.clone(), member.partitions)).collect();
        ProgressRecord { kind, generation: self.generation, sinks, partitions }
    }

    /// Writes outputs with a record of the progress, once.
    fn write(&mut self, outputs: &[Output<'_>], record: &ProgressRecord) -> Result<(), ClusterError> {
        let progress = serde_json::to_vec(record).unwrap_or_default();
        let outgoing = self.members.iter().zip(outputs).flat_map(|(member, output)| {
            messages(output.text).map(|message| Outgoing {
                topic: &member.topic,
                partition: partition_of(key_of(message.key, message.headers), member.partitions),
                key: message.key,
                value: message.value,
                headers: message.headers,
                told: false,
            })
        });
        let last = Outgoing {
            topic: &self.progress.topic,
            partition: self.progress.shard,
            key: None,
            value: Some(&progress),
            headers: b"",
            told: true,
        };
        let offsets = self.transactions.write(outgoing.chain(std::iter::once(last)))?;
        self.progress.last = offsets.last().copied().unwrap_or(self.progress.last);
        Ok(())
    }

    /// Forgets records of the progress that newer ones have replaced, now and then: each start reads what is there.
    fn cut_progress(&mut self) {
        let last = self.progress.last;
        if last < self.cut + OUTDATED {
            return;
        }
        self.cut = last;
        let ProgressTopic { topic, shard, .. } = &self.progress;
        if let Err(error) = self.log.cluster.delete_records(topic, *shard, last) {
            // nothing depends on it
            tracing::warn!("old progress is not removed: {error}");
        }
    }

    /// Writes outputs and progress until it is known that they are there.
    fn settle(&mut self, outputs: &[Output<'_>], record: ProgressRecord) -> Result<(), SinkError> {
        while let Err(error) = self.write(outputs, &record) {
            tracing::warn!("{error}; what became of it is looked up");
            self.patience.pause(&error.into()).map_err(|reason| self.fault(reason))?;
            let found = self.fence()?;
            let there = found.as_ref().map(|found| &found.sinks);
            if found.as_ref().is_some_and(|found| *found == record) {
                break;
            }
            if there.is_some_and(|there| *there != self.stands) {
                return Err(self.fault(
                    "its progress is neither what this run has written nor what it was about to write: somebody else writes there"
                        .into(),
                ));
            }
        }
        self.patience.calm();
        self.stands.clone_from(&record.sinks);
        self.written = record.sinks;
        self.cut_progress();
        Ok(())
    }
}

impl Sink for KafkaSink {
    fn commit(&mut self, outputs: &[Output<'_>]) -> Result<(), SinkError> {
        let mut sinks = self.written.clone();
        sinks.extend(
            self.members
                .iter()
                .zip(outputs)
                .map(|(member, output)| (member.id.clone(), output.progress.into())),
        );
        let record = self.record(Kind::Progress, sinks);
        self.settle(outputs, record)
    }
}

/// What a record's partition follows from: its key, or where it came from.
fn key_of<'m>(key: Option<&'m [u8]>, block: &'m [u8]) -> &'m [u8] {
    let origin = || headers(block).find(|(name, _)| *name == "dirigent.origin").and_then(|(_, value)| value);
    key.or_else(origin).unwrap_or_default()
}
