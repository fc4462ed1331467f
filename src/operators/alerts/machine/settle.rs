//! What time brings about: firing, the end of an acknowledgement, resolving, opening, forgetting; and when it will.

use std::collections::BTreeMap;

use super::{Answer, Last, Machine};
use crate::{
    engine::{Epoch, duration::Millis},
    operators::alerts::settings::CaseSettings,
    records::{Case, CaseEvent, CaseState, DeliveryResult, Evidence, Resolution},
};

impl Machine {
    /// `gone`: the reviews behind the condition went in this epoch.
    pub(super) fn settle(&mut self, epoch: Epoch, gone: bool, settings: &CaseSettings) {
        let opens = self.holds && self.opens_at(settings).is_none_or(|at| epoch >= at);
        match &mut self.last {
            Some(last) if last.is_open() => {
                if gone {
                    last.resolve(epoch, Resolution::Retracted);
                } else if last.settle(epoch, settings)
                    && let Some((severity, evidence)) = &self.reading
                {
                    // it fires upon what is known by now
                    let by = last.case.evidence.by.take();
                    last.case.severity = *severity;
                    last.case.product_id.clone_from(&self.subject.product_id);
                    let fired = last.fired;
                    last.case.evidence = Evidence { by, fired, ..evidence.clone() };
                }
            }
            _ if opens => self.open(epoch, settings),
            Some(last) if epoch >= last.forgotten_at(settings) => self.last = None,
            _ => {}
        }
    }

    /// When the next case may open; none if at once.
    fn opens_at(&self, settings: &CaseSettings) -> Option<Epoch> {
        self.last.as_ref().map(|last| last.cooled_at(settings))
    }

    fn open(&mut self, epoch: Epoch, settings: &CaseSettings) {
        let Some((severity, evidence)) = self.reading.clone() else { return };
        let subject = &self.subject;
        let case = Case {
            case_id: Case::id(subject.kind, &subject.name, epoch),
            kind: subject.kind,
            severity,
            product_id: subject.product_id.clone(),
            review_id: subject.review_id.clone(),
            state: CaseState::Pending,
            opened: epoch,
            updated: epoch,
            evidence,
            step: 0,
            note: None,
        };
        let mut last = Last {
            case,
            fired: None,
            acknowledged: 0,
            clear: None,
            resolved: 0,
            commands: Vec::new(),
            answers: BTreeMap::new(),
        };
        last.settle(epoch, settings);
        self.last = Some(last);
    }

    /// The next epoch at which something is due.
    pub(in crate::operators::alerts) fn wake(&self, epoch: Epoch, settings: &CaseSettings) -> Option<Epoch> {
        let Some(last) = &self.last else { return None };
        if last.is_open() {
            return last.wake(epoch, settings);
        }
        if self.holds { self.opens_at(settings) } else { Some(last.forgotten_at(settings)) }
    }
}

impl Last {
    /// What is due in an open case. Whether it fires now that was pending.
    fn settle(&mut self, epoch: Epoch, settings: &CaseSettings) -> bool {
        if self.clears_at(settings).is_some_and(|at| epoch >= at) {
            self.resolve(epoch, Resolution::Cleared);
            return false;
        }
        let fires = self.case.state == CaseState::Pending && epoch >= after(self.case.opened, settings.hold);
        let expires = self.expires_at(settings).is_some_and(|at| epoch >= at);
        if fires || expires {
            self.fire(epoch);
        }
        if let (CaseState::Firing, Some(fired)) = (self.case.state, self.fired) {
            let due = settings.steps.iter().filter(|step| epoch >= after(fired, step.after)).count();
            self.case.step = self.past_failed(u32::try_from(due).unwrap_or(u32::MAX), settings);
        }
        fires
    }

    /// The step that is due in place of one whose targets have all failed.
    fn past_failed(&self, due: u32, settings: &CaseSettings) -> u32 {
        let mut due = due;
        for (step, next) in settings.steps.iter().zip(2_u32..).skip(due.saturating_sub(1) as usize) {
            let failed = |target: &String| {
                let key = Answer::key(CaseEvent::Firing, next - 1, target);
                self.answers.get(&key) == Some(&DeliveryResult::Failed)
            };
            let all_failed = !step.targets.is_empty() && step.targets.iter().all(failed);
            if due + 1 != next || next as usize > settings.steps.len() || !all_failed {
                break;
            }
            due = next;
        }
        due
    }

    /// Never in the epoch in which it ended: an epoch gives one case.
    fn cooled_at(&self, settings: &CaseSettings) -> Epoch {
        let cooldown = if self.fired.is_some() { settings.cooldown.0.max(1) } else { 1 };
        self.resolved.saturating_add(cooldown)
    }

    /// When neither a command nor the cooldown needs it any more.
    fn forgotten_at(&self, settings: &CaseSettings) -> Epoch {
        after(self.resolved, settings.reopen_within).max(self.cooled_at(settings))
    }

    fn clears_at(&self, settings: &CaseSettings) -> Option<Epoch> {
        let clear = self.clear?;
        Some(if self.case.state == CaseState::Pending {
            clear
        } else {
            after(clear, settings.keep_firing_for)
        })
    }

    fn expires_at(&self, settings: &CaseSettings) -> Option<Epoch> {
        let expires = settings.ack_expires.filter(|_| self.case.state == CaseState::Acknowledged)?;
        Some(after(self.acknowledged, expires))
    }

    fn wake(&self, epoch: Epoch, settings: &CaseSettings) -> Option<Epoch> {
        let fires = (self.case.state == CaseState::Pending).then(|| after(self.case.opened, settings.hold));
        let fired = self.fired.filter(|_| self.case.state == CaseState::Firing);
        let steps = settings.steps.iter().filter_map(|step| Some(after(fired?, step.after)));
        let others = [self.clears_at(settings), self.expires_at(settings), fires].into_iter().flatten();
        steps.chain(others).filter(|at| *at > epoch).min()
    }
}

fn after(epoch: Epoch, wait: Millis) -> Epoch {
    epoch.saturating_add(wait.0)
}
