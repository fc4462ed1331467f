//! Somebody is told of cases by a run on Kafka: of what is committed in the topic of cases and of nothing else; what became of it
//! comes back by a topic, and commands by another, whatever happens to the run and to who is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, Instant},
};

use dirigent::connect::kafka::connection::ConnectionSettings;
use serde_json::{Value, json};

use super::{
    broker::{Broker, HANG},
    clients::{cluster, flush, send, topic, unique, writer},
    commands::{dirigent, text},
    history::{Record, records},
    receiver::{Answer, Receiver},
    running::Running,
};

const TOPICS: [&str; 5] = ["reviews", "feedback", "commands", "told", "cases"];

/// A shop that opens cases and tells of them.
struct Desk {
    name: String,
    bootstrap: String,
    settings: ConnectionSettings,
    folder: tempfile::TempDir,
    receiver: Receiver,
}

impl Desk {
    /// Makes topics and topology; attempts at the receiver take so long at most.
    fn make(broker: &Broker, receiver: Receiver, timeout: &str) -> Self {
        let (name, settings) = (unique("desk"), broker.settings(&json!({})));
        let topics = TOPICS.map(|stem| topic(&format!("{name}.{stem}"), 2));
        assert_eq!(cluster(&settings).create(&topics).unwrap(), [true; TOPICS.len()]);
        let (folder, bootstrap) = (tempfile::tempdir().unwrap(), broker.bootstrap());
        let at = format!("bootstrap_servers: \"{bootstrap}\"");
        let source = |id: &str, record: &str| {
            format!("  {id}: {{ type: kafka, record: {record}, topics: [{name}.{id}], {at} }}\n")
        };
        let sources = [
            source("reviews", "review"),
            source("feedback", "feedback"),
            source("commands", "case_command"),
            source("told", "delivery"),
        ]
        .concat();
        let topology = format!(
            "\
name: {name}
clock: wall
epoch: 50ms
idle_epoch: 100ms
takeover_after: 1s
state: file:./state
checkpoint: 1s
sources:
{sources}transforms:
  clean: {{ type: clean, inputs: [reviews] }}
  sentiment: {{ type: sentiment, inputs: [clean], slots: 4096 }}
  corrected: {{ type: apply_feedback, inputs: [sentiment, feedback] }}
  unique: {{ type: deduplicate, inputs: [corrected] }}
  alerts: {{ type: alerts, inputs: [unique, commands, told], severe_review: {{ sentiment: 1 }} }}
sinks:
  cases: {{ type: kafka, inputs: [alerts], topic: {name}.cases, {at} }}
escalation:
  targets:
    shop: {{ type: webhook, url: \"{url}\", timeout: {timeout}, retries: 1000, backoff: {{ min: 10ms, max: 100ms }} }}
    boss: {{ type: log, path: boss.jsonl }}
  steps:
    - {{ after: 0s, targets: [shop] }}
    - {{ after: 1h, targets: [boss] }}
",
            url = receiver.url()
        );
        fs::write(folder.path().join("t.yaml"), topology).unwrap();
        Self { name, bootstrap, settings, folder, receiver }
    }

    fn topic(&self, stem: &str) -> String {
        format!("{}.{stem}", self.name)
    }

    fn start(&self, workers: &str, more: &[&str]) -> Running {
        let arguments = ["run", "t.yaml", "--workers", workers].into_iter().chain(more.iter().copied());
        Running::start(self.folder.path(), &arguments.map(str::to_owned).collect::<Vec<_>>())
    }

    /// Opens cases: reviews of one star that somebody calls negative.
    fn open(&self, reviews: std::ops::Range<usize>) {
        let (writer, _) = writer(&self.settings, None);
        for n in reviews {
            let (key, product) = (format!("r{n}"), format!("p{n}"));
            let review = json!({"review_id": key, "product_id": product, "user_id": "u", "rating": 1, "text": format!("fire {n}")});
            send(&writer, &self.topic("reviews"), &key, &review.to_string());
            let feedback = json!({"feedback_id": format!("f{n}"), "review_id": key, "label": "negative"});
            send(&writer, &self.topic("feedback"), &key, &feedback.to_string());
        }
        flush(&writer);
    }

    /// The committed cases as they are, by review.
    fn cases(&self) -> BTreeMap<String, Value> {
        let values =
            records(&self.settings, &self.topic("cases")).into_iter().filter_map(|record| record.json());
        values.map(|case| (case["review_id"].as_str().unwrap().to_owned(), case)).collect()
    }

    /// Whether there are so many cases, all in a state, and all of them told with that outcome.
    fn all(&self, n: usize, state: &str) -> bool {
        let cases = self.cases();
        let is =
            |case: &Value| case["state"] == state && case["evidence"]["deliveries"]["shop"] == "delivered";
        cases.len() == n && cases.values().all(is)
    }

    /// Gives a command on every case that is open.
    fn command(&self, action: &str) {
        for case in self.cases().values().filter(|case| case["state"] != "resolved") {
            let case_id = case["case_id"].as_str().unwrap();
            let given = ["cases", action, "t.yaml", case_id, "--by", "ann"];
            let said = dirigent(self.folder.path(), &self.bootstrap, &given, "");
            assert!(said.status.success(), "{}", text(&said.stderr));
        }
    }

    /// By case, the events that were taken, each key once, in the order in which it came first.
    fn heard(&self) -> BTreeMap<String, Vec<String>> {
        let mut heard: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut keys = BTreeSet::new();
        for (key, event) in self.receiver.taken() {
            if keys.insert(key) {
                let kind = event["type"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
                heard.entry(event["data"]["review_id"].as_str().unwrap().to_owned()).or_default().push(kind);
            }
        }
        heard
    }
}

fn until(running: &mut Running, what: &str, mut is: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is() {
        assert!(running.alive() && started.elapsed() < HANG, "not {what}:\n{}", running.said());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_is_committed_is_told_once_by_its_key_and_comes_back_over_kills() {
    let Some(broker) = Broker::shared() else { return };
    let trouble = [Answer::Status(500), Answer::Half, Answer::Silence, Answer::Status(503)];
    let mut desk = Desk::make(broker, Receiver::new(&trouble.repeat(2)), "500ms");
    let mut running = desk.start("2", &[]);
    desk.open(0..3);
    until(&mut running, "every case told", || desk.all(3, "firing"));
    running.kill();

    // while nobody answers, cases open and are acknowledged, and the run is killed with what it has to tell
    desk.receiver.go_away();
    let mut running = desk.start("1", &[]);
    desk.open(3..5);
    until(&mut running, "every case open", || desk.cases().len() == 5);
    desk.command("ack");
    let acknowledged = |case: &Value| case["state"] == "acknowledged";
    until(&mut running, "every case acknowledged", || desk.cases().values().all(acknowledged));
    running.kill();
    desk.receiver.come_back();
    let mut running = desk.start("3", &[]);
    let heard = |n: &str| desk.heard().get(n).map_or(0, Vec::len);
    until(&mut running, "the acknowledgements told", || (0..3).all(|n| heard(&format!("r{n}")) == 2));
    desk.command("resolve");
    let resolved = |n: &str| desk.heard().get(n).is_some_and(|events| events.last().unwrap() == "resolved");
    until(&mut running, "every end told", || (0..3).all(|n| resolved(&format!("r{n}"))));
    let ended = |case: &Value| case["state"] == "resolved";
    until(&mut running, "every case resolved", || desk.cases().values().all(ended));
    running.stop();

    for n in 0..3 {
        assert_eq!(desk.heard()[&format!("r{n}")], ["firing", "acknowledged", "resolved"]);
    }
    // what was over before anybody could be told is not told, or told in order where there was a moment for it
    for n in 3..5 {
        let events = desk.heard().remove(&format!("r{n}")).unwrap_or_default();
        assert!(events.is_empty() || events[0] == "firing", "{events:?}");
    }
    let told: Vec<Value> =
        records(&desk.settings, &desk.topic("told")).iter().filter_map(Record::json).collect();
    let ids: BTreeSet<&str> = told.iter().map(|told| told["delivery_id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), told.len(), "an outcome twice: {told:?}");
    assert!(told.iter().all(|told| told["result"] != "failed"), "{told:?}");
    let boss = fs::read_to_string(desk.folder.path().join("boss.jsonl")).unwrap_or_default();
    assert_eq!(boss, "", "the second step was never due");

    let requests = desk.receiver.requests();
    let replay = ["replay", "t.yaml", "--workers", "3", "--into", "again"];
    let replayed = dirigent(desk.folder.path(), &desk.bootstrap, &replay, "");
    let said = text(&replayed.stdout);
    assert!(replayed.status.success() && said.contains("equal"), "{said}{}", text(&replayed.stderr));
    assert_eq!(desk.receiver.requests(), requests, "a replay tells nobody");
}

#[test]
fn what_a_run_that_only_catches_up_has_opened_is_told_by_one_that_goes_on() {
    let Some(broker) = Broker::shared() else { return };
    let desk = Desk::make(broker, Receiver::new(&[]), "60s");
    desk.open(0..2);
    let sets = ["reviews", "feedback", "commands", "told"].map(|id| format!("sources.{id}.until=latest"));
    let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    let told = desk.start("2", &sets).end();
    assert_eq!(told.code, Some(0), "{}", told.err);
    assert!(told.err.contains("tells nobody"), "{}", told.err);
    assert_eq!((desk.cases().len(), desk.receiver.requests()), (2, 0));
    let mut running = desk.start("2", &[]);
    until(&mut running, "every case told", || desk.all(2, "firing"));
    running.stop();
    assert_eq!(desk.receiver.taken().len(), 2);
}
