//! What became of a notification about a case, as a run appends it to the topology's source of outcomes and reads it again.
//! Keyed by `case_id`, so that the outcomes of one case keep their order.
//!
//! As with [`Review`](super::Review), this struct is the schema and the writing side; reading goes through
//! [`decode`](super::decode). The outcome of a notification that failed is its dead letter: it holds the case as it was to be
//! told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{case::Case, review::Ts};

/// What has become of a notification.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Delivery")]
pub struct DeliveryOutcome {
    /// The idempotency key of the notification: `CASE_ID/FIRED/EVENT/STEP/TARGET`, the step only where a step is due.
    #[schemars(length(min = 1, max = 600))]
    pub delivery_id: String,
    /// The case it is about; the Kafka key.
    #[schemars(length(min = 1, max = 291))]
    pub case_id: String,
    /// The epoch at which the case had fired, in ms since 1970.
    pub fired: u64,
    /// Whom it was for: the id of a target of the topology.
    #[schemars(length(min = 1, max = 256))]
    pub target: String,
    /// What it says of the case.
    pub event: CaseEvent,
    /// The step of the escalation that was due, from 1; where it is not about a step, the last one that was.
    pub step: u32,
    /// What has become of it.
    pub result: DeliveryResult,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it was not delivered, in at most 4,096 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub reason: Option<String>,
    /// When that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts: Option<Ts>,
    /// The case as it was to be told, of a notification that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<Box<Case>>,
}

/// What has become of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaseEvent {
    /// A step of its escalation is due.
    Firing,
    /// Somebody has taken it on.
    Acknowledged,
    /// It is over.
    Resolved,
}

impl CaseEvent {
    /// All events, in their order.
    pub const ALL: [Self; 3] = [Self::Firing, Self::Acknowledged, Self::Resolved];

    /// The name that is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }
}

/// What has become of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryResult {
    /// The receiver has taken it.
    Delivered,
    /// It was given up.
    Failed,
    /// It was over before it went out.
    Obsolete,
}

impl DeliveryResult {
    /// All results.
    pub const ALL: [Self; 3] = [Self::Delivered, Self::Failed, Self::Obsolete];

    /// The name that is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Obsolete => "obsolete",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_serde_writes() {
        let written = |value: serde_json::Value| value.as_str().map(str::to_owned).unwrap();
        for event in CaseEvent::ALL {
            assert_eq!(written(serde_json::to_value(event).unwrap()), event.as_str());
        }
        for result in DeliveryResult::ALL {
            assert_eq!(written(serde_json::to_value(result).unwrap()), result.as_str());
        }
    }
}
