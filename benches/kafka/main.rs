//! The topology on Kafka: CPU time beside files, latency, how soon somebody is told of a severe review, and a start after a kill.
//!
//! An Apache Kafka of one node is started for it (`make kafka-jars` has fetched it); it has the same machine.
//! `DIRIGENT_PARTS` names the parts to be measured (`cpu,latency,alerts,restart`), `DIRIGENT_EVENTS` (default 500,000) how
//! many events of the yardstick's generator are in the topic and in the file. What each part measures stands at the
//! head of its file.
//!
//! Machines are shared: CPU figures are medians of turns, and only ratios mean anything.

mod alerts;
mod broker;
mod clients;
mod cpu;
mod floor;
mod hook;
mod input;
mod latency;
#[allow(dead_code)] // the other bench looks at outputs
#[path = "../pipeline/measure.rs"]
mod measure;
mod restart;
#[path = "../yardstick.rs"]
mod yardstick;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use broker::Broker;
use clients::{Reader, flush, producer, send};
use floor::FLOOR;
use input::{Lines, key_of};
use yardstick::{Outcome, events, succeed};

/// Of every topic.
const PARTITIONS: i32 = 4;
const ROUNDS: usize = 3;
const DIRIGENT: &str = env!("CARGO_BIN_EXE_dirigent");

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((FLOOR, arguments)) = arguments.split_first().map(|(first, rest)| (&**first, rest)) {
        return floor::run(arguments);
    }
    let count: u64 = std::env::var("DIRIGENT_EVENTS").map_or(Ok(500_000), |number| number.parse())?;
    let parts = std::env::var("DIRIGENT_PARTS").unwrap_or_else(|_| "cpu,latency,alerts,restart".to_owned());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = events(count)?;
    let folder = root.join("target/bench-kafka");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let broker = Broker::start(root, &folder.join("kafka"))?;
    let bench = Bench { folder, all, events: count, brokers: broker.address.clone() };
    if parts.contains("cpu") {
        bench.cpu()?;
    }
    if parts.contains("latency") {
        bench.latency()?;
    }
    if parts.contains("alerts") {
        bench.alerts()?;
    }
    if parts.contains("restart") {
        bench.restart()?;
    }
    Ok(())
}

struct Bench {
    folder: PathBuf,
    all: PathBuf,
    events: u64,
    brokers: String,
}

/// How a topology is connected.
struct Wish<'a> {
    name: &'a str,
    epoch: &'a str,
    /// The topic that is read, or else the file with all events.
    topic: Option<&'a str>,
    /// It ends with what is there.
    bounded: bool,
    /// Properties of librdkafka at the sources and at the sinks, as YAML.
    librdkafka: [&'a str; 2],
    /// Who is told of severe reviews, by an URL; without it, there are no alerts.
    hook: Option<&'a str>,
}

impl Bench {
    fn topology(&self, wish: &Wish<'_>) -> Outcome<PathBuf> {
        let (folder, name, brokers) = (self.folder.display(), wish.name, &self.brokers);
        let [reading, writing] = wish.librdkafka;
        let until = if wish.bounded { ", until: latest" } else { "" };
        let source = wish.topic.map_or_else(
            || format!("{{ type: file, path: \"{}\" }}", self.all.display()),
            |topic| {
                format!(
                    "{{ type: kafka, bootstrap_servers: \"{brokers}\", topics: [{topic}]{until}, librdkafka: {reading} }}"
                )
            },
        );
        let sink = |id: &str, from: &str| match wish.topic {
            Some(_) => format!(
                "  {id}: {{ type: kafka, inputs: [{from}], topic: {name}.{id}, bootstrap_servers: \"{brokers}\", librdkafka: {writing} }}\n"
            ),
            None => {
                format!("  {id}: {{ type: file, inputs: [{from}], path: \"{folder}/{name}/{id}.jsonl\" }}\n")
            }
        };
        let mut sinks = [
            sink("scored", "unique"),
            sink("products", "products"),
            sink("models", "learn.models"),
            sink("refused", "clean.dead_letters"),
        ]
        .concat();
        let (mut told, mut step, mut escalation) = (String::new(), String::new(), String::new());
        if let Some(url) = wish.hook {
            sinks += &sink("cases", "alerts");
            told = format!(
                "  told:      {{ type: kafka, record: delivery, bootstrap_servers: \"{brokers}\", topics: [{name}.told] }}\n"
            );
            step =
                "  alerts:    { type: alerts, inputs: [unique, told], severe_review: { sentiment: 0.5 } }\n"
                    .to_owned();
            escalation = format!(
                "escalation:\n  targets: {{ hook: {{ type: webhook, url: \"{url}\" }} }}\n  steps: [{{ after: 0s, targets: [hook] }}]\n"
            );
        }
        let text = format!(
            r#"name: {name}
clock: wall
epoch: {epoch}
checkpoint: 10s
state: "file:{folder}/{name}/state"
sources:
  reviews:   {source}
{told}transforms:
  clean:     {{ type: clean, inputs: [reviews] }}
  sentiment: {{ type: sentiment, inputs: [clean] }}
  unique:    {{ type: deduplicate, inputs: [sentiment] }}
  products:  {{ type: product_scores, inputs: [unique] }}
  learn:     {{ type: learn, inputs: [unique], model: sentiment }}
{step}sinks:
{sinks}{escalation}"#,
            epoch = wish.epoch,
        );
        fs::create_dir_all(self.folder.join(name))?;
        let path = self.folder.join(format!("{name}.yaml"));
        fs::write(&path, text)?;
        if wish.topic.is_some() {
            let partitions = PARTITIONS.to_string();
            let mut command = Command::new(DIRIGENT);
            command.args(["topics", "create", "--partitions", &partitions]).arg(&path);
            succeed(command.stdout(Stdio::null()))?;
        }
        Ok(path)
    }

    /// Writes the first of all events to a topic.
    fn produce(&self, topic: &str, count: u64) -> Outcome<()> {
        let producer = producer(&self.brokers)?;
        let mut lines = Lines::of(&self.all)?;
        for _ in 0..count {
            let line = lines.next_line()?;
            send(&producer, topic, key_of(line), line)?;
        }
        flush(&producer)
    }

    fn run(&self, topology: &Path, name: &str) -> Command {
        let mut command = Command::new(DIRIGENT);
        command.arg("run").arg(topology).args(["--workers", "2"]);
        self.logged(command, name)
    }

    /// A command whose errors go to a file.
    fn logged(&self, mut command: Command, name: &str) -> Command {
        let log = self.folder.join(format!("{name}.log"));
        command.stdout(Stdio::null()).stderr(File::create(log).map_or_else(|_| Stdio::null(), Stdio::from));
        command
    }

    /// Waits for a product's score, and does something every half second.
    fn wait_for(
        &self,
        child: &mut Child,
        name: &str,
        reader: &Reader,
        mut again: impl FnMut() -> Outcome<()>,
        product: &str,
    ) -> Outcome<Instant> {
        let started = Instant::now();
        let mut tries = 0;
        loop {
            if let Some(seen) = reader.seen(product) {
                return Ok(seen.0);
            }
            if started.elapsed() > Duration::from_millis(500) * tries {
                again()?;
                tries += 1;
            }
            if child.try_wait()?.is_some() || started.elapsed() > Duration::from_secs(180) {
                return Err(fs::read_to_string(self.folder.join(format!("{name}.log")))?.into());
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}
