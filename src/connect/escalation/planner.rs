//! What is due: a function of the last committed line of a case and of the outcomes so far.
//!
//! It does not matter which lines came before: a compacted topic that has only the last line of a case gives what is due of it.
//!
//! * A case that fires with step k: every target of each step up to k gets `firing`, once for each step.
//! * Acknowledged, resolved: every target that has got `firing` since the case fired last gets it, unless it is not to hear
//!   of what is over. A target that never got `firing` gets nothing.
//! * Pending, or forgotten: nothing.
//!
//! A notification is named by `CASE_ID/FIRED/EVENT/TARGET`, of `firing` `CASE_ID/FIRED/firing/STEP/TARGET`. What has an
//! outcome is never due again.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    connect::{
        ends::CommittedRecord,
        receivers::{Event, Notification},
    },
    records::{Case, CaseState, DeliveryOutcome, DeliveryResult},
};

/// A line of the output of cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseLine {
    /// A case as it is now.
    Case(Box<Case>),
    /// A case, by its id, that is forgotten.
    Gone(String),
}

impl CaseLine {
    /// A record of an output of cases; none of what is no case.
    #[must_use]
    pub fn of(record: &CommittedRecord) -> Option<Self> {
        let Some(value) = &record.value else {
            return Some(Self::Gone(String::from_utf8(record.key.clone()?).ok()?));
        };
        if let Ok(case) = serde_json::from_slice::<Case>(value) {
            return Some(Self::Case(Box::new(case)));
        }
        let tombstone: Value = serde_json::from_slice(value).ok()?;
        let id = tombstone.get("case_id")?.as_str()?;
        (tombstone.get("deleted")?.as_bool() == Some(true)).then(|| Self::Gone(id.to_owned()))
    }

    /// The case that it is about.
    #[must_use]
    pub fn case_id(&self) -> &str {
        match self {
            Self::Case(case) => &case.case_id,
            Self::Gone(id) => id,
        }
    }
}

/// Who is told what.
#[derive(Clone, Debug, Default)]
pub struct Planner {
    /// The targets of each step.
    steps: Vec<Vec<String>>,
    /// Those that are not told what is over.
    not_resolved: BTreeSet<String>,
    cases: BTreeMap<String, Case>,
    /// By case and notification.
    outcomes: BTreeMap<String, BTreeMap<String, Outcome>>,
}

#[derive(Clone, Debug)]
struct Outcome {
    /// The target that got `firing` when the case fired at this epoch.
    got_firing: Option<(u64, String)>,
}

/// Names a notification.
#[must_use]
pub fn key(case_id: &str, fired: u64, event: Event, step: u32, target: &str) -> String {
    match event {
        Event::Firing => format!("{case_id}/{fired}/{}/{step}/{target}", event.as_str()),
        Event::Acknowledged | Event::Resolved => format!("{case_id}/{fired}/{}/{target}", event.as_str()),
    }
}

impl Planner {
    /// A planner of these steps; `not_resolved` are the targets that are not told what is over.
    #[must_use]
    pub fn new(steps: Vec<Vec<String>>, not_resolved: BTreeSet<String>) -> Self {
        Self { steps, not_resolved, ..Self::default() }
    }

    /// Takes a committed line.
    pub fn see(&mut self, line: CaseLine) {
        match line {
            CaseLine::Case(case) => drop(self.cases.insert(case.case_id.clone(), *case)),
            CaseLine::Gone(id) => {
                self.cases.remove(&id);
                self.outcomes.remove(&id);
            }
        }
    }

    /// Takes an outcome.
    pub fn hear(&mut self, outcome: &DeliveryOutcome) {
        let got = outcome.event == Event::Firing && outcome.result == DeliveryResult::Delivered;
        let got_firing = got.then(|| (outcome.fired, outcome.target.clone()));
        let of_case = self.outcomes.entry(outcome.case_id.clone()).or_default();
        of_case.entry(outcome.delivery_id.clone()).or_insert(Outcome { got_firing });
    }

    /// Forgets what became of notifications about cases that are not there.
    pub fn tidy(&mut self) {
        self.outcomes.retain(|id, _| self.cases.contains_key(id));
    }

    /// Whether a case is there.
    #[must_use]
    pub fn knows(&self, case_id: &str) -> bool {
        self.cases.contains_key(case_id)
    }

    /// The ids of all cases that are there.
    pub fn cases(&self) -> impl Iterator<Item = &String> {
        self.cases.keys()
    }

    /// What is due of a case: the target and the notification, in the order in which a target is to get them.
    #[must_use]
    pub fn due(&self, case_id: &str) -> Vec<(String, Notification)> {
        let Some(case) = self.cases.get(case_id) else { return Vec::new() };
        let Some(fired) = case.evidence.fired else { return Vec::new() };
        let none = BTreeMap::new();
        let outcomes = self.outcomes.get(case_id).unwrap_or(&none);
        let wanted: Vec<(Event, u32, &String)> = match case.state {
            CaseState::Pending => Vec::new(),
            CaseState::Firing => (1..=case.step)
                .zip(&self.steps)
                .flat_map(|(step, targets)| targets.iter().map(move |target| (Event::Firing, step, target)))
                .collect(),
            CaseState::Acknowledged | CaseState::Resolved => {
                let over = case.state == CaseState::Resolved;
                let event = if over { Event::Resolved } else { Event::Acknowledged };
                let got = |outcome: &'_ Outcome| {
                    outcome
                        .got_firing
                        .as_ref()
                        .filter(|(at, _)| *at == fired)
                        .map(|(_, target)| target.clone())
                };
                let told: BTreeSet<String> = outcomes.values().filter_map(got).collect();
                let hears = |target: &&String| {
                    told.contains(*target) && !(over && self.not_resolved.contains(*target))
                };
                let all: BTreeSet<&String> = self.steps.iter().flatten().collect();
                all.into_iter().filter(hears).map(|target| (event, case.step, target)).collect()
            }
        };
        let notification = |(event, step, target): (Event, u32, &String)| {
            let key = key(case_id, fired, event, step, target);
            let is_new = !outcomes.contains_key(&key);
            is_new.then(|| (target.clone(), Notification { key, event, step, case: case.clone() }))
        };
        wanted.into_iter().filter_map(notification).collect()
    }
}
