//! Writes a case out as a topology and its files, runs the binary on it and reads what it wrote.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::batch::Setting;
use super::binary::{files, start};
use super::compare::Output;
use super::log::Partition;

/// The topology of a case.
pub(crate) fn topology(setting: &Setting) -> String {
    let mut yaml = String::from("name: case\nclock: event\nstate: file:./state\n");
    let _ = writeln!(yaml, "epoch: {}ms\nepoch_records: {}", setting.tick, setting.epoch_records);
    yaml.push_str(
        "sources:
  reviews:  { type: file, path: \"reviews-*.jsonl\" }
  feedback: { type: file, record: feedback, path: \"feedback-*.jsonl\" }
transforms:
  clean:     { type: clean, inputs: [reviews] }
",
    );
    let mut cleaned = "clean";
    if let Some(condition) = &setting.condition {
        let _ = writeln!(yaml, "  kept:      {{ type: filter, inputs: [clean], condition: {condition} }}");
        cleaned = "kept";
    }
    let _ = writeln!(yaml, "  sentiment: {{ type: sentiment, inputs: [{cleaned}], slots: 65536 }}");
    let wait = setting.label_wait.map_or(String::new(), |wait| format!(", label_wait: {wait}ms"));
    let _ = writeln!(yaml, "  corrected: {{ type: apply_feedback, inputs: [sentiment, feedback]{wait} }}");
    yaml.push_str(
        "  unique:    { type: deduplicate, inputs: [corrected] }
  products:  { type: product_scores, inputs: [unique] }
  learn:     { type: learn, inputs: [unique], model: sentiment }
sinks:
  scored:   { type: file, inputs: [unique], path: out/scored.jsonl }
  products: { type: file, inputs: [products], path: out/products.jsonl }
  models:   { type: file, inputs: [learn.models], path: out/models.jsonl }
  dead:     { type: file, inputs: [clean.dead_letters, corrected.dead_letters], path: out/dead.jsonl }
",
    );
    yaml
}

/// Runs a case with so many workers, always under the same path, so that no output can differ by it.
pub(crate) fn run(
    setting: &Setting,
    partitions: &[Partition],
    workers: usize,
    directory: &Path,
) -> Result<Output, String> {
    if directory.exists() {
        fs::remove_dir_all(directory).map_err(|e| e.to_string())?;
    }
    fs::create_dir_all(directory).map_err(|e| e.to_string())?;
    write(&directory.join("topology.yaml"), topology(setting).as_bytes())?;
    for partition in partitions {
        write(&directory.join(&partition.path), &partition.bytes)?;
    }
    start(directory, workers, &["--report", "report.json"])?;
    let report = fs::read(directory.join("report.json")).map_err(|e| format!("report.json: {e}"))?;
    let report: Value = serde_json::from_slice(&report).map_err(|e| format!("report.json: {e}"))?;
    let mut models = files(&directory.join("state/models"), "");
    models.retain(|name, _| name.ends_with(".safetensors"));
    Ok(Output { files: files(&directory.join("out"), ""), models, report })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write(path, bytes).map_err(|e| format!("{}: {e}", path.display()))
}
