//! `current`: from versions to one live row a review, by log order.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use super::registry::{Demand, EdgeType, Operator, Output, OutputType, Port, Settings, StateFormat, parse};

/// This step has no settings.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CurrentSettings {}

/// The registry entry.
pub const OPERATOR: Operator = Operator {
    name: "current",
    summary: "Keeps the last version of each review by log order; put in by the resolver wherever a table is needed.",
    settings: Settings {
        schema: || schema_for!(CurrentSettings),
        check: |value| parse::<CurrentSettings>(value).err().into_iter().collect(),
    },
    ports: &[Port { name: "versions", accepts: &[EdgeType::Versions], many: true }],
    outputs: &[Output { name: None, edge: OutputType::Fixed(EdgeType::ScoredTable) }],
    state: Some(StateFormat { id: "current", version: 1 }),
    inserts: true,
    scores: false,
    learns: None,
    demand: |_| Demand::default(),
};
