//! A partition that is read again in the parts that it had: where all input had ended once, a part ended, even in the middle
//! of a line.

use std::{collections::VecDeque, sync::Arc};

use super::partition::{Committed, Partition, RawChunk, RawRecord, SourceError};

/// A partition that was read in parts, and is read in the same parts again, whatever follows there by now.
///
/// Each part ended at an offset, and the next began there. The last line of a part may have had no newline then, and may
/// go on now: it is cut in two where the part ended. Limit: of a line over `max_record_bytes` that goes on behind such an
/// end, the rest is cut with what stands before it.
pub struct InParts {
    partition: Box<dyn Partition>,
    ends: VecDeque<u64>,
    /// Nothing is read behind the last end.
    bounded: bool,
    over: bool,
}

impl InParts {
    /// A partition whose parts ended at these offsets, ascending; where it is `bounded`, with the last of them (nothing of
    /// it, if there is none), else it goes on behind it.
    #[must_use]
    pub fn new(partition: Box<dyn Partition>, ends: VecDeque<u64>, bounded: bool) -> Self {
        let mut parts = Self { partition, ends, bounded, over: false };
        parts.pass(0);
        parts
    }

    /// Forgets the ends up to an offset that everything before was read of.
    fn pass(&mut self, offset: u64) {
        while self.ends.pop_front_if(|end| *end <= offset).is_some() {}
        self.over = self.bounded && self.ends.is_empty();
    }

    /// Cuts records where a part ended, and what lies behind the last end.
    fn cut(&mut self, chunk: &mut RawChunk, mut at: usize) {
        while let Some(record) = chunk.records.get(at).copied() {
            self.pass(record.offset);
            if self.over {
                chunk.bytes.truncate(record.start);
                chunk.records.truncate(at);
                return;
            }
            if let Some(end) = self.ends.front().copied().filter(|end| *end < record.next) {
                let length = (end - record.offset).min(record.length);
                let kept =
                    usize::try_from(length).map_or(record.end, |kept| record.end.min(record.start + kept));
                chunk.records[at] = RawRecord { end: kept, next: end, length, ..record };
                let rest = &chunk.bytes[kept..record.end];
                // as it would have been read alone: a newline that came later, or blanks, are no record
                if !rest.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')) {
                    let length = record.length - length;
                    chunk.records.insert(at + 1, RawRecord { start: kept, offset: end, length, ..record });
                }
            }
            at += 1;
        }
        if let Some(last) = chunk.records.last() {
            self.pass(last.next);
        }
    }
}

impl Partition for InParts {
    fn read(&mut self, chunk: &mut RawChunk, records: usize, bytes: usize) -> Result<bool, SourceError> {
        if self.over {
            return Ok(false);
        }
        let before = chunk.records.len();
        let more = self.partition.read(chunk, records, bytes)?;
        self.cut(chunk, before);
        Ok(more && !self.over)
    }

    fn seek(&mut self, offset: u64) -> Result<(), SourceError> {
        self.pass(offset);
        self.partition.seek(offset)
    }

    fn progress(&self) -> (u64, Option<u64>) {
        self.partition.progress()
    }

    fn when_records_come(&mut self, wake: Arc<dyn Fn() + Send + Sync>) {
        self.partition.when_records_come(wake);
    }

    fn committed(&self) -> Option<Committed> {
        self.partition.committed()
    }

    fn skipped(&self) -> u64 {
        self.partition.skipped()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::partition::Envelope, *};

    /// Records of ten bytes each, without an end.
    struct Tens(u64);

    impl Partition for Tens {
        fn read(&mut self, chunk: &mut RawChunk, records: usize, _: usize) -> Result<bool, SourceError> {
            for _ in 0..records {
                let start = chunk.bytes.len();
                chunk.bytes.extend_from_slice(b"123456789\n");
                let (offset, next) = (self.0, self.0 + 10);
                chunk.records.push(RawRecord {
                    start,
                    end: start + 9,
                    offset,
                    next,
                    length: 9,
                    envelope: Envelope::default(),
                });
                self.0 = next;
            }
            Ok(true)
        }

        fn seek(&mut self, offset: u64) -> Result<(), SourceError> {
            self.0 = offset;
            Ok(())
        }

        fn progress(&self) -> (u64, Option<u64>) {
            (self.0, None)
        }
    }

    /// The offsets and the contents of a partition that is read three records at a time.
    fn read(ends: &[u64], bounded: bool, most: usize) -> Vec<(u64, u64, String)> {
        let mut partition = InParts::new(Box::new(Tens(0)), ends.iter().copied().collect(), bounded);
        let (mut chunk, mut all) = (RawChunk::default(), Vec::new());
        while all.len() < most {
            chunk.clear();
            let more = partition.read(&mut chunk, 3, 1_000).expect("reads");
            for record in &chunk.records {
                assert_eq!(record.length, (record.end - record.start) as u64);
                let content = String::from_utf8_lossy(chunk.of(record)).into_owned();
                all.push((record.offset, record.next, content));
            }
            if !more {
                break;
            }
        }
        all.truncate(most);
        all
    }

    fn whole(offset: u64) -> (u64, u64, String) {
        (offset, offset + 10, "123456789".into())
    }

    #[test]
    fn it_ends_where_it_is_told() {
        assert!(read(&[], true, 9).is_empty() && read(&[0], true, 9).is_empty());
        assert_eq!(read(&[30], true, 9), [whole(0), whole(10), whole(20)]);
        assert_eq!(read(&[10, 40], true, 9), [whole(0), whole(10), whole(20), whole(30)]);
        // the last record had no newline when its end was noted
        assert_eq!(read(&[19], true, 9), [whole(0), (10, 19, "123456789".into())]);
    }

    #[test]
    fn a_line_that_went_on_is_read_in_the_parts_that_were_there() {
        let cut = [whole(0), (10, 14, "1234".into()), (14, 20, "56789".into()), whole(20)];
        assert_eq!(read(&[10, 14, 14], false, 4), cut);
        assert_eq!(read(&[14], true, 9), cut[..2]);
        // three parts of one line, and an end before its newline
        let cut = [(0, 2, "12".into()), (2, 5, "345".into()), (5, 9, "6789".into()), whole(10)];
        assert_eq!(read(&[2, 5, 9], false, 4), cut);
    }

    #[test]
    fn parts_before_the_place_where_it_goes_on_are_behind_it() {
        let mut partition = InParts::new(Box::new(Tens(0)), [10, 30].into(), true);
        partition.seek(10).expect("seeks");
        let mut chunk = RawChunk::default();
        assert!(!partition.read(&mut chunk, 3, 1_000).expect("reads"));
        assert_eq!(chunk.records.iter().map(|record| record.offset).collect::<Vec<_>>(), [10, 20]);
        partition.seek(30).expect("seeks");
        assert!(!partition.read(&mut chunk, 3, 1_000).expect("reads"));
    }
}
