//! The settings of a case of `alerts`, and the topology that they stand in. All times are in milliseconds.
//!
//! The topology is that of `topologies/reviews-files.yaml` as far as cases depend on it, with commands and outcomes of
//! deliveries beside. Without `learns` every score is a half and only feedback makes a review negative, so that what
//! stands before a review in the input cannot change how it reads.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// The times of the cases of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    /// `for`.
    pub(crate) hold: u64,
    pub(crate) keep_firing_for: u64,
    pub(crate) cooldown: u64,
    pub(crate) ack_expires: Option<u64>,
    pub(crate) reopen_within: u64,
}

/// A step of the escalation.
#[derive(Clone, Debug)]
pub(crate) struct EscalationStep {
    pub(crate) after: u64,
    pub(crate) targets: Vec<&'static str>,
}

/// Who can be told.
pub(crate) const TARGETS: [&str; 2] = ["shop", "on_call"];

/// Where `severe_review` takes its words from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Words {
    Standard,
    None,
    /// [`OWN_WORDS`] in a file of its own.
    Own,
}

/// A lexicon of one's own: the file that a topology names.
pub(crate) const OWN_WORDS: &str = "# ours\n[odd]\nlamp*\n[bad] # words\nshort circuit\nawful\n";

/// All that acts on cases.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// `epoch`.
    pub(crate) tick: u64,
    pub(crate) epoch_records: u64,
    pub(crate) max_age: u64,
    /// Highest sentiment and most stars of a severe review, in 1e-6.
    pub(crate) sentiment: i64,
    pub(crate) rating: i64,
    pub(crate) words: Words,
    pub(crate) severe_times: Times,
    /// The settings of the test of products.
    pub(crate) test: Value,
    pub(crate) drop_times: Times,
    /// Without any, the topology has no escalation.
    pub(crate) steps: Vec<EscalationStep>,
    pub(crate) learns: bool,
}

fn times(times: &Times) -> Value {
    let ms = |ms: u64| json!(format!("{ms}ms"));
    json!({
        "for": ms(times.hold),
        "keep_firing_for": ms(times.keep_firing_for),
        "cooldown": ms(times.cooldown),
        "ack_expires": times.ack_expires.map(ms),
        "reopen_within": ms(times.reopen_within),
    })
}

fn decimal(micro: i64) -> Value {
    super::super::fraction::json(micro)
}

impl Setting {
    /// The topology, whose words lie in `words.txt` where they are its own.
    pub(crate) fn topology(&self) -> String {
        let mut yaml = String::from("name: case\nclock: event\nstate: file:./state\n");
        let _ = writeln!(yaml, "epoch: {}ms\nepoch_records: {}", self.tick, self.epoch_records);
        yaml.push_str(
            "sources:
  reviews:    { type: file, path: \"reviews-*.jsonl\" }
  feedback:   { type: file, record: feedback, path: \"feedback-*.jsonl\" }
  commands:   { type: file, record: case_command, path: \"commands-*.jsonl\" }
  deliveries: { type: file, record: delivery, path: \"deliveries-*.jsonl\" }
transforms:
  clean:     { type: clean, inputs: [reviews] }
  sentiment: { type: sentiment, inputs: [clean], slots: 65536 }
  corrected: { type: apply_feedback, inputs: [sentiment, feedback] }
  unique:    { type: deduplicate, inputs: [corrected] }
",
        );
        if self.learns {
            yaml.push_str("  learn:     { type: learn, inputs: [unique], model: sentiment }\n");
        }
        let lexicon = match self.words {
            Words::Standard => json!("standard"),
            Words::None => json!("none"),
            Words::Own => json!({ "file": "words.txt" }),
        };
        let severe = json!({
            "sentiment": decimal(self.sentiment),
            "rating": decimal(self.rating),
            "lexicon": lexicon,
            "case": times(&self.severe_times),
        });
        let product = json!({ "test": self.test, "case": times(&self.drop_times) });
        let _ = writeln!(
            yaml,
            "  alerts:
    type: alerts
    inputs: [unique, commands, deliveries]
    max_age: {}ms
    severe_review: {severe}
    product_drop: {product}
sinks:
  scored: {{ type: file, inputs: [unique], path: out/scored.jsonl }}
  cases:  {{ type: file, inputs: [alerts], path: out/cases.jsonl }}
  dead:   {{ type: file, inputs: [clean.dead_letters, corrected.dead_letters, alerts.dead_letters], path: out/dead.jsonl }}",
            self.max_age
        );
        if !self.steps.is_empty() {
            yaml.push_str("escalation:\n  targets:\n");
            for target in TARGETS {
                let _ = writeln!(yaml, "    {target}: {{ type: log, path: {target}.jsonl }}");
            }
            yaml.push_str("  steps:\n");
            for step in &self.steps {
                let targets = step.targets.join(", ");
                let _ = writeln!(yaml, "    - {{ after: {}ms, targets: [{targets}] }}", step.after);
            }
        }
        yaml
    }
}
