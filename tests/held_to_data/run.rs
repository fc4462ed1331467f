//! The data, and a run of a shipped topology over it: what it wrote, and its books.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

pub(crate) fn data() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let folder = std::env::var_os("DIRIGENT_DATA").map_or_else(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder.canonicalize().expect("a folder"));
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "no data at {}", folder.display());
    println!("skipped: no data at {}", folder.display());
    None
}

pub(crate) fn lines(path: &Path) -> Vec<String> {
    let (mut content, file) = (String::new(), File::open(path).expect("a file of the data"));
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut content).expect("gzip of UTF-8");
    content.lines().map(String::from).collect()
}

/// What a run left: its output files by name, its report.
pub(crate) struct Outcome {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) report: Value,
}

impl Outcome {
    /// The last line of each key, tombstoned ones left out.
    pub(crate) fn state(&self, file: &str, key: &str) -> BTreeMap<String, Value> {
        let mut state = BTreeMap::new();
        for line in self.files[file].split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
            let line: Value = serde_json::from_slice(line).expect("JSON");
            let id = line[key].as_str().expect("a key").to_owned();
            if line["deleted"] == true {
                state.remove(&id)
            } else {
                state.insert(id, line)
            };
        }
        state
    }

    /// How many records of a source ended that way.
    pub(crate) fn booked(&self, source: &str, end: &str) -> u64 {
        let book = &self.report["sources"][source];
        end.split('.').fold(book, |book, part| &book[part]).as_u64().unwrap_or(0)
    }
}

/// Runs a shipped topology in an empty folder; it must exit with 0, and its books must balance.
pub(crate) fn run(topology: &str, workers: usize, variables: &[(&str, &str)], sets: &[&str]) -> Outcome {
    let directory = tempfile::tempdir().expect("a directory");
    let topology = Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies").join(topology);
    let mut command = Command::new(env!("CARGO_BIN_EXE_dirigent"));
    command.arg("run").arg(&topology).args(["--workers", &workers.to_string(), "--report", "report.json"]);
    command.args(sets.iter().flat_map(|set| ["--set", set]));
    let output = command
        .envs(variables.iter().copied())
        .current_dir(directory.path())
        .output()
        .expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} with {workers} workers: {said}", output.status);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!said.contains("DO NOT BALANCE"), "{said}");
    let report: Value =
        serde_json::from_slice(&fs::read(directory.path().join("report.json")).expect("a report"))
            .expect("a report in JSON");
    assert_eq!(report["balanced"], true, "{said}");
    let out = directory.path().join("out").join(topology.file_stem().expect("a name"));
    let files = fs::read_dir(out).expect("outputs").map(|entry| entry.expect("an entry").path());
    let files = files.filter(|path| path.is_file()).map(|path| {
        (
            path.file_name().expect("a name").to_string_lossy().into_owned(),
            fs::read(&path).expect("an output"),
        )
    });
    Outcome { files: files.collect(), report }
}

/// Every record must have ended as applied or replaced: real reviews are never refused, nor lost.
pub(crate) fn nothing_lost(outcome: &Outcome, source: &str, rows: usize) {
    let ends = ["applied", "superseded", "dropped.unchanged"].map(|end| outcome.booked(source, end));
    assert_eq!(outcome.booked(source, "in"), rows as u64, "{source}");
    assert_eq!(ends.iter().sum::<u64>(), rows as u64, "{source}: {}", outcome.report["sources"][source]);
}
