//! Kafka as a sink: its settings, and how all Kafka sinks of a topology are opened together: with transactions
//! (`exactly_once`), or without (`at_least_once`).

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::{
    at_least_once::{self, AcknowledgedSinks},
    committed,
    connection::ConnectionSettings,
    exactly_once, log,
    log_topic::WITHIN,
    opening::{HINT, Opening},
    topics::Cluster,
    wanted::WantedTopic,
};
use crate::{
    connect::{
        place::Place,
        registry::{Fault, OpenSinkError, SinkContext, SinkKind, Target},
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
    committed: committed::open,
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
    let opening = Opening::new(sinks, context)?;
    match opening.delivery {
        Delivery::ExactlyOnce => exactly_once::open(&opening),
        Delivery::AtLeastOnce => open_at_least_once(&opening),
    }
}

/// Opens sinks that are written at least once.
fn open_at_least_once(opening: &Opening<'_>) -> Result<OpenSink, OpenSinkError> {
    let Opening { connection, context, .. } = opening;
    let cluster_fault = |error| opening.cluster_fault(&error);
    let cluster = Cluster::connect(connection, WITHIN).map_err(cluster_fault)?;
    let (members, topics) = opening.members(&cluster)?;
    let (mut sinks, before) = AcknowledgedSinks::open(connection, members, context).map_err(|error| {
        let hint = "restore the progress in the state folder, or begin anew with --from-scratch";
        opening.fault(error.to_string(), hint)
    })?;
    match &before {
        Some(before) => opening.same_partitions(sinks.members(), before)?,
        // what was written exactly once has its log there, and this would begin beside it
        None if context.generation == 1 && !context.from_scratch => {
            let log = WantedTopic::log(context.name).name;
            let there = cluster.describe(&[&log]).map_err(cluster_fault)?.remove(0).is_some();
            if there && cluster.watermarks(&log, 0).map_err(cluster_fault)?.high > 0 {
                let reason =
                    format!("the epoch log in `{log}` says that they were written exactly once so far");
                let hint = "take `delivery: at_least_once` back, give the topology another name, or begin anew with --from-scratch";
                return Err(opening.fault(reason, hint).into());
            }
        }
        None => {}
    }
    let emptied = opening.emptied((&cluster, connection, &format!("dirigent.{}", context.name)), &topics)?;
    sinks.begin(&emptied).map_err(|error| opening.fault(error.to_string(), HINT))?;
    let written = opening.names.iter().map(|id| sinks.written(id).map(Into::into)).collect();
    Ok(OpenSink { sink: Box::new(sinks), written })
}
