//! The table that `alerts` reads, as the sink of scored reviews tells it, and how a condition reads an epoch of it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::{compare::micro, log::Origin};

/// A live row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) review_id: String,
    pub(crate) product_id: String,
    pub(crate) ts: u64,
    /// The line that it came by.
    pub(crate) line: Value,
    /// In 1e-6.
    pub(crate) sentiment: i64,
    pub(crate) rating: Option<i64>,
    pub(crate) negative: bool,
    pub(crate) origin: Origin,
}

/// The accepted live rows, by review.
pub(crate) type Rows = BTreeMap<String, Row>;

/// What an epoch does to accepted rows.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    pub(crate) epoch: u64,
    pub(crate) before: &'a Rows,
    pub(crate) after: &'a Rows,
    /// The reviews that have a line in the epoch.
    pub(crate) changed: &'a [String],
}

/// How a condition stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Level {
    Firing,
    /// It opens nothing, and ends nothing.
    Between,
    Clear,
    /// The reviews behind it are no longer what they were.
    Gone,
}

/// A condition that an epoch tells of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    pub(crate) level: Level,
    pub(crate) product_id: String,
    pub(crate) severity: &'static str,
    /// What speaks for it, as it is published; null where it does not fire.
    pub(crate) evidence: Value,
}

impl Reading {
    pub(crate) fn quiet(level: Level, product_id: &str) -> Self {
        Self { level, product_id: product_id.to_owned(), severity: "", evidence: Value::Null }
    }
}

impl Change<'_> {
    /// The rows that are new or other than before, and accepted now.
    pub(crate) fn came(&self) -> impl Iterator<Item = &Row> {
        self.changed.iter().filter_map(|id| self.after.get(id))
    }

    /// The rows that were accepted and are no longer what they were.
    pub(crate) fn went(&self) -> impl Iterator<Item = &Row> {
        self.changed.iter().filter_map(|id| self.before.get(id))
    }

    /// Whether a row is young enough to open a case.
    pub(crate) fn is_young(&self, row: &Row, max_age: u64) -> bool {
        row.ts + max_age >= self.epoch
    }
}

/// What each epoch makes of which review: the accepted row that it has now, or none.
pub(crate) type Epochs = BTreeMap<u64, Vec<(String, Option<Row>)>>;

/// The lines of the sink, by epoch.
pub(crate) fn by_epoch(scored: &[Value]) -> Result<Epochs, String> {
    let mut epochs = Epochs::new();
    for line in scored {
        let epoch = line["epoch"].as_u64().ok_or_else(|| format!("no epoch: {line}"))?;
        let id = line["review_id"].as_str().ok_or_else(|| format!("no review_id: {line}"))?;
        let row = if line.get("deleted").is_some() || line["status"] != "accepted" {
            None
        } else {
            Some(row(line).ok_or_else(|| format!("a field is missing: {line}"))?)
        };
        epochs.entry(epoch).or_default().push((id.to_owned(), row));
    }
    Ok(epochs)
}

fn row(line: &Value) -> Option<Row> {
    let origin = &line["origin"];
    Some(Row {
        review_id: line["review_id"].as_str()?.to_owned(),
        product_id: line["product_id"].as_str()?.to_owned(),
        ts: line["ts"].as_u64()?,
        sentiment: micro(&line["sentiment"])?,
        rating: micro(&line["rating"]),
        negative: line["label"] == "negative",
        origin: (
            origin["source"].as_str()?.to_owned(),
            origin["partition"].as_u64()?,
            origin["offset"].as_u64()?,
        ),
        line: line.clone(),
    })
}
