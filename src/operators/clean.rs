//! `clean`: decodes and checks raw reviews, cleans their text, fills `lang` and `ts`.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use super::registry::{Demand, EdgeType, Operator, Output, OutputType, Port, Record, Settings, parse};

/// This step has no settings: `languages`, `max_record_bytes` and a source's `fields` say all there is to say.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CleanSettings {}

/// The registry entry.
pub const OPERATOR: Operator = Operator {
    name: "clean",
    summary: "Decodes and checks raw reviews, cleans their text and fills in a missing language or time; refused records leave by `.dead_letters`.",
    settings: Settings {
        schema: || schema_for!(CleanSettings),
        check: |value| parse::<CleanSettings>(value).err().into_iter().collect(),
    },
    ports: &[Port { name: "reviews", accepts: &[EdgeType::Source(Record::Review)], many: true }],
    outputs: &[
        Output { name: None, edge: OutputType::Fixed(EdgeType::Reviews) },
        Output { name: Some("dead_letters"), edge: OutputType::Fixed(EdgeType::DeadLetters) },
    ],
    state: None,
    inserts: false,
    scores: false,
    learns: None,
    demand: |_| Demand::default(),
};
