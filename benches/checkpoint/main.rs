//! What checkpoints cost: a restart with a million live reviews, throughput with and without them, pauses of the stream.
//!
//! `DIRIGENT_EVENTS` (default 1,000,000) events of the yardstick's generator are processed first; that state is what
//! everything else begins with.
//!
//! * *Restart*: a few thousand events are appended, and the run is started again. Told are the time until the first new line
//!   is in an output, beside the time that all events took the first time, and the peak memory of both.
//! * *Throughput*: a stream of later versions and deletes (the same events again, later, so as many reviews live on) with a
//!   checkpoint every 10 s, and with none, by turns; from the first new line to the last.
//! * *Pauses*: with `clock: wall` and epochs of 100 ms a writer appends events at a rate that the machine holds. When an epoch
//!   is said to be written (its record in the journal of the sink, which is synced) is compared with its cut, whose time is
//!   the epoch itself. A pause is how much later than its turn an epoch is written: what lies between two of these moments,
//!   less what lies between the two epochs. In the middle of it are checkpoints, every 10 s, or none.
//!
//! Events come from `DIRIGENT_BENCH`, or `../shared/bench` beside the crate. `DIRIGENT_PARTS` names the parts to be measured
//! (`restart,throughput,pauses`). Machines are shared: figures are medians of turns, and only ratios mean anything.

mod later;
#[allow(dead_code)] // the other bench measures runs to their end
#[path = "../pipeline/measure.rs"]
mod measure;
mod pauses;
#[path = "../yardstick.rs"]
mod yardstick;

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, SystemTime},
};

use later::Later;
use measure::peak_of;
use yardstick::{Outcome, events, median};

const ROUNDS: usize = 3;
/// Events that a restart finds new.
const NEW: u64 = 5_000;
/// Events of a turn of the throughput.
const TURN: u64 = 2_000_000;
/// Events a second while pauses are looked at.
const RATE: u64 = 8_000;
const OUTPUTS: [&str; 2] = ["scored", "products"];

fn main() -> Outcome<()> {
    let number = |name: &str, usual: u64| std::env::var(name).map_or(Ok(usual), |number| number.parse());
    let count = number("DIRIGENT_EVENTS", 1_000_000)?;
    let parts = std::env::var("DIRIGENT_PARTS").unwrap_or_else(|_| "restart,throughput,pauses".to_owned());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bench = Bench { folder: root.join("target/bench-checkpoint"), all: events(count)?, events: count };
    if parts.contains("restart") || parts.contains("throughput") {
        bench.event_clock(&parts, number("DIRIGENT_TURN", TURN)?)?;
    }
    if parts.contains("pauses") {
        bench.pauses(number("DIRIGENT_RATE", RATE)?)?;
    }
    Ok(())
}

struct Bench {
    folder: PathBuf,
    /// The events that everything begins with.
    all: PathBuf,
    events: u64,
}

/// What a run took, from its start.
struct Took {
    /// Until the first new line was in an output.
    first: f64,
    /// Until the last output was written, synced and said to be.
    outputs: f64,
    /// Peak resident memory in bytes.
    peak: u64,
}

impl Bench {
    fn place(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn topology(&self, clock: &str, checkpoint: &str) -> Outcome<PathBuf> {
        let folder = self.folder.display();
        let (source, epoch) = match clock {
            "wall" => (", follow: true", "100ms"),
            // about 1,500 events
            _ => ("", "300000ms"),
        };
        let path = self.place("t.yaml");
        let text = format!(
            r#"name: checkpoints
clock: {clock}
epoch: {epoch}
checkpoint: {checkpoint}
state: "file:{folder}/state"
sources:
  reviews:   {{ type: file, path: "{folder}/input.jsonl"{source} }}
transforms:
  clean:     {{ type: clean, inputs: [reviews] }}
  sentiment: {{ type: sentiment, inputs: [clean] }}
  unique:    {{ type: deduplicate, inputs: [sentiment] }}
  products:  {{ type: product_scores, inputs: [unique] }}
  learn:     {{ type: learn, inputs: [unique], model: sentiment }}
sinks:
  scored:    {{ type: file, inputs: [unique], path: "{folder}/scored.jsonl" }}
  products:  {{ type: file, inputs: [products], path: "{folder}/products.jsonl" }}
  models:    {{ type: file, inputs: [learn.models], path: "{folder}/models.jsonl" }}
"#
        );
        fs::write(&path, text)?;
        Ok(path)
    }

    /// An empty folder with all events as the input.
    fn begin(&self) -> Outcome<()> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        fs::create_dir_all(&self.folder)?;
        fs::copy(&self.all, self.place("input.jsonl"))?;
        Ok(())
    }

    fn start(&self, topology: &Path) -> Outcome<Child> {
        let log = File::create(self.place("log"))?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_dirigent"));
        command.arg("run").arg(topology).args(["--workers", "2"]).env("RUST_LOG", "info");
        Ok(command.stdout(Stdio::null()).stderr(log).spawn()?)
    }

    fn sizes(&self) -> u64 {
        let size = |name| fs::metadata(self.place(&format!("{name}.jsonl"))).map_or(0, |found| found.len());
        OUTPUTS.into_iter().map(size).sum()
    }

    /// A run to its end.
    fn run(&self, topology: &Path) -> Outcome<Took> {
        let (before, started) = (self.sizes(), SystemTime::now());
        let mut child = self.start(topology)?;
        let mut took = Took { first: 0.0, outputs: 0.0, peak: 0 };
        let status = loop {
            took.peak = took.peak.max(peak_of(child.id()));
            if took.first == 0.0 && self.sizes() > before {
                took.first = started.elapsed()?.as_secs_f64();
            }
            match child.try_wait()? {
                Some(status) => break status,
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        if !status.success() {
            return Err(fs::read_to_string(self.place("log"))?.into());
        }
        for noted in fs::read_dir(self.place("state/progress"))? {
            let written = noted?.metadata()?.modified()?.duration_since(started)?;
            took.outputs = took.outputs.max(written.as_secs_f64());
        }
        Ok(took)
    }

    /// Appends events as they would come later: every so many as a review of its own. `turn` tells one time from another.
    fn append(&self, count: u64, turn: u64, new_every: u64) -> Outcome<()> {
        let mut later = Later::new(&self.all, self.events, turn, new_every)?;
        let input = File::options().append(true).open(self.place("input.jsonl"))?;
        let mut input = BufWriter::with_capacity(1 << 20, input);
        for _ in 0..count {
            input.write_all(later.line()?)?;
        }
        Ok(input.flush()?)
    }

    fn event_clock(&self, parts: &str, turn: u64) -> Outcome<()> {
        self.begin()?;
        let first = self.run(&self.topology("event", "1h")?)?;
        println!(
            "\n{} events the first time: {:.1} s to the last output, peak {} MB",
            self.events,
            first.outputs,
            first.peak / 1_000_000
        );
        let mut turns = 1;
        if parts.contains("restart") {
            let mut found = Vec::new();
            for _ in 0..ROUNDS {
                self.append(NEW, turns, 4)?;
                turns += 1;
                found.push(self.run(&self.topology("event", "1h")?)?);
            }
            let time = median(found.iter().map(|took| took.first));
            let peak = found.iter().map(|took| took.peak).max().unwrap_or(0);
            println!("\n| restart, {ROUNDS} times | | of the first run |\n| --- | --- | --- |");
            println!("| to the first new line | {time:.2} s | {:.0} % |", 100.0 * time / first.outputs);
            let ratio = peak as f64 / first.peak as f64;
            println!("| peak memory | {} MB | {ratio:.2} times |", peak / 1_000_000);
        }
        if parts.contains("throughput") {
            let mut rates = [Vec::new(), Vec::new()];
            for _ in 0..ROUNDS {
                for (checkpoint, rates) in ["1h", "10s"].into_iter().zip(&mut rates) {
                    self.append(turn, turns, 0)?;
                    // as many as the file has events
                    turns += turn.div_ceil(self.events);
                    let took = self.run(&self.topology("event", checkpoint)?)?;
                    rates.push(turn as f64 / (took.outputs - took.first));
                }
            }
            let ratios: Vec<f64> =
                rates[0].iter().zip(&rates[1]).map(|(without, with)| with / without).collect();
            println!("\n| {ROUNDS} turns of {turn} events | events/s |\n| --- | --- |");
            println!("| no checkpoint | {:.0} |", median(rates[0].iter().copied()));
            println!("| every 10 s | {:.0} |", median(rates[1].iter().copied()));
            let all =
                ratios.iter().map(|ratio| format!("{:.0}", 100.0 * ratio)).collect::<Vec<_>>().join(", ");
            println!("\nmedian of the ratios: {:.0} % ({all})", 100.0 * median(ratios.into_iter()));
        }
        Ok(())
    }
}
