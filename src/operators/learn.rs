//! `learn`: one learner, in log order, from the labels of accepted live reviews.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use super::registry::{Demand, EdgeType, Operator, Output, OutputType, Port, Settings, StateFormat, parse};

/// Settings of `learn`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LearnSettings {
    /// The id of the scoring transform whose model this is.
    pub model: String,
}

/// The registry entry.
pub const OPERATOR: Operator = Operator {
    name: "learn",
    summary: "Learns from stars and feedback in log order: predict, score the prediction, learn, publish at the close of the epoch.",
    settings: Settings {
        schema: || schema_for!(LearnSettings),
        check: |value| parse::<LearnSettings>(value).err().into_iter().collect(),
    },
    ports: &[Port { name: "reviews", accepts: &[EdgeType::ScoredTable], many: false }],
    outputs: &[Output { name: Some("models"), edge: OutputType::Fixed(EdgeType::Models) }],
    state: Some(StateFormat { id: "model", version: 1 }),
    inserts: false,
    scores: false,
    learns: Some("model"),
    demand: |_| Demand { keep_features: true, ..Demand::default() },
};
