//! SIGKILL for the real binary, at seeded moments and just after a manifest has appeared, again and again until a run
//! comes to its end: all outputs are those of a run from scratch that nobody disturbed.
//!
//! Limit: a killed process leaves the system's cache whole; what a power cut takes is in `points`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::random::Random;

/// A run that takes longer hangs.
const HANG: Duration = Duration::from_secs(1_800);

fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(usual)
}

fn dirigent(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dirigent"));
    command.args(arguments).current_dir(folder).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// The topology, over a generated input or one that was named.
fn topology(input: Option<&Path>) -> String {
    let named = input.map(|path| path.display().to_string());
    let reviews = named.unwrap_or_else(|| "../reviews.jsonl".into());
    let slots = if input.is_some() { 1 << 20 } else { 4096 };
    let epoch = if input.is_some() { "1d" } else { "2h" };
    format!(
        "name: kills
clock: event
epoch: {epoch}
checkpoint: 200ms
sources:
  reviews:  {{ type: file, path: \"{reviews}\" }}
  feedback: {{ type: file, record: feedback, path: ../feedback.jsonl }}
transforms:
  clean:     {{ type: clean, inputs: [reviews] }}
  sentiment: {{ type: sentiment, inputs: [clean], slots: {slots} }}
  corrected: {{ type: apply_feedback, inputs: [sentiment, feedback] }}
  unique:    {{ type: deduplicate, inputs: [corrected] }}
  products:  {{ type: product_scores, inputs: [unique] }}
  learn:     {{ type: learn, inputs: [unique], model: sentiment }}
sinks:
  scored:   {{ type: file, inputs: [unique], path: out/scored.jsonl }}
  products: {{ type: file, inputs: [products], path: out/products.jsonl }}
  models:   {{ type: file, inputs: [learn.models], path: out/models.jsonl }}
"
    )
}

/// A run while it is watched; killed when it is dropped.
struct Run {
    child: Child,
    folder: PathBuf,
    started: Instant,
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Run {
    fn start(folder: &Path, workers: usize) -> Self {
        let log = |name| fs::File::create(folder.join(name)).unwrap();
        let arguments = ["run", "t.yaml", "--workers", &workers.to_string(), "--report", "report.json"];
        let mut command = dirigent(folder, &arguments);
        let child = command.stdout(log("said")).stderr(log("logged")).spawn().unwrap();
        Self { child, folder: folder.to_owned(), started: Instant::now() }
    }

    fn ended(&mut self) -> Option<bool> {
        assert!(self.started.elapsed() < HANG, "it hangs: {}", self.told());
        self.child.try_wait().unwrap().map(|status| status.success())
    }

    fn told(&self) -> String {
        fs::read_to_string(self.folder.join("logged")).unwrap_or_default()
    }

    /// Waits until it has ended by itself, and says how, or until the moment has come.
    fn until(&mut self, mut moment: impl FnMut() -> bool) -> Option<bool> {
        loop {
            if let Some(well) = self.ended() {
                return Some(well);
            }
            if moment() {
                return None;
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    }
}

fn manifests(folder: &Path) -> BTreeSet<PathBuf> {
    let Ok(checkpoints) = fs::read_dir(folder.join("state/kills/checkpoints")) else {
        return BTreeSet::new();
    };
    let manifests = checkpoints.map(|entry| entry.unwrap().path().join("manifest.json"));
    manifests.filter(|manifest| manifest.exists()).collect()
}

/// All outputs and published models.
fn outputs(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut outputs = BTreeMap::new();
    for below in ["out", "state/kills/models", "state/kills"] {
        for entry in fs::read_dir(folder.join(below)).unwrap() {
            let path = entry.unwrap().path();
            let counts = below != "state/kills" || path.ends_with("dead-letters.jsonl");
            if path.is_file() && counts {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                outputs.insert(name, fs::read(path).unwrap());
            }
        }
    }
    outputs
}

fn books(folder: &Path) -> serde_json::Value {
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["balanced"], true, "{report}");
    report["sources"].clone()
}

#[test]
fn a_run_that_is_killed_again_and_again_gives_the_same_bytes() {
    let kills = number("DIRIGENT_KILLS", 6);
    let folder = tempfile::tempdir().unwrap();
    let named = std::env::var_os("DIRIGENT_KILLS_INPUT").map(PathBuf::from);
    if let Some(named) = &named {
        assert!(named.is_absolute(), "DIRIGENT_KILLS_INPUT has to be a whole path");
    }
    let arguments = ["generate", "--reviews", "30000", "--words", "8", "--vocabulary", "800"];
    let files = ["--out", "reviews.jsonl", "--feedback-out", "feedback.jsonl"];
    let made = dirigent(folder.path(), &[&arguments[..], &files[..]].concat()).status().unwrap();
    assert!(made.success());
    let place = |name: &str| {
        let place = folder.path().join(name);
        fs::create_dir(&place).unwrap();
        fs::write(place.join("t.yaml"), topology(named.as_deref())).unwrap();
        place
    };
    let (whole, killed) = (place("whole"), place("killed"));
    let started = Instant::now();
    let undisturbed =
        dirigent(&whole, &["run", "t.yaml", "--workers", "2", "--from-scratch", "--report", "report.json"])
            .output()
            .unwrap();
    assert!(undisturbed.status.success(), "{}", String::from_utf8_lossy(&undisturbed.stderr));
    let took = started.elapsed();
    let mut random = Random::new(11);
    let (mut done, mut after_manifest) = (0, 0);
    for n in 0.. {
        let mut run = Run::start(&killed, 1 + n % 4);
        let ended = if n >= kills {
            run.until(|| false)
        } else if n % 2 == 0 {
            let before = manifests(&killed);
            // at once, or when the record is on its way, or garbage
            let wait = Duration::from_micros([0, 300, 2_000, 8_000][random.below(4)]);
            let ended = run.until(|| manifests(&killed).difference(&before).next().is_some());
            std::thread::sleep(wait);
            after_manifest += usize::from(ended.is_none());
            ended
        } else {
            // such that all kills together leave something to be done
            let share = took.as_micros() as usize / (kills / 2 + 1);
            let wait = Duration::from_micros(random.below(share.max(1)) as u64);
            let from = Instant::now();
            run.until(|| from.elapsed() >= wait)
        };
        match ended {
            Some(true) => break,
            Some(false) => panic!("run {n} failed: {}", run.told()),
            None => done += 1,
        }
    }
    let (found, expected) = (outputs(&killed), outputs(&whole));
    let names = |outputs: &BTreeMap<PathBuf, Vec<u8>>| outputs.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected));
    for (name, bytes) in &expected {
        assert!(found[name] == *bytes, "{} differs after {done} kills", name.display());
    }
    assert_eq!(books(&killed), books(&whole));
    assert!(done >= kills / 2, "only {done} of {kills} runs were killed");
    println!("{done} kills, {after_manifest} of them after a manifest; undisturbed it took {took:?}");
}
