//! The log in a topic while its run goes on: records are appended in transactions, one in flight.
//!
//! A commit whose outcome is not known is never taken for done or for failed: the log is looked at, then fenced, then read, and the
//! same records are appended again if they are not there. Whoever has fenced this writer is given a moment to say so in the log.

use std::collections::VecDeque;

use super::{
    log_topic::{LogTopic, Placed, ReadError, last_generation},
    patience::Patience,
    transaction::Transactions,
};
use crate::engine::{
    Epoch,
    log::{
        LogError,
        contents::{LogContents, Needed},
        record::{Body, LogRecord},
        writing::LogWriter,
    },
};

/// The log in a topic while its run goes on.
pub(super) struct KafkaLog {
    pub(super) log: LogTopic,
    pub(super) transactions: Transactions,
    pub(super) patience: Patience,
    /// The records that are in the topic, with their offsets.
    pub(super) placed: VecDeque<Placed>,
    /// What counted at the start.
    pub(super) contents: LogContents,
    pub(super) generation: u64,
    pub(super) seq: u64,
    /// Everything before it was read, or written by this run.
    pub(super) end: u64,
}

impl KafkaLog {
    fn fault(&self, error: &dyn std::fmt::Display) -> LogError {
        LogError::Write(error.to_string())
    }

    /// A generation of the log newer than ours.
    fn superseded(&self, records: &[Placed]) -> Result<(), LogError> {
        match last_generation(records) {
            Some(generation) if generation > self.generation => Err(LogError::Superseded { generation }),
            _ => Ok(()),
        }
    }

    /// Finds out what became of records whose commit is unclear, and appends them again where they are not there.
    fn settle(&mut self, records: &[LogRecord]) -> Result<Vec<u64>, LogError> {
        let last = records.last().map_or(0, |record| record.seq);
        loop {
            // first without `init`, which would fence whoever has taken over
            let is_newer = |record: &LogRecord| record.generation > self.generation;
            let looked = self.log.successor(self.end, self.transactions.fenced, is_newer);
            match looked {
                Ok(None) => {}
                Ok(Some(generation)) => return Err(LogError::Superseded { generation }),
                Err(error) => {
                    self.patience.wait(&error).map_err(|error| self.fault(&error))?;
                    continue;
                }
            }
            let read = self
                .log
                .fence(&mut self.transactions)
                .map_err(ReadError::from)
                .and_then(|()| self.log.read(self.end));
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
            match self.log.append(&mut self.transactions, records) {
                Ok(offsets) => return Ok(offsets),
                Err(error) => self.patience.wait(&error.into()).map_err(|error| self.fault(&error))?,
            }
        }
    }
}

/// How many of the records in the topic are behind an epoch, and what is still needed of them and of what counted before them.
pub(super) fn behind(
    contents: &LogContents,
    placed: &VecDeque<Placed>,
    through: Epoch,
    (generation, seq): (u64, u64),
) -> (usize, Vec<LogRecord>) {
    let later = |(_, record): &Placed| matches!(&record.body, Body::Epoch(e) if e.epoch > through);
    let cut = placed.iter().position(later).unwrap_or(placed.len());
    let own = || placed.iter().map(|(_, record)| record);
    let needed = Needed::after(contents.records.iter().chain(own()), through, generation);
    let first = placed.get(cut).map_or(seq + 1, |(_, record)| record.seq);
    let mut kept: Vec<LogRecord> = Vec::new();
    for record in contents.records.iter().chain(own()) {
        let newer = kept.last().is_none_or(|last| record.seq > last.seq);
        if record.seq < first && newer && needed.has(record) {
            kept.push(record.clone());
        }
    }
    (cut, kept)
}

impl LogWriter for KafkaLog {
    fn append(&mut self, bodies: Vec<Body>) -> Result<(), LogError> {
        let generation = self.generation;
        let records: Vec<LogRecord> =
            (self.seq + 1..).zip(bodies).map(|(seq, body)| LogRecord { seq, generation, body }).collect();
        let offsets = match self.log.append(&mut self.transactions, &records) {
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
        let (cut, kept) = behind(&self.contents, &self.placed, through, (self.generation, self.seq));
        if cut == 0 {
            return Ok(());
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
