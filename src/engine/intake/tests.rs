//! Partitions that come while a run goes on, by the wall clock.

use std::sync::{Arc, Mutex};

use super::*;
use crate::engine::{
    clock::Reading,
    log::{
        LogError, LogEvents,
        record::{Body, Command},
    },
    partition::{Address, Envelope, Partition, RawChunk, RawRecord, SourceError},
    threads::ThreadError,
};

/// So many records of ten bytes, then an end, or none.
struct Tens {
    left: u64,
    at: u64,
    ends: bool,
}

impl Partition for Tens {
    fn read(&mut self, chunk: &mut RawChunk, records: usize, _: usize) -> Result<bool, SourceError> {
        for _ in 0..self.left.min(records as u64) {
            let (offset, next) = (self.at, self.at + 10);
            chunk.records.push(RawRecord {
                start: 0,
                end: 0,
                offset,
                next,
                length: 9,
                envelope: Envelope::default(),
            });
            (self.at, self.left) = (next, self.left - 1);
        }
        Ok(self.left > 0 || !self.ends)
    }

    fn seek(&mut self, _: u64) -> Result<(), SourceError> {
        Ok(())
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (self.at, None)
    }
}

/// A log that tells its epochs.
#[derive(Clone, Default)]
struct Epochs(Arc<Mutex<Vec<EpochRecord>>>);

impl EpochLog for Epochs {
    fn start(&self, _: LogEvents) -> Result<(), ThreadError> {
        Ok(())
    }

    fn append(&self, record: EpochRecord) {
        lock(&self.0).push(record);
    }

    fn append_and_wait(&self, _: Body) -> Result<(), LogError> {
        Ok(())
    }

    fn truncate(&self, _: Epoch) {}
}

fn entry(number: u32, name: &str, left: u64, ends: bool) -> PartitionEntry {
    PartitionEntry {
        source: 0,
        number,
        name: name.into(),
        address: Address::file(name),
        partition: Box::new(Tens { left, at: 0, ends }),
    }
}

fn intake(partitions: Vec<PartitionEntry>, growing: bool) -> (Arc<Intake>, Epochs) {
    let clock = ClockSettings::Wall { idle: 1_000 };
    let settings = IntakeSettings { clock, epochs_in_flight: 100, max_error_ratio: 0.5 };
    let growing = growing.then_some(0).into_iter().collect();
    let beginning = Beginning { growing, ..Beginning::default() };
    let log = Epochs::default();
    let ids = ["s".to_owned()];
    let checkpoints = Announcements::new(None, 0);
    (Arc::new(Intake::new(settings, partitions, &ids, beginning, Arc::new(log.clone()), checkpoints)), log)
}

/// Reads what may be read; the places of the partitions it came from.
fn read(intake: &Intake) -> Vec<u32> {
    let mut chunk = RawChunk::default();
    let mut places = Vec::new();
    while let Some(claim) = intake.claim(0, 0, &mut chunk) {
        let reading = Reading { ts: None, refused: false };
        intake.submit(claim, chunk.records.iter().map(|record| (reading, record.next, 10)).collect());
        places.push(claim.place);
    }
    places
}

/// The bindings of each epoch so far.
fn bindings(log: &Epochs) -> Vec<(Epoch, Vec<(String, u64)>)> {
    let bindings = |record: &EpochRecord| record.bindings.clone().into_iter().collect();
    lock(&log.0).iter().map(|record| (record.epoch, bindings(record))).collect()
}

#[test]
fn a_partition_that_comes_is_in_the_epochs_that_are_cut_from_then_on() {
    let (intake, log) = intake(vec![entry(0, "a", 2, false)], true);
    assert_eq!(read(&intake), [0]);
    intake.cut(5_000);
    intake.add(entry(7, "b", 3, false));
    assert_eq!((intake.low(0), intake.released()), (Some(5_001), 5_001));
    assert_eq!(read(&intake), [7]);
    intake.cut(5_100);
    let of = |key: &str, end| (key.to_owned(), end);
    assert_eq!(bindings(&log), [(5_000, vec![of("s/0", 20)]), (5_100, vec![of("s/7", 30)])]);
    assert_eq!((intake.address(7), intake.number(7)), (Address::file("b"), 7));
}

#[test]
fn a_source_that_may_get_partitions_has_no_end() {
    for growing in [true, false] {
        let (intake, log) = intake(vec![entry(0, "a", 1, true)], growing);
        assert_eq!(read(&intake), [0]);
        // the end is seen by whoever asks again
        assert!(read(&intake).is_empty());
        intake.cut(5_000);
        assert_eq!(lock(&log.0)[0].commands.contains(&Command::End), !growing);
        assert_eq!(intake.low(0), growing.then_some(5_001));
        if growing {
            intake.cut(5_500);
            intake.cut(6_000);
            assert_eq!(bindings(&log)[1..], [(6_000, Vec::new())], "an idle epoch, once it is time");
            intake.stop();
            intake.cut(6_100);
            assert_eq!(intake.low(0), None, "nothing comes after a stop");
        }
    }
}

#[test]
fn what_has_the_name_of_another_is_read_when_that_one_is_all_in() {
    let (intake, log) = intake(vec![entry(0, "a", 64, true)], true);
    intake.add(entry(1, "a", 2, false));
    let mut chunk = RawChunk::default();
    let claim = intake.claim(0, 0, &mut chunk).expect("of the first");
    assert_eq!((claim.place, chunk.records.len()), (0, 64));
    // it is read to its end, and not decoded
    let mut other = RawChunk::default();
    assert_eq!(intake.claim(0, 0, &mut other), None);
    let reading = Reading { ts: None, refused: false };
    intake.submit(claim, chunk.records.iter().map(|record| (reading, record.next, 10)).collect());
    assert_eq!(read(&intake), [1]);
    intake.cut(5_000);
    assert_eq!(bindings(&log)[0].1, [("s/0".to_owned(), 640), ("s/1".to_owned(), 20)]);
}
