//! The whole pipeline, file to file, beside a bound without an engine: events a second, CPU time, memory.
//!
//! `DIRIGENT_EVENTS` (default 200,000) events go through decode, clean, features, score, duplicates, product
//! scores and the learner into four outputs, in epochs of about 1,500. The bound is one thread that decodes, hashes,
//! scores and learns, without state or output, on the same file. Both run in turn, `ROUNDS` times: a machine's speed
//! varies by the minute, so only ratios within a round mean anything, and the median of them is told.
//!
//! With alerts, the run has the step `alerts` and an output of cases besides: what it costs is told against the run with as many
//! workers without it, round by round.
//!
//! Two times are told of a run: until the last record of the last output is written (before it is said to be, it is synced, logged
//! and hashed), and until the process has ended, when it has stored all that is live in a checkpoint as well.
//!
//! Events and bound come from `DIRIGENT_BENCH`, or `../shared/bench` beside the crate; without it, `dirigent generate`
//! makes the events, and there are no ratios. Memory a live review is the slope between the first half of the events
//! and all of them, one worker: what does not grow with the input (the model, buffers) falls out.

mod measure;
#[allow(dead_code)] // what is measured here ends by itself
#[path = "../yardstick.rs"]
mod yardstick;

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::SystemTime,
};

use measure::{Measured, measure};
use serde_json::Value;
use yardstick::{Outcome, events, median, succeed, yardstick};

const ROUNDS: usize = 9;
/// Workers of a run, and whether it has alerts; the last one is told against the one before it.
const RUNS: [(usize, bool); 3] = [(1, false), (2, false), (2, true)];
const EVENTS_AN_EPOCH: u64 = 1_500;
const OUTPUTS: [&str; 5] = ["scored", "products", "cases", "models", "dead-letters"];

fn main() -> Outcome<()> {
    let events: u64 = match std::env::var("DIRIGENT_EVENTS") {
        Ok(number) => number.parse()?,
        Err(_) => 200_000,
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bench = Bench { folder: root.join("target/bench") };
    fs::create_dir_all(&bench.folder)?;
    let (input, epoch) = bench.events(events)?;
    let bound = bench.bound()?;
    let topology = bench.folder.join("pipeline.yaml");
    let alerting = bench.folder.join("alerts.yaml");
    fs::write(&topology, bench.topology(&input, &epoch, false))?;
    fs::write(&alerting, bench.topology(&input, &epoch, true))?;

    let mut bounds = Vec::new();
    let mut runs: Vec<Vec<Measured>> = vec![Vec::new(); RUNS.len()];
    let mut cases = 0;
    for _ in 0..ROUNDS {
        if let Some(bound) = &bound {
            let mut measured = measure(Command::new(bound).arg(&input).stdout(Stdio::null()))?;
            measured.outputs = measured.seconds;
            bounds.push(measured);
        }
        for ((workers, alerts), runs) in RUNS.into_iter().zip(&mut runs) {
            runs.push(bench.run(if alerts { &alerting } else { &topology }, workers)?);
        }
        cases = bench.lines("cases")?;
    }
    let all = (runs[0][0].peak, bench.live_reviews()?);
    let half = bench.first_half(&input, events)?;
    fs::write(&topology, bench.topology(&half, &epoch, false))?;
    let of_half = bench.run(&topology, 1)?;
    let half = (of_half.peak, bench.live_reviews()?);

    println!(
        "\n{events} events, {} MB, epochs of {epoch}, {ROUNDS} rounds\n",
        megabytes(fs::metadata(&input)?.len())
    );
    println!(
        "| | events/s, to the last output | to bound | events/s, to the end | to bound | CPU s | peak MB |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    if !bounds.is_empty() {
        row("bound", events, &bounds, &bounds);
    }
    for ((workers, alerts), runs) in RUNS.into_iter().zip(&runs) {
        let plural = if workers == 1 { "" } else { "s" };
        let alerts = if alerts { ", alerts" } else { "" };
        row(&format!("{workers} worker{plural}{alerts}"), events, runs, &bounds);
    }
    let [.., without, with] = &runs[..] else { return Err("there are two runs to compare".into()) };
    println!("\nalerts, of which {cases} lines of cases came: {}", cost(without, with));
    let grown = (all.0.saturating_sub(half.0), all.1.saturating_sub(half.1).max(1));
    println!("\n{} live reviews, {} bytes each with one worker", all.1, grown.0 / grown.1);
    Ok(())
}

fn row(name: &str, events: u64, runs: &[Measured], bounds: &[Measured]) {
    let figures = |seconds: fn(&Measured) -> f64| {
        let rate = median(runs.iter().map(|run| events as f64 / seconds(run)));
        let ratio = runs.iter().zip(bounds).map(|(run, bound)| bound.seconds / seconds(run));
        let ratio =
            if bounds.is_empty() { "-".to_owned() } else { format!("{:.0} %", median(ratio) * 100.0) };
        format!("{rate:.0} | {ratio}")
    };
    let cpu = median(runs.iter().map(|run| run.cpu_seconds));
    let peak = runs.iter().map(|run| run.peak).max().unwrap_or(0);
    let (outputs, end) = (figures(|run| run.outputs), figures(|run| run.seconds));
    println!("| {name} | {outputs} | {end} | {cpu:.1} | {} |", megabytes(peak));
}

/// What the second runs cost more than the first ones.
fn cost(without: &[Measured], with: &[Measured]) -> String {
    let more = |figure: fn(&Measured) -> f64| {
        let ratios = without.iter().zip(with).map(|(without, with)| figure(with) / figure(without));
        format!("{:+.0} %", (median(ratios) - 1.0) * 100.0)
    };
    let (outputs, cpu) = (more(|run| run.outputs), more(|run| run.cpu_seconds));
    format!("{outputs} of time to the last output, {cpu} of CPU time")
}

fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}

/// Where things lie.
struct Bench {
    folder: PathBuf,
}

impl Bench {
    /// A file of events, made once, and the length of an epoch of about 1,500 of them.
    fn events(&self, count: u64) -> Outcome<(PathBuf, String)> {
        let script = yardstick().join("events.py");
        let numpy = Command::new("python3").args(["-c", "import numpy"]).stderr(Stdio::null()).status();
        if script.is_file() && numpy.is_ok_and(|status| status.success()) {
            return Ok((events(count)?, format!("{}ms", EVENTS_AN_EPOCH * 200)));
        }
        println!(
            "no {} (or no Python with numpy): the events come from `dirigent generate`",
            script.display()
        );
        let path = self.folder.join(format!("generated-{count}.jsonl"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_dirigent"));
        command.args(["generate", "--seed", "11", "--days", "1", "--reviews", &count.to_string(), "--out"]);
        succeed(command.arg(&path))?;
        Ok((path, format!("{}ms", 86_400_000 * EVENTS_AN_EPOCH / count.max(1))))
    }

    /// The bound, built in a folder of its own.
    fn bound(&self) -> Outcome<Option<PathBuf>> {
        let source = yardstick().join("bound");
        if !source.join("Cargo.toml").is_file() {
            println!("no {}: no ratios", source.display());
            return Ok(None);
        }
        // a copy: cargo writes a lock file beside the manifest, and the yardstick may not be ours to write to
        let target = self.folder.with_file_name("bound");
        let copy = target.join("crate");
        fs::create_dir_all(copy.join("src"))?;
        fs::copy(source.join("Cargo.toml"), copy.join("Cargo.toml"))?;
        for file in fs::read_dir(source.join("src"))? {
            let file = file?;
            fs::copy(file.path(), copy.join("src").join(file.file_name()))?;
        }
        let mut command = Command::new(env!("CARGO"));
        command.args(["build", "--release", "--manifest-path"]).arg(copy.join("Cargo.toml"));
        succeed(command.arg("--target-dir").arg(&target))?;
        Ok(Some(target.join("release/bound")))
    }

    fn topology(&self, input: &Path, epoch: &str, alerts: bool) -> String {
        let (folder, input) = (self.folder.display(), input.display());
        let (step, sink) = if alerts {
            let sink =
                format!("  cases:     {{ type: file, inputs: [alerts], path: \"{folder}/cases.jsonl\" }}\n");
            ("  alerts:    { type: alerts, inputs: [unique] }\n", sink)
        } else {
            ("", String::new())
        };
        format!(
            r#"name: pipeline
clock: event
epoch: {epoch}
epoch_records: 4096
state: "file:{folder}/state"
sources:
  reviews:   {{ type: file, path: "{input}" }}
transforms:
  clean:     {{ type: clean, inputs: [reviews] }}
  sentiment: {{ type: sentiment, inputs: [clean] }}
  unique:    {{ type: deduplicate, inputs: [sentiment] }}
  products:  {{ type: product_scores, inputs: [unique] }}
  learn:     {{ type: learn, inputs: [unique], model: sentiment }}
{step}sinks:
{sink}  scored:    {{ type: file, inputs: [unique], path: "{folder}/scored.jsonl" }}
  products:  {{ type: file, inputs: [products], path: "{folder}/products.jsonl" }}
  models:    {{ type: file, inputs: [learn.models], path: "{folder}/models.jsonl" }}
  refused:   {{ type: file, inputs: [clean.dead_letters], path: "{folder}/dead-letters.jsonl" }}
"#
        )
    }

    /// A run in place of whatever the last one has left.
    fn run(&self, topology: &Path, workers: usize) -> Outcome<Measured> {
        let outputs = OUTPUTS.map(|name| self.folder.join(format!("{name}.jsonl")));
        let state = self.folder.join("state");
        outputs.iter().filter(|path| path.exists()).try_for_each(fs::remove_file)?;
        if state.exists() {
            fs::remove_dir_all(&state)?;
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_dirigent"));
        command.arg("run").arg(topology).args(["--workers", &workers.to_string()]);
        command.env("RUST_LOG", "warn").stdout(Stdio::null());
        let started = SystemTime::now();
        let mut measured = measure(&mut command)?;
        // how far an output is written is noted once it is synced
        for noted in fs::read_dir(state.join("progress"))? {
            let written = noted?.metadata()?.modified()?.duration_since(started)?;
            measured.outputs = measured.outputs.max(written.as_secs_f64());
        }
        Ok(measured)
    }

    /// Lines of an output of the last run.
    fn lines(&self, output: &str) -> Outcome<usize> {
        Ok(BufReader::new(File::open(self.folder.join(format!("{output}.jsonl")))?).split(b'\n').count())
    }

    /// Reviews that are live at the end of the last run: the last line of each says so.
    fn live_reviews(&self) -> Outcome<u64> {
        let mut live = BTreeSet::new();
        for line in BufReader::new(File::open(self.folder.join("scored.jsonl"))?).lines() {
            let row: Value = serde_json::from_str(&line?)?;
            let id = row["review_id"].as_str().ok_or("a scored review without an id")?;
            if row["deleted"] == true {
                live.remove(id);
            } else if !live.contains(id) {
                live.insert(id.to_owned());
            }
        }
        Ok(live.len() as u64)
    }

    fn first_half(&self, input: &Path, events: u64) -> Outcome<PathBuf> {
        let path = self.folder.join("half.jsonl");
        let mut half = BufWriter::new(File::create(&path)?);
        for line in BufReader::new(File::open(input)?).split(b'\n').take(events as usize / 2) {
            half.write_all(&line?)?;
            half.write_all(b"\n")?;
        }
        half.flush()?;
        Ok(path)
    }
}
