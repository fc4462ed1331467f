//! A shop: a topology like `topologies/reviews.yaml` under a name of its own, its topics, and the folder that it runs in.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use dirigent::connect::kafka::{connection::ConnectionSettings, wanted::WantedTopic};
use serde_json::Value;

use super::{
    broker::HANG,
    clients::{cluster, topic, unique},
    history::{ends, group_offsets},
    running::{Running, Told},
    stream::Dice,
};

/// What differs between shops.
#[derive(Clone, Debug)]
pub(super) struct Wish<'a> {
    /// Where the run reaches the brokers; the test may reach them otherwise.
    pub(super) bootstrap: &'a str,
    pub(super) checkpoint: &'a str,
    /// Properties of librdkafka that the run is given, as YAML.
    pub(super) librdkafka: &'a str,
    /// More settings of the topology, a line each.
    pub(super) more: &'a str,
    /// `delivery` of the sinks.
    pub(super) delivery: &'a str,
    pub(super) replication: u32,
    /// Settings of the topic of scored reviews.
    pub(super) scored: Vec<(&'static str, String)>,
}

impl<'a> Wish<'a> {
    pub(super) fn at(bootstrap: &'a str) -> Self {
        Self {
            bootstrap,
            checkpoint: "1s",
            librdkafka: "{fetch.wait.max.ms: 100}",
            more: "",
            delivery: "exactly_once",
            replication: 1,
            scored: Vec::new(),
        }
    }
}

/// A shop that may be open or not.
pub(super) struct Shop {
    pub(super) name: String,
    /// How the test reaches the brokers.
    pub(super) settings: ConnectionSettings,
    folder: tempfile::TempDir,
}

/// Its topics, and their partitions.
const TOPICS: [(&str, u32); 7] = [
    ("reviews", 3),
    ("feedback", 2),
    ("scored", 3),
    ("products", 2),
    ("cases", 2),
    ("models", 1),
    ("dead", 2),
];

impl Shop {
    /// Makes the topics and writes the topology.
    pub(super) fn make(settings: &ConnectionSettings, wish: &Wish<'_>) -> Self {
        let shop =
            Self { name: unique("shop"), settings: settings.clone(), folder: tempfile::tempdir().unwrap() };
        let topics: Vec<_> = TOPICS
            .iter()
            .map(|(stem, partitions)| {
                let mut made = topic(&shop.topic(stem), *partitions);
                made.replication = wish.replication;
                if *stem == "scored" {
                    made.config.clone_from(&wish.scored);
                }
                made
            })
            .collect();
        assert_eq!(cluster(settings).create(&topics).unwrap(), [true; TOPICS.len()]);
        fs::write(shop.path("t.yaml"), shop.topology(wish)).unwrap();
        shop
    }

    fn topology(&self, wish: &Wish<'_>) -> String {
        let Wish { bootstrap, checkpoint, librdkafka, more, delivery, .. } = wish;
        let at = format!("bootstrap_servers: \"{bootstrap}\", librdkafka: {librdkafka}");
        let (name, to) = (&self.name, format!("delivery: {delivery}, {at}"));
        format!(
            "\
name: {name}
clock: wall
epoch: 100ms
idle_epoch: 300ms
takeover_after: 2s
languages: [en, de]
state: file:./state
checkpoint: {checkpoint}
{more}
sources:
  reviews: {{ type: kafka, topics: [{name}.reviews], group_id: {name}, {at} }}
  feedback: {{ type: kafka, record: feedback, topics: [{name}.feedback], group_id: {name}, {at} }}
transforms:
  clean: {{ type: clean, inputs: [reviews] }}
  sentiment: {{ type: sentiment, inputs: [clean], slots: 4096 }}
  corrected: {{ type: apply_feedback, inputs: [sentiment, feedback] }}
  unique: {{ type: deduplicate, inputs: [corrected] }}
  products: {{ type: product_scores, inputs: [unique] }}
  learn: {{ type: learn, inputs: [unique], model: sentiment }}
  alerts: {{ type: alerts, inputs: [unique], max_age: 36500d, severe_review: {{ sentiment: 1, rating: 5 }} }}
sinks:
  scored: {{ type: kafka, inputs: [unique], topic: {name}.scored, {to} }}
  products: {{ type: kafka, inputs: [products], topic: {name}.products, {to} }}
  cases: {{ type: kafka, inputs: [alerts], topic: {name}.cases, {to} }}
  models: {{ type: kafka, inputs: [learn.models], topic: {name}.models, {to} }}
  dead: {{ type: kafka, inputs: [clean.dead_letters, corrected.dead_letters], topic: {name}.dead, {to} }}
"
        )
    }

    /// The topic that is called so here.
    pub(super) fn topic(&self, stem: &str) -> String {
        format!("{}.{stem}", self.name)
    }

    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the run.
    pub(super) fn start(&self, workers: u32) -> Running {
        self.start_with(workers, &[])
    }

    /// Starts the run with any number of workers and kills it: one in three while it recovers.
    pub(super) fn start_and_kill(&self, kill: u64, dice: &mut Dice) {
        let mut running = self.start(1 + u32::try_from(dice.below(4)).unwrap());
        let recovers = kill % 3 == 2;
        if !recovers {
            running.wait_for("running");
        }
        std::thread::sleep(Duration::from_millis(dice.below(if recovers { 400 } else { 1_600 })));
        running.kill();
    }

    /// Starts the run with brokers elsewhere.
    pub(super) fn start_at(&self, bootstrap: &str, workers: u32) -> Running {
        let ids = [
            "sources.reviews",
            "sources.feedback",
            "sinks.scored",
            "sinks.products",
            "sinks.cases",
            "sinks.models",
            "sinks.dead",
        ];
        let set = ids.map(|id| format!("{id}.bootstrap_servers={bootstrap}"));
        let more: Vec<&str> = set.iter().flat_map(|set| ["--set", set]).collect();
        self.start_with(workers, &more)
    }

    /// Makes the topics that a run makes at its first start.
    pub(super) fn make_own_topics(&self) {
        let cluster = cluster(&self.settings);
        let wanted = [WantedTopic::log(&self.name), WantedTopic::progress(&self.name, 1)];
        let topics = wanted.map(|wanted| wanted.to_make(1, 1, None));
        assert_eq!(cluster.create(&topics).unwrap(), [true; 2]);
    }

    /// Starts the run with more arguments.
    pub(super) fn start_with(&self, workers: u32, more: &[&str]) -> Running {
        let fixed = ["run", "t.yaml", "--report", "report.json", "--workers"];
        let mut arguments: Vec<String> = fixed.iter().map(|word| (*word).to_owned()).collect();
        arguments.push(workers.to_string());
        arguments.extend(more.iter().map(|word| (*word).to_owned()));
        Running::start(self.folder(), &arguments)
    }

    /// Waits until its progress goes on: outputs are committed again.
    pub(super) fn wait_for_growth(&self, running: &mut Running) {
        self.wait_for_records("progress", 6, running);
    }

    /// Waits until a topic of one partition has grown by some records.
    pub(super) fn wait_for_records(&self, stem: &str, more: u64, running: &mut Running) {
        let topic = self.topic(stem);
        // a run makes the topics of its own at its first start
        let end = || ends(&self.settings, &topic).first().copied().unwrap_or(0);
        let (before, started) = (end(), Instant::now());
        while end() < before + more {
            assert!(running.alive() && started.elapsed() < HANG, "no more {stem}:\n{}", running.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the beginning of the log, with the start of its run, is gone.
    pub(super) fn wait_until_truncated(&self, running: &mut Running) {
        let (cluster, started) = (cluster(&self.settings), Instant::now());
        while cluster.watermarks(&self.topic("epochs"), 0).unwrap().low < 4 {
            assert!(running.alive() && started.elapsed() < HANG, "nothing is truncated:\n{}", running.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until everything that stands in the input is committed: the group's offsets say so.
    pub(super) fn wait_until_committed(&self, running: &mut Running) {
        for stem in ["reviews", "feedback"] {
            self.wait_until_committed_to(stem, &ends(&self.settings, &self.topic(stem)), running);
        }
    }

    /// Waits until the group's offsets of an input topic are these.
    pub(super) fn wait_until_committed_to(&self, stem: &str, expected: &[u64], running: &mut Running) {
        let (topic, started) = (self.topic(stem), Instant::now());
        loop {
            let offsets = group_offsets(&self.settings, &self.name, &topic);
            // one that nothing was written to has none
            if expected.iter().zip(&offsets).all(|(end, at)| *end == 0 || at == end) {
                return;
            }
            assert!(
                running.alive() && started.elapsed() < HANG,
                "{topic}: {offsets:?} of {expected:?} are committed:\n{}",
                running.said()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Runs until everything is committed, then stops; what it said, and its report.
    pub(super) fn finish(&self, workers: u32) -> (Told, Value) {
        let mut running = self.start(workers);
        self.wait_until_committed(&mut running);
        let told = running.stop();
        (told, self.report())
    }

    /// The report of the last run that was stopped.
    pub(super) fn report(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("report.json")).unwrap()).unwrap()
    }
}
