//! Crashes under `clock: wall`, with a clock that the test turns: it goes on at every look, and back at every start.
//!
//! What comes out depends on when epochs are cut, and the log says when that was: so whatever happened, the log, put
//! together from everything that was ever appended to it, gives the same outputs when it is run from empty state.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use dirigent::{
    engine::{disk::Disk, wall::WallClock},
    topology::{assemble::Writes, replay::prepare},
};

use super::{
    disk::{Crash, Fault, SimDisk},
    drive::Start,
    input,
    points::all,
};

const LOG: &str = "state/epochs.log";
const OUTPUTS: [&str; 5] = ["scored.jsonl", "products.jsonl", "cases.jsonl", "models.jsonl", "dead.jsonl"];
/// Where the clock begins, in ms since 1970.
const BEGINNING: u64 = 1_700_000_100_000;

/// A clock that starts anew with each start, a little further on, and not as far as the last one came.
fn clock(start: u64) -> WallClock {
    let looks = AtomicU64::new(0);
    WallClock::simulated(move || BEGINNING + start * 40 + 3 * looks.fetch_add(1, Ordering::Relaxed))
}

struct Live {
    folder: tempfile::TempDir,
    topology: String,
}

impl Live {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let inputs = folder.path().join("in");
        input::write(&inputs, 60, 10);
        let topology = input::topology(folder.path(), &inputs);
        let changes = [
            ("clock: event", "clock: wall"),
            ("epoch: 1000ms", "epoch: 1ms\nidle_epoch: 5ms"),
            ("epoch_records: 100000\n", ""),
            ("label_wait: 3s", "label_wait: 20ms"),
            ("for: 1s, keep_firing_for: 2s, cooldown: 2s", "for: 8ms, keep_firing_for: 20ms, cooldown: 20ms"),
        ];
        let topology = changes.into_iter().fold(topology, |topology, (old, new)| {
            assert!(topology.contains(old), "{old}");
            topology.replace(old, new)
        });
        Self { folder, topology }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn start(&self, number: u64, workers: usize) -> Start {
        Start { wall: clock(number), ..Start::new(&self.topology, workers) }
    }

    /// Holds the outputs on a disk to its log, run from empty state; how many epochs there were.
    fn check(&self, disk: &SimDisk, how: &str) -> usize {
        let disk = disk.copy(Fault::Nothing);
        let header =
            disk.files()[Path::new(LOG)].split_inclusive(|byte| *byte == b'\n').next().unwrap().to_vec();
        let (log, epochs) = whole_log(&header, &disk.logged());
        disk.replace(Path::new(LOG), Some(log));
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let prepared = prepare(&shared, &self.start(0, 1).plan(), &self.root().join("again"))
            .unwrap_or_else(|error| panic!("{how}: {error}"));
        let start = Start { writes: Writes::Logged, ..self.start(9, 3) };
        start.run_plan(prepared.plan, shared).unwrap_or_else(|error| panic!("{how}: {error}"));
        let files = disk.files();
        for name in OUTPUTS {
            let (again, written) =
                (&files[&Path::new("again").join(name)], &files[&Path::new("out").join(name)]);
            assert!(!written.is_empty() && again == written, "{how}: {name} is not what the log gives");
        }
        epochs
    }
}

/// The log as it was before anything was truncated, and how many epochs it has: of a number, the record that came last,
/// because one that was lost with the power was never acted on.
fn whole_log(header: &[u8], logged: &[u8]) -> (Vec<u8>, usize) {
    let mut records = BTreeMap::new();
    for line in logged.split(|byte| *byte == b'\n') {
        let Some((sum, payload)) = line.split_at_checked(17) else { continue };
        if sum == format!("{:016x} ", xxhash_rust::xxh3::xxh3_64(payload)).as_bytes()
            && let Ok(serde_json::Value::Object(record)) = serde_json::from_slice(payload)
            && let Some(number) = record.get("seq").and_then(serde_json::Value::as_u64)
        {
            records.insert(number, (line.to_vec(), record["kind"] == "epoch"));
        }
    }
    let epochs = records.values().filter(|(_, is_epoch)| *is_epoch).count();
    let lines = records.into_values().flat_map(|(line, _)| [line, vec![b'\n']].concat());
    (header.iter().copied().chain(lines).collect(), epochs)
}

#[test]
fn whatever_crashes_the_log_gives_what_stands_in_the_outputs() {
    let live = Live::new();
    let (step, mut taken, mut epochs) = (if all() { 1 } else { 61 }, 0, 0);
    for (turn, crash) in [Crash::Process, Crash::Power].into_iter().enumerate() {
        for at in (turn as u64 * 7..).step_by(step) {
            let disk = SimDisk::new(live.root()).copy(Fault::Stop(at));
            let workers = 1 + taken % 4;
            let outcome = live.start(0, workers).run(Arc::new(disk.clone()));
            let Some(name) = disk.struck() else {
                outcome.unwrap();
                epochs = epochs.max(live.check(&disk, "uninterrupted"));
                break;
            };
            let how = format!("{crash:?} crash at {at}, {name}");
            assert!(outcome.is_err(), "{how}: the run says that all is well");
            // every other time the next start is struck as well
            let mut next = disk.after(crash, Fault::Stop(if taken % 2 == 0 { at / 2 } else { u64::MAX }), at);
            let again = live.start(1, 1 + (workers + 1) % 4).run(Arc::new(next.clone()));
            let how = format!("{how}, then {:?}", next.struck());
            if next.struck().is_some() {
                next = next.after(crash, Fault::Nothing, at + 1);
                let last = live.start(2, 1 + workers % 3).run(Arc::new(next.clone()));
                last.unwrap_or_else(|error| panic!("{how}: {error}"));
            } else {
                again.unwrap_or_else(|error| panic!("{how}: {error}"));
            }
            epochs = epochs.max(live.check(&next, &how));
            taken += 1;
        }
    }
    println!("{taken} crashes by the wall clock, up to {epochs} epochs");
    assert!(taken > 3 && epochs > 5, "{taken} crashes, {epochs} epochs");
}
