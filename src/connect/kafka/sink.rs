//! Kafka as a sink: what all Kafka sinks of a topology have of an epoch, and how far they have written with it, in one
//! transaction. Nobody who reads what is committed sees one of them without the others.
//!
//! On opening, whoever wrote before is fenced, then the log is read again (a newer start ends this one), then the progress; an
//! `open` record is committed and read back. After a commit whose outcome is not known the same is done, and writing goes on
//! after what the progress says. "Fenced" is no verdict either: a transaction that took too long looks the same.
//!
//! Without transactions, `at_least_once` writes.

use std::collections::BTreeMap;

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::{
    at_least_once::{self, AcknowledgedSinks},
    connection::ConnectionSettings,
    error::ClusterError,
    fence::fence,
    log::{self, LogTopic, Placed, ReadError, WITHIN, last_generation},
    outputs::{Member, fault_of, outgoing, tombstones},
    patience::Patience,
    progress::{Kind, ProgressRecord, ProgressTopic, Written},
    standby::make_topic,
    topics::{Cluster, TopicDescription},
    transaction::{Outgoing, Transactions},
    wanted::WantedTopic,
};
use crate::{
    connect::{
        place::Place,
        registry::{Fault, OpenError, OpenSinkError, SinkContext, SinkKind, Target},
    },
    engine::sink::{OpenSink, Output, Progress, Sink, SinkError},
    records::render::Form,
};

/// How often a reader may see a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Delivery {
    /// Once: all Kafka sinks of an epoch in one transaction.
    #[default]
    ExactlyOnce,
    /// Once, and after a crash maybe again: for brokers without transactions.
    AtLeastOnce,
}

/// Settings of a Kafka sink.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct KafkaSinkSettings {
    /// The topic that is written: upserts and tombstones, which may be compacted. It has to be there: `dirigent topics create` makes it.
    pub topic: String,
    /// How often a reader may see a record: once (`exactly_once`, the default), or, for brokers without transactions, at least once: after a crash records may stand there twice, and those of an epoch not all at once; none is missing, and the last one of a key is the same. Epoch log and progress lie in the state folder then, so no other run stands by. All Kafka sinks of a topology say the same.
    #[serde(default)]
    pub delivery: Delivery,
    /// How the cluster is reached.
    #[serde(flatten)]
    pub connection: ConnectionSettings,
}

/// The registry entry.
pub const SINK: SinkKind = SinkKind {
    name: "kafka",
    summary: "Writes records to a topic, exactly once: all Kafka sinks of an epoch in one transaction. Or at least once, without transactions.",
    schema: || schema_for!(KafkaSinkSettings),
    check,
    form: Form::Message,
    target: |settings| {
        let topic = text(settings, "topic");
        let place = Place::Topic { cluster: text(settings, "bootstrap_servers").into(), topic: topic.into() };
        Target { setting: "topic", words: format!("topic {topic}"), place }
    },
    together: true,
    log: |settings| (!is_at_least_once(settings)).then_some(&log::PLACE),
    kept: Some(at_least_once::written),
    open,
};

fn is_at_least_once(settings: &Value) -> bool {
    text(settings, "delivery") == "at_least_once"
}

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
    if settings.iter().any(|settings| settings.delivery != first.delivery) {
        return Err(
            fault("they differ in `delivery`, and are written in one act".into(), SAME_DELIVERY).into()
        );
    }
    if first.delivery == Delivery::AtLeastOnce {
        return open_at_least_once(&names, &settings, context);
    }
    let log = LogTopic::connect(first.connection.clone(), context.name).map_err(cluster_fault)?;
    make_topic(&log.cluster, &WantedTopic::progress(context.name, 1)).map_err(|e| fault(e, HINT))?;
    let (members, found_topics) = members(&log.cluster, &names, &settings, &fault)?;
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
        same_partitions(&sink.members, &found, &fault)?;
        sink.written = found.sinks;
    }
    let emptied = if context.from_scratch {
        let at = (&sink.log.cluster, &sink.log.connection, &*sink.progress.group);
        tombstones(at, &found_topics).map_err(cluster_fault)?
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
const SAME_DELIVERY: &str = "give all Kafka sinks of the topology the same `delivery`";

/// Makes an error of opening, of what is wrong and what to do.
type FaultOf<'f> = &'f dyn Fn(String, &str) -> OpenError;

/// The sinks with their topics, which have to be there.
fn members(
    cluster: &Cluster,
    names: &[&str],
    settings: &[KafkaSinkSettings],
    fault: FaultOf<'_>,
) -> Result<(Vec<Member>, Vec<TopicDescription>), OpenError> {
    let topics: Vec<&str> = settings.iter().map(|settings| settings.topic.as_str()).collect();
    let found = cluster.describe(&topics).map_err(|error| fault(error.to_string(), HINT))?;
    let (mut members, mut descriptions) = (Vec::new(), Vec::new());
    for ((id, topic), found) in names.iter().zip(&topics).zip(found) {
        let Some(found) = found else {
            let hint = "`dirigent topics create TOPOLOGY` makes the topics of a topology";
            return Err(fault(format!("there is no topic `{topic}`, which `{id}` writes"), hint));
        };
        let (id, topic) = ((*id).to_owned(), (*topic).to_owned());
        members.push(Member { id, topic, partitions: found.partitions });
        descriptions.push(found);
    }
    Ok((members, descriptions))
}

/// Refuses topics that have other partitions than when they were written.
fn same_partitions(members: &[Member], before: &ProgressRecord, fault: FaultOf<'_>) -> Result<(), OpenError> {
    for Member { topic, partitions, .. } in members {
        let before = before.partitions.get(topic).copied().unwrap_or(*partitions);
        if before != *partitions {
            let reason = format!(
                "the topic `{topic}` had {before} partitions and has {partitions} now: keys would stand in other partitions than before"
            );
            return Err(fault(reason, "write to a new topic, or begin anew with --from-scratch"));
        }
    }
    Ok(())
}

/// The same without transactions.
fn open_at_least_once(
    names: &[&str],
    settings: &[KafkaSinkSettings],
    context: &SinkContext<'_>,
) -> Result<OpenSink, OpenSinkError> {
    let target = format!("the Kafka sinks {}", names.join(", "));
    let fault = |reason: String, hint: &str| OpenError { target: target.clone(), reason, hint: hint.into() };
    let cluster_fault = |error: ClusterError| fault(error.to_string(), HINT);
    let Some(KafkaSinkSettings { connection, .. }) = settings.first() else {
        return Err(fault("there is none".into(), HINT).into());
    };
    let cluster = Cluster::connect(connection, WITHIN).map_err(cluster_fault)?;
    let (members, topics) = members(&cluster, names, settings, &fault)?;
    let (mut sinks, before) = AcknowledgedSinks::open(connection, members, context).map_err(|error| {
        fault(
            error.to_string(),
            "restore the progress in the state folder, or begin anew with --from-scratch",
        )
    })?;
    match &before {
        Some(before) => same_partitions(sinks.members(), before, &fault)?,
        // what was written exactly once has its log there, and this would begin beside it
        None if context.generation == 1 && !context.from_scratch => {
            let log = WantedTopic::log(context.name).name;
            let there = cluster.describe(&[&log]).map_err(cluster_fault)?.remove(0).is_some();
            if there && cluster.watermarks(&log, 0).map_err(cluster_fault)?.high > 0 {
                let reason =
                    format!("the epoch log in `{log}` says that they were written exactly once so far");
                let hint = "take `delivery: at_least_once` back, give the topology another name, or begin anew with --from-scratch";
                return Err(fault(reason, hint).into());
            }
        }
        None => {}
    }
    let group = format!("dirigent.{}", context.name);
    let emptied = if context.from_scratch {
        tombstones((&cluster, connection, &group), &topics).map_err(cluster_fault)?
    } else {
        Vec::new()
    };
    sinks.begin(&emptied).map_err(|error| fault(error.to_string(), HINT))?;
    let written = names.iter().map(|id| sinks.written(id).map(Into::into)).collect();
    Ok(OpenSink { sink: Box::new(sinks), written })
}

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

    fn fault(&self, reason: String) -> SinkError {
        fault_of(&self.members, reason)
    }

    fn record(&self, kind: Kind, sinks: BTreeMap<String, Written>) -> ProgressRecord {
        let partitions =
            self.members.iter().map(|member| (member.topic.clone(), member.partitions)).collect();
        ProgressRecord { kind, generation: self.generation, sinks, partitions }
    }

    /// Writes outputs with a record of the progress, once.
    fn write(&mut self, outputs: &[Output<'_>], record: &ProgressRecord) -> Result<(), ClusterError> {
        let progress = serde_json::to_vec(record).unwrap_or_default();
        let last = Outgoing {
            topic: &self.progress.topic,
            partition: self.progress.shard,
            key: None,
            value: Some(&progress),
            headers: b"",
            told: true,
        };
        let offsets =
            self.transactions.write(outgoing(&self.members, outputs).chain(std::iter::once(last)))?;
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
