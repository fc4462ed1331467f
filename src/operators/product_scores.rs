//! `product_scores`: exact running figures of every product over its accepted live reviews.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use super::registry::{Demand, EdgeType, Operator, Output, OutputType, Port, Settings, StateFormat, parse};

/// Settings of `product_scores`: `score = (m*C + sum of value) / (m + reviews)`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProductScoresSettings {
    /// Weight of the prior, in reviews.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub m: f64,
    /// The prior's value, in stars.
    #[serde(rename = "C")]
    #[schemars(range(min = 1.0, max = 5.0))]
    pub c: f64,
}

impl Default for ProductScoresSettings {
    fn default() -> Self {
        Self { m: 10.0, c: 3.5 }
    }
}

/// The registry entry.
pub const OPERATOR: Operator = Operator {
    name: "product_scores",
    summary: "Keeps count, mean, histogram, sentiment and score of every product right through edits and deletes, in fixed point.",
    settings: Settings {
        schema: || schema_for!(ProductScoresSettings),
        check: |value| parse::<ProductScoresSettings>(value).err().into_iter().collect(),
    },
    ports: &[Port { name: "reviews", accepts: &[EdgeType::ScoredTable], many: false }],
    outputs: &[Output { name: None, edge: OutputType::Fixed(EdgeType::ProductTable) }],
    state: Some(StateFormat { id: "products", version: 1 }),
    inserts: false,
    scores: false,
    learns: None,
    demand: |_| Demand::default(),
};
