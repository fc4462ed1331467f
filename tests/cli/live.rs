//! `clock: wall`: a run that is killed and started again and again, with other numbers of workers, while its input grows.
//!
//! What it has written in the end is compared with a run over the whole input at once by `clock: event`: sentiments come
//! from other versions of the model there, everything else must be the same.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;

use super::sandbox::{HANG, Sandbox};

const LIVE: [&str; 8] = [
    "--set",
    "clock=wall",
    "--set",
    "epoch=20ms",
    "--set",
    "checkpoint=150ms",
    "--set",
    "sources.reviews.path=in/*.jsonl",
];

fn live<'a>(workers: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["run", "t.yaml", "--workers", workers];
    arguments.extend(LIVE);
    arguments.extend(["--set", "sources.reviews.follow=true", "--set", "sources.feedback.follow=true"]);
    arguments.extend(more);
    arguments
}

/// The last state of each key, less what the model or the time of the run has a say in.
fn last_state(sandbox: &Sandbox, output: &str, key: &str, fields: &[&str]) -> BTreeMap<String, Vec<Value>> {
    let mut state = BTreeMap::new();
    for value in sandbox.values(output) {
        let id = value[key].as_str().unwrap().to_owned();
        if value["deleted"] == Value::Bool(true) {
            state.remove(&id);
        } else {
            state.insert(id, fields.iter().map(|field| value[field].clone()).collect());
        }
    }
    state
}

fn assert_discipline(sandbox: &Sandbox, output: &str, key: &str) {
    let mut before: (u64, String) = (0, String::new());
    for value in sandbox.values(output) {
        let now = (value["epoch"].as_u64().unwrap(), value[key].as_str().unwrap().to_owned());
        assert!(before < now, "{output}: {before:?} before {now:?}");
        before = now;
    }
}

/// Appends lines to a file in pieces that end anywhere, also in the middle of a line.
fn append_slowly(mut file: File, text: Vec<u8>, written: Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        for piece in text.chunks(20_011) {
            file.write_all(piece).unwrap();
            std::thread::sleep(Duration::from_millis(25));
        }
        written.store(true, Ordering::Release);
    })
}

/// Lines in two parts, all of one review in the same.
fn by_review(lines: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let value: Value = serde_json::from_slice(line).unwrap_or_default();
        let digits = value["review_id"].as_str().unwrap_or_default().bytes();
        let part = if digits.last().is_some_and(|last| last % 4 == 3) { &mut first } else { &mut second };
        part.extend_from_slice(line);
    }
    (first, second)
}

#[test]
fn a_live_run_that_is_killed_ends_as_one_over_everything_at_once() {
    let sandbox = Sandbox::generated(8_000);
    let all = sandbox.read("reviews.jsonl");
    let lines = all.iter().filter(|byte| **byte == b'\n').count() as u64;
    // what edits or deletes a review stands in one file with it: between files, the order is that of reading
    let (first, second) = by_review(&all);
    let feedback = sandbox.read("feedback.jsonl");
    sandbox.write("in/a.jsonl", "");
    sandbox.write("feedback.jsonl", "");
    let written = Arc::new(AtomicBool::new(false));
    let open = |name: &str| File::options().append(true).create(true).open(sandbox.path(name)).unwrap();
    let writer = append_slowly(open("in/a.jsonl"), first, Arc::new(AtomicBool::new(false)));
    open("feedback.jsonl").write_all(&feedback).unwrap();

    let mut writers = vec![writer];
    for (n, workers) in ["2", "1", "4", "3", "2"].iter().enumerate() {
        let mut running = sandbox.start(&live(workers, &[]));
        running.wait_for(&format!("generation={}", n + 1));
        std::thread::sleep(Duration::from_millis(150 + 170 * n as u64));
        running.signal("KILL");
        drop(running);
        if n == 0 {
            // a file that comes later is a partition of its own
            writers.push(append_slowly(open("in/b.jsonl"), second.clone(), Arc::clone(&written)));
        }
    }
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    assert!(written.load(Ordering::Acquire));
    // a stop takes what has been read; it is started again until that is everything
    let (mut read, started) = (0, Instant::now());
    while read < lines && started.elapsed() < HANG {
        let mut running = sandbox.start(&live("2", &[]));
        running.wait_for("running");
        std::thread::sleep(Duration::from_millis(500));
        running.signal("TERM");
        let told = running.end();
        assert_eq!(told.code, Some(0), "{told:?}");
        read = told.books()["reviews"]["in"] - told.books()["reviews"]["pending"];
    }
    assert_eq!(read, lines, "everything that was written is read once");
    assert_discipline(&sandbox, "out/scored.jsonl", "review_id");
    assert_discipline(&sandbox, "out/products.jsonl", "product_id");

    let reviews = ["product_id", "user_id", "rating", "lang", "ts", "labelled_by", "status", "of"];
    let products = ["reviews", "ratings", "rating_mean", "rating_histogram"];
    let live_end = (
        last_state(&sandbox, "out/scored.jsonl", "review_id", &reviews),
        last_state(&sandbox, "out/products.jsonl", "product_id", &products),
    );
    sandbox.write("reviews.jsonl", &all);
    let told = sandbox.dirigent(&["run", "t.yaml", "--from-scratch"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    let batch_end = (
        last_state(&sandbox, "out/scored.jsonl", "review_id", &reviews),
        last_state(&sandbox, "out/products.jsonl", "product_id", &products),
    );
    assert!(batch_end.0.len() > 5_000);
    let differs = batch_end.0.iter().find(|(id, row)| live_end.0.get(*id) != Some(row));
    assert_eq!(differs, None, "live: {:?}", differs.and_then(|(id, _)| live_end.0.get(id)));
    assert_eq!(live_end, batch_end);
}

#[test]
fn bounded_input_ends_a_live_run_once() {
    let sandbox = Sandbox::generated(500);
    let arguments = ["run", "t.yaml", "--set", "clock=wall", "--set", "epoch=20ms"];
    let told = sandbox.dirigent(&arguments);
    assert_eq!(told.code, Some(0), "{told:?}");
    let outputs = ["out/scored.jsonl", "out/products.jsonl", "out/models.jsonl"];
    let before = outputs.map(|output| sandbox.read(output));
    // of the first epoch that learned, and of the end
    assert_eq!(sandbox.values("out/models.jsonl").len(), 2);
    let again = sandbox.dirigent(&arguments);
    assert_eq!((again.code, again.books()), (Some(0), told.books()), "{again:?}");
    assert_eq!(outputs.map(|output| sandbox.read(output)), before, "nothing is left to be done");
}

#[test]
fn the_log_of_a_live_run_gives_the_same_bytes_again() {
    let sandbox = Sandbox::generated(4_000);
    let mut all = sandbox.read("reviews.jsonl");
    let rest = all.split_off(all.len() / 3 * 2);
    sandbox.write("in/a.jsonl", "");
    let file = File::options().append(true).open(sandbox.path("in/a.jsonl")).unwrap();
    // two checkpoints would cut the beginning of the log off
    let more = ["--set", "checkpoint=1h"];
    let writer = append_slowly(file, all, Arc::default());
    for (n, workers) in ["1", "3"].iter().enumerate() {
        let mut running = sandbox.start(&live(workers, &more));
        running.wait_for(&format!("generation={}", n + 1));
        std::thread::sleep(Duration::from_millis(600));
        running.signal("KILL");
    }
    writer.join().unwrap();
    let mut arguments = live("2", &more);
    arguments[0] = "drain";
    let told = sandbox.dirigent(&arguments);
    assert_eq!(told.code, Some(0), "{told:?}");
    let drained = told.books()["reviews"]["in"];
    assert!(drained > 0 && sandbox.path("state/shop/checkpoints").exists(), "{told:?}");
    let again = sandbox.dirigent(&arguments);
    assert_eq!((again.code, again.books()), (Some(0), told.books()), "nothing is read: {again:?}");

    let mut arguments = live("4", &more);
    arguments[0] = "replay";
    arguments.extend(["--into", "again"]);
    let told = sandbox.dirigent(&arguments);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.out.contains("equal"), "{told:?}");

    // drained, it goes on with another length of epochs
    let mut file = File::options().append(true).open(sandbox.path("in/a.jsonl")).unwrap();
    file.write_all(&rest).unwrap();
    let mut arguments = live("2", &more);
    arguments.extend(["--set", "epoch=35ms"]);
    let mut running = sandbox.start(&arguments);
    running.wait_for("running");
    std::thread::sleep(Duration::from_millis(800));
    running.signal("TERM");
    let told = running.end();
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.books()["reviews"]["in"] > drained, "{told:?}");
    assert_discipline(&sandbox, "out/scored.jsonl", "review_id");
}

#[test]
fn a_byte_that_is_a_matter_of_chance_ends_the_run_that_replays_it() {
    let sandbox = Sandbox::generated(3_000);
    sandbox.write("in/a.jsonl", sandbox.read("reviews.jsonl"));
    let more = ["--set", "checkpoint=1h"];
    let disturbed = |by| sandbox.start_in(&live("2", &more), &[("DIRIGENT_DISTURB", by)]);
    let mut running = disturbed("products=a");
    running.wait_for("running");
    std::thread::sleep(Duration::from_millis(1_500));
    running.signal("KILL");
    drop(running);
    let written = sandbox.read("out/products.jsonl");
    assert!(!written.is_empty());
    let told = disturbed("products=b").end();
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.err.contains("the output of sink products up to epoch "), "{told:?}");
    assert_eq!(sandbox.read("out/products.jsonl"), written, "nothing is written after that");
}
