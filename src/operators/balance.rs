//! Where a record can end, and the sum of it for one source: what was read is what ended somewhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::records::Code;

/// Where a record ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It was decoded: it is in.
    In,
    /// It changed its key.
    Applied,
    /// A later record of its epoch replaced it.
    Superseded,
    /// It deleted its key.
    Deleted,
    /// It changed nothing, for this reason.
    Dropped(&'static str),
    /// It was refused, with this code.
    DeadLetter(&'static str),
    /// It waits for its review.
    Waiting,
    /// Its epoch was still open when the run was stopped.
    LeftBehind,
}

/// Why records are dropped.
const REASONS: [&str; 4] = ["expired", "filtered", "unchanged", "unknown"];

impl Outcome {
    /// How a checkpoint names it; `None` of what is counted at the end of a run.
    pub(super) fn stored(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::In => Some(("in", "")),
            Self::Applied => Some(("applied", "")),
            Self::Superseded => Some(("superseded", "")),
            Self::Deleted => Some(("deleted", "")),
            Self::Dropped(reason) => Some(("dropped", reason)),
            Self::DeadLetter(code) => Some(("dead_letter", code)),
            Self::Waiting | Self::LeftBehind => None,
        }
    }

    pub(super) fn of_stored(kind: &str, detail: &str) -> Option<Self> {
        match kind {
            "in" => Some(Self::In),
            "applied" => Some(Self::Applied),
            "superseded" => Some(Self::Superseded),
            "deleted" => Some(Self::Deleted),
            "dropped" => REASONS.into_iter().find(|reason| *reason == detail).map(Self::Dropped),
            "dead_letter" => {
                let codes = Code::ALL.iter().map(|code| code.as_str());
                codes.into_iter().find(|code| *code == detail).map(Self::DeadLetter)
            }
            _ => None,
        }
    }
}

/// The books of one source, or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Balance {
    /// Records read.
    #[serde(rename = "in")]
    pub read: u64,
    /// They changed their key.
    pub applied: u64,
    /// A later record of the same epoch replaced them.
    pub superseded: u64,
    /// They deleted their key.
    pub deleted: u64,
    /// They changed nothing, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// They were refused, by code.
    pub dead_letter: BTreeMap<String, u64>,
    /// They wait for their review, or their epoch is open.
    pub pending: u64,
}

impl Balance {
    /// The ends with their counts, in the order in which they are told.
    #[must_use]
    pub fn ends(&self) -> [(&'static str, u64); 6] {
        [
            ("applied", self.applied),
            ("superseded", self.superseded),
            ("deleted", self.deleted),
            ("dropped", self.dropped.values().sum()),
            ("dead letters", self.dead_letter.values().sum()),
            ("pending", self.pending),
        ]
    }

    /// The parts of an end by reason or code; nothing for an end without parts.
    pub fn parts(&self, end: &str) -> impl Iterator<Item = (&str, u64)> {
        let parts = match end {
            "dropped" => Some(&self.dropped),
            "dead letters" => Some(&self.dead_letter),
            _ => None,
        };
        parts.into_iter().flatten().map(|(part, &count)| (part.as_str(), count))
    }

    /// Records told minus records read: 0 when the books balance.
    #[must_use]
    pub fn difference(&self) -> i128 {
        self.ends().iter().map(|&(_, count)| i128::from(count)).sum::<i128>() - i128::from(self.read)
    }

    /// in = out + dropped + dead letters + pending.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.difference() == 0
    }
}
