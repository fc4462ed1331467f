//! The real binary, started in a directory, and the files that it leaves there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than any case should take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// `dirigent run topology.yaml` in a directory; anything but exit 0 is an error with what the process said.
pub(crate) fn start(directory: &Path, workers: usize, more: &[&str]) -> Result<(), String> {
    let said = directory.join("said.txt");
    let file = fs::File::create(&said).map_err(|e| e.to_string())?;
    let again = file.try_clone().map_err(|e| e.to_string())?;
    let mut child = Command::new(env!("CARGO_BIN_EXE_dirigent"))
        .args(["run", "topology.yaml", "--workers", &workers.to_string()])
        .args(more)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(again)
        .spawn()
        .map_err(|e| e.to_string())?;
    let started = Instant::now();
    let status = loop {
        match child.try_wait().map_err(|e| e.to_string())? {
            Some(status) => break status.to_string(),
            None if started.elapsed() > PATIENCE => {
                let _ = child.kill();
                let _ = child.wait();
                break format!("no end after {PATIENCE:?}");
            }
            None => std::thread::sleep(Duration::from_millis(3)),
        }
    };
    if status == "exit status: 0" {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&fs::read(&said).unwrap_or_default()).into_owned();
    Err(format!("{status} with {workers} workers:\n{said}"))
}

/// All files below a directory, by their path from there.
pub(crate) fn files(directory: &Path, prefix: &str) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            found.extend(files(&entry.path(), &format!("{name}/")));
        } else {
            found.insert(name, fs::read(entry.path()).unwrap_or_default());
        }
    }
    found
}
