//! A temporary directory with a topology, and the binary running in it.
//!
//! A [`Running`] process is killed when it is dropped, so a test that fails leaves nothing behind.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::http::address;

/// What a pipe takes before a writer has to wait.
const PIPE: usize = 65_536;

/// Longer than anything here takes on a busy machine: what takes longer hangs.
pub(super) const HANG: Duration = Duration::from_secs(180);

/// Every step that is there, over `reviews.jsonl` and `feedback.jsonl`; refused records are read by no sink.
const TOPOLOGY: &str = "\
name: shop
clock: event
epoch: 6h
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
";

/// What a process said, and its exit code.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Told {
    /// The books of each source, from the lines that end a run; they must balance.
    pub(super) fn books(&self) -> BTreeMap<String, BTreeMap<String, u64>> {
        let lines = self.out.lines().filter_map(|line| line.strip_prefix("books of "));
        let mut all = BTreeMap::new();
        for line in lines {
            assert!(!line.contains("BALANCE"), "{line}");
            let (source, sums) = line.split_once(": ").unwrap();
            let (read, parts) = sums.split_once(" in = ").unwrap();
            let mut books: BTreeMap<String, u64> = BTreeMap::new();
            for part in parts.split(" + ") {
                let (n, name) = part.split_once(' ').unwrap();
                books.insert(name.to_owned(), n.parse().unwrap());
            }
            assert_eq!(read.parse(), Ok(books.values().sum::<u64>()), "{line}");
            books.insert("in".to_owned(), read.parse().unwrap());
            all.insert(source.to_owned(), books);
        }
        assert!(!all.is_empty(), "no books in {self:?}");
        all
    }
}

/// A temporary directory.
pub(super) struct Sandbox(tempfile::TempDir);

impl Sandbox {
    /// With the topology `t.yaml` and empty inputs.
    pub(super) fn new() -> Self {
        let sandbox = Self(tempfile::tempdir().unwrap());
        sandbox.write("t.yaml", TOPOLOGY);
        sandbox.write("reviews.jsonl", "");
        sandbox.write("feedback.jsonl", "");
        sandbox
    }

    /// With generated reviews and feedback of few words each.
    pub(super) fn generated(reviews: u32) -> Self {
        let sandbox = Self::new();
        let reviews = reviews.to_string();
        let arguments = [
            "generate",
            "--reviews",
            &reviews,
            "--words",
            "3",
            "--vocabulary",
            "500",
            "--out",
            "reviews.jsonl",
            "--feedback-out",
            "feedback.jsonl",
        ];
        let told = sandbox.dirigent(&arguments);
        assert_eq!(told.code, Some(0), "{told:?}");
        sandbox
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(super) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// The JSON values of a file of lines.
    pub(super) fn values(&self, name: &str) -> Vec<serde_json::Value> {
        self.text(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(super) fn fifo(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }

    /// Runs the binary to its end.
    pub(super) fn dirigent(&self, arguments: &[&str]) -> Told {
        self.start(arguments).end()
    }

    /// Starts a run that serves, one of whose sinks writes into a pipe that is full: it waits at its first write. The run,
    /// its address, and the end of the pipe to read from.
    pub(super) fn held_by(&self, sink: &str) -> (Running, String, File) {
        let fifo = self.fifo("fifo");
        let mut filler = File::options().read(true).write(true).open(&fifo).unwrap();
        filler.write_all(&[b'\n'; PIPE]).unwrap();
        let set = format!("sinks.{sink}.path={}", fifo.display());
        let mut running = self.start(&[
            "run",
            "t.yaml",
            "--from-scratch",
            "--workers",
            "2",
            "--set",
            &set,
            "--listen",
            "127.0.0.1:0",
        ]);
        let address = address(&mut running);
        // from here on the run is the only one who writes
        let pipe = File::open(&fifo).unwrap();
        (running, address, pipe)
    }

    /// `dirigent run t.yaml` with overrides, to its end.
    pub(super) fn run(&self, sets: &[&str]) -> Told {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        self.dirigent(&["run", "t.yaml"].into_iter().chain(sets).collect::<Vec<_>>())
    }

    /// The same, in place of whatever an earlier run has left.
    pub(super) fn run_anew(&self, sets: &[&str]) -> Told {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        self.dirigent(&["run", "t.yaml", "--from-scratch"].into_iter().chain(sets).collect::<Vec<_>>())
    }

    /// Starts the binary.
    pub(super) fn start(&self, arguments: &[&str]) -> Running {
        self.start_with(arguments, Stdio::null())
    }

    /// Starts the binary with something in its environment.
    pub(super) fn start_in(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Running {
        self.spawn(arguments, Stdio::null(), environment)
    }

    /// Starts the binary with something on its standard input and in its environment.
    pub(super) fn start_piped_in(
        &self,
        arguments: &[&str],
        input: impl Into<Stdio>,
        environment: &[(&str, &str)],
    ) -> Running {
        self.spawn(arguments, input, environment)
    }

    /// Starts the binary with something on its standard input.
    pub(super) fn start_with(&self, arguments: &[&str], input: impl Into<Stdio>) -> Running {
        self.spawn(arguments, input, &[])
    }

    fn spawn(&self, arguments: &[&str], input: impl Into<Stdio>, environment: &[(&str, &str)]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dirigent"));
        command.envs(environment.iter().copied());
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env_remove("RUST_LOG")
            .env_remove("RUST_BACKTRACE");
        let mut child = command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let out = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            stdout.read_to_end(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let said = Arc::new(Mutex::new(String::new()));
        let (stderr, lines) = (BufReader::new(child.stderr.take().unwrap()), Arc::clone(&said));
        let err = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut lines = lines.lock().unwrap();
                lines.push_str(&line);
                lines.push('\n');
            }
        });
        Running { child, out: Some(out), err: Some(err), said }
    }
}

/// A process that may still run.
pub(super) struct Running {
    child: Child,
    out: Option<JoinHandle<String>>,
    err: Option<JoinHandle<()>>,
    said: Arc<Mutex<String>>,
}

impl Running {
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it has logged a line with this text, and gives the line.
    pub(super) fn wait_for(&mut self, text: &str) -> String {
        let started = Instant::now();
        loop {
            if let Some(line) = self.said.lock().unwrap().lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            assert!(
                self.alive() && started.elapsed() < HANG,
                "no line with {text:?}: {}",
                self.said.lock().unwrap()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends a signal, such as `TERM`.
    pub(super) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end.
    pub(super) fn end(mut self) -> Told {
        let started = Instant::now();
        while self.alive() {
            assert!(started.elapsed() < HANG, "it hangs: {}", self.said.lock().unwrap());
            std::thread::sleep(Duration::from_millis(5));
        }
        let out = self.out.take().unwrap().join().unwrap();
        self.err.take().unwrap().join().unwrap();
        let err = std::mem::take(&mut *self.said.lock().unwrap());
        Told { code: self.child.wait().unwrap().code(), out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A line of a review.
pub(super) fn review(id: &str, product: &str, ts: u64) -> String {
    format!(
        r#"{{"review_id":"{id}","product_id":"{product}","user_id":"u","rating":5,"text":"text of {id}","ts":{ts}}}"#
    )
}
