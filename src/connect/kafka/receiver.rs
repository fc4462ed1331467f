//! Hands notifications to a topic: CloudEvents in the binary mode of their Kafka binding
//! (<https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/kafka-protocol-binding.md>). The key is the case's id, so the
//! news of a case stay in order; the value is the case as JSON; attributes are headers, `ce_id` and others.
//!
//! The producer is idempotent and waits for all replicas. It lives as long as attempts succeed: after one that has failed
//! a new one is made, so that nothing of the failed one can come later than what was sent after it.

use std::time::{Duration, Instant};

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer},
};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::{
    client::ClientState,
    connection::{ConnectionSettings, Role},
    error::ClusterError,
    sink::topic_fault,
    transaction::serve,
};
use crate::{
    connect::{
        place::Place,
        receivers::{
            Delivery, DeliveryError, Notification, Receiver, cloud_events::CloudEvent,
            registry::ReceiverKind, webhook::ten_seconds,
        },
        registry::{Fault, OpenError, Target},
    },
    engine::duration::Millis,
};

/// Settings of a topic for notifications.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct KafkaReceiverSettings {
    /// The topic that is written. It has to be there.
    pub topic: String,
    /// How long an attempt may take, until all replicas have the records.
    #[serde(default = "ten_seconds")]
    pub timeout: Millis,
    /// How the cluster is reached.
    #[serde(flatten)]
    pub connection: ConnectionSettings,
}

/// The registry entry.
pub const RECEIVER: ReceiverKind = ReceiverKind {
    name: super::NAME,
    summary: "Writes notifications to a topic, as CloudEvents in binary mode.",
    schema: || schema_for!(KafkaReceiverSettings),
    check,
    target: |settings| {
        let text = |key| settings.get(key).and_then(Value::as_str).unwrap_or_default();
        let topic = text("topic");
        let place = Place::Topic { cluster: text("bootstrap_servers").into(), topic: topic.into() };
        Some(Target { setting: "topic", words: format!("topic {topic}"), place })
    },
    open: |settings, context| {
        let fault = |reason: String| OpenError {
            target: format!("the topic of `{}`", context.id),
            reason,
            hint: "check its settings, and the files that they name".into(),
        };
        let settings: KafkaReceiverSettings =
            serde_json::from_value(settings.clone()).map_err(|error| fault(error.to_string()))?;
        let role = Role::Producer { transactional_id: None };
        settings.connection.client(role).map_err(|error| fault(error.to_string()))?;
        let doing = format!("write to the topic `{}`", settings.topic);
        Ok(Box::new(Topic { settings, doing, producer: None }))
    },
};

fn check(settings: &Value) -> Vec<Fault> {
    let mut faults = ConnectionSettings::faults(settings);
    let topic = settings.get("topic").and_then(Value::as_str).unwrap_or_default();
    faults.extend(topic_fault(topic).map(|(message, hint)| ("/topic".into(), message, hint)));
    if settings.get("timeout").and_then(Value::as_str) == Some("0s") {
        let message = "no attempt can be made in no time".to_owned();
        faults.push(("/timeout".into(), message, "give a duration such as 10s".into()));
    }
    faults
}

struct Topic {
    settings: KafkaReceiverSettings,
    doing: String,
    producer: Option<(BaseProducer<ClientState>, ClientState)>,
}

impl Topic {
    fn make_producer(&self) -> Result<(BaseProducer<ClientState>, ClientState), ClusterError> {
        let role = Role::Producer { transactional_id: None };
        let (mut config, state) = self.settings.connection.client(role)?;
        // what is given up after the attempt was would come beside the next one
        config.set("message.timeout.ms", self.settings.timeout.0.to_string());
        let producer = config.create_with_context(state.clone());
        Ok((producer.map_err(|error| state.explain(&self.doing, &error))?, state))
    }

    fn try_to_deliver(&mut self, delivery: &Delivery) -> Result<(), ClusterError> {
        let until = Instant::now() + Duration::from_millis(self.settings.timeout.0);
        let (producer, state) = match self.producer.take() {
            Some(producer) => producer,
            None => self.make_producer()?,
        };
        let result = self.send(&producer, &state, delivery, until);
        match result {
            Ok(()) => self.producer = Some((producer, state)),
            // dropping it would wait for what is under way
            Err(_) => producer.purge(rdkafka::producer::PurgeConfig::default().queue().inflight()),
        }
        result
    }

    fn send(
        &self,
        producer: &BaseProducer<ClientState>,
        state: &ClientState,
        delivery: &Delivery,
        until: Instant,
    ) -> Result<(), ClusterError> {
        let explain = |error: &KafkaError| state.explain(&self.doing, error);
        for notification in &delivery.notifications {
            let (headers, value) = message(&delivery.topology, notification);
            let record = BaseRecord::to(&self.settings.topic)
                .key(notification.case.case_id.as_bytes())
                .payload(&value)
                .headers(headers);
            producer.send(record).map_err(|(error, _)| explain(&error))?;
        }
        while producer.in_flight_count() > 0 && state.undelivered().is_none() {
            if Instant::now() >= until {
                return Err(explain(&KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut)));
            }
            serve(producer);
        }
        // the reports of the last records may still be with the producer's events
        producer.poll(Duration::ZERO);
        state.undelivered().map_or(Ok(()), |(_, error)| Err(explain(&error)))
    }
}

/// The headers and the value of a notification.
fn message(topology: &str, notification: &Notification) -> (OwnedHeaders, Vec<u8>) {
    let mut headers =
        OwnedHeaders::new().insert(Header { key: "content-type", value: Some("application/json") });
    for (name, value) in CloudEvent::new(topology, notification).attributes() {
        headers = headers.insert(Header { key: &format!("ce_{name}"), value: Some(&value) });
    }
    let mut value = Vec::new();
    notification.case.write(&mut value);
    (headers, value)
}

impl Receiver for Topic {
    fn deliver(&mut self, delivery: &Delivery) -> Result<(), DeliveryError> {
        self.try_to_deliver(delivery).map_err(|error| {
            let reason = error.to_string();
            match error {
                ClusterError::Rejected { .. } => DeliveryError::Refused { reason },
                // rights are granted, topics made, brokers started
                _ => DeliveryError::Unavailable { reason, retry_after: None },
            }
        })
    }
}
