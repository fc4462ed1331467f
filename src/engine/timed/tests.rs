//! A step that rings some time after each record, beside a source that only lets epochs pass.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use super::*;
use crate::engine::{
    checkpoint::{
        announce::Announcements,
        parts::{FilesPart, Part},
    },
    clock::{EventClockSettings, Reading, Stamp},
    edge::merge,
    ingest::{Chunk, Decoder, ingest},
    intake::{Beginning, ClockSettings, IntakeSettings},
    keyed::flat_map,
    log::memory::MemoryLog,
    model_loop::feedback,
    partition::{Address, Envelope, Partition, PartitionEntry, RawChunk, RawRecord, SourceError},
    workers::run,
};

/// Records at these times; the offset of each is its time.
struct Times(VecDeque<u64>);

impl Partition for Times {
    fn read(&mut self, chunk: &mut RawChunk, records: usize, _: usize) -> Result<bool, SourceError> {
        for _ in 0..records {
            let Some(offset) = self.0.pop_front() else { return Ok(false) };
            let next = self.0.front().copied().unwrap_or(offset + 1);
            let envelope = Envelope::default();
            chunk.records.push(RawRecord { start: 0, end: 0, offset, next, length: 0, envelope });
        }
        Ok(true)
    }

    fn seek(&mut self, _: u64) -> Result<(), SourceError> {
        Ok(())
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (0, None)
    }
}

struct Offsets;

impl Decoder for Offsets {
    type Block = Vec<u64>;

    fn decode(&mut self, chunk: &RawChunk, _: u32, readings: &mut Vec<Reading>) -> Vec<u64> {
        let at = |record: &RawRecord| Reading { ts: Some(record.offset.cast_signed()), refused: false };
        readings.extend(chunk.records.iter().map(at));
        chunk.records.iter().map(|record| record.offset).collect()
    }

    fn stamp(&mut self, _: &mut Vec<u64>, _: &[Stamp]) {}
}

/// Rings once for each record, 250 ms after its epoch.
#[derive(Default)]
struct Bell(BTreeMap<Epoch, Vec<u64>>);

const WAIT: u64 = 250;

/// When something happened to a record: it came, or was rung for.
type Event = (Epoch, u64, bool);

impl EpochStep<u64, Event> for Bell {
    fn close(&mut self, epoch: Epoch, records: &mut Vec<u64>, give: &mut dyn FnMut(Event)) {
        while let Some(due) = self.0.first_entry().filter(|due| *due.key() <= epoch) {
            due.remove().into_iter().for_each(|record| give((epoch, record, true)));
        }
        for record in records.drain(..) {
            give((epoch, record, false));
            self.0.entry(epoch + WAIT).or_default().push(record);
        }
    }
}

impl KeptStep for Bell {
    fn part(&mut self, _: Epoch) -> Part {
        Part::Files(FilesPart { step: "bell".into(), make: Box::new(|| Ok(Vec::new())) })
    }
}

impl TimedStep for Bell {
    fn wake(&self) -> Option<Epoch> {
        self.0.keys().next().copied()
    }
}

/// What happened, in order, and the epochs of the log.
fn events(times: [&[u64]; 2], workers: usize) -> (Vec<Event>, Vec<Epoch>) {
    let clock = EventClockSettings { tick: 100, epoch_records: 1_000, max_ts_jump: u64::MAX };
    let settings =
        IntakeSettings { clock: ClockSettings::Event(clock), epochs_in_flight: 2, max_error_ratio: 0.5 };
    let entry = |source: usize| PartitionEntry {
        source,
        number: 0,
        name: source.to_string(),
        address: Address::file(source.to_string()),
        partition: Box::new(Times(times[source].iter().copied().collect())),
    };
    let intake = Arc::new(Intake::new(
        settings,
        vec![entry(0), entry(1)],
        &["0".to_owned(), "1".to_owned()],
        Beginning::default(),
        Arc::new(MemoryLog::default()),
        Announcements::new(None, 0),
    ));
    let log = intake.read_log();
    intake.start_log().expect("a log without a thread");
    let found: Arc<Mutex<Vec<Event>>> = Arc::default();
    let all = Arc::clone(&found);
    let outcome = run(workers, move |scope| {
        let (end, committed) = feedback(scope);
        let read = |id: &str, source: usize| {
            ingest(scope, id, source, Arc::clone(&intake), committed.clone(), Offsets)
        };
        let records = flat_map(read("0", 0), "records", |_, chunk: Chunk<Vec<u64>>, give| {
            chunk.block[chunk.start..chunk.end].iter().copied().for_each(give);
        });
        let found = Arc::clone(&found);
        let rung = timed(records, "bell", |record| *record / 7, Bell::default(), &intake);
        let noted = flat_map(rung, "noted", move |at, event: Event, _| {
            assert_eq!(at, event.0);
            found.lock().expect("no panic").push(event);
        });
        let others = flat_map(read("1", 1), "others", |_, _: Chunk<Vec<u64>>, _| {});
        end.connect(merge(scope, vec![noted, others]));
    });
    assert_eq!(outcome, Ok(()));
    let mut events = all.lock().expect("no panic").clone();
    events.sort_unstable();
    (events, log.epochs().iter().copied().collect())
}

#[test]
fn what_waits_is_closed_at_the_first_epoch_of_the_log_that_reaches_it() {
    // the first source ends long before the other; that one pauses
    let times: [&[u64]; 2] =
        [&[10, 20, 130, 555, 900, 910], &[5, 105, 305, 310, 410, 1_205, 1_310, 1_405, 9_000]];
    let (events_of_one, log) = events(times, 1);
    let came: Vec<Event> = events_of_one.iter().filter(|event| !event.2).copied().collect();
    assert_eq!(came.len(), times[0].len());
    let rings = |(epoch, record, _): &Event| {
        let at = log.iter().find(|logged| **logged >= epoch + WAIT)?;
        Some((*at, *record, true))
    };
    let mut expected: Vec<Event> = came.iter().copied().chain(came.iter().filter_map(rings)).collect();
    expected.sort_unstable();
    assert_eq!(events_of_one, expected);
    assert_eq!(expected.len(), 2 * times[0].len(), "every bell rings: {log:?}");
    for workers in [2, 3, 4] {
        assert_eq!(events(times, workers), (events_of_one.clone(), log.clone()), "{workers} workers");
    }
}

#[test]
fn what_still_waits_at_the_end_of_the_log_does_not_hold_it_up() {
    for workers in [1, 2] {
        let (events, log) = events([&[10, 500], &[20]], workers);
        assert_eq!(events.iter().filter(|event| event.2).count(), 1, "{log:?}");
    }
}

#[test]
fn a_reader_takes_epochs_up_to_those_with_records() {
    let log = LogReader::of([1, 3, 5, 7, 9]);
    assert_eq!(log.due(6, Some(3), Some(2)), None);
    assert_eq!(log.due(6, None, Some(2)), Some(5), "3 was closed with its records");
    assert_eq!(log.due(8, None, None), None);
    assert_eq!(log.due(20, Some(12), Some(8)), Some(9));
}
