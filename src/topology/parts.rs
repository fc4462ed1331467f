//! The parts that an input was read in: what a log says is to come again is read as it was there when it was logged.
//!
//! Where all input had ended, the next run began behind that end, even in the middle of a line that had no newline yet; so
//! a run that reads both again cuts there. A replay ends where the log does, too.

use std::collections::{BTreeMap, VecDeque};

use super::options::Clock;
use crate::engine::{
    in_parts::InParts,
    intake::{Beginning, Position},
    log::record::{Command, EpochRecord},
    partition::PartitionEntry,
};

/// Reads opened partitions in the parts that the log says each had where all input ended, then what follows.
pub(super) fn as_logged(
    partitions: Vec<PartitionEntry>,
    source_ids: &[String],
    beginning: &Beginning,
) -> Vec<PartitionEntry> {
    let ended = beginning.replay.iter().any(ends);
    if ended { in_parts(partitions, source_ids, beginning, false) } else { partitions }
}

/// Leaves of an opened input what the log has: no epoch after its last one, and where the input had ended, or epochs were
/// cut in time, each partition ends where the log does. (With `clock: event`, an epoch may follow from what comes after it.)
pub(super) fn only_logged(
    partitions: Vec<PartitionEntry>,
    source_ids: &[String],
    clock: Clock,
    beginning: &mut Beginning,
) -> Vec<PartitionEntry> {
    let last = beginning.replay.back();
    let ended = last.is_some_and(ends);
    beginning.limit = last.map(|record| record.epoch);
    if !ended && clock == Clock::Event {
        return as_logged(partitions, source_ids, beginning);
    }
    in_parts(partitions, source_ids, beginning, true)
}

fn ends(record: &EpochRecord) -> bool {
    record.commands.contains(&Command::End)
}

fn in_parts(
    partitions: Vec<PartitionEntry>,
    source_ids: &[String],
    beginning: &Beginning,
    bounded: bool,
) -> Vec<PartitionEntry> {
    let mut bound: BTreeMap<&str, u64> = BTreeMap::new();
    let mut parts: BTreeMap<&str, VecDeque<u64>> = BTreeMap::new();
    for (n, record) in beginning.replay.iter().enumerate() {
        bound.extend(record.bindings.iter().map(|(partition, end)| (partition.as_str(), *end)));
        if ends(record) || (bounded && n + 1 == beginning.replay.len()) {
            for (partition, end) in &bound {
                parts.entry(partition).or_default().push_back(*end);
            }
        }
    }
    let read = |(mut entry, from): (PartitionEntry, &Position)| {
        let key = format!("{}/{}", source_ids[entry.source], entry.number);
        let mut ends = parts.get(key.as_str()).cloned().unwrap_or_default();
        while ends.pop_front_if(|end| *end <= from.offset).is_some() {}
        entry.partition = Box::new(InParts::new(entry.partition, ends, bounded));
        entry
    };
    partitions.into_iter().zip(&beginning.positions).map(read).collect()
}
