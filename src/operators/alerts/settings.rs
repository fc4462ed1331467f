//! The times of a case. All are epoch time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::duration::Millis;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// When cases fire, call, fall silent and end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CaseSettings {
    /// How long a condition must hold before its case fires; until then the case is pending.
    #[serde(rename = "for")]
    pub hold: Millis,
    /// How long a condition must be clear before its case is resolved.
    pub keep_firing_for: Millis,
    /// How long after the end of a case that fired no other one is opened for the same kind and subject.
    pub cooldown: Millis,
    /// How long an acknowledgement counts; then the case fires again. Without it, until the case is resolved.
    pub ack_expires: Option<Millis>,
    /// How long a resolved case can be reopened; then it is forgotten.
    pub reopen_within: Millis,
    /// When the steps of the escalation are due, counted from the moment the case fired.
    pub escalate_after: Vec<Millis>,
}

impl Default for CaseSettings {
    fn default() -> Self {
        Self {
            hold: Millis(0),
            keep_firing_for: Millis(HOUR),
            cooldown: Millis(DAY),
            ack_expires: Some(Millis(DAY)),
            reopen_within: Millis(30 * DAY),
            escalate_after: vec![Millis(0)],
        }
    }
}
