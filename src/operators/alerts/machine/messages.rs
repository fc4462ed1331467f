//! What a machine is told, readings, commands and answers, and what it gives back.

use serde::{Deserialize, Serialize};

use crate::{
    engine::Epoch,
    records::{Case, CaseAction, CaseEvent, CaseKind, DeliveryResult, Evidence, Severity},
};

/// What a case is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// What is wrong.
    pub kind: CaseKind,
    /// Whose condition it is: the id of a product, review, campaign or model. Part of the case's id.
    pub name: String,
    /// The product.
    pub product_id: Option<String>,
    /// The review.
    pub review_id: Option<String>,
}

/// How a condition stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// Below the lower threshold.
    Clear,
    /// Below it because the reviews that were above it are no longer what they were.
    Gone,
    /// Between the thresholds.
    Between,
    /// Above the upper threshold.
    Firing,
}

/// A condition that has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// How it stands.
    pub level: Level,
    /// How much it would matter.
    pub severity: Severity,
    /// What speaks for it; looked at where it fires.
    pub evidence: Evidence,
}

/// What a person wants of a case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Command {
    /// Names the command.
    pub command_id: String,
    /// Names the case.
    pub case_id: String,
    /// What is to be done.
    pub action: CaseAction,
    /// Who wants it.
    pub by: Option<String>,
    /// What is to be remembered.
    pub note: Option<String>,
}

/// What became of a notification.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Answer {
    /// Names the case.
    pub case_id: String,
    /// When the case had fired.
    pub fired: Epoch,
    /// Whom it was for.
    pub target: String,
    /// What it said.
    pub event: CaseEvent,
    /// The step that was due.
    pub step: u32,
    /// What became of it.
    pub result: DeliveryResult,
}

impl Answer {
    /// What tells the notification from the others of the same firing.
    pub(super) fn key(event: CaseEvent, step: u32, target: &str) -> String {
        format!("{}/{step}/{target}", event.as_str())
    }
}

/// What a step brings about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The case, if it is another than before.
    pub case: Option<Case>,
    /// The next epoch at which time alone changes something: step again at the first one that reaches it.
    pub wake: Option<Epoch>,
    /// Of each command, whether it changed anything.
    pub acted: Vec<bool>,
    /// Of each answer, whether it changed anything.
    pub heard: Vec<bool>,
}
