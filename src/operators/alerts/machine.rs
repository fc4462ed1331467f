//! The case of one kind and subject: pending, firing, acknowledged, resolved.
//!
//! A step at an epoch takes what changed and gives the case if it is another than before, and the next epoch at which time
//! alone changes it. Within an epoch the reading comes first, then the commands in log order, then what became of
//! notifications, then what time brings about. The
//! state is a function of these inputs: a step at an epoch where nothing comes and nothing is due changes nothing.
//!
//! * The condition *holds* from a firing reading on until a clear one; between the two thresholds, what is, stays.
//! * A pending case fires when the condition has held `for` so long, and ends when it is clear. A firing or acknowledged one
//!   ends when it has been clear for `keep_firing_for`. Where the reviews behind it are gone, any ends at once.
//! * One case is open at most. After one that fired comes the cooldown; a condition that holds through it opens the next case
//!   then. A reopened case has its old id and fires anew, until the condition comes and clears or a person resolves it.
//! * Steps of the escalation are counted from the last time it fired: from the end of an acknowledgement, too. An
//!   acknowledged case stays at its step.
//! * What became of a notification counts if it is of the last time the case fired, and once: later answers to the same one change
//!   nothing. Where every target of the step that is due has failed, the next step is due at once.
//! * Evidence is what there was when the case opened, and when it fired: what comes in later does not change the case.
//!
//! Of a case the last [`REMEMBERED`] command ids are kept: a command that comes again after as many others acts again.

mod messages;
mod settle;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::settings::CaseSettings;
use crate::{
    engine::Epoch,
    records::{Case, CaseAction, CaseKind, CaseState, DeliveryResult, Evidence, Resolution, Severity},
};

pub use messages::{Answer, Command, Level, Outcome, Reading, Subject};

/// Command ids that are kept of a case.
const REMEMBERED: usize = 64;

/// The case of one kind and subject; what serde makes of it is what a checkpoint keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    subject: Subject,
    level: Level,
    /// Whether the condition holds.
    holds: bool,
    /// The last firing reading, while the condition holds.
    reading: Option<(Severity, Evidence)>,
    last: Option<Last>,
}

/// The last case, open or resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Last {
    case: Case,
    /// When it fired last.
    fired: Option<Epoch>,
    /// When it was acknowledged last.
    acknowledged: Epoch,
    /// Since when its condition has been clear.
    clear: Option<Epoch>,
    /// When it was resolved.
    resolved: Epoch,
    /// Ids of its commands, the newest last.
    commands: Vec<String>,
    /// What became of the notifications since it fired last.
    answers: BTreeMap<String, DeliveryResult>,
}

impl Machine {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(subject: Subject) -> Self {
        Self { subject, level: Level::Clear, holds: false, reading: None, last: None }
    }

    /// The last case, open or resolved.
    #[must_use]
    pub fn case(&self) -> Option<&Case> {
        self.last.as_ref().map(|last| &last.case)
    }

    /// What it is about.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The product from now on: a review may be moved to another one.
    pub fn concern(&mut self, product_id: &str) {
        if self.subject.product_id.as_deref() != Some(product_id) {
            self.subject.product_id = Some(product_id.to_owned());
        }
    }

    /// Whether it need not be kept: a new one would do the same.
    #[must_use]
    pub fn is_forgotten(&self) -> bool {
        self.last.is_none() && !self.holds
    }

    /// Goes on to an epoch, which is later than that of any step before. Commands and answers come in log order.
    pub fn step(
        &mut self,
        epoch: Epoch,
        reading: Option<Reading>,
        commands: &[Command],
        answers: &[Answer],
        settings: &CaseSettings,
    ) -> Outcome {
        let before = self.case().cloned();
        let gone = reading.is_some_and(|reading| self.read(epoch, reading));
        let acted = commands.iter().map(|command| self.obey(epoch, command, settings)).collect();
        let heard = answers.iter().map(|answer| self.hear(epoch, answer, settings)).collect();
        self.settle(epoch, gone, settings);
        self.let_go();
        let case = self.last.as_mut().and_then(|last| {
            let changed = before.as_ref() != Some(&last.case);
            changed.then(|| {
                last.case.updated = epoch;
                last.case.clone()
            })
        });
        Outcome { case, wake: self.wake(epoch, settings), acted, heard }
    }

    /// A review is told of once: it does not change, and a case that is over must not be opened again because it is still there.
    fn let_go(&mut self) {
        let over = self.last.as_ref().is_some_and(|last| !last.is_open());
        if over && self.subject.kind == CaseKind::SevereReview {
            (self.holds, self.reading) = (false, None);
        }
    }

    /// Takes a reading; whether the reviews behind the condition are gone by it.
    fn read(&mut self, epoch: Epoch, reading: Reading) -> bool {
        let before = std::mem::replace(&mut self.level, reading.level);
        match reading.level {
            Level::Firing => {
                self.holds = true;
                self.reading = Some((reading.severity, reading.evidence));
                if let Some(last) = &mut self.last {
                    last.clear = None;
                }
            }
            Level::Between => {}
            Level::Clear | Level::Gone => {
                let held = std::mem::replace(&mut self.holds, false);
                self.reading = None;
                if let Some(last) = self.last.as_mut().filter(|_| held) {
                    last.clear = Some(epoch);
                }
            }
        }
        reading.level == Level::Gone && before != Level::Gone
    }

    /// The last case, if it has this id and is not about to be forgotten.
    fn known(&mut self, epoch: Epoch, case_id: &str, settings: &CaseSettings) -> Option<&mut Last> {
        let last = self.last.as_mut().filter(|last| last.case.case_id == case_id)?;
        let over = !last.is_open() && epoch >= last.resolved.saturating_add(settings.reopen_within.0);
        (!over).then_some(last)
    }

    /// Takes what became of a notification; whether it changed anything.
    fn hear(&mut self, epoch: Epoch, answer: &Answer, settings: &CaseSettings) -> bool {
        let Some(last) = self.known(epoch, &answer.case_id, settings) else { return false };
        let key = Answer::key(answer.event, answer.step, &answer.target);
        if last.case.evidence.fired != Some(answer.fired) || last.answers.contains_key(&key) {
            return false;
        }
        last.answers.insert(key, answer.result);
        last.case.evidence.deliveries.insert(answer.target.clone(), answer.result);
        true
    }

    /// Does what a command wants; whether it changed anything.
    fn obey(&mut self, epoch: Epoch, command: &Command, settings: &CaseSettings) -> bool {
        let Some(last) = self.known(epoch, &command.case_id, settings) else { return false };
        if last.commands.contains(&command.command_id) {
            return false;
        }
        if last.commands.len() == REMEMBERED {
            last.commands.remove(0);
        }
        last.commands.push(command.command_id.clone());
        if command.note.is_some() {
            last.case.note.clone_from(&command.note);
        }
        let acts = match (command.action, last.case.state) {
            (CaseAction::Ack, CaseState::Pending | CaseState::Firing | CaseState::Acknowledged) => {
                last.acknowledged = epoch;
                last.fired.get_or_insert(epoch);
                last.case.state = CaseState::Acknowledged;
                true
            }
            (CaseAction::Resolve, CaseState::Pending | CaseState::Firing | CaseState::Acknowledged) => {
                last.resolve(epoch, Resolution::Command);
                true
            }
            (CaseAction::Reopen, CaseState::Resolved) => {
                last.clear = None;
                last.case.evidence.resolved = None;
                last.fire(epoch);
                true
            }
            _ => false,
        };
        if acts {
            last.case.evidence.by.clone_from(&command.by);
        }
        acts || command.note.is_some()
    }
}

impl Last {
    fn fire(&mut self, epoch: Epoch) {
        self.fired = Some(epoch);
        self.case.evidence.fired = Some(epoch);
        self.case.evidence.deliveries.clear();
        self.answers.clear();
        self.case.state = CaseState::Firing;
    }

    fn resolve(&mut self, epoch: Epoch, why: Resolution) {
        self.resolved = epoch;
        self.case.state = CaseState::Resolved;
        self.case.evidence.resolved = Some(why);
    }

    fn is_open(&self) -> bool {
        self.case.state != CaseState::Resolved
    }
}
