//! The epoch log: which records of which partition each epoch covers.
//!
//! Everything a run gives is a function of this log and the inputs. An epoch is appended once every partition is past
//! it, before any worker's frontier is; a sink commits an epoch only when the log says that it is durable.

use std::collections::VecDeque;

use super::Epoch;

/// One epoch: for each partition that has records in it, the offset where they end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochRecord {
    /// The epoch.
    pub epoch: Epoch,
    /// (partition in log order, end offset), ascending.
    pub bindings: Vec<(u32, u64)>,
}

/// Where epochs are written down.
pub trait EpochLog: Send {
    /// Appends the next epoch; epochs rise strictly.
    fn append(&mut self, record: EpochRecord);

    /// The last epoch that is durable, with all before it.
    fn durable(&self) -> Option<Epoch>;

    /// Forgets epochs that every sink has committed and no restart will need.
    fn truncate(&mut self, before: Epoch);
}

/// A log in memory, for one run that starts anew each time.
#[derive(Debug, Default)]
pub struct MemoryLog {
    records: VecDeque<EpochRecord>,
    last: Option<Epoch>,
}

impl EpochLog for MemoryLog {
    fn append(&mut self, record: EpochRecord) {
        assert!(
            self.last < Some(record.epoch),
            "epoch {} after {:?}: epochs rise strictly",
            record.epoch,
            self.last
        );
        self.last = Some(record.epoch);
        self.records.push_back(record);
    }

    fn durable(&self) -> Option<Epoch> {
        self.last
    }

    fn truncate(&mut self, before: Epoch) {
        while self.records.front().is_some_and(|record| record.epoch < before) {
            self.records.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_not_committed() {
        let mut log = MemoryLog::default();
        for epoch in [3, 5, 9] {
            log.append(EpochRecord { epoch, bindings: vec![(0, epoch * 10)] });
        }
        log.truncate(5);
        assert_eq!(log.records.iter().map(|r| r.epoch).collect::<Vec<_>>(), [5, 9]);
        assert_eq!(log.durable(), Some(9));
    }

    #[test]
    #[should_panic(expected = "rise strictly")]
    fn refuses_an_epoch_twice() {
        let mut log = MemoryLog::default();
        log.append(EpochRecord { epoch: 3, bindings: vec![] });
        log.append(EpochRecord { epoch: 3, bindings: vec![] });
    }
}
