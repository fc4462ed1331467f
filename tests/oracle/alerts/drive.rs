//! Runs the binary on an input, at once or with a restart in between, and reads what it wrote.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::super::binary::{files, start};
use super::super::compare::parse;
use super::super::log;
use super::expected::Input;
use super::setting::{OWN_WORDS, Setting};

/// What a run wrote.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) scored: Vec<Value>,
    pub(crate) cases: Vec<Value>,
    /// The files under `out/`, by name.
    pub(crate) files: std::collections::BTreeMap<String, Vec<u8>>,
    pub(crate) report: Value,
}

/// The files of an input, by name.
pub(crate) fn named(input: &Input) -> Vec<(String, &[u8])> {
    let mut all: Vec<(String, &[u8])> =
        input.partitions.iter().map(|p| (p.path.clone(), p.bytes.as_slice())).collect();
    for (source, files) in [("commands", &input.commands), ("deliveries", &input.deliveries)] {
        let named =
            files.iter().enumerate().map(|(n, bytes)| (format!("{source}-{n}.jsonl"), bytes.as_slice()));
        all.extend(named);
    }
    all
}

/// Runs an input in a directory of its own, always under the same path, so that no output can differ by it.
pub(crate) fn run(
    setting: &Setting,
    input: &Input,
    workers: usize,
    directory: &Path,
) -> Result<Output, String> {
    if directory.exists() {
        fs::remove_dir_all(directory).map_err(|e| e.to_string())?;
    }
    fs::create_dir_all(directory).map_err(|e| e.to_string())?;
    write(directory, "topology.yaml", setting.topology().as_bytes())?;
    write(directory, "words.txt", OWN_WORDS.as_bytes())?;
    go_on(input, workers, directory)
}

/// Runs what an input has become in the directory of an earlier run.
pub(crate) fn go_on(input: &Input, workers: usize, directory: &Path) -> Result<Output, String> {
    for (name, bytes) in named(input) {
        write(directory, &name, bytes)?;
    }
    start(directory, workers, &["--report", "report.json"])?;
    let report = fs::read(directory.join("report.json")).map_err(|e| format!("report.json: {e}"))?;
    let report = serde_json::from_slice(&report).map_err(|e| format!("report.json: {e}"))?;
    let files = files(&directory.join("out"), "");
    let lines = |name: &str| parse(files.get(name)).map_err(|why| format!("{name}: {why}"));
    Ok(Output { scored: lines("scored.jsonl")?, cases: lines("cases.jsonl")?, report, files })
}

fn write(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), String> {
    fs::write(directory.join(name), bytes).map_err(|e| format!("{name}: {e}"))
}

/// The beginning of an input: what is read up to the end of an epoch.
pub(crate) fn until(setting: &Setting, input: &Input, epoch: u64) -> Input {
    let mut cut = input.clone();
    let log = log::entries(&input.partitions, setting.tick, setting.epoch_records);
    for partition in &mut cut.partitions {
        let later = log.iter().filter(|entry| {
            entry.epoch > epoch
                && (entry.origin.0.as_str(), entry.origin.1) == (partition.source, partition.index)
        });
        let end = later.map(|entry| entry.origin.2).min();
        partition.bytes.truncate(end.map_or(usize::MAX, |end| usize::try_from(end).expect("a length")));
    }
    let shorten = |files: &mut Vec<Vec<u8>>, places: Vec<(usize, usize)>| {
        for (n, bytes) in files.iter_mut().enumerate() {
            let end = places.iter().filter(|(file, _)| *file == n).map(|(_, offset)| *offset).min();
            bytes.truncate(end.unwrap_or(usize::MAX));
        }
    };
    let commands = input.commands(setting).into_iter();
    shorten(&mut cut.commands, commands.filter(|r| r.epoch > epoch).map(|r| r.place).collect());
    let answers = input.answers(setting).into_iter();
    shorten(&mut cut.deliveries, answers.filter(|r| r.epoch > epoch).map(|r| r.place).collect());
    cut
}
