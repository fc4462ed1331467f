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

#[allow(dead_code)] // the other bench measures runs to their end
#[path = "../pipeline/measure.rs"]
mod measure;

use std::{
    error::Error,
    fs::{self, File},
    io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use measure::peak_of;

type Outcome<T> = Result<T, Box<dyn Error>>;

const ROUNDS: usize = 3;
/// Events that a restart finds new.
const NEW: u64 = 5_000;
/// Events of a turn of the throughput.
const TURN: u64 = 2_000_000;
/// Events a second while pauses are looked at, and for how long.
const RATE: u64 = 8_000;
const LIVE: Duration = Duration::from_secs(65);
const OUTPUTS: [&str; 2] = ["scored", "products"];

fn main() -> Outcome<()> {
    let number = |name: &str, usual: u64| std::env::var(name).map_or(Ok(usual), |number| number.parse());
    let events = number("DIRIGENT_EVENTS", 1_000_000)?;
    let parts = std::env::var("DIRIGENT_PARTS").unwrap_or_else(|_| "restart,throughput,pauses".to_owned());
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
    let bench = Bench { folder: root.join("target/bench-checkpoint"), all, events };
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

    fn pauses(&self, rate: u64) -> Outcome<()> {
        println!(
            "\n| {rate} events/s, epochs of 100 ms | epochs | pause p50 | p90 | p99 | p99.9 | longest | written after its cut p50 | p99 |"
        );
        println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        self.begin()?;
        for (turn, checkpoint) in ["1h", "10s"].into_iter().enumerate() {
            let topology = self.topology("wall", checkpoint)?;
            let mut child = self.start(&topology)?;
            let journal = self.place("state/progress/scored.log");
            let found = self.watch(&mut child, &journal, rate, 100 + turn as u64 * 20);
            // a signal would do; what is of interest is over
            succeed(Command::new("kill").arg(child.id().to_string()))?;
            child.wait()?;
            let (mut pauses, mut lags) = found?;
            pauses.sort_by(f64::total_cmp);
            lags.sort_by(f64::total_cmp);
            let at = |sorted: &[f64], share: f64| {
                sorted
                    .get(((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1)))
                    .copied()
            };
            let ms =
                |sorted: &[f64], share| at(sorted, share).map_or("-".to_owned(), |ms| format!("{ms:.0} ms"));
            println!(
                "| checkpoints: {checkpoint} | {} | {} | {} | {} | {} | {} | {} | {} |",
                pauses.len(),
                ms(&pauses, 0.5),
                ms(&pauses, 0.9),
                ms(&pauses, 0.99),
                ms(&pauses, 0.999),
                ms(&pauses, 1.0),
                ms(&lags, 0.5),
                ms(&lags, 0.99),
            );
            let buckets = [5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, f64::INFINITY];
            let mut from = f64::NEG_INFINITY;
            for to in buckets {
                let count = pauses.iter().filter(|pause| (from..to).contains(*pause)).count();
                println!("    pauses below {to} ms: {count}");
                from = to;
            }
        }
        Ok(())
    }

    /// Waits until all there is has been written, then writes events at a rate and watches when epochs are said to be
    /// written: pauses and lags, in ms.
    fn watch(
        &self,
        child: &mut Child,
        journal: &Path,
        rate: u64,
        turn: u64,
    ) -> Outcome<(Vec<f64>, Vec<f64>)> {
        let mut tail = Tail::default();
        // an epoch is cut every second at least; with nothing to read they are empty and nothing grows
        let (mut size, mut quiet) = (0, Instant::now());
        while quiet.elapsed() < Duration::from_secs(5) || size == 0 {
            thread::sleep(Duration::from_millis(200));
            tail.epochs(journal)?;
            if self.sizes() != size {
                (size, quiet) = (self.sizes(), Instant::now());
            }
            if child.try_wait()?.is_some() {
                return Err(fs::read_to_string(self.place("log"))?.into());
            }
        }
        let mut later = Later::new(&self.all, self.events, turn, 4)?;
        let mut input = File::options().append(true).open(self.place("input.jsonl"))?;
        let (started, mut given, mut lines) = (Instant::now(), 0, Vec::new());
        let mut seen: Vec<(u64, f64)> = Vec::new();
        while started.elapsed() < LIVE {
            let due = (started.elapsed().as_secs_f64() * rate as f64) as u64;
            lines.clear();
            for _ in given..due {
                lines.extend_from_slice(later.line()?);
            }
            given = due;
            input.write_all(&lines)?;
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64() * 1e3;
            seen.extend(tail.epochs(journal)?.into_iter().map(|epoch| (epoch, now)));
            thread::sleep(Duration::from_millis(2));
        }
        // the first seconds are those of a reader that has to be woken up
        let steady = seen.iter().filter(|(_, now)| *now > seen[0].1 + 3_000.0).collect::<Vec<_>>();
        let pause = |pair: &[&(u64, f64)]| (pair[1].1 - pair[0].1) - (pair[1].0 - pair[0].0) as f64;
        let pauses = steady.windows(2).map(pause).collect();
        Ok((pauses, steady.iter().map(|(epoch, now)| now - *epoch as f64).collect()))
    }
}

/// What a journal says, as it grows.
#[derive(Default)]
struct Tail {
    read: u64,
    rest: String,
}

impl Tail {
    /// The epochs that it said to be written since the last time.
    fn epochs(&mut self, journal: &Path) -> Outcome<Vec<u64>> {
        let Ok(mut file) = File::open(journal) else { return Ok(Vec::new()) };
        if file.metadata()?.len() < self.read {
            // a start writes it anew
            *self = Self::default();
        }
        file.seek(SeekFrom::Start(self.read))?;
        self.read += file.read_to_string(&mut self.rest)? as u64;
        let whole = self.rest.rfind('\n').map_or(0, |at| at + 1);
        let rest = self.rest.split_off(whole);
        let lines = std::mem::replace(&mut self.rest, rest);
        let epoch = |line: &str| {
            let (_, after) = line.split_once("\"kind\":\"progress\"")?.1.split_once("\"epoch\":")?;
            after.split([',', '}']).next()?.parse().ok()
        };
        Ok(lines.lines().filter_map(epoch).collect())
    }
}

/// Events again, later.
struct Later {
    path: PathBuf,
    lines: BufReader<File>,
    events: u64,
    turn: u64,
    /// Every so many get an id of their own; 0: none.
    new_every: u64,
    given: u64,
    line: Vec<u8>,
    made: Vec<u8>,
}

impl Later {
    fn new(path: &Path, events: u64, turn: u64, new_every: u64) -> Outcome<Self> {
        let lines = BufReader::with_capacity(1 << 20, File::open(path)?);
        let (line, made) = (Vec::new(), Vec::new());
        Ok(Self { path: path.to_owned(), lines, events, turn, new_every, given: 0, line, made })
    }

    fn line(&mut self) -> Outcome<&[u8]> {
        self.line.clear();
        if self.lines.read_until(b'\n', &mut self.line)? == 0 {
            self.lines = BufReader::with_capacity(1 << 20, File::open(&self.path)?);
            self.turn += 1;
            self.lines.read_until(b'\n', &mut self.line)?;
        }
        self.given += 1;
        self.made.clear();
        let mut rest = &self.line[..];
        if self.new_every > 0
            && self.given.is_multiple_of(self.new_every)
            && let Some(at) = find(rest, b"\"review_id\":\"r")
        {
            let (before, after) = rest.split_at(at + 13);
            self.made.extend_from_slice(before);
            self.made.extend_from_slice(format!("{}-", self.turn).as_bytes());
            rest = after;
        }
        // 200 ms between two events
        let shift = self.turn * self.events * 200;
        if let Some(at) = find(rest, b"\"ts\":") {
            let (before, after) = rest.split_at(at + 5);
            let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if let Ok(ts) = std::str::from_utf8(&after[..digits])?.parse::<u64>() {
                self.made.extend_from_slice(before);
                self.made.extend_from_slice((ts + shift).to_string().as_bytes());
                rest = &after[digits..];
            }
        }
        self.made.extend_from_slice(rest);
        Ok(&self.made)
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
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
