//! Standard input that is spooled while it comes, by the wall clock: a crash at its operations, and at those of the start
//! after it, with a standard input of its own.
//!
//! What comes out depends on when; so each state is held to the replay of its own log, and the spool to what was brought.

use std::{path::Path, sync::Arc};

use dirigent::{
    engine::disk::Disk,
    topology::{
        assemble::Writes,
        replay::{ReplayError, prepare},
    },
};

use super::{
    disk::{Crash, Fault, SimDisk},
    drive::Start,
};

fn topology(root: &Path) -> String {
    let root = root.display();
    format!(
        "name: live
clock: wall
state: file:{root}/state
epoch: 5ms
idle_epoch: 20ms
checkpoint: 1h
stall_timeout: 600s
sources:
  reviews: {{ type: file, path: \"-\", follow: true }}
transforms:
  clean:     {{ type: clean, inputs: [reviews] }}
  sentiment: {{ type: sentiment, inputs: [clean], slots: 1024 }}
  unique:    {{ type: deduplicate, inputs: [sentiment] }}
sinks:
  scored: {{ type: file, inputs: [unique], path: {root}/out/scored.jsonl }}
"
    )
}

fn lines(run: usize) -> Vec<u8> {
    let line = |n| {
        format!("{{\"review_id\":\"r{run}-{n}\",\"product_id\":\"p\",\"rating\":4,\"text\":\"text {n}\"}}\n")
    };
    // what one brings ends without a newline
    let mut text: String = (0..12).map(line).collect();
    text.truncate(text.len() - 1);
    text.into_bytes()
}

/// Whether a spool is a beginning of what each run brought, from one on, with its last line ended; all of the last run's.
fn is_brought(spool: &[u8], run: usize, runs: usize) -> bool {
    let brought = lines(run);
    let ends = |bytes: usize| {
        let begun = bytes > 0 && brought[bytes - 1] != b'\n';
        let rest = spool[bytes..].strip_prefix(if begun { &b"\n"[..] } else { b"" });
        rest.is_some_and(
            |rest| if run + 1 == runs { rest.is_empty() } else { is_brought(rest, run + 1, runs) },
        )
    };
    let same = spool.iter().zip(&brought).take_while(|(a, b)| a == b).count();
    let least = if run + 1 == runs { brought.len() } else { 0 };
    (least..=same).any(ends)
}

/// Holds a state to its log, and the spool to a beginning of what each run brought; only the last one brought all. How
/// often the log was run again.
fn check(root: &Path, disk: &SimDisk, runs: usize, how: &str) -> usize {
    let files = disk.files();
    let spool = &files[Path::new("state/spool/reviews.jsonl")];
    assert!(is_brought(spool, 0, runs), "{how}: {}", String::from_utf8_lossy(spool));
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let plan = Start::new(&topology(root), 1).plan();
    let prepared = match prepare(&shared, &plan, &root.join("again")) {
        Ok(prepared) => prepared,
        // nothing came after the checkpoint that it would have to begin with
        Err(ReplayError::Empty) => return 0,
        Err(error) => panic!("{how}: {error}"),
    };
    let from_empty_state = prepared.after == 0;
    let start = Start { writes: Writes::Logged, ..Start::new(&topology(root), 3) };
    start.run_plan(prepared.plan, Arc::clone(&shared)).unwrap_or_else(|error| panic!("{how}: {error}"));
    let files = disk.files();
    let (replayed, written) =
        (&files[Path::new("again/scored.jsonl")], &files[Path::new("out/scored.jsonl")]);
    let same = if from_empty_state { replayed == written } else { written.ends_with(replayed) };
    assert!(same && !written.is_empty(), "{how}: the log run again gives something else");
    1
}

#[test]
fn a_crash_at_an_operation_of_a_spool_loses_nothing_that_the_log_covers() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let start = |run, workers| Start { input: lines(run), ..Start::new(&topology(root), workers) };
    let (mut taken, mut spooling, mut replayed) = (0, 0, 0);
    for (turn, crash) in [Crash::Process, Crash::Power].into_iter().enumerate() {
        for at in (turn as u64..).step_by(3) {
            let disk = SimDisk::new(root).copy(Fault::Stop(at));
            let outcome = start(0, 2).run(Arc::new(disk.clone()));
            let Some(name) = disk.struck() else {
                outcome.unwrap();
                check(root, &disk.copy(Fault::Nothing), 1, "uninterrupted");
                break;
            };
            assert!(outcome.is_err(), "{crash:?} at {at}, {name}: the run says that all is well");
            spooling += usize::from(name.contains("spool/"));
            // the next one is struck too, somewhere in its start
            let again = disk.after(crash, Fault::Stop(at / 3), at);
            let ended_early = start(1, 1).run(Arc::new(again.clone())).is_err();
            let how = format!("{crash:?} at {at}, {name}, then {:?}", again.struck());
            assert_eq!(ended_early, again.struck().is_some(), "{how}");
            let last = again.after(crash, Fault::Nothing, at + 1);
            start(2, 4).run(Arc::new(last.clone())).unwrap_or_else(|error| panic!("{how}: {error}"));
            replayed += check(root, &last, 3, &how);
            taken += 1;
        }
    }
    println!("{taken} crashes, {spooling} of them while spooling, {replayed} logs run again");
    assert!(spooling > 1 && replayed > 1, "{spooling} and {replayed} of {taken}");
}
