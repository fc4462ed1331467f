//! What the outputs must hold in the end, worked out by the oracle from the input topics alone.
//!
//! The end does not depend on how the input was cut into epochs, so the oracle takes it as one: the last version of a key wins.
//! Sentiments, which only the run knows, come from the output under test; `origin` and `model` of a row depend on epochs, and
//! [`super::checks`] holds them otherwise.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    history::{Record, records},
    shop::Shop,
};
use crate::oracle::{
    batch::{Expected, Score, Scores, Setting, fold},
    decode::{self, Code, Line, Read},
    fraction,
    log::{Entry, Kind},
};

/// A record of an input topic, and how it has to be read.
pub(super) struct Input {
    pub(super) source: &'static str,
    pub(super) topic: String,
    pub(super) record: Record,
    pub(super) read: Result<Line, Code>,
}

/// Everything in the input topics, in log order.
pub(super) fn inputs(shop: &Shop) -> Vec<Input> {
    let mut inputs = Vec::new();
    for source in ["feedback", "reviews"] {
        let topic = shop.topic(source);
        for record in records(&shop.settings, &topic) {
            let read = read(source, &record);
            inputs.push(Input { source, topic: topic.clone(), record, read });
        }
    }
    inputs
}

/// The rules of the contract for a record with a key.
fn read(source: &str, record: &Record) -> Result<Line, Code> {
    let Some(value) = &record.value else {
        let key = record.key.as_ref().ok_or("null_value")?;
        let review_id = String::from_utf8(key.clone()).map_err(|_| "invalid_utf8")?;
        let read = Read::Delete { review_id, ts: Some(0) };
        return Ok(Line { read, filled: Vec::new() });
    };
    let line = if source == "reviews" { decode::review(value) } else { decode::feedback(value) }?;
    let id = match &line.read {
        Read::Upsert(review) => &review.review_id,
        Read::Delete { review_id, .. } => review_id,
        Read::Feedback(feedback) => &feedback.review_id,
    };
    match &record.key {
        Some(key) if key != id.as_bytes() => Err("key_mismatch"),
        _ => Ok(line),
    }
}

/// What the oracle makes of it, with the sentiments of the rows that stand in the output.
pub(super) fn expect(inputs: &[Input], scored: &BTreeMap<String, Value>) -> Expected {
    let entries: Vec<Entry> = inputs
        .iter()
        .map(|input| Entry {
            epoch: 1,
            origin: (input.source.to_owned(), input.record.partition, input.record.offset),
            path: input.topic.clone(),
            kind: if input.source == "reviews" { Kind::Review } else { Kind::Feedback },
            raw: input.record.value.clone().unwrap_or_default(),
            read: input.read.clone(),
        })
        .collect();
    let mut scores = Scores::new();
    for entry in &entries {
        if let Ok(Line { read: Read::Upsert(review), .. }) = &entry.read
            && let Some(row) = scored.get(&review.review_id)
        {
            #[allow(clippy::cast_possible_truncation)]
            let sentiment = (row["sentiment"].as_f64().unwrap() * 1e6).round() as i64;
            let score = Score { sentiment, model: row["model"].clone() };
            scores.insert((review.review_id.clone(), entry.origin.clone()), score);
        }
    }
    let setting = Setting { tick: 1, epoch_records: u64::MAX, label_wait: None, condition: None };
    fold(&setting, &entries, &scores)
}

/// What stands in a table after its lines, by key, with the fields that depend on epochs taken out.
pub(super) fn table(key: &str, lines: &[Value]) -> BTreeMap<String, Value> {
    let mut table = BTreeMap::new();
    for line in lines {
        let id = line[key].as_str().unwrap().to_owned();
        if line.get("deleted").is_some() {
            table.remove(&id);
        } else {
            table.insert(id, timeless(line));
        }
    }
    table
}

/// A row without what depends on epochs; numbers in the form of the oracle.
pub(super) fn timeless(row: &Value) -> Value {
    let mut row = row.clone();
    for field in ["epoch", "origin", "model"] {
        row[field] = Value::Null;
    }
    for field in ["rating", "sentiment", "rating_mean", "sentiment_mean", "negative_share", "score"] {
        if let Some(number) = row.get(field).and_then(Value::as_f64) {
            #[allow(clippy::cast_possible_truncation)]
            let micro = (number * 1e6).round() as i64;
            row[field] = json!(fraction::json(micro));
        }
    }
    row
}
