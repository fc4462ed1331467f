//! `filter`: lets pass what meets a small condition.
//!
//! On a stream, a version that does not pass goes on as a delete of its key: what stood there before is gone, and the
//! record is booked `dropped{filtered}`. On a table, rows that do not pass are simply not in it; a row and its
//! retraction meet the same condition. A field that is null equals only `null`, and is neither less, greater nor a match.

use std::sync::Arc;

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    block::ReviewChunk,
    books::{Ledger, Outcome},
    condition::{Condition, Field, Test},
    registry::{Demand, EdgeType, Operator, Output, OutputType, Port, Settings, SettingsFault, parse},
    row::{Scored, Version, VersionKind},
    wiring::{Edge, Step, Wiring},
};
use crate::engine::{
    edge::{AsCollection, Update, updates},
    keyed::flat_map,
};

/// Settings of `filter`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilterSettings {
    /// What a review must meet to pass.
    pub condition: Condition,
}

fn check(value: &Value) -> Vec<SettingsFault> {
    match parse::<FilterSettings>(value) {
        Err(fault) => vec![fault],
        Ok(settings) => Test::compile(&settings.condition, "/condition").err().unwrap_or_default(),
    }
}

fn demand(value: &Value) -> Demand {
    let settings = parse::<FilterSettings>(value).ok();
    let test = settings.and_then(|settings| Test::compile(&settings.condition, "").ok());
    let text = test.is_some_and(|test| test.reads(Field::Title) || test.reads(Field::Text));
    Demand { text, ..Demand::default() }
}

/// The registry entry.
pub const OPERATOR: Operator = Operator {
    name: "filter",
    summary: "Lets pass the reviews that meet a condition; on a stream, a version that does not goes on as a delete of its key.",
    settings: Settings { schema: || schema_for!(FilterSettings), check, texts: &[] },
    ports: &[Port {
        name: "reviews",
        accepts: &[EdgeType::Reviews, EdgeType::Versions, EdgeType::ScoredTable],
        many: false,
        optional: false,
    }],
    outputs: &[Output { name: None, edge: OutputType::SameAsInput }],
    state: None,
    inserts: false,
    scores: false,
    learns: None,
    escalates: None,
    demand,
    build,
};

fn build<'s>(wiring: &mut Wiring<'s>, step: &Step<'_>, mut inputs: Vec<Vec<Edge<'s>>>) -> Vec<Edge<'s>> {
    let settings = parse::<FilterSettings>(step.settings).ok();
    let Some(test) = settings.and_then(|settings| Test::compile(&settings.condition, "").ok()) else {
        return Vec::new();
    };
    let (run, index) = (Arc::clone(&wiring.run), step.index);
    let meter = wiring.meter(step);
    let mut ledger = Ledger::default();
    let edge = match inputs.swap_remove(0).pop() {
        Some(Edge::Reviews(chunks)) => {
            Edge::Reviews(flat_map(chunks, step.id, move |epoch, mut chunk: ReviewChunk, give| {
                let length = chunk.chunk.end - chunk.chunk.start;
                let mut filtered =
                    chunk.filtered.as_ref().map_or_else(|| vec![false; length], |before| before.to_vec());
                for (n, review, kind) in chunk.reviews() {
                    if kind == VersionKind::Upsert && !test.passes(&(review, &*chunk.chunk.block)) {
                        filtered[n] = true;
                        ledger.count(run.source_of(review.head.place), Outcome::Dropped("filtered"));
                    }
                }
                meter.received(length);
                meter.sent(length);
                ledger.book(&run.books, epoch, index);
                chunk.filtered = Some(Arc::new(filtered));
                give(chunk);
            }))
        }
        Some(Edge::Versions(versions)) => {
            Edge::Versions(flat_map(versions, step.id, move |epoch, mut version: Version, give| {
                if version.kind == VersionKind::Upsert && !test.passes(&version.review) {
                    version.kind = VersionKind::Filtered;
                    ledger.count(run.source_of(version.review.place()), Outcome::Dropped("filtered"));
                    ledger.book(&run.books, epoch, index);
                }
                meter.received(1);
                meter.sent(1);
                give(version);
            }))
        }
        Some(Edge::Scored(table)) => {
            let rows = flat_map(updates(table), step.id, move |_, update: Update<Scored>, give| {
                meter.received(1);
                if test.passes(&update.0) {
                    meter.sent(1);
                    give(update);
                }
            });
            Edge::Scored(rows.as_collection())
        }
        _ => return Vec::new(),
    };
    vec![edge]
}
