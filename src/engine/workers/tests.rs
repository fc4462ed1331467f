//! Each test runs itself again as a child process, in which the end of the process can be seen from outside.

use std::{
    process::{Command, Output},
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use timely::{
    container::CapacityContainerBuilder,
    dataflow::{channels::pact::Pipeline, operators::generic::Operator},
};

use super::{end_process_on_panic, run, watch_for_stalls};
use crate::{
    engine::{
        checkpoint::announce::Announcements,
        clock::{EventClockSettings, Reading, Stamp},
        edge::Stream,
        ingest::{Chunk, Decoder, ingest},
        intake::{Beginning, ClockSettings, Intake, IntakeSettings},
        keyed::flat_map,
        log::memory::MemoryLog,
        model_loop::feedback,
        partition::{Address, Envelope, Partition, PartitionEntry, RawChunk, RawRecord, SourceError},
        sink::Writers,
    },
    telemetry::{LogFormat, init_logs},
};

const CHILD: &str = "DIRIGENT_TEST_CHILD";

/// In the child: does it, and reports if it comes back. Outside: the child's output, and how long it took.
fn in_child(test: &str, does: impl FnOnce()) -> Option<(Output, Duration)> {
    if std::env::var_os(CHILD).is_some() {
        init_logs(LogFormat::Text);
        end_process_on_panic();
        does();
        // a way out that no failure takes
        std::process::exit(99);
    }
    let name = format!("engine::workers::tests::{test}");
    let mut command = Command::new(std::env::current_exe().expect("a path"));
    command
        .args([&name, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .env_remove("RUST_LOG")
        .env_remove("RUST_BACKTRACE");
    let started = Instant::now();
    let output = command.output().expect("a child");
    Some((output, started.elapsed()))
}

fn lines(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect()
}

/// Endless records of one byte, a millisecond apart.
struct Endless(u64);

impl Partition for Endless {
    fn read(&mut self, chunk: &mut RawChunk, records: usize, _: usize) -> Result<bool, SourceError> {
        for _ in 0..records {
            let start = chunk.bytes.len();
            chunk.bytes.push(b'x');
            chunk.records.push(RawRecord {
                start,
                end: start + 1,
                offset: self.0,
                next: self.0 + 1,
                length: 1,
                envelope: Envelope::default(),
            });
            self.0 += 1;
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

struct Offsets;

impl Decoder for Offsets {
    type Block = u64;

    fn decode(&mut self, chunk: &RawChunk, _: u32, readings: &mut Vec<Reading>) -> u64 {
        readings.extend(
            chunk.records.iter().map(|record| Reading { ts: Some(record.offset as i64), refused: false }),
        );
        chunk.records.len() as u64
    }

    fn stamp(&mut self, _: &mut u64, _: &[Stamp]) {}
}

fn endless() -> Arc<Intake> {
    let clock = EventClockSettings { tick: 100, epoch_records: 1_000, max_ts_jump: 1_000 };
    let settings =
        IntakeSettings { clock: ClockSettings::Event(clock), epochs_in_flight: 4, max_error_ratio: 0.5 };
    let entry = PartitionEntry {
        source: 0,
        number: 0,
        name: "endless".into(),
        address: Address::file("endless"),
        partition: Box::new(Endless(0)),
    };
    let intake = Arc::new(Intake::new(
        settings,
        vec![entry],
        &["endless".to_owned()],
        Beginning::default(),
        Arc::new(MemoryLog::default()),
        Announcements::new(None, 0),
    ));
    intake.start_log().expect("a log without a thread");
    intake
}

#[test]
fn a_panic_in_a_worker_ends_the_process_with_one_line() {
    let child = in_child("a_panic_in_a_worker_ends_the_process_with_one_line", || {
        let intake = endless();
        let _ = run(2, move |scope| {
            let (end, committed) = feedback(scope);
            let chunks = ingest(scope, "endless", 0, Arc::clone(&intake), committed, Offsets);
            let done: Stream<'_, ()> = flat_map(chunks, "fragile", |epoch, _: Chunk<u64>, _| {
                assert!(epoch < 5_000, "no epoch past {epoch}");
            });
            end.connect(done);
        });
    });
    let Some((output, _)) = child else { return };
    let lines = lines(&output);
    assert_eq!((output.status.code(), lines.len()), (Some(1), 1), "{lines:#?}");
    assert!(
        lines[0].contains("ERROR a worker panicked: no epoch past ") && lines[0].contains("timely:work-"),
        "{lines:?}"
    );
    assert!(lines[0].contains("src/engine/workers/tests.rs:"), "{lines:?}");
}

#[test]
fn epochs_that_do_not_move_are_reported_and_end_the_process() {
    let child = in_child("epochs_that_do_not_move_are_reported_and_end_the_process", || {
        let intake = endless();
        watch_for_stalls(
            Arc::clone(&intake),
            Arc::default(),
            Duration::from_secs(1),
            Arc::new(AtomicBool::new(false)),
        );
        let _ = run(2, move |scope| {
            let (end, committed) = feedback(scope);
            let chunks = ingest(scope, "endless", 0, Arc::clone(&intake), committed, Offsets);
            let stuck: Stream<'_, ()> =
                chunks.unary::<CapacityContainerBuilder<Vec<()>>, _, _, _>(Pipeline, "stuck", |first, _| {
                    move |input, _| {
                        let _held = &first;
                        input.for_each(|_, _| {});
                    }
                });
            end.connect(stuck);
        });
    });
    let Some((output, took)) = child else { return };
    let lines = lines(&output);
    assert_eq!((output.status.code(), lines.len()), (Some(1), 2), "{lines:#?}");
    assert!(lines[0].contains("WARN no epoch has moved though input is at hand"), "{lines:?}");
    assert!(
        lines[1].contains("ERROR no epoch has moved for ") && lines[1].contains("stall_timeout"),
        "{lines:?}"
    );
    assert!(took >= Duration::from_secs(1));
}

/// The other side of the two tests above: a dataflow that moves is left alone.
#[test]
fn epochs_that_move_are_left_alone() {
    let child = in_child("epochs_that_move_are_left_alone", || {
        let (intake, over) = (endless(), Arc::new(AtomicBool::new(false)));
        watch_for_stalls(Arc::clone(&intake), Arc::<Writers>::default(), Duration::from_millis(500), over);
        let stop = Arc::clone(&intake);
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(2));
            stop.stop();
        });
        let outcome = run(2, move |scope| {
            let (end, committed) = feedback(scope);
            let chunks = ingest(scope, "endless", 0, Arc::clone(&intake), committed, Offsets);
            end.connect(flat_map(chunks, "fine", |_, _: Chunk<u64>, _| {}));
        });
        assert_eq!(outcome, Ok(()));
    });
    let Some((output, took)) = child else { return };
    assert_eq!((output.status.code(), lines(&output)), (Some(99), Vec::new()));
    assert!(took >= Duration::from_secs(2));
}
