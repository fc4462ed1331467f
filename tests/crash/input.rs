//! A small input with everything in it: edits, deletes, duplicates, feedback of all kinds, lines that are no records.

use std::{fmt::Write as _, fs, path::Path};

use super::random::Random;

/// Partitions of reviews.
const PARTITIONS: usize = 3;
/// When the first record was written, in ms.
const START: usize = 1_700_000_000_000;

/// The topology; outputs lie below `root`, which need not exist.
pub(super) fn topology(root: &Path, input: &Path) -> String {
    let (root, input) = (root.display(), input.display());
    format!(
        "name: crash
clock: event
state: file:{root}/state
epoch: 1000ms
epoch_records: 100000
epochs_in_flight: 2
checkpoint: 1ms
stall_timeout: 600s
sources:
  reviews:  {{ type: file, path: \"{input}/reviews-*.jsonl\" }}
  feedback: {{ type: file, record: feedback, path: \"{input}/feedback-*.jsonl\" }}
transforms:
  clean:     {{ type: clean, inputs: [reviews] }}
  sentiment: {{ type: sentiment, inputs: [clean], slots: 1024 }}
  corrected: {{ type: apply_feedback, inputs: [sentiment, feedback], label_wait: 3s }}
  unique:    {{ type: deduplicate, inputs: [corrected] }}
  products:  {{ type: product_scores, inputs: [unique] }}
  learn:     {{ type: learn, inputs: [unique], model: sentiment }}
  alerts:
    type: alerts
    inputs: [unique]
    severe_review: {{ sentiment: 1, rating: 5, case: {{ for: 1s, keep_firing_for: 2s, cooldown: 2s }} }}
sinks:
  scored:   {{ type: file, inputs: [unique], path: {root}/out/scored.jsonl }}
  products: {{ type: file, inputs: [products], path: {root}/out/products.jsonl }}
  cases:    {{ type: file, inputs: [alerts], path: {root}/out/cases.jsonl }}
  models:   {{ type: file, inputs: [learn.models], path: {root}/out/models.jsonl }}
  dead:     {{ type: file, inputs: [clean.dead_letters], path: {root}/out/dead.jsonl }}
"
    )
}

/// Writes the files of an input: so many lines for each of `epochs` epochs and partition. One of fewer epochs is the
/// beginning of one of more.
pub(super) fn write(folder: &Path, epochs: usize, lines: usize) {
    fs::create_dir_all(folder).unwrap();
    for partition in 0..PARTITIONS {
        let mut random = Random::new(partition as u64);
        let mut text = String::new();
        for n in 0..epochs * lines {
            let ts = START + n * 1_000 / lines;
            text.push_str(&review(&mut random, partition, n, ts));
        }
        fs::write(folder.join(format!("reviews-{partition}.jsonl")), text).unwrap();
    }
    for partition in 0..2 {
        let mut random = Random::new(100 + partition as u64);
        let mut text = String::new();
        for n in 0..epochs * lines / 2 {
            let ts = START + n * 2_000 / lines;
            text.push_str(&feedback(&mut random, partition, n, ts));
        }
        fs::write(folder.join(format!("feedback-{partition}.jsonl")), text).unwrap();
    }
}

fn review(random: &mut Random, partition: usize, n: usize, ts: usize) -> String {
    // an edit or a delete is of a review of the same partition, so that the order between them is the log's
    let id = if random.below(4) == 0 { random.below(n + 1) } else { n };
    let id = format!("r{partition}-{id}");
    match random.below(40) {
        0 => return format!("no record {n}\n"),
        1 => return format!("{{\"review_id\":\"{id}\",\"rating\":\"many\",\"ts\":{ts}}}\n"),
        2..=4 => return format!("{{\"review_id\":\"{id}\",\"op\":\"delete\",\"ts\":{ts}}}\n"),
        _ => {}
    }
    let words = ["good", "bad", "great", "awful", "lamp", "works", "broke", "gut", "schlecht", "the", "not"];
    let mut text = String::new();
    for _ in 0..1 + random.below(6) {
        let _ = write!(text, "{} ", random.one_of(&words));
    }
    format!(
        "{{\"review_id\":\"{id}\",\"product_id\":\"p{}\",\"user_id\":\"u{}\",\"rating\":{},\"text\":\"{text}\",\"ts\":{ts}}}\n",
        random.below(12),
        random.below(6),
        1 + random.below(5)
    )
}

fn feedback(random: &mut Random, partition: usize, n: usize, ts: usize) -> String {
    // some is of reviews that come later, or never
    let id = format!("r{}-{}", random.below(PARTITIONS), random.below(2 * n + 20));
    let label =
        random.one_of(&["\"positive\"", "\"negative\"", "\"neutral\"", "\"spam\"", "\"ham\"", "null"]);
    match random.below(20) {
        0 => format!("{{\"feedback_id\":\"f{partition}-{n}\",\"review_id\":\"{id}\",\"ts\":{ts}}}\n"),
        _ => format!(
            "{{\"feedback_id\":\"f{partition}-{n}\",\"review_id\":\"{id}\",\"label\":{label},\"ts\":{ts}}}\n"
        ),
    }
}
