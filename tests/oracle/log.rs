//! All records of a case in log order: (epoch, source id as bytes, partition, offset).

use super::decode::{self, Code, Line};
use super::epochs;

/// What the records of a source are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Review,
    Feedback,
}

/// One input file.
#[derive(Clone, Debug)]
pub(crate) struct Partition {
    pub(crate) source: &'static str,
    pub(crate) kind: Kind,
    /// Place of the file among those of its source, in name order.
    pub(crate) index: u64,
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

/// Where a record lies: source id, partition, byte at which its line starts.
pub(crate) type Origin = (String, u64, u64);

/// One record of the log.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) epoch: u64,
    pub(crate) origin: Origin,
    pub(crate) path: String,
    pub(crate) kind: Kind,
    pub(crate) raw: Vec<u8>,
    pub(crate) read: Result<Line, Code>,
}

/// Reads all partitions, fills in missing times, cuts epochs and sorts into log order.
pub(crate) fn entries(partitions: &[Partition], tick: u64, epoch_records: u64) -> Vec<Entry> {
    let mut log: Vec<Entry> =
        partitions.iter().flat_map(|partition| partition_entries(partition, tick, epoch_records)).collect();
    log.sort_by(|a, b| (a.epoch, &a.origin).cmp(&(b.epoch, &b.origin)));
    log
}

fn partition_entries(partition: &Partition, tick: u64, epoch_records: u64) -> Vec<Entry> {
    let (mut entries, mut times, mut offset, mut last) = (Vec::new(), Vec::new(), 0, None);
    for piece in partition.bytes.split_inclusive(|&b| b == b'\n') {
        let raw = piece.strip_suffix(b"\n").unwrap_or(piece).to_vec();
        let origin = (partition.source.to_owned(), partition.index, offset);
        offset += piece.len() as u64;
        if raw.trim_ascii().is_empty() {
            continue;
        }
        let mut read = match partition.kind {
            Kind::Review => decode::review(&raw),
            Kind::Feedback => decode::feedback(&raw),
        };
        let time = read.as_mut().ok().map(|line| fill_ts(line, last));
        last = time.or(last);
        times.push(time);
        entries.push(Entry {
            epoch: 0,
            origin,
            path: partition.path.clone(),
            kind: partition.kind,
            raw,
            read,
        });
    }
    let stamps = epochs::stamp(&times, tick, epoch_records, epochs::MAX_JUMP);
    for (entry, epoch) in entries.iter_mut().zip(stamps) {
        entry.epoch = epoch;
    }
    entries
}

/// A missing `ts` is that of the partition's last record that was not refused, plus 1 ms; the first is 0.
fn fill_ts(line: &mut Line, last: Option<i64>) -> i64 {
    let ts = line.ts_mut();
    let missing = ts.is_none();
    let time = *ts.get_or_insert(last.map_or(0, |last| last + 1));
    if missing {
        line.filled.push("ts");
    }
    time
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_where_lines_start_and_missing_times_are_filled() {
        let bytes =
            b"{\"review_id\":1,\"op\":\"delete\"}\n\nnonsense\n{\"review_id\":2,\"op\":\"delete\"}".to_vec();
        let partition =
            Partition { source: "reviews", kind: Kind::Review, index: 0, path: "a.jsonl".to_owned(), bytes };
        let mut log = entries(&[partition], 1, 9);
        assert_eq!(log.iter().map(|e| e.origin.2).collect::<Vec<_>>(), [0, 31, 40]);
        let times: Vec<_> = log.iter_mut().map(|e| e.read.as_mut().ok().map(|line| *line.ts_mut())).collect();
        assert_eq!(times, [Some(Some(0)), None, Some(Some(1))]);
    }
}
