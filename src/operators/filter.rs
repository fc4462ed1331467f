//! `filter`: lets pass what meets a small condition.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::registry::{Demand, EdgeType, Operator, Output, OutputType, Port, Settings, SettingsFault, parse};

/// Settings of `filter`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilterSettings {
    /// What a review must meet to pass.
    pub condition: Condition,
}

/// A condition: either a test of one field, or `all`, `any`, `not` of conditions.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Condition {
    /// The field that is tested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Equal to this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eq: Option<Value>,
    /// Not equal to this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ne: Option<Value>,
    /// Less than this number or string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lt: Option<Value>,
    /// Greater than this number or string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gt: Option<Value>,
    /// Equal to one of these.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<Value>>,
    /// A regular expression that the field must match somewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
    /// All of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all: Option<Vec<Condition>>,
    /// At least one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub any: Option<Vec<Condition>>,
    /// Not this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<Box<Condition>>,
}

fn check(value: &Value) -> Vec<SettingsFault> {
    parse::<FilterSettings>(value).err().into_iter().collect()
}

/// The registry entry.
pub const OPERATOR: Operator = Operator {
    name: "filter",
    summary: "Lets pass the reviews that meet a condition; on a stream, a version that does not goes on as a delete of its key.",
    settings: Settings { schema: || schema_for!(FilterSettings), check },
    ports: &[Port {
        name: "reviews",
        accepts: &[EdgeType::Reviews, EdgeType::Versions, EdgeType::ScoredTable],
        many: false,
    }],
    outputs: &[Output { name: None, edge: OutputType::SameAsInput }],
    state: None,
    inserts: false,
    scores: false,
    learns: None,
    demand: |_| Demand::default(),
};
