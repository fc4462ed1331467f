//! `sentiment`: scores each version of a review with the newest model published in an earlier epoch.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::registry::{Demand, EdgeType, Operator, Output, OutputType, Port, Settings, SettingsFault, parse};

/// Settings of `sentiment`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SentimentSettings {
    /// Slots of the hashed feature space, a power of two. One slot takes 16 bytes.
    #[schemars(range(min = 1024, max = 1_073_741_824))]
    pub slots: u32,
    /// Character 3-5-grams inside the word border beside word 1-2-grams: about six times the work.
    pub characters: bool,
}

impl Default for SentimentSettings {
    fn default() -> Self {
        Self { slots: 1 << 20, characters: false }
    }
}

fn check(value: &Value) -> Vec<SettingsFault> {
    match parse::<SentimentSettings>(value) {
        Err(fault) => vec![fault],
        Ok(settings) if !settings.slots.is_power_of_two() => vec![SettingsFault {
            pointer: "/slots".into(),
            message: format!("{} is not a power of two", settings.slots),
            hint: format!("use {}, the next one", settings.slots.next_power_of_two()),
        }],
        Ok(_) => Vec::new(),
    }
}

fn demand(value: &Value) -> Demand {
    let settings: SentimentSettings = parse(value).unwrap_or_default();
    Demand {
        features: Some(json!({"slots": settings.slots, "characters": settings.characters})),
        ..Demand::default()
    }
}

/// The registry entry.
pub const OPERATOR: Operator = Operator {
    name: "sentiment",
    summary: "Scores each version of a review with the newest model version published in an earlier epoch: 0 is negative, 1 positive.",
    settings: Settings { schema: || schema_for!(SentimentSettings), check },
    ports: &[Port { name: "reviews", accepts: &[EdgeType::Reviews], many: true }],
    outputs: &[Output { name: None, edge: OutputType::Fixed(EdgeType::Versions) }],
    state: None,
    inserts: false,
    scores: true,
    learns: None,
    demand,
};
