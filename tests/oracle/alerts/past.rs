//! Whether old reviews call anybody: history in front of an input, of other products, opens no case, and changes no byte
//! of those that the input opens by itself.
//!
//! The files of the history begin with a record that knows nobody, an hour before the input, so all that follows comes at
//! epochs from then on, older than `max_age`: reviews that anybody would be called for, and products that turn bad at the
//! end. Two things would let history act on other products, and are taken out: the model, so nothing is learned and labels
//! alone say what is bad; and limits that rise with the number of products, so the budget of false alarms is beyond them.
//! Under a `max_age` that reaches back to it the same history must call, else it would prove nothing.

use std::path::Path;

use serde_json::{Value, json};

use super::super::log::{Kind, Partition};
use super::cases::{Case, partition};
use super::drive;
use super::expected::Input;
use super::setting::Setting;
use super::spoken;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// What is wrong; else how many lines of cases there are.
pub(crate) fn judge(case: &Case, directory: &Path) -> Result<usize, String> {
    let mut setting = plain(&case.setting);
    let mut input = Input {
        partitions: labelled(&case.partitions),
        commands: vec![Vec::new(); 2],
        deliveries: vec![Vec::new()],
    };
    let silent = drive::run(&setting, &input, case.workers.0, directory)?;
    let known = spoken::known(&silent.cases);
    input.commands = spoken::command_files(&case.commands, &known, setting.tick);
    let alone = drive::run(&setting, &input, case.workers.0, directory)?;

    let first = times(&input.partitions).into_iter().min().ok_or("no review")? - HOUR;
    let history = history(first, setting.max_age + setting.tick);
    let files = [Kind::Review, Kind::Feedback].into_iter().zip(history);
    for (kind, bytes) in files {
        let index = input.partitions.iter().filter(|partition| partition.kind == kind).count() as u64;
        input.partitions.push(partition(kind, index, bytes));
    }
    let after = drive::run(&setting, &input, case.workers.1, directory)?;
    if alone.files["cases.jsonl"] != after.files["cases.jsonl"] {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        let (alone, after) = (text(&alone.files["cases.jsonl"]), text(&after.files["cases.jsonl"]));
        return Err(format!("cases by itself:\n{alone}\nbehind history:\n{after}"));
    }
    setting.max_age = 400 * DAY;
    let called = drive::run(&setting, &input, case.workers.1, directory)?.cases;
    for kind in ["severe_review", "product_drop"] {
        let of_history =
            |line: &Value| line["case_id"].as_str().is_some_and(|id| id.starts_with(&format!("{kind}:h")));
        if !called.iter().any(of_history) {
            return Err(format!("the history has nothing that would open a case of {kind}, were it young"));
        }
    }
    Ok(alone.cases.len())
}

fn plain(setting: &Setting) -> Setting {
    Setting {
        learns: false,
        sentiment: 1_000_000,
        rating: 1_000_000,
        max_age: setting.max_age.clamp(1_000, 20 * HOUR),
        test: json!({
            "min_reviews": 4, "min_past": 15, "min_excess": 3, "spread_excess": 3, "p": 0.05, "z": 2.0,
            "recent_days": 7, "horizon_days": 30, "ewma_limit": 2, "cusum_limit": 3, "false_alarms_per_day": 1_000_000,
        }),
        ..setting.clone()
    }
}

/// The lines of a file that are records of a time.
fn lines(partition: &Partition) -> impl Iterator<Item = (Value, u64)> {
    let lines =
        partition.bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    lines.filter_map(|line: Value| line["ts"].as_u64().map(|ts| (line, ts)))
}

fn times(partitions: &[Partition]) -> Vec<u64> {
    partitions.iter().flat_map(lines).map(|(_, ts)| ts).collect()
}

fn label(review_id: &Value, ts: u64) -> String {
    let feedback_id = format!("n{}", review_id.as_str().unwrap_or_default());
    let label = json!({ "feedback_id": feedback_id, "review_id": review_id, "label": "negative", "ts": ts });
    format!("{label}\n")
}

/// The same, with a negative label for each review of one star, in a file before the others.
fn labelled(partitions: &[Partition]) -> Vec<Partition> {
    let bad = partitions.iter().filter(|partition| partition.kind == Kind::Review).flat_map(lines);
    let mut bad: Vec<(u64, String)> = bad
        .filter(|(line, _)| line["rating"] == 1)
        .map(|(line, ts)| (ts, label(&line["review_id"], ts)))
        .collect();
    bad.sort();
    let labels: String = bad.into_iter().map(|(_, label)| label).collect();
    let mut all = partitions.to_vec();
    all.iter_mut().filter(|partition| partition.kind == Kind::Feedback).for_each(|partition| {
        let index = partition.index + 1;
        *partition = self::partition(Kind::Feedback, index, std::mem::take(&mut partition.bytes));
    });
    all.push(partition(Kind::Feedback, 0, labels.into_bytes()));
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

/// Reviews and their labels, all of them older than `age` before `at`, which is when they come.
fn history(at: u64, age: u64) -> [Vec<u8>; 2] {
    let mut reviews = format!("{}\n", json!({ "review_id": "nobody", "op": "delete", "ts": at }));
    let mut labels = label(&json!("nobody"), at);
    for n in 0..180_u64 {
        let (product, back) = (n % 3, 179 - n);
        // four hours between two reviews: of the last day and a half, all are bad
        let (ts, bad) = (at - age - 1 - back * 4 * HOUR, back < 10);
        let id = json!(format!("h{n}"));
        let review = json!({
            "review_id": id, "product_id": format!("h{product}"), "rating": if bad { 1 } else { 5 },
            "text": "It caught fire", "lang": "en", "ts": ts,
        });
        reviews += &format!("{review}\n");
        if bad {
            labels += &label(&id, at);
        }
    }
    [reviews.into_bytes(), labels.into_bytes()]
}
