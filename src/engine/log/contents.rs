//! What is in the log when a run starts: records that are dense and never go back, or it is refused.

use std::{collections::BTreeMap, path::Path};

use super::{
    super::{
        Epoch,
        disk::Disk,
        journal::{Format, JournalError, read},
    },
    record::{Body, EpochRecord, LogRecord, PartitionRecord, Start},
};

/// What is in the log when a run starts.
#[derive(Debug, Default)]
pub struct LogContents {
    /// Its records, in order.
    pub records: Vec<LogRecord>,
    /// Bytes of a torn tail behind them.
    pub torn: usize,
}

impl LogContents {
    /// The largest generation seen.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.records.last().map_or(0, |record| record.generation)
    }

    /// The last epoch, 0 where there is none.
    #[must_use]
    pub fn last_epoch(&self) -> Epoch {
        self.epochs().last().map_or(self.truncated(), |record| record.epoch)
    }

    /// Up to where it was truncated.
    #[must_use]
    pub fn truncated(&self) -> Epoch {
        let through = self.records.iter().filter_map(|record| match &record.body {
            Body::Truncated { through, .. } => Some(*through),
            _ => None,
        });
        through.max().unwrap_or(0)
    }

    /// Its epochs, in order.
    pub fn epochs(&self) -> impl Iterator<Item = &EpochRecord> {
        self.records.iter().filter_map(|record| match &record.body {
            Body::Epoch(epoch) => Some(epoch),
            _ => None,
        })
    }

    /// The partitions that it knows, by source and number; of each the last record counts.
    pub fn partitions(&self) -> impl Iterator<Item = &PartitionRecord> {
        let mut last = BTreeMap::new();
        for record in &self.records {
            if let Body::Partition(partition) = &record.body {
                last.insert((&partition.source, partition.number), partition);
            }
        }
        last.into_values()
    }

    /// The offset up to which its epochs cover each partition.
    #[must_use]
    pub fn bound(&self) -> BTreeMap<&str, u64> {
        let mut bound = BTreeMap::new();
        for record in self.epochs() {
            bound.extend(record.bindings.iter().map(|(partition, end)| (partition.as_str(), *end)));
        }
        bound
    }

    /// The last start of the run.
    #[must_use]
    pub fn last_start(&self) -> Option<&Start> {
        self.records.iter().rev().find_map(|record| match &record.body {
            Body::Generation(start) => Some(start),
            _ => None,
        })
    }
}

/// The form of the log's file.
#[must_use]
pub fn format() -> Format {
    Format { format: "dirigent epoch log".into(), version: 1 }
}

/// Reads a log without touching it; empty where there is none.
///
/// # Errors
/// It cannot be read, or is damaged: a record is missing, comes twice, or goes back.
pub fn load(disk: &dyn Disk, path: &Path) -> Result<LogContents, JournalError> {
    let Some(contents) = read::<LogRecord>(disk, path, &format())? else { return Ok(LogContents::default()) };
    let wrong = |(n, reason)| JournalError::Record { path: path.to_owned(), record: n + 2, reason };
    check(&contents.records).map_err(wrong)?;
    Ok(LogContents { records: contents.records, torn: contents.torn })
}

/// Whether records are dense and never go back; else the place of the first that is wrong, and what is wrong with it.
/// What stood before a truncation may have gaps.
///
/// # Errors
/// A record is missing, comes twice, or goes back.
pub fn check(records: &[LogRecord]) -> Result<(), (usize, String)> {
    let (mut generation, mut epoch) = (0, 0);
    for (n, record) in records.iter().enumerate() {
        let before = n.checked_sub(1).map_or(0, |n| records[n].seq);
        let gap_is_allowed = n == 0 || matches!(records[n - 1].body, Body::Truncated { .. });
        if record.seq != before + 1 && !(gap_is_allowed && record.seq > before) {
            return Err((n, format!("it has number {}, the one before it {before}", record.seq)));
        }
        if record.generation < generation {
            return Err((n, format!("it is of generation {}, older than {generation}", record.generation)));
        }
        generation = record.generation;
        if let Body::Epoch(record) = &record.body {
            if record.epoch <= epoch {
                return Err((n, format!("epoch {} comes after epoch {epoch}", record.epoch)));
            }
            epoch = record.epoch;
        }
    }
    Ok(())
}

/// What replaying from after an epoch needs of a log: starts and partitions of all generations that are left, the
/// checkpoints, and the epochs after it.
#[derive(Clone, Copy, Debug)]
pub struct Needed {
    through: Epoch,
    /// The generation of the first epoch after it.
    pub oldest: u64,
}

impl Needed {
    /// What is needed after an epoch; `generation` is the one that goes on.
    #[must_use]
    pub fn after<'r>(
        records: impl IntoIterator<Item = &'r LogRecord>,
        through: Epoch,
        generation: u64,
    ) -> Self {
        let later = |record: &&LogRecord| matches!(&record.body, Body::Epoch(e) if e.epoch > through);
        let oldest = records.into_iter().find(later).map_or(generation, |record| record.generation);
        Self { through, oldest }
    }

    /// Whether a record is needed.
    #[must_use]
    pub fn has(&self, record: &LogRecord) -> bool {
        match &record.body {
            Body::Generation(_) => record.generation >= self.oldest,
            Body::Partition(_) => true,
            Body::Epoch(epoch) => epoch.epoch > self.through,
            Body::Checkpoint(checkpoint) => checkpoint.epoch >= self.through,
            Body::Truncated { .. } | Body::Claim { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::record::Identity, *};

    #[test]
    fn the_last_record_of_a_partition_counts() {
        let record = |number, name: &str, end| {
            let identity = Identity { bytes: 0, hash: String::new() };
            Body::Partition(PartitionRecord {
                source: "s".into(),
                number,
                name: name.into(),
                identity,
                start: 0,
                topic: None,
                end,
            })
        };
        let epoch = |epoch, end| {
            let bindings = [("s/0".to_owned(), end)].into();
            Body::Epoch(EpochRecord { epoch, bindings, commands: Vec::new() })
        };
        let bodies = vec![
            record(0, "a", None),
            record(1, "b", None),
            epoch(1, 10),
            record(0, "a", Some(20)),
            epoch(2, 20),
            record(2, "a", None),
        ];
        let records = bodies.into_iter().zip(1..).map(|(body, seq)| LogRecord { seq, generation: 1, body });
        let contents = LogContents { records: records.collect(), torn: 0 };
        let known: Vec<_> = contents.partitions().map(|p| (p.number, p.name.as_str(), p.end)).collect();
        assert_eq!(known, [(0, "a", Some(20)), (1, "b", None), (2, "a", None)]);
        assert_eq!(contents.bound(), [("s/0", 20)].into());
    }
}
