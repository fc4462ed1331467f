//! The two ends outside: the committed lines of cases, and where outcomes are appended. Connectors bring them.

use crate::{
    connect::{escalation::planner::CaseLine, registry::OpenError},
    records::{Case, DeliveryOutcome},
};

/// Reads what is committed in an output of cases, from its beginning.
pub trait CommittedCases: Send {
    /// The lines that have come since, in order; it may wait for a moment, and gives nothing where nothing has come. The second says
    /// whether everything that was committed when it was opened has been given.
    ///
    /// # Errors
    /// It cannot be read now; it may be asked again.
    fn read(&mut self) -> Result<(Vec<CaseLine>, bool), OpenError>;
}

/// Where outcomes are appended.
pub trait Outcomes: Send {
    /// All that are there, in order.
    ///
    /// # Errors
    /// It cannot be read now; it may be asked again.
    fn read_all(&mut self) -> Result<Vec<DeliveryOutcome>, OpenError>;

    /// Appends some, so that they stay.
    ///
    /// # Errors
    /// Some may not be there; they may be appended again.
    fn append(&mut self, outcomes: &[DeliveryOutcome]) -> Result<(), OpenError>;
}

/// A line of an output of cases; none of what is no case.
#[must_use]
pub fn case_line(bytes: &[u8]) -> Option<CaseLine> {
    if let Ok(case) = serde_json::from_slice::<Case>(bytes) {
        return Some(CaseLine::Case(Box::new(case)));
    }
    let tombstone: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let id = tombstone.get("case_id")?.as_str()?;
    (tombstone.get("deleted")?.as_bool() == Some(true)).then(|| CaseLine::Gone(id.to_owned()))
}
