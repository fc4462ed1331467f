//! From which offset on a run may still have to read its topics: a metric, by which one can tell whether their
//! retention is long enough.
//!
//! Of the two checkpoints that are kept the older one counts, because the newer one may turn out to be damaged. The log is told
//! when it may forget what that one covers, and where each epoch ends stands in it: so this stands between a run and its log. As
//! long as nothing was forgotten, the run could begin with nothing, and needs what it found first. Nothing depends on it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    engine::{
        Epoch,
        checkpoint::manifest::Manifest,
        checkpoint::restored::Restored,
        log::{
            EpochLog, LogError, LogEvents,
            contents::LogContents,
            record::{Body, EpochRecord, PartitionRecord},
        },
        partition::Address,
        threads::ThreadError,
    },
    telemetry::ClusterMeter,
};

/// What is needed of the partitions of topics.
#[derive(Debug, Default)]
pub struct NeededOffsets {
    /// By what bindings call it.
    partitions: BTreeMap<String, Needed>,
    /// Where the epochs end that are not forgotten.
    ends: VecDeque<(Epoch, Vec<(String, u64)>)>,
}

#[derive(Debug)]
struct Needed {
    source: String,
    address: Address,
    offset: u64,
}

impl NeededOffsets {
    /// At the start of a run: what the older checkpoint that is kept does not cover; without one, what the log has to be run again
    /// from.
    #[must_use]
    pub(super) fn at_start(
        contents: &LogContents,
        restored: Option<&Restored>,
        found: &[PartitionRecord],
    ) -> Self {
        let older = restored.and_then(|restored| restored.kept.as_ref()?.older.as_ref());
        let manifest = older.or_else(|| {
            let only = restored.map(|restored| &restored.manifest);
            only.filter(|_| contents.truncated() > 0)
        });
        Self::after(manifest, contents.epochs(), found)
    }

    fn after<'r>(
        manifest: Option<&Manifest>,
        epochs: impl Iterator<Item = &'r EpochRecord>,
        found: &[PartitionRecord],
    ) -> Self {
        let mut needed = Self::default();
        for record in found {
            let covered = manifest.and_then(|manifest| manifest.positions.get(&record.key()));
            needed.partition(record, covered.map_or(record.start, |position| position.offset));
        }
        let after = manifest.map_or(0, |manifest| manifest.epoch);
        epochs.filter(|record| record.epoch > after).for_each(|record| needed.logged(record));
        needed
    }

    fn partition(&mut self, record: &PartitionRecord, offset: u64) {
        if let Some(address) = record.topic.clone() {
            let source = record.source.clone();
            self.partitions.entry(record.key()).or_insert(Needed { source, address, offset });
        }
    }

    fn logged(&mut self, record: &EpochRecord) {
        let ends = record.bindings.iter().filter(|(key, _)| self.partitions.contains_key(*key));
        let ends: Vec<_> = ends.map(|(key, end)| (key.clone(), *end)).collect();
        if !ends.is_empty() {
            self.ends.push_back((record.epoch, ends));
        }
    }

    fn forgotten(&mut self, through: Epoch) {
        while let Some((_, ends)) = self.ends.pop_front_if(|(epoch, _)| *epoch <= through) {
            for (key, end) in ends {
                if let Some(needed) = self.partitions.get_mut(&key) {
                    needed.offset = end;
                }
            }
        }
    }

    fn show(&self, meter: &ClusterMeter) {
        for Needed { source, address, offset } in self.partitions.values() {
            meter.needed(source, &address.topic, address.partition, *offset);
        }
    }

    /// A log that keeps this up to date; the log itself where no topic is read.
    #[must_use]
    pub(super) fn beside(self, log: Arc<dyn EpochLog>, meter: &Arc<ClusterMeter>) -> Arc<dyn EpochLog> {
        if self.partitions.is_empty() {
            return log;
        }
        self.show(meter);
        Arc::new(Watched { log, meter: Arc::clone(meter), needed: Mutex::new(self) })
    }
}

struct Watched {
    log: Arc<dyn EpochLog>,
    meter: Arc<ClusterMeter>,
    needed: Mutex<NeededOffsets>,
}

impl Watched {
    fn needed(&self) -> MutexGuard<'_, NeededOffsets> {
        self.needed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EpochLog for Watched {
    fn waiting(&self) -> bool {
        self.log.waiting()
    }

    fn start(&self, events: LogEvents) -> Result<(), ThreadError> {
        self.log.start(events)
    }

    fn begins_at(&self) -> u64 {
        self.log.begins_at()
    }

    fn append(&self, record: EpochRecord) {
        self.needed().logged(&record);
        self.log.append(record);
    }

    fn append_and_wait(&self, body: Body) -> Result<(), LogError> {
        if let Body::Partition(record) = &body {
            let mut needed = self.needed();
            needed.partition(record, record.start);
            needed.show(&self.meter);
        }
        self.log.append_and_wait(body)
    }

    fn truncate(&self, through: Epoch) {
        self.log.truncate(through);
        let mut needed = self.needed();
        needed.forgotten(through);
        needed.show(&self.meter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::log::{memory::MemoryLog, record::Identity};

    fn partition(number: u32, topic: Option<&str>, start: u64) -> PartitionRecord {
        let address = |topic: &str| Address { topic: topic.into(), partition: number };
        PartitionRecord {
            source: "s".into(),
            number,
            name: String::new(),
            identity: Identity { bytes: 0, hash: String::new() },
            start,
            topic: topic.map(address),
            end: None,
        }
    }

    fn epoch(epoch: Epoch, bindings: &[(&str, u64)]) -> EpochRecord {
        let bindings = bindings.iter().map(|(key, end)| ((*key).to_owned(), *end)).collect();
        EpochRecord { epoch, bindings, commands: Vec::new() }
    }

    #[test]
    fn what_is_needed_follows_the_older_checkpoint() {
        let meter = Arc::<ClusterMeter>::default();
        let offsets = || meter.needed_offsets().into_iter().map(|(_, n)| n as u64).collect::<Vec<_>>();
        let found = [partition(0, Some("t"), 3), partition(1, Some("t"), 0), partition(2, None, 0)];
        let logged = [epoch(5, &[("s/0", 10), ("s/2", 99)])];
        let needed = NeededOffsets::after(None, logged.iter(), &found);
        let log = needed.beside(Arc::new(MemoryLog::default()), &meter);
        assert_eq!(offsets(), [3, 0], "a file has no offset");
        log.append(epoch(6, &[("s/0", 12)]));
        log.append(epoch(7, &[("s/0", 15), ("s/1", 4)]));
        log.append_and_wait(Body::Partition(partition(3, Some("t"), 0))).unwrap();
        log.append(epoch(9, &[("s/3", 7)]));
        assert_eq!(offsets(), [3, 0, 0]);
        log.truncate(5);
        assert_eq!(offsets(), [10, 0, 0]);
        log.truncate(8);
        assert_eq!(offsets(), [15, 4, 0]);
        log.truncate(9);
        assert_eq!(offsets(), [15, 4, 7]);
    }
}
