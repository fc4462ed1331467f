//! Holds an output to the oracle: every line, in its place, and the discipline that any table's file must keep.
//!
//! Fields that the contract does not name may be there and are not looked at. Fractions are compared as numbers and
//! must have at most six decimals; counts and times must be integers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::batch::{self, Expected, Score, Scores, Setting};
use super::books;
use super::fraction;
use super::log::Partition;

/// What a run wrote.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Output {
    /// The files under `out/`, by name.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// The safetensors files of the state, by path.
    pub(crate) models: BTreeMap<String, Vec<u8>>,
    pub(crate) report: Value,
}

const FRACTIONS: [&str; 7] =
    ["rating", "sentiment", "spam", "rating_mean", "sentiment_mean", "negative_share", "score"];
const MODEL_FIELDS: [&str; 11] = [
    "model",
    "version",
    "role",
    "hash",
    "url",
    "labels",
    "epoch",
    "prequential",
    "prequential_fading",
    "progressive",
    "progressive_fading",
];

/// Everything that is wrong with an output, or nothing. `None` where the contract does not decide the case.
pub(crate) fn complaints(
    setting: &Setting,
    partitions: &[Partition],
    output: &Output,
) -> Option<Vec<String>> {
    let mut wrong = Vec::new();
    let mut lines = |name: &str| match parse(output.files.get(name)) {
        Ok(lines) => lines,
        Err(why) => {
            wrong.push(format!("{name}: {why}"));
            Vec::new()
        }
    };
    let (scored, products) = (lines("scored.jsonl"), lines("products.jsonl"));
    let (dead, models) = (lines("dead.jsonl"), lines("models.jsonl"));
    let scores = scores(&scored, &mut wrong);
    let expected = batch::expect(setting, partitions, &scores);
    if expected.tied {
        return None;
    }
    wrong.extend(versions(&scores, &expected));
    wrong.extend(discipline("review_id", &scored));
    wrong.extend(discipline("product_id", &products));
    wrong.extend(differences("scored", &scored, &expected.scored));
    wrong.extend(differences("products", &products, &expected.products));
    wrong.extend(differences("dead letters", &dead, &expected.dead));
    wrong.extend(
        dead.iter().filter(|letter| !has_message(letter)).map(|letter| format!("no message: {letter}")),
    );
    wrong.extend(model_lines(&models, expected.version));
    wrong.extend(book_differences(&output.report, partitions, &expected));
    Some(wrong)
}

pub(crate) fn parse(bytes: Option<&Vec<u8>>) -> Result<Vec<Value>, String> {
    let text = std::str::from_utf8(bytes.ok_or("is not there")?).map_err(|e| e.to_string())?;
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("its last line has no newline".to_owned());
    }
    text.lines().map(|line| serde_json::from_str(line).map_err(|e| format!("{e}: {line}"))).collect()
}

/// The score of each version; one that changes after it was published is wrong.
fn scores(lines: &[Value], wrong: &mut Vec<String>) -> Scores {
    let mut scores = Scores::new();
    for line in lines.iter().filter(|line| line.get("deleted").is_none()) {
        let origin = &line["origin"];
        let at = (origin["source"].as_str(), origin["partition"].as_u64(), origin["offset"].as_u64());
        let (Some(id), (Some(source), Some(partition), Some(offset)), Some(sentiment)) =
            (line["review_id"].as_str(), at, micro(&line["sentiment"]))
        else {
            wrong.push(format!("no review_id, origin or sentiment with six decimals: {line}"));
            continue;
        };
        if !(0..=fraction::ONE).contains(&sentiment) {
            wrong.push(format!("sentiment is no probability: {line}"));
        }
        let score = Score { sentiment, model: line["model"].clone() };
        let key = (id.to_owned(), (source.to_owned(), partition, offset));
        if scores.insert(key, score.clone()).is_some_and(|before| before != score) {
            wrong.push(format!("a stored sentiment or model changed: {line}"));
        }
    }
    scores
}

/// Every version that was applied must have been published, scored by the newest model of the epochs before.
pub(crate) fn versions(scores: &Scores, expected: &Expected) -> Vec<String> {
    let mut wrong = Vec::new();
    for (version, newest) in &expected.arrived {
        let (review_id, origin) = version;
        match (scores.get(version), newest) {
            (None, _) => wrong.push(format!("{review_id} of {origin:?} was never published")),
            (Some(score), Some(newest)) => {
                let model = json!({ "sentiment": format!("sentiment@{newest}") });
                if score.model != model || *newest == 0 && score.sentiment != 500_000 {
                    wrong.push(format!("{review_id} of {origin:?} needs version {newest}, not {score:?}"));
                }
            }
            _ => {}
        }
    }
    wrong
}

/// The units of 1e-6 of a JSON number, if it has no more decimals than six.
pub(crate) fn micro(value: &Value) -> Option<i64> {
    let number = value.as_f64()?;
    #[allow(clippy::cast_possible_truncation)]
    let micro = (number * 1e6).round() as i64;
    (fraction::json(micro).as_f64() == Some(number)).then_some(micro)
}

/// What every file of a table must keep, whatever its content: order, one line a key and epoch, no line that changes
/// nothing but `epoch`, no tombstone of what is not there.
pub(crate) fn discipline(key_field: &str, lines: &[Value]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut state: BTreeMap<String, Value> = BTreeMap::new();
    let mut before: Option<(u64, String)> = None;
    for line in lines {
        let (Some(epoch), Some(key)) = (line["epoch"].as_u64(), line[key_field].as_str()) else {
            wrong.push(format!("no {key_field} or epoch: {line}"));
            continue;
        };
        let place = (epoch, key.to_owned());
        if before.as_ref().is_some_and(|before| *before >= place) {
            wrong.push(format!("out of order, or twice in an epoch: {line}"));
        }
        before = Some(place);
        if line.get("deleted").is_some() {
            if state.remove(key).is_none() {
                wrong.push(format!("a tombstone for nothing: {line}"));
            }
            continue;
        }
        let mut row = line.clone();
        row["epoch"] = Value::Null;
        if state.insert(key.to_owned(), row.clone()).is_some_and(|before| before == row) {
            wrong.push(format!("changes nothing: {line}"));
        }
    }
    wrong
}

fn differences(name: &str, actual: &[Value], expected: &[Value]) -> Vec<String> {
    let mut wrong = Vec::new();
    for i in 0..actual.len().max(expected.len()) {
        match (actual.get(i), expected.get(i)) {
            (Some(a), Some(e)) if covers(a, e, "") => continue,
            (a, e) => wrong.push(format!(
                "{name}, line {}:\n  expected {}\n  actual   {}",
                i + 1,
                e.map_or("nothing".to_owned(), Value::to_string),
                a.map_or("nothing".to_owned(), Value::to_string)
            )),
        }
        if wrong.len() > 2 {
            break;
        }
    }
    wrong
}

/// Whether `actual` says all that `expected` says.
fn covers(actual: &Value, expected: &Value, field: &str) -> bool {
    match (actual, expected) {
        (Value::Object(a), Value::Object(e)) => {
            let exclusive = ["value", "value_base64", "deleted"];
            e.iter().all(|(name, e)| a.get(name).is_some_and(|a| covers(a, e, name)))
                && exclusive.iter().all(|name| a.contains_key(*name) == e.contains_key(*name))
        }
        (Value::Number(_), Value::Number(_)) if FRACTIONS.contains(&field) => {
            micro(actual).is_some() && micro(actual) == micro(expected)
        }
        _ => actual == expected,
    }
}

fn has_message(letter: &Value) -> bool {
    let headers = letter["headers"].as_object();
    letter["headers"]["__connect.errors.exception.message"].as_str().is_some_and(|m| !m.is_empty())
        && headers.is_some_and(|headers| headers.values().all(Value::is_string))
}

fn model_lines(lines: &[Value], version: Option<u64>) -> Vec<String> {
    let mut wrong = Vec::new();
    for line in lines {
        wrong.extend(
            MODEL_FIELDS
                .iter()
                .filter(|f| line.get(**f).is_none())
                .map(|f| format!("models: no {f}: {line}")),
        );
    }
    let last = lines.last().map(|line| &line["version"]);
    if let (Some(version), Some(last)) = (version, last)
        && last.as_u64() != Some(version)
    {
        wrong.push(format!("models: the last version is {version}, not {last}"));
    }
    if lines.is_empty() && version.is_some_and(|version| version > 0) {
        wrong.push("models: no record at the end of the input".to_owned());
    }
    wrong
}

fn book_differences(report: &Value, partitions: &[Partition], expected: &Expected) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut total = books::Books::new();
    let mut compare = |name: &str, report: &Value, expected: &books::Books| match books::read(report) {
        Ok(books) if books == *expected => {}
        Ok(books) => {
            wrong.push(format!("books of {name}:\n  expected {expected:?}\n  actual   {books:?}"));
        }
        Err(why) => wrong.push(format!("books of {name}: {why}")),
    };
    let sources: std::collections::BTreeSet<_> = partitions.iter().map(|p| p.source).collect();
    for source in sources {
        let books = expected.ledger.of(source);
        compare(source, &report["sources"][source], &books);
        total = books::sum(&total, &books);
    }
    compare("all", &report["books"], &total);
    wrong
}
