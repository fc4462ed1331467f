//! A run goes on where the last one left off: what it writes then, and what it says.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    process::Stdio,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{
    http::{address, get},
    open_metrics::parse,
    sandbox::{Running, Sandbox, Told, review},
};

const HOUR: u64 = 3_600;

/// What a run has written, by path: the files of its sinks, refused records, models.
pub(super) fn outputs(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    let sinks =
        ["out/scored.jsonl", "out/products.jsonl", "out/models.jsonl", "state/shop/dead-letters.jsonl"];
    let mut names: Vec<String> = sinks.map(str::to_owned).into();
    for entry in std::fs::read_dir(sandbox.path("state/shop/models")).unwrap() {
        names.push(format!("state/shop/models/{}", entry.unwrap().file_name().to_str().unwrap()));
    }
    names.retain(|name| sandbox.path(name).exists());
    assert!(names.iter().any(|name| name.ends_with(".safetensors")));
    names.into_iter().map(|name| (name.clone(), sandbox.read(&name))).collect()
}

pub(super) fn finished(told: &Told) {
    assert_eq!(told.code, Some(0), "{told:?}");
}

/// It ended with this code and said these things, in one line and a hint, without a word of books.
pub(super) fn refused(told: &Told, code: i32, texts: &[&str]) {
    assert_eq!(told.code, Some(code), "{told:?}");
    for text in texts {
        assert!(told.err.contains(text), "no {text:?} in {}", told.err);
    }
    assert!(told.err.matches("ERROR").count() == 1 && !told.out.contains("books"), "{told:?}");
}

fn same(expected: &BTreeMap<String, Vec<u8>>, found: &BTreeMap<String, Vec<u8>>) {
    assert!(
        expected.len() > 3 && expected.keys().eq(found.keys()),
        "{:?} {:?}",
        expected.keys(),
        found.keys()
    );
    for (name, content) in expected {
        assert!(!content.is_empty() && found[name] == *content, "{name} differs");
    }
}

/// A field of the line that says where a run begins.
fn began(said: &str, field: &str) -> u64 {
    let line = said.lines().find(|line| line.contains("bytes_read_again=")).unwrap();
    let value = line.split(&format!(" {field}=")).nth(1).unwrap_or_else(|| panic!("no {field} in {line}"));
    value.split(' ').next().unwrap().parse().unwrap()
}

/// Small reviews an hour apart, with feedback of which one waits for its review.
pub(super) fn shop(reviews: u64) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("reviews.jsonl", lines(0..reviews));
    let feedback = |id: &str, review: &str| {
        format!("{{\"feedback_id\":\"{id}\",\"review_id\":\"{review}\",\"label\":\"negative\",\"ts\":0}}\n")
    };
    sandbox.write("feedback.jsonl", feedback("f1", "r2") + &feedback("f2", "r25"));
    sandbox
}

pub(super) fn lines(range: std::ops::Range<u64>) -> String {
    let line = |n| review(&format!("r{n}"), &format!("p{}", n % 3), 1_767_225_600 + n * HOUR) + "\n";
    range.map(line).collect()
}

/// A run whose product scores go into a pipe: it cannot end before they are read.
pub(super) struct Held {
    pub(super) running: Running,
    products: Vec<u8>,
    pipe: File,
}

pub(super) fn held(sandbox: &Sandbox, more: &[&str], input: Stdio) -> Held {
    let fifo = sandbox.path("fifo");
    if !fifo.exists() {
        sandbox.fifo("fifo");
    }
    let set = format!("sinks.products.path={}", fifo.display());
    let running = sandbox.start_with(&[&["run", "t.yaml", "--set", &set], more].concat(), input);
    Held { running, products: Vec::new(), pipe: File::open(fifo).unwrap() }
}

impl Held {
    /// Takes some of what it writes, so it is in the middle; then the signal.
    fn interrupt(mut self, signal: &str) -> (Told, Vec<u8>) {
        self.products.resize(150_000, 0);
        self.pipe.read_exact(&mut self.products).unwrap();
        self.running.signal(signal);
        self.end()
    }

    pub(super) fn end(mut self) -> (Told, Vec<u8>) {
        self.pipe.read_to_end(&mut self.products).unwrap();
        (self.running.end(), self.products)
    }
}

#[test]
fn a_completed_run_started_again_does_nothing() {
    let sandbox = Sandbox::generated(2_000);
    let first = sandbox.run(&[]);
    finished(&first);
    let written = outputs(&sandbox);
    assert!(written.len() == 5 && written.values().all(|output| !output.is_empty()));
    for workers in ["1", "3"] {
        let again = sandbox.dirigent(&["run", "t.yaml", "--workers", workers]);
        finished(&again);
        assert_eq!(again.books(), first.books());
        assert!(outputs(&sandbox) == written);
        assert_eq!(["epochs_replayed", "bytes_read_again"].map(|field| began(&again.err, field)), [0, 0]);
        assert!(began(&again.err, "checkpoint") > 0, "{}", again.err);
    }
    assert_eq!(began(&sandbox.run(&[]).err, "generation"), 4);
}

#[test]
fn input_that_has_grown_is_read_from_where_it_ended() {
    let sandbox = shop(20);
    finished(&sandbox.run(&[]));
    let before = outputs(&sandbox);
    sandbox.write("reviews.jsonl", lines(0..40));
    // another length of epochs may go on too
    let told = sandbox.run(&["epoch=2h"]);
    finished(&told);
    for (name, before) in before.iter().filter(|(name, _)| name.ends_with(".jsonl")) {
        let after = sandbox.read(name);
        assert!(after.starts_with(before), "{name} was written anew");
        assert!(after.len() > before.len() || name.contains("dead-letters"), "{name} has nothing new");
    }
    let new: Vec<String> = sandbox.values("out/scored.jsonl")
        [before["out/scored.jsonl"].split(|b| *b == b'\n').count() - 1..]
        .iter()
        .map(|row| row["review_id"].as_str().unwrap().to_owned())
        .collect();
    assert!(new.iter().all(|id| id[1..].parse::<u64>().unwrap() >= 20), "{new:?}");
    let whole = shop(40);
    let uninterrupted = whole.run(&[]);
    assert_eq!(told.books(), uninterrupted.books());
    assert_eq!((told.books()["reviews"]["in"], told.books()["feedback"]["pending"]), (40, 0));
    // the same state is reached, whatever versions led to it
    let last = |sandbox: &Sandbox| -> BTreeMap<String, Vec<String>> {
        let rows = sandbox.values("out/scored.jsonl").into_iter();
        rows.map(|row| {
            let told = ["product_id", "label", "labelled_by", "status"].map(|field| row[field].to_string());
            (row["review_id"].to_string(), told.to_vec())
        })
        .collect()
    };
    assert_eq!(last(&sandbox), last(&whole));
}

/// Bytes of the inputs behind where the newest checkpoint stands.
fn left_after_the_checkpoint(sandbox: &Sandbox) -> u64 {
    let folders = std::fs::read_dir(sandbox.path("state/shop/checkpoints")).unwrap();
    let names = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let newest = names.max_by_key(|name| name.split('-').next().unwrap().parse::<u64>().unwrap()).unwrap();
    let manifest = sandbox.text(&format!("state/shop/checkpoints/{newest}/manifest.json"));
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let left = ["reviews", "feedback"].map(|source| {
        let offset = manifest["positions"][format!("{source}/0")]["offset"].as_u64().unwrap();
        assert!(offset > 0, "{manifest}");
        sandbox.read(&format!("{source}.jsonl")).len() as u64 - offset
    });
    left.iter().sum()
}

#[test]
fn a_run_that_was_stopped_goes_on_to_the_same_bytes() {
    let whole = Sandbox::generated(20_000);
    let uninterrupted = whole.run(&[]);
    finished(&uninterrupted);
    let sandbox = Sandbox::generated(20_000);
    let (told, mut products) = held(&sandbox, &["--workers", "2"], Stdio::null()).interrupt("TERM");
    finished(&told);
    let stopped = told.books();
    assert!(stopped["reviews"]["pending"] > 0 && sandbox.read("out/models.jsonl").is_empty());
    let left = left_after_the_checkpoint(&sandbox);
    let serving = ["--workers", "3", "--listen", "127.0.0.1:0", "--set", "checkpoint=50ms"];
    let mut run = held(&sandbox, &serving, Stdio::null());
    let address = address(&mut run.running);
    let end = std::thread::spawn(move || run.end());
    let mut last = None;
    while let Some((_, _, text)) = get(&address, "/metrics") {
        last = Some(text);
        std::thread::sleep(Duration::from_millis(10));
    }
    let (told, rest) = end.join().unwrap();
    finished(&told);
    let samples = parse(&last.unwrap());
    let value = |name: &str| samples[&format!("dirigent_{name}")][0].1;
    let read = value("source_read_bytes_total") as u64;
    assert!(read > 100_000 && read <= left, "{read} bytes were read, {left} had to be");
    let [(result, stored), (_, failed)] = &samples["dirigent_checkpoints_total"][..] else { panic!() };
    assert!(result["result"] == "success" && *stored > 0.0 && *failed == 0.0, "{stored} {failed}");
    assert!(
        value("checkpoint_duration_seconds_count") >= *stored && value("checkpoint_size_bytes") > 1_000.0
    );
    assert!(value("checkpoint_last_epoch") > began(&told.err, "checkpoint") as f64);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let age = now - value("checkpoint_last_success_timestamp_seconds");
    assert!(age > -2.0 && age < 600.0, "stored {age} s ago");
    let folders = std::fs::read_dir(sandbox.path("state/shop/checkpoints")).unwrap();
    let kept = folders.filter(|folder| folder.as_ref().unwrap().path().join("manifest.json").exists());
    assert_eq!(kept.count(), 2);
    assert_eq!(told.books(), uninterrupted.books());
    // a stop leaves nothing to be computed again
    let found = ["generation", "epochs_replayed", "bytes_read_again"].map(|field| began(&told.err, field));
    assert_eq!(found, [2, 0, 0], "{}", told.err);
    assert!(began(&told.err, "checkpoint") > 0 && !rest.is_empty());
    products.extend(rest);
    sandbox.write("out/products.jsonl", products);
    same(&outputs(&whole), &outputs(&sandbox));
}

/// Without a checkpoint all is computed again, from a copy of the input that could not be read twice; what stands in the
/// files is compared with it, and not written again.
#[test]
fn a_run_that_was_killed_goes_on_to_the_same_bytes() {
    let whole = Sandbox::generated(20_000);
    let from_file = whole.start_with(
        &["run", "t.yaml", "--from-scratch", "--set", "sources.reviews.path=-"],
        File::open(whole.path("reviews.jsonl")).unwrap(),
    );
    let uninterrupted = from_file.end();
    finished(&uninterrupted);
    let sandbox = Sandbox::generated(20_000);
    let more = ["--set", "sources.reviews.path=-", "--set", "checkpoint=1h"];
    let input = File::open(sandbox.path("reviews.jsonl")).unwrap();
    let (told, _) = held(&sandbox, &more, input.into()).interrupt("KILL");
    assert_eq!(told.code, None, "{told:?}");
    let written = sandbox.read("out/scored.jsonl");
    assert!(!written.is_empty() && sandbox.path("state/shop/spool/reviews.jsonl").exists());

    // only what logged those epochs may compute them again
    let changed = sandbox.run(&["sources.reviews.path=-", "epoch=3h"]);
    refused(&changed, 78, &["the topology has changed", "dirigent drain", "--from-scratch"]);

    let serving = [&more[..], &["--workers", "3", "--listen", "127.0.0.1:0"]].concat();
    let mut run = held(&sandbox, &serving, Stdio::null());
    let address = address(&mut run.running);
    run.running.wait_for("running topology");
    let samples = parse(&get(&address, "/metrics").unwrap().2);
    let (told, _) = run.end();
    finished(&told);
    assert_eq!(told.books(), uninterrupted.books());
    assert!(told.err.contains("standard input is not read"), "{}", told.err);
    let [checkpoint, replayed, again] =
        ["checkpoint", "epochs_replayed", "bytes_read_again"].map(|field| began(&told.err, field));
    assert!(checkpoint == 0 && replayed > 10 && again > 10_000, "{}", told.err);
    for (name, expected) in [
        ("dirigent_generation", began(&told.err, "generation")),
        ("dirigent_epochs_replayed_total", replayed),
        ("dirigent_source_read_again_bytes", again),
        ("dirigent_checkpoint_last_epoch", 0),
    ] {
        assert_eq!(samples[name][0].1, expected as f64, "{name}");
    }
    let mut expected = outputs(&whole);
    expected.remove("out/products.jsonl");
    same(&expected, &outputs(&sandbox));
}

#[test]
fn from_scratch_replaces_state_and_outputs() {
    let sandbox = shop(20);
    finished(&sandbox.run(&[]));
    let first = outputs(&sandbox);
    sandbox.write("out/scored.jsonl", "mine\n");
    let told = sandbox.run_anew(&[]);
    finished(&told);
    assert!(outputs(&sandbox) == first);
    assert_eq!((began(&told.err, "generation"), began(&told.err, "checkpoint")), (1, 0));
    // other inputs and steps are no matter then
    sandbox.write("reviews.jsonl", lines(5..10));
    let told = sandbox.run_anew(&["transforms.products.m=20"]);
    finished(&told);
    assert_eq!((told.books()["reviews"]["in"], sandbox.values("out/scored.jsonl").len()), (5, 5));
}

#[test]
fn a_new_sink_begins_with_what_is_live() {
    let sandbox = shop(20);
    let delete = format!("{{\"review_id\":\"r3\",\"op\":\"delete\",\"ts\":{}}}\n", 1_767_225_600 + 30 * HOUR);
    sandbox.write("reviews.jsonl", lines(0..20) + &delete);
    finished(&sandbox.run(&[]));
    let before = outputs(&sandbox);
    let more = sandbox.text("t.yaml") + "  more: { type: file, inputs: [unique], path: out/more.jsonl }\n";
    sandbox.write("t.yaml", more);
    let told = sandbox.run(&[]);
    finished(&told);
    assert!(outputs(&sandbox) == before);
    let ids: Vec<String> = sandbox
        .values("out/more.jsonl")
        .iter()
        .map(|row| row["review_id"].as_str().unwrap().to_owned())
        .collect();
    let mut live: Vec<String> = (0..20).filter(|n| *n != 3).map(|n| format!("r{n}")).collect();
    live.sort();
    assert_eq!(ids, live);
    finished(&sandbox.run(&[]));
    assert_eq!(sandbox.values("out/more.jsonl").len(), 19);
}

#[test]
fn pipes_and_devices_are_written_once() {
    let sandbox = shop(20);
    let set = ["sinks.scored.path=/dev/stdout", "sinks.models.path=/dev/null"];
    let rows = |told: &Told| told.out.lines().filter(|line| line.starts_with('{')).count();
    let first = sandbox.run(&set);
    finished(&first);
    // the one that was labelled has two versions at most
    assert!((20..=21).contains(&rows(&first)), "{}", first.out);
    let again = sandbox.run(&set);
    finished(&again);
    assert_eq!((rows(&again), again.books()), (0, first.books()));
    sandbox.write("reviews.jsonl", lines(0..24));
    let more = sandbox.run(&set);
    finished(&more);
    assert_eq!(rows(&more), 4);
}
