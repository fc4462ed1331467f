//! SIGKILL for the real binary under `clock: wall`, again and again, while somebody appends to the file that it follows.
//!
//! What comes out depends on when: so the outputs are held to a replay of the log, from empty state where it was kept whole,
//! else from the oldest checkpoint; and what is live in the end, which does not depend on it, to the batch oracle.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::random::Random;
use crate::{
    checks::{check_live, check_products, last_versions},
    oracle::decode::{Read, review},
    run::Outcome,
};

/// A run that takes longer hangs.
const HANG: Duration = Duration::from_secs(600);
/// The review that comes last.
const LAST: &str = r#"{"review_id":"zz-last","product_id":"p","user_id":"u","rating":5,"title":"","text":"the end of all this is here","lang":"en","ts":1900000000000}"#;

fn dirigent(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dirigent"));
    command.args(arguments).current_dir(folder).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

fn topology(checkpoint: &str) -> String {
    format!(
        "name: live
clock: wall
epoch: 20ms
checkpoint: {checkpoint}
sources:
  reviews: {{ type: file, path: reviews.jsonl, follow: true }}
transforms:
  clean:     {{ type: clean, inputs: [reviews] }}
  sentiment: {{ type: sentiment, inputs: [clean], slots: 4096 }}
  unique:    {{ type: deduplicate, inputs: [sentiment] }}
  products:  {{ type: product_scores, inputs: [unique] }}
  learn:     {{ type: learn, inputs: [unique], model: sentiment }}
sinks:
  scored:   {{ type: file, inputs: [unique], path: out/scored.jsonl }}
  products: {{ type: file, inputs: [products], path: out/products.jsonl }}
  models:   {{ type: file, inputs: [learn.models], path: out/models.jsonl }}
"
    )
}

/// Generated lines of which the oracle needs nothing but themselves: good ones with their own time, and a language where they
/// had none, since it detects none; entities aside, of which it knows few.
fn lines(folder: &Path) -> Vec<String> {
    let size = ["--reviews", "12000", "--words", "8", "--vocabulary", "800", "--seed", "5"];
    let files = ["--out", "made.jsonl"];
    let made = dirigent(folder, &[&["generate"][..], &size, &files].concat()).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let bytes = fs::read(folder.join("made.jsonl")).unwrap();
    let line = |line: &[u8]| {
        let mut value: Value = serde_json::from_slice(line).ok().filter(Value::is_object)?;
        if value["op"] != "delete" && !value["lang"].is_string() {
            value["lang"] = "en".into();
        }
        let line = value.to_string();
        let good = !line.contains('&')
            && match review(line.as_bytes()).map(|line| line.read) {
                Ok(Read::Upsert(review)) => review.ts.is_some(),
                Ok(Read::Delete { .. }) => true,
                _ => false,
            };
        good.then_some(line)
    };
    bytes.split(|byte| *byte == b'\n').filter_map(line).collect()
}

/// Killed when it is dropped.
struct Run(Child);

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Run {
    fn start(folder: &Path, workers: usize) -> Self {
        let log = |name| fs::File::create(folder.join(name)).unwrap();
        let arguments = ["run", "t.yaml", "--workers", &workers.to_string(), "--report", "report.json"];
        let mut command = dirigent(folder, &arguments);
        Self(command.stdout(log("said")).stderr(log("logged")).spawn().unwrap())
    }

    /// Waits until `moment` has come; it must not end by itself before.
    fn until(&mut self, folder: &Path, mut moment: impl FnMut() -> bool) {
        let started = Instant::now();
        while !moment() {
            let told = || fs::read_to_string(folder.join("logged")).unwrap_or_default();
            assert!(self.0.try_wait().unwrap().is_none(), "it has ended: {}", told());
            assert!(started.elapsed() < HANG, "it hangs: {}", told());
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn killed_while_somebody_writes(checkpoint: &str, seed: u64) -> String {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("t.yaml"), topology(checkpoint)).unwrap();
    let mut lines = lines(folder);
    let (input, done) = (folder.join("reviews.jsonl"), Arc::new(AtomicBool::new(false)));
    fs::write(&input, "").unwrap();
    let (given, written) = (lines.clone(), Arc::clone(&done));
    let writer = thread::spawn(move || {
        let mut input = fs::File::options().append(true).open(input).unwrap();
        for some in given.chunks(40) {
            // torn lines, too: the end of one comes with the next ones
            let text = some.join("\n");
            let (now, later) = text.split_at(text.floor_char_boundary(text.len() - text.len() / 40));
            input.write_all(now.as_bytes()).unwrap();
            thread::sleep(Duration::from_millis(10));
            input.write_all(later.as_bytes()).unwrap();
            input.write_all(b"\n").unwrap();
        }
        written.store(true, Ordering::Release);
    });
    let mut random = Random::new(seed);
    let mut kills = 0;
    while !done.load(Ordering::Acquire) || kills < 4 {
        let mut run = Run::start(folder, 1 + kills % 3);
        let (from, wait) = (Instant::now(), Duration::from_millis(20 + random.below(700) as u64));
        run.until(folder, || from.elapsed() >= wait);
        kills += 1;
    }
    writer.join().unwrap();
    let mut run = Run::start(folder, 2);
    let (scored, logged) = (folder.join("out/scored.jsonl"), folder.join("logged"));
    let has = |path: &Path, what: &str| fs::read_to_string(path).is_ok_and(|text| text.contains(what));
    run.until(folder, || has(&logged, "running topology"));
    // so that it is this run that comes to the end of all
    let mut input = fs::File::options().append(true).open(folder.join("reviews.jsonl")).unwrap();
    writeln!(input, "{LAST}").unwrap();
    lines.push(LAST.to_owned());
    let all = lines.len();
    run.until(folder, || has(&scored, "\"zz-last\""));
    let stopped = Command::new("kill").args(["-TERM", &run.0.id().to_string()]).status().unwrap();
    let ended = run.0.wait().unwrap();
    let said = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    assert!(stopped.success() && ended.success(), "{ended}: {} {}", said("said"), said("logged"));

    let replayed =
        dirigent(folder, &["replay", "t.yaml", "--into", "again", "--workers", "3"]).output().unwrap();
    let told = String::from_utf8_lossy(&replayed.stdout).into_owned();
    assert!(replayed.status.success(), "{told} {}", String::from_utf8_lossy(&replayed.stderr));
    for sink in ["scored", "products", "models"] {
        let line = told.lines().find(|line| line.starts_with(&format!("{sink}: ")));
        assert!(line.is_some_and(|line| line.ends_with("equal")), "{told}");
    }
    let report: Value = serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap();
    assert_eq!(
        (&report["balanced"], report["sources"]["reviews"]["in"].as_u64()),
        (&true.into(), Some(all as u64))
    );
    let read =
        |name: &str| (format!("{name}.jsonl"), fs::read(folder.join(format!("out/{name}.jsonl"))).unwrap());
    let outcome = Outcome { files: BTreeMap::from(["scored", "products"].map(read)), report };
    let duplicates = check_live(&outcome, &last_versions(&lines));
    check_products(&outcome);
    assert!(duplicates > 0 && all > 5_000, "{duplicates} duplicates in {all} lines");
    println!("checkpoint {checkpoint}: {kills} kills while {all} lines were written");
    told + &String::from_utf8_lossy(&replayed.stderr)
}

#[test]
fn a_live_run_that_is_killed_while_somebody_writes_is_what_its_whole_log_gives() {
    killed_while_somebody_writes("1h", 3);
}

#[test]
fn a_live_run_that_is_killed_around_its_checkpoints_is_what_its_log_gives() {
    let told = killed_while_somebody_writes("150ms", 4);
    assert!(told.contains("checkpoint"), "the replay began with one: {told}");
}
