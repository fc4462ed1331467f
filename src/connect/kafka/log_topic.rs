//! The topic of the epoch log: read to its end or as far as it is settled, appended to in transactions, looked through for
//! a successor.

use std::time::Duration;

use super::{
    connection::ConnectionSettings,
    error::ClusterError,
    fence::fence,
    read_end::{Committed, ReadEnd},
    topics::Cluster,
    transaction::{Outgoing, Transactions},
    wanted::LOG,
};
use crate::engine::log::record::{Body, LogRecord};

/// How long one call to the brokers may take.
pub(super) const WITHIN: Duration = Duration::from_secs(30);
/// How often a successor is looked for, and how long between two looks.
const LOOKS: u32 = 10;
const LOOK: Duration = Duration::from_millis(100);

/// The log's topic, as it is read.
pub(super) struct LogTopic {
    pub(super) cluster: Cluster,
    pub(super) connection: ConnectionSettings,
    pub(super) topic: String,
    pub(super) group: String,
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

    /// Appends records in one transaction; their offsets. After an error it is not known whether they are there.
    pub(super) fn append(
        &self,
        transactions: &mut Transactions,
        records: &[LogRecord],
    ) -> Result<Vec<u64>, ClusterError> {
        let values: Vec<Vec<u8>> =
            records.iter().map(|record| serde_json::to_vec(record).unwrap_or_default()).collect();
        let outgoing = values.iter().map(|value| Outgoing {
            topic: &self.topic,
            partition: 0,
            key: None,
            value: Some(value),
            headers: b"",
            told: true,
        });
        transactions.write(outgoing)
    }

    /// Fences whoever wrote before, and ends what they have left open.
    pub(super) fn fence(&self, transactions: &mut Transactions) -> Result<(), ClusterError> {
        let at = (&self.cluster, &self.connection, &*self.group);
        fence(at, transactions, std::iter::once((&*self.topic, 0)))
    }

    /// Looks for a record of somebody newer from an offset on; where the writer was fenced, for a while: whoever has
    /// fenced a writer is about to write one, and fencing back at once would be a race between two starts that neither
    /// wins.
    pub(super) fn successor(
        &self,
        from: u64,
        fenced: bool,
        is_newer: impl Fn(&LogRecord) -> bool,
    ) -> Result<Option<u64>, ReadError> {
        for look in 0..if fenced { LOOKS } else { 1 } {
            if look > 0 {
                std::thread::sleep(LOOK);
            }
            let (seen, _) = self.look(from)?;
            if let Some((_, record)) = seen.iter().find(|(_, record)| is_newer(record)) {
                return Ok(Some(record.generation));
            }
        }
        Ok(None)
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

/// The newest generation that records are of.
pub(super) fn last_generation(records: &[Placed]) -> Option<u64> {
    records.last().map(|(_, record)| record.generation)
}

/// What tells the last start in the log from others. A truncation keeps it in its mark, which may stand behind the records of
/// a later start: what counts is the generation, not the place.
pub(super) fn last_nonce(records: &[Placed]) -> Option<&str> {
    fn of(record: &LogRecord) -> Option<(u64, &str)> {
        match &record.body {
            Body::Claim { nonce } => Some((record.generation, nonce)),
            Body::Generation(start) => Some((record.generation, start.nonce.as_deref()?)),
            Body::Truncated { kept, .. } => {
                kept.iter().filter_map(of).max_by_key(|(generation, _)| *generation)
            }
            _ => None,
        }
    }
    let nonces = records.iter().filter_map(|(_, record)| of(record));
    nonces.max_by_key(|(generation, _)| *generation).map(|(_, nonce)| nonce)
}
