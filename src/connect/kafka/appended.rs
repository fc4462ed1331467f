//! A topic that a source reads, where it is appended to: all replicas have a record before it counts as appended.
//!
//! Where it is not clear whether some were taken, they are appended again: who reads them takes each once.

use std::time::{Duration, Instant};

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseProducer, BaseRecord, Producer},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    client::ClientState, connection::Role, error::ClusterError, log_topic::WITHIN, opening::HINT,
    read_end::ReadEnd, source::KafkaSourceSettings, topics::Cluster,
};
use crate::connect::{
    ends::{Appended, AppendedRecord},
    registry::OpenError,
};

/// The topic of a source.
pub(super) fn open(settings: &Value) -> Result<Box<dyn Appended>, OpenError> {
    let settings = KafkaSourceSettings::deserialize(settings).map_err(|error| OpenError {
        target: "the topic of a source".into(),
        reason: error.to_string(),
        hint: "check its settings".into(),
    })?;
    let topic = settings.topics.first().cloned().unwrap_or_default();
    Ok(Box::new(AppendedTopic { settings, topic, producer: None }))
}

struct AppendedTopic {
    settings: KafkaSourceSettings,
    topic: String,
    producer: Option<(BaseProducer<ClientState>, ClientState)>,
}

impl AppendedTopic {
    fn fault(&self, error: &ClusterError) -> OpenError {
        OpenError {
            target: format!("the topic {}", self.topic),
            reason: error.to_string(),
            hint: HINT.into(),
        }
    }

    fn all(&self) -> Result<Vec<Vec<u8>>, ClusterError> {
        let connection = &self.settings.connection;
        let cluster = Cluster::connect(connection, WITHIN)?;
        let doing = format!("read `{}`", self.topic);
        let Some(found) = cluster.describe(&[&self.topic])?.into_iter().flatten().next() else {
            return Err(cluster.no_topic(&doing));
        };
        let mut values = Vec::new();
        for partition in 0..found.partitions {
            let end = ReadEnd {
                cluster: &cluster,
                connection,
                group: &self.settings.group_id,
                topic: &self.topic,
                partition,
                within: WITHIN,
            };
            end.look(0, |record| {
                values.extend(record.value.map(<[u8]>::to_vec));
            })?;
        }
        Ok(values)
    }

    fn produce(&mut self, records: &[AppendedRecord]) -> Result<(), ClusterError> {
        let doing = format!("write to `{}`", self.topic);
        let (producer, state) = match self.producer.take() {
            Some(producer) => producer,
            None => {
                let (config, state) =
                    self.settings.connection.client(Role::Producer { transactional_id: None })?;
                let producer = config.create_with_context(state.clone());
                (producer.map_err(|error| state.explain(&doing, &error))?, state)
            }
        };
        for AppendedRecord { key, value } in records {
            let record = BaseRecord::to(&self.topic).key(key.as_bytes()).payload(value);
            producer.send(record).map_err(|(error, _)| state.explain(&doing, &error))?;
        }
        let started = Instant::now();
        while producer.in_flight_count() > 0 && started.elapsed() < WITHIN {
            producer.poll(Duration::from_millis(10));
        }
        if let Some((_, error)) = state.undelivered() {
            return Err(state.explain(&doing, &error));
        }
        if producer.in_flight_count() == 0 {
            // after a fault another producer begins anew
            self.producer = Some((producer, state));
            return Ok(());
        }
        let late = KafkaError::Global(RDKafkaErrorCode::OperationTimedOut);
        Err(state.explain(&doing, &late))
    }
}

impl Appended for AppendedTopic {
    fn read_all(&mut self) -> Result<Vec<Vec<u8>>, OpenError> {
        self.all().map_err(|error| self.fault(&error))
    }

    fn append(&mut self, records: &[AppendedRecord]) -> Result<(), OpenError> {
        self.produce(records).map_err(|error| self.fault(&error))
    }
}
