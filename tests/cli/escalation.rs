//! Somebody is told of cases by a live run, whatever he does: once by the key, in order, and the run knows of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde_json::Value;

use super::{
    follow::{append, until},
    http::{address, get},
    receiver::{Answer, Receiver},
    sandbox::{Running, Sandbox},
};

const TOPOLOGY: &str = r#"name: shop
clock: wall
epoch: 20ms
idle_epoch: 50ms
checkpoint: 1h
sources:
  reviews: { type: file, path: reviews.jsonl, follow: true }
  feedback: { type: file, record: feedback, path: feedback.jsonl, follow: true }
  commands: { type: file, record: case_command, path: commands.jsonl, follow: true }
  told: { type: file, record: delivery, path: told.jsonl, follow: true }
transforms:
  clean: { type: clean, inputs: [reviews] }
  sentiment: { type: sentiment, inputs: [clean], slots: 4096 }
  corrected: { type: apply_feedback, inputs: [sentiment, feedback] }
  unique: { type: deduplicate, inputs: [corrected] }
  alerts: { type: alerts, inputs: [unique, commands, told], severe_review: { sentiment: 1 } }
sinks:
  cases: { type: file, inputs: [alerts], path: out/cases.jsonl }
escalation:
  targets:
    shop: { type: webhook, url: "URL", timeout: 500ms, retries: 1000, backoff: { min: 10ms, max: 100ms } }
    boss: { type: log, path: boss.jsonl }
  steps:
    - { after: 0s, targets: [FIRST] }
    - { after: 1h, targets: [boss] }
"#;

fn sandbox(receiver: &Receiver, first: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("t.yaml", TOPOLOGY.replace("URL", &receiver.url()).replace("FIRST", first));
    sandbox.write("commands.jsonl", "");
    sandbox
}

/// An attempt may take as long as it likes.
fn patient(sandbox: &Sandbox) {
    sandbox.write("t.yaml", sandbox.text("t.yaml").replace("timeout: 500ms", "timeout: 10m"));
}

fn start(sandbox: &Sandbox, workers: &str) -> Running {
    let mut running = sandbox.start(&["run", "t.yaml", "--workers", workers]);
    running.wait_for("running topology");
    running
}

/// Opens a case: a review of one star that somebody calls negative.
fn open(sandbox: &Sandbox, n: usize) {
    let review =
        format!(r#"{{"review_id":"r{n}","product_id":"p{n}","user_id":"u","rating":1,"text":"fire {n}"}}"#);
    append(sandbox, "reviews.jsonl", &(review + "\n"));
    let feedback = format!(r#"{{"feedback_id":"f{n}","review_id":"r{n}","label":"negative"}}"#);
    append(sandbox, "feedback.jsonl", &(feedback + "\n"));
}

/// The cases as they are, by review; whole lines of a file that may be written.
fn cases(sandbox: &Sandbox) -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(sandbox.path("out/cases.jsonl")).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.map(|case| (case["review_id"].as_str().unwrap().to_owned(), case)).collect()
}

fn command(sandbox: &Sandbox, review: &str, action: &str) {
    let case_id = cases(sandbox)[review]["case_id"].as_str().unwrap().to_owned();
    let line = format!(
        r#"{{"command_id":"{action}-{review}","case_id":"{case_id}","action":"{action}","by":"ann"}}"#
    );
    append(sandbox, "commands.jsonl", &(line + "\n"));
}

/// By case, the events that were taken, each key once, in the order in which it came first.
fn heard(receiver: &Receiver) -> BTreeMap<String, Vec<String>> {
    let mut heard: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut keys = Vec::new();
    for (key, event) in receiver.taken() {
        if !keys.contains(&key) {
            keys.push(key);
            let kind = event["type"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
            heard.entry(event["data"]["review_id"].as_str().unwrap().to_owned()).or_default().push(kind);
        }
    }
    heard
}

fn told_of_all(sandbox: &Sandbox, n: usize, state: &str, result: &str) -> bool {
    let cases = cases(sandbox);
    let is = |case: &Value| case["state"] == state && case["evidence"]["deliveries"]["shop"] == result;
    cases.len() == n && cases.values().all(is)
}

/// The figures of cases and deliveries that are there are those of the documentation, with their labels.
fn assert_figures_are_documented(text: &str) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/alerts.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `dirigent_"));
    let mut documented = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let name = cells[0].trim_end_matches('`').trim_end_matches("_total").to_owned();
        let labels: BTreeSet<&str> = cells[2].split('`').skip(1).step_by(2).collect();
        documented.insert(name, (cells[1].to_owned(), labels));
    }
    let mut seen = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE dirigent_")) {
        let (name, kind) = line.split_once(' ').unwrap();
        if !["open_cases", "case_", "deliver"].iter().any(|of| name.starts_with(of)) {
            continue;
        }
        let of_it = |line: &&str| line.strip_prefix("dirigent_").is_some_and(|rest| rest.starts_with(name));
        let labels = text.lines().filter(of_it).flat_map(|line| line.split(['{', ',']));
        let names =
            labels.filter_map(|label| Some(label.split_once("=\"")?.0)).filter(|label| *label != "le");
        seen.insert(name.to_owned(), (kind.to_owned(), names.collect::<BTreeSet<&str>>()));
    }
    assert_eq!(seen, documented);
}

fn stop(running: Running) -> BTreeMap<String, BTreeMap<String, u64>> {
    running.signal("TERM");
    let told = running.end();
    assert_eq!(told.code, Some(0), "{told:?}");
    told.books()
}

#[test]
fn a_receiver_that_fails_hangs_closes_and_is_restarted_hears_of_every_case_in_order() {
    const CASES: usize = 6;
    let trouble = [Answer::Status(500), Answer::Half, Answer::Silence, Answer::Status(503)];
    let mut receiver = Receiver::new(&trouble.repeat(3));
    let sandbox = sandbox(&receiver, "shop");
    let mut running = sandbox.start(&["run", "t.yaml", "--workers", "2", "--listen", "127.0.0.1:0"]);
    let address = address(&mut running);
    (0..CASES).for_each(|n| open(&sandbox, n));
    until(&mut running, "every case told", || told_of_all(&sandbox, CASES, "firing", "delivered"));

    receiver.go_away();
    (0..CASES).for_each(|n| command(&sandbox, &format!("r{n}"), "ack"));
    until(&mut running, "every case acknowledged", || {
        cases(&sandbox).values().all(|case| case["state"] == "acknowledged")
    });
    receiver.come_back();
    let events = |n: usize| heard(&receiver).values().filter(|events| events.len() == n).count();
    until(&mut running, "every acknowledgement told", || events(2) == CASES);
    (0..CASES).for_each(|n| command(&sandbox, &format!("r{n}"), "resolve"));
    until(&mut running, "every end told", || events(3) == CASES);
    until(&mut running, "every end known", || sandbox.text("told.jsonl").lines().count() == 3 * CASES);
    assert_figures_are_documented(&get(&address, "/metrics").unwrap().2);
    let books = stop(running);
    for (review, events) in heard(&receiver) {
        assert_eq!(events, ["firing", "acknowledged", "resolved"], "{review}");
    }
    let taken = receiver.taken();
    assert!(taken.len() > 3 * CASES, "some came twice, with the same key");
    let told = sandbox.values("told.jsonl");
    assert!(told.iter().all(|told| told["result"] == "delivered"), "{told:?}");
    assert!(told.iter().any(|told| told["attempts"].as_u64() > Some(1)), "{told:?}");
    assert!(books["told"]["in"] <= 3 * CASES as u64);
    assert_eq!(sandbox.text("boss.jsonl"), "", "the second step was never due");

    let replayed = sandbox.dirigent(&["replay", "t.yaml", "--workers", "3", "--into", "again"]);
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    assert!(replayed.out.contains("equal"), "{replayed:?}");
    assert_eq!(receiver.taken().len(), taken.len(), "a replay tells nobody");
}

#[test]
fn what_was_under_way_when_the_run_was_killed_comes_again_under_its_key() {
    let receiver = Receiver::new(&[Answer::Silence]);
    let sandbox = sandbox(&receiver, "shop");
    patient(&sandbox);
    let mut running = start(&sandbox, "2");
    open(&sandbox, 0);
    until(&mut running, "a call", || receiver.requests() == 1);
    running.signal("KILL");
    drop(running);
    assert_eq!(std::fs::read_to_string(sandbox.path("told.jsonl")).unwrap_or_default(), "");

    let mut running = start(&sandbox, "1");
    until(&mut running, "the same call", || told_of_all(&sandbox, 1, "firing", "delivered"));
    running.signal("KILL");
    drop(running);

    // a third run knows that it has arrived: the first that it tells of is another case
    let mut running = start(&sandbox, "3");
    open(&sandbox, 1);
    until(&mut running, "another case", || told_of_all(&sandbox, 2, "firing", "delivered"));
    stop(running);
    let keys: Vec<String> = receiver.taken().into_iter().map(|(key, _)| key).collect();
    assert_eq!((keys.len(), &keys[0]), (3, &keys[1]));
    assert!(keys[0].contains(":r0:") && keys[2].contains(":r1:"), "{keys:?}");
    assert_eq!(sandbox.values("told.jsonl").len(), 2);
}

#[test]
fn where_nobody_of_a_step_can_be_told_the_next_one_is_called_at_once() {
    let receiver = Receiver::new(&[Answer::Status(410)]);
    let sandbox = sandbox(&receiver, "shop");
    patient(&sandbox);
    let mut running = start(&sandbox, "2");
    open(&sandbox, 0);
    until(&mut running, "the second step", || {
        cases(&sandbox).values().any(|case| case["evidence"]["deliveries"]["boss"] == "delivered")
    });
    stop(running);
    let case = &cases(&sandbox)["r0"];
    assert_eq!((&case["step"], &case["evidence"]["deliveries"]["shop"]), (&2.into(), &"failed".into()));
    assert_eq!(sandbox.values("boss.jsonl")[0]["type"], "dirigent.case.firing");
    let failed = &sandbox.values("told.jsonl")[0];
    assert_eq!((&failed["result"], &failed["attempts"]), (&"failed".into(), &1.into()));
    assert!(failed["reason"].as_str().unwrap().contains("410"), "{failed}");
    assert_eq!(failed["case"]["case_id"], case["case_id"], "it can be sent by hand");
}

#[test]
fn by_the_clock_of_the_data_and_by_a_run_that_only_catches_up_nobody_is_told() {
    for clock in ["event", "wall"] {
        let receiver = Receiver::new(&[]);
        let sandbox = sandbox(&receiver, "shop");
        let text = sandbox.text("t.yaml").replace("clock: wall", &format!("clock: {clock}"));
        sandbox.write("t.yaml", text.replace(", follow: true", ""));
        sandbox.write("told.jsonl", "");
        open(&sandbox, 0);
        let checked = sandbox.dirigent(&["validate", "t.yaml"]);
        assert_eq!(checked.code, Some(0), "{checked:?}");
        assert!((checked.out + &checked.err).contains("nobody"));
        let told = sandbox.dirigent(&["run", "t.yaml"]);
        assert_eq!(told.code, Some(0), "{told:?}");
        assert_eq!(cases(&sandbox)["r0"]["state"], "firing");
        assert_eq!(receiver.requests(), 0);
        assert!(!sandbox.path("boss.jsonl").exists());
    }
}
