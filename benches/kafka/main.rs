//! The topology on Kafka: CPU time beside files, latency, and a start after a kill.
//!
//! An Apache Kafka of one node is started for it (`make kafka-jars` has fetched it); it has the same machine. `DIRIGENT_PARTS` names
//! the parts to be measured (`cpu,latency,restart`), `DIRIGENT_EVENTS` (default 500,000) how many events of the yardstick's
//! generator are in the topic and in the file.
//!
//! * *CPU*: the events from a prefilled topic to topics with transactions, and from a file to files, by turns; the same steps and
//!   epochs of 100 ms. CPU time is that of our process. Beside it, how fast librdkafka alone reads the topic.
//! * *Latency*: while a producer sends events at half of the rate that the turns above held, a review of a product of its own is
//!   sent every 20 ms. Told is the time from its sending to the moment at which a reader with `read_committed` has that product's score.
//! * *Restart*: with 100,000 live reviews the process is killed (SIGKILL) and started again, with a few events that came
//!   meanwhile. Told are the time until the first score of them is committed, and the phases of the start.
//!
//! Machines are shared: CPU figures are medians of turns, and only ratios mean anything.

mod broker;
mod clients;
#[allow(dead_code)] // the other bench looks at outputs
#[path = "../pipeline/measure.rs"]
mod measure;

use std::{
    error::Error,
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use broker::Broker;
use clients::{Reader, flush, producer, read_all, send};
use measure::{Measured, measure};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Of every topic.
const PARTITIONS: i32 = 4;
const ROUNDS: usize = 3;
/// Live reviews before the kill.
const LIVE: u64 = 100_000;
const DIRIGENT: &str = env!("CARGO_BIN_EXE_dirigent");

fn main() -> Outcome<()> {
    let events: u64 = std::env::var("DIRIGENT_EVENTS").map_or(Ok(500_000), |number| number.parse())?;
    let parts = std::env::var("DIRIGENT_PARTS").unwrap_or_else(|_| "cpu,latency,restart".to_owned());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared =
        std::env::var_os("DIRIGENT_BENCH").map_or_else(|| root.join("../shared/bench"), PathBuf::from);
    let all = root.join(format!("target/bench/events-{events}.jsonl"));
    fs::create_dir_all(root.join("target/bench"))?;
    if !all.is_file() {
        let mut command = Command::new("python3");
        command.arg(shared.join("events.py")).arg(events.to_string()).arg("11").arg(&all);
        succeed(command.stdout(Stdio::null()))?;
    }
    let folder = root.join("target/bench-kafka");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let broker = Broker::start(root, &folder.join("kafka"))?;
    let bench = Bench { folder, all, events, brokers: broker.address.clone() };
    let mut rate = std::env::var("DIRIGENT_RATE").map_or(Ok(8_000.0), |rate| rate.parse())?;
    if parts.contains("cpu") {
        rate = bench.cpu()? / 2.0;
    }
    if parts.contains("latency") {
        bench.latency(rate)?;
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
}

impl Bench {
    fn topology(&self, wish: &Wish<'_>) -> Outcome<PathBuf> {
        let (folder, name, brokers) = (self.folder.display(), wish.name, &self.brokers);
        let until = if wish.bounded { ", until: latest" } else { "" };
        let source = wish.topic.map_or_else(
            || format!("{{ type: file, path: \"{}\" }}", self.all.display()),
            |topic| {
                format!(
                    "{{ type: kafka, bootstrap_servers: \"{brokers}\", topics: [{topic}]{until}, librdkafka: {{ fetch.wait.max.ms: 5 }} }}"
                )
            },
        );
        let sink = |id: &str, from: &str| match wish.topic {
            Some(_) => format!(
                "  {id}: {{ type: kafka, inputs: [{from}], topic: {name}.{id}, bootstrap_servers: \"{brokers}\" }}\n"
            ),
            None => {
                format!("  {id}: {{ type: file, inputs: [{from}], path: \"{folder}/{name}/{id}.jsonl\" }}\n")
            }
        };
        let sinks = [
            sink("scored", "unique"),
            sink("products", "products"),
            sink("models", "learn.models"),
            sink("refused", "clean.dead_letters"),
        ]
        .concat();
        let text = format!(
            r#"name: {name}
clock: wall
epoch: {epoch}
checkpoint: 10s
state: "file:{folder}/{name}/state"
sources:
  reviews:   {source}
transforms:
  clean:     {{ type: clean, inputs: [reviews] }}
  sentiment: {{ type: sentiment, inputs: [clean] }}
  unique:    {{ type: deduplicate, inputs: [sentiment] }}
  products:  {{ type: product_scores, inputs: [unique] }}
  learn:     {{ type: learn, inputs: [unique], model: sentiment }}
sinks:
{sinks}"#,
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
        let log = self.folder.join(format!("{name}.log"));
        command.arg("run").arg(topology).args(["--workers", "2"]).stdout(Stdio::null());
        command.stderr(File::create(log).map_or_else(|_| Stdio::null(), Stdio::from));
        command
    }

    /// Events a second that the turns on Kafka held.
    fn cpu(&self) -> Outcome<f64> {
        let (mut files, mut topics) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let name = format!("files-{round}");
            let wish = Wish { name: &name, epoch: "100ms", topic: None, bounded: true };
            files.push(measure(&mut self.run(&self.topology(&wish)?, &name))?);
            fs::remove_dir_all(self.folder.join(&name))?;
            let name = format!("topics-{round}");
            let wish = Wish { name: &name, epoch: "100ms", topic: Some("events"), bounded: true };
            let topology = self.topology(&wish)?;
            if round == 0 {
                self.produce("events", self.events)?;
            }
            topics.push(measure(&mut self.run(&topology, &name))?);
        }
        let (count, bytes, seconds) = read_all(&self.brokers, "events", self.events)?;
        let million = self.events as f64 / 1e6;
        println!(
            "\n| {} events, two workers, {ROUNDS} turns | CPU s a million | s a million | peak MB |",
            self.events
        );
        println!("| --- | --- | --- | --- |");
        for (what, all) in [("file to file", &files), ("Kafka to Kafka", &topics)] {
            let of = |figure: fn(&Measured) -> f64| median(all.iter().map(figure));
            println!(
                "| {what} | {:.2} | {:.2} | {:.0} |",
                of(|one| one.cpu_seconds) / million,
                of(|one| one.seconds) / million,
                of(|one| one.peak as f64) / 1e6
            );
        }
        let ratios = files.iter().zip(&topics).map(|(file, topic)| topic.cpu_seconds / file.cpu_seconds);
        println!("\nCPU, Kafka to files: {:.2} (median of the ratios)", median(ratios));
        println!(
            "librdkafka alone reads the topic at {:.0} records/s, {:.0} MB/s",
            count as f64 / seconds,
            bytes as f64 / seconds / 1e6
        );
        Ok(self.events as f64 / median(topics.iter().map(|one| one.seconds)))
    }

    fn latency(&self, rate: f64) -> Outcome<()> {
        println!(
            "\n| epoch, {rate:.0} events/s | scores | p50 | p90 | p99 | longest | of it until the review is readable, p50 | p99 |"
        );
        println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
        let mut histograms = String::new();
        for epoch in ["100ms", "20ms"] {
            let name = format!("latency-{epoch}");
            let input = format!("{name}.in");
            let wish = Wish { name: &name, epoch, topic: Some(&input), bounded: false };
            let topology = self.topology(&wish)?;
            let mut child = self.run(&topology, &name).spawn()?;
            let found = self.watch(&mut child, &name, &input, rate);
            end(&mut child, "TERM")?;
            let (mut found, mut readable) = found?;
            found.sort_by(f64::total_cmp);
            readable.sort_by(f64::total_cmp);
            let of = |sorted: &[f64], share: f64| {
                sorted[((sorted.len() as f64 * share) as usize).min(sorted.len() - 1)]
            };
            let at = |share| of(&found, share);
            println!(
                "| {epoch} | {} | {:.0} ms | {:.0} ms | {:.0} ms | {:.0} ms | {:.0} ms | {:.0} ms |",
                found.len(),
                at(0.5),
                at(0.9),
                at(0.99),
                at(1.0),
                of(&readable, 0.5),
                of(&readable, 0.99)
            );
            histograms += &format!("\n{epoch}:");
            let mut from = 0.0;
            for to in [10.0, 20.0, 30.0, 50.0, 75.0, 100.0, 150.0, 200.0, 300.0, 500.0, f64::INFINITY] {
                let count = found.iter().filter(|ms| (from..to).contains(*ms)).count();
                histograms += &format!(" below {to} ms {count},");
                from = to;
            }
        }
        println!("{histograms}");
        Ok(())
    }

    /// The latencies in ms: of scores, and of the reviews until a reader has them.
    fn watch(&self, child: &mut Child, name: &str, input: &str, rate: f64) -> Outcome<(Vec<f64>, Vec<f64>)> {
        const EVERY: Duration = Duration::from_millis(20);
        const WARM: Duration = Duration::from_secs(8);
        const LENGTH: Duration = Duration::from_secs(40);
        let reader = Reader::start(&self.brokers, &format!("{name}.products"), "probe-")?;
        let reviews = Reader::start(&self.brokers, input, "probe-")?;
        let producer = producer(&self.brokers)?;
        self.wait_for(child, name, &reader, || probe(&producer, input, "probe-first"), "probe-first")?;
        let mut lines = Lines::of(&self.all)?;
        let (started, mut given, mut probes) = (Instant::now(), 0_u64, Vec::new());
        while started.elapsed() < WARM + LENGTH {
            let due = (started.elapsed().as_secs_f64() * rate) as u64;
            while given < due {
                let line = lines.next_line()?;
                send(&producer, input, key_of(line), line)?;
                given += 1;
            }
            if started.elapsed() >= EVERY * (probes.len() as u32 + 1) {
                let product = format!("probe-{}", probes.len());
                probes.push((started.elapsed(), Instant::now()));
                probe(&producer, input, &product)?;
            }
            thread::sleep(Duration::from_millis(1));
        }
        flush(&producer)?;
        let last = format!("probe-{}", probes.len() - 1);
        self.wait_for(child, name, &reader, || Ok(()), &last)?;
        let of = |reader: &Reader| {
            let warm = probes.iter().enumerate().filter(|(_, (at, _))| *at >= WARM);
            let found = warm.filter_map(|(n, (_, sent))| {
                let seen = reader.seen(&format!("probe-{n}"))?;
                Some(seen.duration_since(*sent).as_secs_f64() * 1e3)
            });
            found.collect::<Vec<f64>>()
        };
        Ok((of(&reader), of(&reviews)))
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
                return Ok(seen);
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

    fn restart(&self) -> Outcome<()> {
        let (name, input) = ("restart", "restart.in");
        let wish = Wish { name, epoch: "100ms", topic: Some(input), bounded: false };
        let topology = self.topology(&wish)?;
        let reader = Reader::start(&self.brokers, &format!("{name}.products"), "probe-")?;
        let producer = producer(&self.brokers)?;
        self.produce(input, LIVE * 11 / 10)?;
        probe(&producer, input, "probe-live")?;
        let mut child = self.run(&topology, name).spawn()?;
        self.wait_for(&mut child, name, &reader, || Ok(()), "probe-live")?;
        println!("\n| start after a kill, {LIVE} live reviews | to the first committed score |");
        println!("| --- | --- |");
        for round in 0..ROUNDS {
            // a checkpoint has been stored, and some epochs after it have not
            thread::sleep(Duration::from_secs(13));
            end(&mut child, "KILL")?;
            let product = format!("probe-after-{round}");
            probe(&producer, input, &product)?;
            let started = Instant::now();
            child = self.run(&topology, name).spawn()?;
            let seen = self.wait_for(&mut child, name, &reader, || Ok(()), &product)?;
            println!("| {} | {:.2} s |", round + 1, seen.duration_since(started).as_secs_f64());
            let log = fs::read_to_string(self.folder.join(format!("{name}.log")))?;
            for line in log.lines().filter(|line| line.contains("going on")) {
                println!("    {}", line.split_once("INFO").map_or(line, |(_, said)| said).trim());
            }
        }
        end(&mut child, "TERM")
    }
}

/// Sends a review of a product of its own.
fn probe(producer: &rdkafka::producer::BaseProducer, topic: &str, product: &str) -> Outcome<()> {
    let review = format!(
        r#"{{"review_id":"{product}","product_id":"{product}","user_id":"{product}","rating":4,"title":"Good","text":"A good {product}, and it came in time.","lang":"en","ts":1767225600000}}"#
    );
    send(producer, topic, product.as_bytes(), review.as_bytes())
}

/// The lines of a file, over and over.
struct Lines {
    path: PathBuf,
    lines: BufReader<File>,
    line: Vec<u8>,
}

impl Lines {
    fn of(path: &Path) -> Outcome<Self> {
        let lines = BufReader::with_capacity(1 << 20, File::open(path)?);
        Ok(Self { path: path.to_owned(), lines, line: Vec::new() })
    }

    fn next_line(&mut self) -> Outcome<&[u8]> {
        self.line.clear();
        if self.lines.read_until(b'\n', &mut self.line)? == 0 {
            *self = Self::of(&self.path)?;
            self.lines.read_until(b'\n', &mut self.line)?;
        }
        Ok(self.line.trim_ascii_end())
    }
}

/// The id of a review; where there is none that can be found fast, the whole line.
fn key_of(line: &[u8]) -> &[u8] {
    const FIELD: &[u8] = b"\"review_id\":\"";
    let Some(at) = line.windows(FIELD.len()).position(|window| window == FIELD) else { return line };
    let rest = &line[at + FIELD.len()..];
    rest.split(|byte| *byte == b'"').next().unwrap_or(rest)
}

/// Ends a process that was started here.
fn end(child: &mut Child, signal: &str) -> Outcome<()> {
    succeed(Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()))?;
    child.wait()?;
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn succeed(command: &mut Command) -> Outcome<()> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}").into()) }
}
