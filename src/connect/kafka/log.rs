//! The epoch log in a topic: one partition, written in transactions by whoever started last.
//!
//! The order of a start is that of `docs/protocol.md`: a run that goes on elsewhere is waited for (`standby`); then its writer
//! is fenced before the log is read; then the new generation is written and read back, and only then it is used. A commit
//! whose outcome is not known is never taken for done or for failed: the log is looked at, then fenced, then read, and the same
//! records are appended again if they are not there.
//!
//! A topic cannot be rewritten: what a truncation has to keep of what it removes goes into the mark that it leaves
//! (`Body::Truncated`), which is durable before anything is removed.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;

use super::{
    connection::ConnectionSettings,
    error::ClusterError,
    patience::Patience,
    progress::ProgressTopic,
    read_end::{Committed, ReadEnd},
    standby::{self, Nonce},
    topics::Cluster,
    transaction::{Outgoing, Transactions},
    wanted::{LOG, WantedTopic},
};
use crate::{
    connect::registry::{LogContext, LogPlace, OpenError},
    engine::{
        Epoch,
        log::{
            EpochLog, LogError, LogStore, LogStoreError,
            contents::{LogContents, Needed, check},
            record::{Body, LogRecord},
            writing::{LogWriter, ThreadedLog},
        },
        sink::Progress,
    },
    telemetry::StatusMeter,
};

/// How long one call to the brokers may take.
pub(super) const WITHIN: Duration = Duration::from_secs(30);

/// The log's topic, as it is read.
pub(super) struct LogTopic {
    pub(super) cluster: Cluster,
    pub(super) connection: ConnectionSettings,
    pub(super) topic: String,
    group: String,
}

/// A record with its offset.
pub(super) type Placed = (u64, LogRecord);

impl LogTopic {
    pub(super) fn connect(connection: ConnectionSettings, name: &str) -> Result<Self, ClusterError> {
        let cluster = Cluster::connect(&connection, WITHIN)?;
        let (topic, group) = (format!("{name}{LOG}"), format!("dirigent.{name}"));
        Ok(Self { cluster, connection, topic, group })
    }

    fn read_end(&self) -> ReadEnd<'_> {
        ReadEnd {
            cluster: &self.cluster,
            connection: &self.connection,
            group: &self.group,
            topic: &self.topic,
            partition: 0,
            within: WITHIN,
        }
    }

    /// Everything from an offset to the end, and where that is.
    pub(super) fn read(&self, from: u64) -> Result<(Vec<Placed>, u64), ReadError> {
        self.parsed(|each| self.read_end().read(from, each))
    }

    /// Everything from an offset up to where no transaction is open.
    pub(super) fn look(&self, from: u64) -> Result<(Vec<Placed>, u64), ReadError> {
        self.parsed(|each| self.read_end().look(from, each))
    }

    fn parsed(
        &self,
        read: impl FnOnce(&mut dyn FnMut(Committed<'_>)) -> Result<u64, ClusterError>,
    ) -> Result<(Vec<Placed>, u64), ReadError> {
        let (mut records, mut foreign) = (Vec::new(), None);
        let end = read(&mut |Committed { offset, value, .. }| match serde_json::from_slice(
            value.unwrap_or_default(),
        ) {
            Ok(record) => records.push((offset, record)),
            Err(error) => drop(foreign.get_or_insert((offset, error.to_string()))),
        })?;
        match foreign {
            Some((offset, reason)) => Err(ReadError::Foreign { topic: self.topic.clone(), offset, reason }),
            None => Ok((records, end)),
        }
    }
}

/// Why the log's topic cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("the record at offset {offset} of `{topic}` is no record of an epoch log: {reason}")]
    Foreign { topic: String, offset: u64, reason: String },
}

/// The last generation that the log has.
pub(super) fn last_generation(records: &[Placed]) -> Option<(u64, Option<&str>)> {
    records.iter().rev().find_map(|(_, record)| match &record.body {
        Body::Generation(start) => Some((record.generation, start.nonce.as_deref())),
        _ => None,
    })
}

/// The log in a topic, before the run has begun.
struct KafkaLogStore {
    log: LogTopic,
    transactions: Transactions,
    nonce: Nonce,
    patience: Patience,
    status: Arc<StatusMeter>,
    idle_epoch: Duration,
    takeover_after: Option<Duration>,
    /// What was read, with offsets, and where it ended.
    placed: Vec<Placed>,
    end: u64,
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
        placed: Vec::new(),
        end: 0,
    }))
}

const HINT: &str = "docs/kafka.md says what a run needs of a cluster";

impl KafkaLogStore {
    fn fault(&self, reason: String) -> LogStoreError {
        let target = format!("the epoch log {}", self.log.topic);
        LogStoreError::Outside { target, reason, hint: HINT.into() }
    }

    fn read(&mut self) -> Result<(), LogStoreError> {
        (self.placed, self.end) = self.log.read(0).map_err(|error| self.fault(error.to_string()))?;
        Ok(())
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
        self.transactions.init().map_err(|error| self.fault(error.to_string()))?;
        self.read()?;
        let last = self.placed.last().map(|(_, record)| (record.seq, record.generation));
        if let Some((seq, generation)) = last.filter(|_| from_scratch) {
            // numbers go on, and nothing else does
            let body = Body::Truncated { through: 0, kept: Vec::new() };
            return Ok(LogContents { records: vec![LogRecord { seq, generation, body }], torn: 0 });
        }
        let contents = counting(&self.placed);
        check(&contents.records).map_err(|(_, reason)| self.fault(reason))?;
        Ok(contents)
    }

    fn begin(
        mut self: Box<Self>,
        contents: LogContents,
        generation: u64,
        mut begin: Vec<Body>,
    ) -> Result<Arc<dyn EpochLog>, LogStoreError> {
        let nonce = self.nonce.renew().map_err(|error| self.fault(error.to_string()))?;
        if let Some(Body::Generation(start)) = begin.first_mut() {
            start.nonce = Some(nonce.clone());
        }
        let begins_at = self.end;
        let seq = contents.records.last().map_or(0, |record| record.seq);
        let Self { log, transactions, patience, mut placed, end, .. } = *self;
        let first = contents.records.first().map_or(0, |record| record.seq);
        placed.retain(|(_, record)| record.seq >= first);
        let topic = log.topic.clone();
        let mut writer = KafkaLog {
            log,
            transactions,
            patience,
            placed: placed.into(),
            contents,
            generation,
            nonce,
            seq,
            end,
        };
        let append = writer.append(begin);
        append.and_then(|()| writer.read_back(begins_at)).map_err(|error| match error {
            LogError::Superseded { generation } => LogStoreError::Superseded { generation },
            LogError::Write(reason) => {
                LogStoreError::Outside { target: format!("the epoch log {topic}"), reason, hint: HINT.into() }
            }
        })?;
        Ok(Arc::new(ThreadedLog::new(Box::new(writer), begins_at)))
    }
}

/// The log in a topic while its run goes on.
struct KafkaLog {
    log: LogTopic,
    transactions: Transactions,
    patience: Patience,
    /// The records that are in the topic, with their offsets.
    placed: VecDeque<Placed>,
    /// What counted at the start.
    contents: LogContents,
    generation: u64,
    /// What tells this start from another one that gave itself the same number.
    nonce: String,
    seq: u64,
    /// Everything before it was read, or written by this run.
    end: u64,
}

impl KafkaLog {
    fn fault(&self, error: &dyn std::fmt::Display) -> LogError {
        LogError::Write(error.to_string())
    }

    /// A generation of the log newer than ours; or of our number, and not ours: of two that have read the same log, the one whose
    /// record is there has it.
    fn superseded(&self, records: &[Placed]) -> Result<(), LogError> {
        let ours = (self.generation, Some(self.nonce.as_str()));
        match last_generation(records) {
            Some(last @ (generation, _)) if generation >= self.generation && last != ours => {
                Err(LogError::Superseded { generation })
            }
            _ => Ok(()),
        }
    }

    /// Reads on until the first records of this generation are seen: a commit that says done may not be visible yet.
    fn read_back(&mut self, from: u64) -> Result<(), LogError> {
        let (seen, _) = self.log.read(from).map_err(|error| self.fault(&error))?;
        self.superseded(&seen)?;
        if seen.iter().any(|(_, record)| record.seq == self.seq && record.generation == self.generation) {
            Ok(())
        } else {
            Err(LogError::Write("its first records were committed and are not there".into()))
        }
    }

    /// Writes records once; their offsets.
    fn write(&mut self, records: &[LogRecord]) -> Result<Vec<u64>, ClusterError> {
        let values: Vec<Vec<u8>> =
            records.iter().map(|record| serde_json::to_vec(record).unwrap_or_default()).collect();
        let outgoing = values.iter().map(|value| Outgoing {
            topic: &self.log.topic,
            partition: 0,
            key: None,
            value: Some(value),
            headers: b"",
            told: true,
        });
        self.transactions.write(outgoing)
    }

    /// Finds out what became of records whose commit is unclear, and appends them again where they are not there.
    fn settle(&mut self, records: &[LogRecord]) -> Result<Vec<u64>, LogError> {
        let last = records.last().map_or(0, |record| record.seq);
        loop {
            // first without `init`, which would fence whoever has taken over
            let looked = self.log.look(self.end);
            match looked {
                Ok((seen, _)) => self.superseded(&seen)?,
                Err(error) => {
                    self.patience.wait(&error).map_err(|error| self.fault(&error))?;
                    continue;
                }
            }
            let read =
                self.transactions.init().map_err(ReadError::from).and_then(|()| self.log.read(self.end));
            let seen = match read {
                Ok((seen, _)) => seen,
                Err(error) => {
                    self.patience.wait(&error).map_err(|error| self.fault(&error))?;
                    continue;
                }
            };
            self.superseded(&seen)?;
            if seen.iter().any(|(_, record)| record.seq == last && record.generation == self.generation) {
                let ours = |(offset, record): &Placed| (record.seq >= records[0].seq).then_some(*offset);
                return Ok(seen.iter().filter_map(ours).collect());
            }
            match self.write(records) {
                Ok(offsets) => return Ok(offsets),
                Err(error) => self.patience.wait(&error.into()).map_err(|error| self.fault(&error))?,
            }
        }
    }
}

impl LogWriter for KafkaLog {
    fn append(&mut self, bodies: Vec<Body>) -> Result<(), LogError> {
        let generation = self.generation;
        let records: Vec<LogRecord> =
            (self.seq + 1..).zip(bodies).map(|(seq, body)| LogRecord { seq, generation, body }).collect();
        let offsets = match self.write(&records) {
            Ok(offsets) => offsets,
            Err(error) => {
                tracing::warn!("the epoch log: {error}; what became of it is looked up");
                self.settle(&records)?
            }
        };
        self.patience.calm();
        self.seq += records.len() as u64;
        self.end = offsets.last().map_or(self.end, |last| last + 1);
        if records.iter().any(|record| matches!(&record.body, Body::Generation(start) if start.anew)) {
            self.placed.clear();
            self.contents.records.clear();
        }
        self.placed.extend(offsets.into_iter().zip(records));
        Ok(())
    }

    fn truncate(&mut self, through: Epoch) -> Result<(), LogError> {
        let later = |(_, record): &Placed| matches!(&record.body, Body::Epoch(e) if e.epoch > through);
        let cut = self.placed.iter().position(later).unwrap_or(self.placed.len());
        if cut == 0 {
            return Ok(());
        }
        let known = self.contents.records.iter();
        let all = known.chain(self.placed.iter().map(|(_, record)| record));
        let needed = Needed::after(all, through, self.generation);
        let first = self.placed.get(cut).map_or(self.seq + 1, |(_, record)| record.seq);
        let own = self.placed.iter().map(|(_, record)| record);
        let mut kept: Vec<LogRecord> = Vec::new();
        for record in self.contents.records.iter().chain(own) {
            let newer = kept.last().is_none_or(|last| record.seq > last.seq);
            if record.seq < first && newer && needed.has(record) {
                kept.push(record.clone());
            }
        }
        self.append(vec![Body::Truncated { through, kept: kept.clone() }])?;
        let below = self.placed.get(cut).map_or(self.end, |(offset, _)| *offset);
        if let Err(error) = self.log.cluster.delete_records(&self.log.topic, 0, below) {
            // nothing depends on it: the mark says what counts
            tracing::warn!("the epoch log cannot be truncated: {error}");
            return Ok(());
        }
        self.placed.drain(..cut);
        self.contents.records = kept;
        Ok(())
    }
}
