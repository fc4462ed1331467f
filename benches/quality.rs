//! How good the model gets on real reviews, through the binary: `dirigent backtest` on prepared files, as Markdown.
//!
//! Two orders: by a fixed hash of `review_id`, repeated texts dropped (the marks of a single pass of a simple learner),
//! and as the files are, nothing dropped (beside Vowpal Wabbit and River). A prepared row is the original one with a
//! `ts` of its own, 1 ms after the one before, and its label, where it has one, at the same `ts`: an epoch of 1 s holds
//! 1,000 reviews and their labels, so every published prediction is of a version that knows none of its own epoch.
//!
//! `cargo bench --bench quality`. Reads `DIRIGENT_DATA`, or `../shared/data` beside the crate; skips where neither is there.
//! The figures depend on the data alone, not on the machine or the number of workers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization;
use xxhash_rust::xxh3::xxh3_64;

const TOPOLOGY: &str = "
name: quality
clock: event
epoch: 1s
state: file:./state
sources:
  reviews:  { type: file, path: reviews.jsonl }
  feedback: { type: file, record: feedback, path: feedback.jsonl }
transforms:
  clean:     { type: clean, inputs: [reviews] }
  sentiment: { type: sentiment, inputs: [clean] }
  corrected: { type: apply_feedback, inputs: [sentiment, feedback] }
  unique:    { type: deduplicate, inputs: [corrected] }
  learn:     { type: learn, inputs: [unique], model: sentiment }
sinks:
  scored: { type: file, inputs: [unique], path: out/scored.jsonl }
  models: { type: file, inputs: [learn.models], path: out/models.jsonl }
";

/// 2024-01-01T00:00:00Z, a multiple of every epoch that is used here.
const START: u64 = 1_704_067_200_000;

/// The order in which a set is read.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    /// As the file has it, everything.
    File,
    /// By hash of `review_id`; only what teaches something, each normalised text once.
    Hash,
}

/// What others reach: name, accuracy, log loss, macro F1 (0: not known).
type Marks = &'static [(&'static str, f64, f64, f64)];

const HASHED: [(&str, Marks); 2] = [
    ("en_womens_clothing", &[("a simple learner", 0.948, 0.130, 0.865)]),
    ("en_appreview_75k", &[("a simple learner", 0.920, 0.214, 0.916)]),
];

const IN_FILE_ORDER: [(&str, Marks); 3] = [
    ("en_womens_clothing", &[("Vowpal Wabbit", 0.931, 0.179, 0.0), ("River", 0.932, 0.181, 0.0)]),
    ("de_mobasa", &[("Vowpal Wabbit", 0.914, 0.269, 0.0), ("River", 0.920, 0.245, 0.0)]),
    ("en_druglib", &[("Vowpal Wabbit", 0.827, 0.423, 0.0), ("River", 0.808, 0.523, 0.0)]),
];

fn main() {
    // `cargo test` builds benches and runs them too, without this
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let data = std::env::var_os("DIRIGENT_DATA").map_or_else(beside, PathBuf::from);
    if !data.is_dir() {
        println!("skipped: no data at {}", data.display());
        return;
    }
    for (order, title, sets) in [
        (Order::Hash, "Order by hash, repeated texts dropped, epochs of 1,000 reviews", &HASHED[..]),
        (Order::File, "Order of the file, nothing dropped, epochs of 1,000 reviews", &IN_FILE_ORDER[..]),
    ] {
        println!("\n{title}\n\n| set | | labels | accuracy | log loss | macro F1 | AUC |\n|-|-|-|-|-|-|-|");
        for (set, marks) in sets {
            for (name, accuracy, log_loss, macro_f1) in *marks {
                let macro_f1 = if *macro_f1 > 0.0 { format!("{macro_f1:.3}") } else { String::new() };
                println!("| {set} | {name} | | {accuracy:.3} | {log_loss:.3} | {macro_f1} | |");
            }
            let model = &Prepared::new(&data, set, order).backtest(1_000)["model"];
            for kind in ["progressive", "prequential"] {
                println!("| {set} | {kind} | {}", row(&model[kind]));
            }
        }
    }
    println!(
        "\nWhat scoring with the version of an earlier epoch costs, order by hash; with and without the first {WARM}\n"
    );
    println!(
        "| set | reviews an epoch | accuracy | log loss | accuracy after {WARM} | log loss after {WARM} |\n|-|-|-|-|-|-|"
    );
    for (set, _) in HASHED {
        let prepared = Prepared::new(&data, set, Order::Hash);
        for (reviews, kind) in [
            (1_000, "progressive"),
            (10, "prequential"),
            (100, "prequential"),
            (1_000, "prequential"),
            (10_000, "prequential"),
        ] {
            let report = prepared.backtest(reviews);
            let name = if kind == "progressive" { kind.to_owned() } else { reviews.to_string() };
            let [accuracy, log_loss] =
                ["accuracy", "log_loss"].map(|name| report["model"][kind][name].as_f64().expect("a figure"));
            let [late_accuracy, late_log_loss] =
                ["accuracy", "log_loss"].map(|figure| later(&report, kind, figure));
            println!(
                "| {set} | {name} | {accuracy:.4} | {log_loss:.4} | {late_accuracy:.4} | {late_log_loss:.4} |"
            );
        }
    }
}

/// So many reviews are over before the later part begins: a whole number of epochs of every length.
const WARM: u64 = 10_000;

/// A mean over the labels after the first [`WARM`] reviews, from the mean over all and the one at that epoch's close.
fn later(report: &Value, kind: &str, figure: &str) -> f64 {
    let epochs = report["epochs"].as_array().expect("epochs");
    let warm = epochs.iter().find(|epoch| epoch["epoch"] == START + WARM).expect("the epoch at the border");
    let sum = |labels: &Value, mean: &Value| {
        let labels = labels.as_f64().expect("a count");
        (labels, labels * mean.as_f64().expect("a figure"))
    };
    let before = sum(&warm["labels"], &warm[kind][figure]);
    let all = sum(&report["model"][kind]["labels"], &report["model"][kind][figure]);
    (all.1 - before.1) / (all.0 - before.0)
}

fn row(quality: &Value) -> String {
    let figure = |name: &str| format!("{:.4}", quality[name].as_f64().expect("a figure"));
    let [accuracy, log_loss, macro_f1, auc] = ["accuracy", "log_loss", "macro_f1", "auc"].map(figure);
    format!("{} | {accuracy} | {log_loss} | {macro_f1} | {auc} |", quality["labels"])
}

/// A folder with a topology and its input.
struct Prepared(tempfile::TempDir);

impl Prepared {
    fn new(data: &Path, set: &str, order: Order) -> Self {
        let labels: BTreeMap<String, Value> = rows(&data.join(format!("feedback/{set}.jsonl.gz")))
            .into_iter()
            .map(|row| (row["review_id"].as_str().expect("an id").to_owned(), row))
            .collect();
        let mut reviews = rows(&data.join(format!("reviews/{set}.jsonl.gz")));
        if order == Order::Hash {
            let mut seen = BTreeSet::new();
            reviews.retain(|review| {
                teaches(review, &labels)
                    && seen.insert(["title", "text"].map(|field| normalised(&review[field])))
            });
            reviews.sort_by_key(|review| xxh3_64(review["review_id"].as_str().expect("an id").as_bytes()));
        }
        let folder = tempfile::tempdir().expect("a folder");
        let create =
            |name: &str| std::io::BufWriter::new(File::create(folder.path().join(name)).expect("a file"));
        let (mut review_file, mut feedback_file) = (create("reviews.jsonl"), create("feedback.jsonl"));
        for (i, mut review) in (1..).zip(reviews) {
            review["ts"] = json!(START + i);
            writeln!(review_file, "{review}").expect("written");
            if let Some(label) = labels.get(review["review_id"].as_str().expect("an id")) {
                let mut label = label.clone();
                label["ts"] = json!(START + i);
                writeln!(feedback_file, "{label}").expect("written");
            }
        }
        fs::write(folder.path().join("topology.yaml"), TOPOLOGY).expect("a topology");
        Self(folder)
    }

    /// The report of a backtest with epochs of so many reviews.
    fn backtest(&self, reviews: u64) -> Value {
        let output = Command::new(env!("CARGO_BIN_EXE_dirigent"))
            .args(["backtest", "topology.yaml", "--report", "report.json"])
            .args(["--set", &format!("epoch={reviews}ms"), "--set", &format!("epoch_records={reviews}")])
            .current_dir(self.0.path())
            .output()
            .expect("the binary starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report = fs::read(self.0.path().join("report.json")).expect("a report");
        let report: Value = serde_json::from_slice(&report).expect("JSON");
        assert_eq!(report["balanced"], true);
        assert_eq!(report["books"]["dead_letter"], json!({}));
        report
    }
}

fn rows(path: &Path) -> Vec<Value> {
    let Ok(file) = File::open(path) else { return Vec::new() };
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).expect("gzip of UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Whether a review is an example: feedback beats stars, and neither neutral feedback nor three stars teach anything.
fn teaches(review: &Value, labels: &BTreeMap<String, Value>) -> bool {
    match labels.get(review["review_id"].as_str().expect("an id")) {
        Some(label) => label["label"] == "positive" || label["label"] == "negative",
        None => review["rating"].as_f64().is_some_and(|stars| stars >= 4.0 || stars <= 2.0),
    }
}

fn normalised(text: &Value) -> String {
    let words: Vec<&str> = text.as_str().unwrap_or_default().split_whitespace().collect();
    caseless::default_case_fold_str(&words.join(" ").nfkc().collect::<String>()).nfkc().collect()
}
