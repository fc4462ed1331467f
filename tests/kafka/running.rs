//! The real binary as a process that is watched, sent signals, and killed when the test lets go of it.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::broker::HANG;

/// What a process said, and its exit code; none where a signal ended it.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

/// A process that may still run.
pub(super) struct Running {
    child: Child,
    out: Option<JoinHandle<String>>,
    err: Option<JoinHandle<()>>,
    said: Arc<Mutex<String>>,
}

impl Running {
    /// Starts the binary in a folder.
    pub(super) fn start(folder: &Path, arguments: &[String]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dirigent"))
            .args(arguments)
            .current_dir(folder)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
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
        Self { child, out: Some(out), err: Some(err), said }
    }

    pub(super) fn alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// What it has said so far.
    pub(super) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it has logged this text.
    pub(super) fn wait_for(&mut self, text: &str) {
        let started = Instant::now();
        while !self.said.lock().unwrap().contains(text) {
            assert!(self.alive() && started.elapsed() < HANG, "no line with {text:?}:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends a signal, such as `TERM`.
    pub(super) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// Kills it; it has to have lived until then.
    pub(super) fn kill(mut self) {
        assert!(self.alive(), "it has ended by itself:\n{}", self.said());
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub(super) fn end(mut self) -> Told {
        let started = Instant::now();
        while self.alive() {
            assert!(started.elapsed() < HANG, "it hangs:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
        let out = self.out.take().unwrap().join().unwrap();
        self.err.take().unwrap().join().unwrap();
        let err = self.said();
        Told { code: self.child.wait().unwrap().code(), out, err }
    }

    /// Asks it to stop, and waits for an end that is as it should be.
    pub(super) fn stop(self) -> Told {
        self.signal("TERM");
        let told = self.end();
        assert_eq!(told.code, Some(0), "{}", told.err);
        told
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
