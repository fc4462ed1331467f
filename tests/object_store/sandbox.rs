//! A folder with a topology whose state is in a bucket, and the binary running in it.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use super::server::Server;

/// Longer than anything here takes on a busy machine.
const HANG: Duration = Duration::from_secs(600);

const TOPOLOGY: &str = "\
name: shop
clock: event
epoch: 2h
checkpoint: 1ms
state: STATE
sources:
  reviews: { type: file, path: reviews.jsonl }
  feedback: { type: file, record: feedback, path: feedback.jsonl }
transforms:
  clean: { type: clean, inputs: [reviews] }
  sentiment: { type: sentiment, inputs: [clean], slots: 4096 }
  corrected: { type: apply_feedback, inputs: [sentiment, feedback] }
  unique: { type: deduplicate, inputs: [corrected] }
  products: { type: product_scores, inputs: [unique] }
  learn: { type: learn, inputs: [unique], model: sentiment }
sinks:
  scored: { type: file, inputs: [unique], path: out/scored.jsonl }
  products: { type: file, inputs: [products], path: out/products.jsonl }
  models: { type: file, inputs: [learn.models], path: out/models.jsonl }
  refused: { type: file, inputs: [clean.dead_letters, corrected.dead_letters], path: out/refused.jsonl }
";

pub(super) struct Sandbox(tempfile::TempDir);

/// What a process said, and its exit code.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Sandbox {
    /// With generated reviews and feedback, and state at `state`.
    pub(super) fn new(reviews: u32, state: &str) -> Self {
        let sandbox = Self(tempfile::tempdir().unwrap());
        fs::write(sandbox.path("t.yaml"), TOPOLOGY.replace("STATE", state)).unwrap();
        let reviews = reviews.to_string();
        let generate =
            ["generate", "--reviews", &reviews, "--words", "3", "--vocabulary", "500", "--seed", "7"];
        let files = ["--out", "reviews.jsonl", "--feedback-out", "feedback.jsonl"];
        let told = sandbox.dirigent(None, &[&generate[..], &files[..]].concat());
        assert_eq!(told.code, Some(0), "{told:?}");
        sandbox
    }

    /// With state in the bucket of a server.
    pub(super) fn remote(reviews: u32, server: &Server) -> Self {
        Self::new(reviews, &server.url())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn command(&self, server: Option<&Server>, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dirigent"));
        command.args(arguments).current_dir(self.0.path()).env_remove("RUST_LOG").stdin(Stdio::null());
        if let Some(server) = server {
            command.envs(server.environment.iter().map(|(name, value)| (name, value)));
        }
        command
    }

    /// Runs the binary to its end.
    pub(super) fn dirigent(&self, server: Option<&Server>, arguments: &[&str]) -> Told {
        told(self.command(server, arguments).output().unwrap())
    }

    pub(super) fn run(&self, server: &Server, arguments: &[&str]) -> Told {
        self.dirigent(Some(server), &[&["run", "t.yaml"], arguments].concat())
    }

    /// A run that goes on in the background.
    pub(super) fn start(&self, server: &Server, arguments: &[&str]) -> Child {
        let log = |name| fs::File::create(self.path(name)).unwrap();
        let mut command = self.command(Some(server), &[&["run", "t.yaml"], arguments].concat());
        command.stdout(log("said")).stderr(log("logged")).spawn().unwrap()
    }

    /// How many checkpoints the log names.
    pub(super) fn checkpoints(&self) -> usize {
        let log = fs::read_to_string(self.path("state/shop/epochs.log")).unwrap_or_default();
        log.lines().filter(|line| line.contains("\"checkpoint\"")).count()
    }

    /// Waits until a process has ended (its exit code), or until a moment has come.
    pub(super) fn until(&self, child: &mut Child, mut moment: impl FnMut() -> bool) -> Option<Option<i32>> {
        let started = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return Some(status.code());
            }
            if moment() {
                return None;
            }
            let logged = || fs::read_to_string(self.path("logged")).unwrap_or_default();
            assert!(started.elapsed() < HANG, "it hangs: {}", logged());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The files of a folder, sorted.
    pub(super) fn files(&self, folder: &str) -> Vec<(String, Vec<u8>)> {
        let Ok(entries) = fs::read_dir(self.path(folder)) else { return Vec::new() };
        let entries = entries.map(Result::unwrap).filter(|entry| entry.path().is_file());
        let name = |entry: &fs::DirEntry| entry.file_name().into_string().unwrap();
        let mut files: Vec<_> = entries.map(|e| (name(&e), fs::read(e.path()).unwrap())).collect();
        files.sort();
        files
    }
}

fn told(output: Output) -> Told {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Told { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}
