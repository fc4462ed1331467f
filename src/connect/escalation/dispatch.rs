//! Planner and queues together: lines and outcomes in, deliveries and outcomes out. The time is handed in.
//!
//! What became of a notification counts at once, and is put down to be appended.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    planner::{CaseLine, Planner},
    queue::{Done, Next, Queue},
};
use crate::{
    connect::receivers::{Delivery, DeliveryError, Notification},
    records::{DeliveryOutcome, DeliveryResult, review::Ts},
};

/// Longest reason in bytes.
const MAX_REASON: usize = 4_096;

/// All that is to be told.
pub(super) struct Dispatch {
    topology: String,
    planner: Planner,
    queues: BTreeMap<String, Queue>,
    /// Outcomes that are to be appended, with how long each notification was due, in ms.
    pub(super) outcomes: Vec<(DeliveryOutcome, u64)>,
    begun: bool,
}

impl Dispatch {
    pub(super) fn new(topology: &str, planner: Planner, queues: BTreeMap<String, Queue>) -> Self {
        Self { topology: topology.to_owned(), planner, queues, outcomes: Vec::new(), begun: false }
    }

    /// Takes outcomes of earlier runs.
    pub(super) fn recall(&mut self, outcomes: &[DeliveryOutcome]) {
        outcomes.iter().for_each(|outcome| self.planner.hear(outcome));
    }

    /// Takes committed lines. Nothing is told before those of earlier runs have all come.
    pub(super) fn see(&mut self, lines: Vec<CaseLine>, caught_up: bool, now: u64) {
        let mut changed: BTreeSet<String> = lines.iter().map(|line| line.case_id().to_owned()).collect();
        lines.into_iter().for_each(|line| self.planner.see(line));
        if !self.begun {
            if !caught_up {
                return;
            }
            self.begun = true;
            self.planner.tidy();
            changed = self.planner.cases().cloned().collect();
        }
        changed.iter().for_each(|case| self.plan(case, now));
    }

    /// Puts what is due of a case into the queues, and takes out what is not.
    fn plan(&mut self, case_id: &str, now: u64) {
        let mut due: BTreeMap<String, Vec<Notification>> = BTreeMap::new();
        for (target, notification) in self.planner.due(case_id) {
            due.entry(target).or_default().push(notification);
        }
        let mut dropped = Vec::new();
        for (target, queue) in &mut self.queues {
            let due = due.remove(target).unwrap_or_default();
            let obsolete = queue.set(case_id, due, now).into_iter();
            dropped.extend(obsolete.map(|done| (target.clone(), done)));
        }
        for (target, done) in dropped {
            self.over(&target, done, now);
        }
    }

    /// What a target is to do.
    pub(super) fn next(&mut self, target: &str, now: u64) -> Result<Delivery, Option<u64>> {
        let notifications = match self.queues.get_mut(target).map(|queue| queue.next(now)) {
            Some(Next::Deliver(notifications)) => notifications,
            Some(Next::At(at)) => return Err(Some(at)),
            Some(Next::Nothing) | None => return Err(None),
        };
        let key = match notifications.as_slice() {
            [one] => one.key.clone(),
            all => group_key(all),
        };
        Ok(Delivery { key, topology: self.topology.clone(), receiver: target.to_owned(), notifications })
    }

    /// What came of what a target did.
    pub(super) fn answered(&mut self, target: &str, result: &Result<(), DeliveryError>, now: u64) {
        let Some(queue) = self.queues.get_mut(target) else { return };
        let (ended, over, result, reason) = match result {
            Ok(()) => (queue.arrived(), Vec::new(), DeliveryResult::Delivered, None),
            Err(error) => {
                let (given_up, over) = queue.failed(error, now);
                (given_up, over, DeliveryResult::Failed, Some(error.to_string()))
            }
        };
        let cases: BTreeSet<String> =
            ended.iter().chain(&over).map(|done| done.notification.case.case_id.clone()).collect();
        for done in ended {
            self.put_down(target, done, result, reason.as_deref(), now);
        }
        for done in over {
            self.over(target, done, now);
        }
        // who has been told that it fires hears how it goes on
        cases.iter().for_each(|case| self.plan(case, now));
    }

    fn over(&mut self, target: &str, done: Done, now: u64) {
        self.put_down(target, done, DeliveryResult::Obsolete, Some("it was over before it went out"), now);
    }

    fn put_down(&mut self, target: &str, done: Done, result: DeliveryResult, reason: Option<&str>, now: u64) {
        let Done { notification, since, attempts } = done;
        let Notification { key, event, step, case } = notification;
        let outcome = DeliveryOutcome {
            delivery_id: key,
            case_id: case.case_id.clone(),
            fired: case.evidence.fired.unwrap_or(0),
            target: target.to_owned(),
            event,
            step,
            result,
            attempts,
            reason: reason.map(|reason| reason[..reason.floor_char_boundary(MAX_REASON)].to_owned()),
            ts: Some(Ts::Integer(now)),
            case: (result == DeliveryResult::Failed).then(|| Box::new(case)),
        };
        // one that is forgotten by now is asked about no more
        if self.planner.knows(&outcome.case_id) {
            self.planner.hear(&outcome);
        }
        self.outcomes.push((outcome, now.saturating_sub(since)));
    }

    /// How many notifications each target has.
    pub(super) fn pending(&self) -> Vec<(String, usize)> {
        self.queues.iter().map(|(target, queue)| (target.clone(), queue.len())).collect()
    }
}

/// Names what goes out at once: BLAKE3 of the keys.
fn group_key(notifications: &[Notification]) -> String {
    let mut hasher = blake3::Hasher::new();
    for notification in notifications {
        hasher.update(notification.key.as_bytes());
        hasher.update(b"\n");
    }
    hasher.finalize().to_hex().to_string()
}
