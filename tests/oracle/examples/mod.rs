//! Small cases with what must come of them written out by hand: they test the oracle, without the binary.
//!
//! Times are [`BASE`] and a few milliseconds; with a tick of 10 ms a `ts` of `BASE + 5` comes in epoch `BASE + 10`,
//! which [`Scene::told`] shortens to `10`.

use serde_json::{Value, json};

use crate::oracle::batch::{self, Expected, Score, Scores, Setting};
use crate::oracle::decode::Read;
use crate::oracle::log::{self, Kind, Partition};

mod feedback;
mod output;
mod reviews;

/// The smallest number that is read as milliseconds.
const BASE: i64 = 100_000_000_000;

struct Scene {
    setting: Setting,
    partitions: Vec<Partition>,
    sentiments: Vec<(&'static str, i64)>,
}

/// A case with one file of reviews and one of feedback, a tick of 10 ms.
fn scene(reviews: &[Value], feedback: &[Value]) -> Scene {
    let setting = Setting { tick: 10, epoch_records: 1000, label_wait: None, condition: None };
    Scene { setting, partitions: Vec::new(), sentiments: Vec::new() }
        .file("feedback", Kind::Feedback, feedback)
        .file("reviews", Kind::Review, reviews)
}

impl Scene {
    /// Adds a file; a string among its lines stands for itself.
    fn file(mut self, source: &'static str, kind: Kind, lines: &[Value]) -> Self {
        let raw = |line: &Value| line.as_str().map_or_else(|| line.to_string(), str::to_owned);
        let bytes = lines.iter().map(|line| raw(line) + "\n").collect::<String>().into_bytes();
        let index = self.partitions.iter().filter(|p| p.source == source).count() as u64;
        let path = format!("{source}-{index}.jsonl");
        self.partitions.push(Partition { source, kind, index, path, bytes });
        self
    }

    /// Every version of this review has this sentiment, in units of 1e-6; others 0.5.
    fn sentiment(mut self, review_id: &'static str, sentiment: i64) -> Self {
        self.sentiments.push((review_id, sentiment));
        self
    }

    fn expect(&self) -> Expected {
        let model = json!({ "sentiment": "sentiment@0" });
        let mut scores = Scores::new();
        for entry in log::entries(&self.partitions, self.setting.tick, self.setting.epoch_records) {
            if let Ok(Read::Upsert(review)) = entry.read.map(|line| line.read) {
                let told = self.sentiments.iter().find(|(id, _)| *id == review.review_id);
                let sentiment = told.map_or(500_000, |(_, sentiment)| *sentiment);
                scores.insert((review.review_id, entry.origin), Score { sentiment, model: model.clone() });
            }
        }
        batch::expect(&self.setting, &self.partitions, &scores)
    }

    /// The scored lines in short: `epoch key status/of label/labelled_by`, or `epoch key gone`.
    fn told(&self) -> Vec<String> {
        let or = |value: &Value| value.as_str().map_or(String::new(), |s| format!("/{s}"));
        let short = |line: &Value| {
            let epoch = line["epoch"].as_i64().expect("an epoch") - BASE;
            let key = line["review_id"].as_str().expect("a key");
            if line.get("deleted").is_some() {
                return format!("{epoch} {key} gone");
            }
            let (status, label) = (line["status"].as_str(), line["label"].as_str());
            let (status, label) = (status.expect("a status"), label.expect("a label"));
            format!("{epoch} {key} {status}{} {label}{}", or(&line["of"]), or(&line["labelled_by"]))
        };
        self.expect().scored.iter().map(short).collect()
    }

    /// How each record of a source's first file ended.
    fn ends(&self, source: &str) -> Vec<String> {
        let ledger = self.expect().ledger;
        let log = log::entries(&self.partitions, self.setting.tick, self.setting.epoch_records);
        let mut offsets: Vec<u64> =
            log.iter().filter(|e| e.origin.0 == source && e.origin.1 == 0).map(|e| e.origin.2).collect();
        offsets.sort_unstable();
        offsets.into_iter().map(|at| ledger.end(source, 0, at).unwrap_or("nowhere").to_owned()).collect()
    }
}

fn review(review_id: &str, product_id: &str, user_id: Option<&str>, ts: i64, text: &str) -> Value {
    json!({
        "review_id": review_id, "product_id": product_id, "user_id": user_id, "ts": BASE + ts, "text": text,
        "lang": "en",
    })
}

fn delete(review_id: &str, ts: i64) -> Value {
    json!({ "review_id": review_id, "op": "delete", "ts": BASE + ts })
}

fn feedback(feedback_id: &str, review_id: &str, label: Option<&str>, ts: i64) -> Value {
    json!({ "feedback_id": feedback_id, "review_id": review_id, "label": label, "ts": BASE + ts })
}
