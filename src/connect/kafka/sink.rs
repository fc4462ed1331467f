//! Kafka as a sink: its settings, and how all Kafka sinks of a topology are opened together: with transactions
//! (`exactly_once`), or without (`at_least_once`).

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::{
    at_least_once::{self, AcknowledgedSinks},
    connection::ConnectionSettings,
    error::ClusterError,
    exactly_once, log,
    log_topic::WITHIN,
    outputs::{Member, tombstones},
    progress::ProgressRecord,
    topics::{Cluster, TopicDescription},
    wanted::WantedTopic,
};
use crate::{
    connect::{
        place::Place,
        registry::{Fault, OpenError, OpenSinkError, SinkContext, SinkKind, Target},
    },
    engine::sink::OpenSink,
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

fn open(sinks: &[(&str, &Value)], context: &SinkContext<'_>) -> Result<OpenSink, OpenSinkError> {
    let names: Vec<&str> = sinks.iter().map(|(id, _)| *id).collect();
    let fault = |reason: String, hint: &str| fault_of_opening(&names, reason, hint);
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
    match first.delivery {
        Delivery::ExactlyOnce => exactly_once::open(&names, &settings, context),
        Delivery::AtLeastOnce => open_at_least_once(&names, &settings, context),
    }
}

/// What went wrong when sinks were opened.
pub(super) fn fault_of_opening(names: &[&str], reason: String, hint: &str) -> OpenError {
    OpenError { target: format!("the Kafka sinks {}", names.join(", ")), reason, hint: hint.into() }
}

pub(super) const HINT: &str = "docs/kafka.md says what a run needs of a cluster";
const SAME_DELIVERY: &str = "give all Kafka sinks of the topology the same `delivery`";

/// Makes an error of opening, of what is wrong and what to do.
pub(super) type FaultOf<'f> = &'f dyn Fn(String, &str) -> OpenError;

/// The sinks with their topics, which have to be there.
pub(super) fn members(
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
pub(super) fn same_partitions(
    members: &[Member],
    before: &ProgressRecord,
    fault: FaultOf<'_>,
) -> Result<(), OpenError> {
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

/// Opens sinks that are written at least once.
fn open_at_least_once(
    names: &[&str],
    settings: &[KafkaSinkSettings],
    context: &SinkContext<'_>,
) -> Result<OpenSink, OpenSinkError> {
    let fault = |reason: String, hint: &str| fault_of_opening(names, reason, hint);
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
