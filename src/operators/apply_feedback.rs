//! `apply_feedback`: the labels people gave, joined to the live reviews they speak of.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::registry::{
    Demand, EdgeType, Operator, Output, OutputType, Port, Record, Settings, SettingsFault, StateFormat, parse,
};
use crate::engine::duration::Millis;

/// Settings of `apply_feedback`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApplyFeedbackSettings {
    /// How long feedback waits for its review, in epoch time; without it, for ever (`clock: event`).
    pub label_wait: Option<Millis>,
}

fn check(value: &Value) -> Vec<SettingsFault> {
    parse::<ApplyFeedbackSettings>(value).err().into_iter().collect()
}

/// The registry entry.
pub const OPERATOR: Operator = Operator {
    name: "apply_feedback",
    summary: "Applies the last feedback of each family to its live review; feedback that comes first waits for its review.",
    settings: Settings { schema: || schema_for!(ApplyFeedbackSettings), check },
    ports: &[
        Port { name: "reviews", accepts: &[EdgeType::ScoredTable], many: false },
        Port { name: "feedback", accepts: &[EdgeType::Source(Record::Feedback)], many: true },
    ],
    outputs: &[
        Output { name: None, edge: OutputType::Fixed(EdgeType::ScoredTable) },
        Output { name: Some("dead_letters"), edge: OutputType::Fixed(EdgeType::DeadLetters) },
    ],
    state: Some(StateFormat { id: "feedback", version: 1 }),
    inserts: false,
    scores: false,
    learns: None,
    demand: |_| Demand::default(),
};
