//! `deduplicate`: of the live reviews with one product, user and normalised text, the first is kept.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use super::registry::{Demand, EdgeType, Operator, Output, OutputType, Port, Settings, StateFormat, parse};

/// This step has no settings: duplicates are exact.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeduplicateSettings {}

/// The registry entry.
pub const OPERATOR: Operator = Operator {
    name: "deduplicate",
    summary: "Marks live reviews that repeat an earlier one of the same product and user word for word; when the kept one goes, the next takes its place.",
    settings: Settings {
        schema: || schema_for!(DeduplicateSettings),
        check: |value| parse::<DeduplicateSettings>(value).err().into_iter().collect(),
    },
    ports: &[Port { name: "reviews", accepts: &[EdgeType::ScoredTable], many: false }],
    outputs: &[Output { name: None, edge: OutputType::Fixed(EdgeType::ScoredTable) }],
    state: Some(StateFormat { id: "duplicates", version: 1 }),
    inserts: false,
    scores: false,
    learns: None,
    demand: |_| Demand::default(),
};
