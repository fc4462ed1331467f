//! The epoch log in a topic: one partition, written in transactions by whoever started last.
//!
//! The order of a start is that of `docs/protocol.md`: a run that goes on elsewhere is waited for (`standby`); then its writer
//! is fenced before the log is read; then the number of the new generation is claimed and read back, and only then it is used
//! (`claim`). How a run goes on writing, `log_writer` knows.
//!
//! A topic cannot be rewritten: what a truncation has to keep of what it removes goes into the mark that it leaves
//! (`Body::Truncated`), which is durable before anything is removed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    claim::{ClaimError, Claimed, claim},
    connection::ConnectionSettings,
    error::ClusterError,
    log_topic::{LogTopic, Placed},
    log_writer::KafkaLog,
    patience::Patience,
    progress::ProgressTopic,
    standby::{self, Nonce},
    transaction::Transactions,
    wanted::{LOG, WantedTopic},
};
use crate::{
    connect::registry::{LogContext, LogPlace, OpenError},
    engine::{
        log::{
            EpochLog, LogError, LogStore, LogStoreError,
            contents::{LogContents, check},
            record::{Body, LogRecord},
            writing::{LogWriter, ThreadedLog},
        },
        sink::Progress,
    },
    telemetry::StatusMeter,
};

/// The log in a topic, before the run has begun.
struct KafkaLogStore {
    log: LogTopic,
    transactions: Transactions,
    nonce: Nonce,
    patience: Patience,
    status: Arc<StatusMeter>,
    idle_epoch: Duration,
    takeover_after: Option<Duration>,
    /// What was found, once the log is ours.
    claimed: Option<Claimed>,
}

/// Where a topology with Kafka sinks has its log.
pub(super) const PLACE: LogPlace = LogPlace { open, read, written };

/// What the log of a topology says; empty where it has none.
fn read(settings: &Value, name: &str) -> Result<LogContents, OpenError> {
    let log = look_at(settings, name)?;
    let fault = |reason: String| fault_of(&log.topic, reason);
    if log.cluster.describe(&[&log.topic]).map_err(|error| fault(error.to_string()))?.remove(0).is_none() {
        return Ok(LogContents::default());
    }
    let (placed, _) = log.look(0).map_err(|error| fault(error.to_string()))?;
    let contents = counting(&placed);
    check(&contents.records).map_err(|(_, reason)| fault(reason))?;
    Ok(contents)
}

/// How far the sinks of a topology have written, and which start wrote last.
fn written(settings: &Value, name: &str) -> Result<(u64, BTreeMap<String, Progress>), OpenError> {
    let log = look_at(settings, name)?;
    let progress = ProgressTopic::new(name, 0);
    let fault = |reason: String| fault_of(&progress.topic, reason);
    let there = log.cluster.describe(&[&progress.topic]).map_err(|error| fault(error.to_string()))?.remove(0);
    let last = match there {
        Some(_) => progress.look(&log.cluster, &log.connection).map_err(|error| fault(error.to_string()))?,
        None => None,
    };
    Ok(last.map_or_else(Default::default, |last| {
        (last.generation, last.sinks.into_iter().map(|(id, written)| (id, written.into())).collect())
    }))
}

fn look_at(settings: &Value, name: &str) -> Result<LogTopic, OpenError> {
    let connection: ConnectionSettings = serde_json::from_value(settings.clone())
        .map_err(|error| fault_of(&format!("{name}{LOG}"), error.to_string()))?;
    LogTopic::connect(connection, name).map_err(|error| fault_of(&format!("{name}{LOG}"), error.to_string()))
}

fn fault_of(topic: &str, reason: String) -> OpenError {
    OpenError { target: format!("the topic {topic}"), reason, hint: HINT.into() }
}

/// Opens the log in the topic of a topology.
///
/// # Errors
/// The brokers do not answer, or the topic is not as it has to be.
fn open(context: &LogContext<'_>) -> Result<Box<dyn LogStore>, OpenError> {
    let target = format!("the epoch log {}{LOG}", context.name);
    let fault = |reason: String| OpenError { target: target.clone(), reason, hint: HINT.into() };
    let connection: ConnectionSettings =
        serde_json::from_value(context.settings.clone()).map_err(|error| fault(error.to_string()))?;
    let cluster = |error: ClusterError| fault(error.to_string());
    let log = LogTopic::connect(connection, context.name).map_err(cluster)?;
    standby::make_topic(&log.cluster, &WantedTopic::log(context.name)).map_err(fault)?;
    let id = format!("dirigent.{}.log", context.name);
    let transactions = Transactions::new(&log.connection, id, ("log", context.metrics)).map_err(cluster)?;
    let nonce = Nonce::open(context).map_err(|error| fault(error.to_string()))?;
    Ok(Box::new(KafkaLogStore {
        log,
        transactions,
        nonce,
        patience: Patience::new(context.interrupt, context.metrics),
        status: Arc::clone(context.metrics.status()),
        idle_epoch: context.idle_epoch,
        takeover_after: (!context.takeover).then_some(context.takeover_after),
        claimed: None,
    }))
}

const HINT: &str = "docs/kafka.md says what a run needs of a cluster";

impl KafkaLogStore {
    fn fault(&self, reason: String) -> LogStoreError {
        let target = format!("the epoch log {}", self.log.topic);
        LogStoreError::Outside { target, reason, hint: HINT.into() }
    }
}

/// What counts of a log: nothing before a start from scratch, and what a truncation kept in place of what it removed.
fn counting(placed: &[Placed]) -> LogContents {
    let anew =
        placed.iter().rposition(|(_, record)| matches!(&record.body, Body::Generation(start) if start.anew));
    let counting = &placed[anew.unwrap_or(0)..];
    let first = counting.first().map_or(0, |(_, record)| record.seq);
    let kept = counting.iter().rev().find_map(|(_, record)| match &record.body {
        Body::Truncated { kept, .. } => Some(kept.iter().filter(|record| record.seq < first)),
        _ => None,
    });
    let mut records: Vec<LogRecord> = kept.into_iter().flatten().cloned().collect();
    if let Some(last) = records.last() {
        // what is between them and the rest is gone
        let (seq, generation) = (last.seq + 1, last.generation);
        if seq < first {
            let body = Body::Truncated { through: 0, kept: Vec::new() };
            records.push(LogRecord { seq, generation, body });
        }
        for (n, record) in records.iter_mut().rev().enumerate() {
            record.seq = first - 1 - n as u64;
        }
    }
    records.extend(counting.iter().map(|(_, record)| record.clone()));
    LogContents { records, torn: 0 }
}

impl LogStore for KafkaLogStore {
    fn open(&mut self, from_scratch: bool) -> Result<LogContents, LogStoreError> {
        if let Some(takeover_after) = self.takeover_after {
            standby::wait(
                &self.log,
                &self.nonce,
                self.idle_epoch,
                takeover_after,
                &self.patience,
                &self.status,
            )
            .map_err(|error| error.into_store(&self.log.topic))?;
        }
        let claimed = claim(&self.log, &mut self.transactions, &mut self.nonce, &mut self.patience).map_err(
            |error| match error {
                ClaimError::Superseded { generation } => LogStoreError::Superseded { generation },
                error => self.fault(error.to_string()),
            },
        )?;
        let (_, LogRecord { seq, generation, .. }) = claimed.claim;
        let contents = if from_scratch && !claimed.before.is_empty() {
            // numbers go on, and nothing else does
            let body = Body::Truncated { through: 0, kept: Vec::new() };
            LogContents { records: vec![LogRecord { seq, generation, body }], torn: 0 }
        } else {
            counting(&claimed.before)
        };
        check(&contents.records).map_err(|(_, reason)| self.fault(reason))?;
        self.claimed = Some(claimed);
        Ok(contents)
    }

    fn generation(&self, contents: &LogContents) -> u64 {
        self.claimed.as_ref().map_or(contents.generation(), |claimed| claimed.claim.1.generation)
    }

    fn begin(
        self: Box<Self>,
        contents: LogContents,
        generation: u64,
        mut begin: Vec<Body>,
    ) -> Result<Arc<dyn EpochLog>, LogStoreError> {
        let Self { log, transactions, patience, claimed, .. } = *self;
        let topic = log.topic.clone();
        let fault = |reason: String| LogStoreError::Outside {
            target: format!("the epoch log {topic}"),
            reason,
            hint: HINT.into(),
        };
        let Some(Claimed { before, claim, begins_at, nonce }) = claimed else {
            return Err(fault("it was not opened".into()));
        };
        if let Some(Body::Generation(start)) = begin.first_mut() {
            start.nonce = Some(nonce);
        }
        let first = contents.records.first().map_or(0, |record| record.seq);
        let (end, seq) = (claim.0 + 1, claim.1.seq);
        let placed = before.into_iter().filter(|(_, record)| record.seq >= first).chain([claim]).collect();
        let mut writer = KafkaLog { log, transactions, patience, placed, contents, generation, seq, end };
        writer.append(begin).map_err(|error| match error {
            LogError::Superseded { generation } => LogStoreError::Superseded { generation },
            LogError::Write(reason) => fault(reason),
        })?;
        Ok(Arc::new(ThreadedLog::new(Box::new(writer), begins_at)))
    }
}

#[cfg(test)]
mod tests;
