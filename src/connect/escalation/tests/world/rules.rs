//! The rules that what each target was told is held against.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::super::{quiet::QuietHours, settings::TargetSettings},
    NAMES, Told, World, steps,
};
use crate::{
    connect::receivers::Event,
    records::{CaseState, DeliveryOutcome, DeliveryResult},
};

impl World {
    pub(in crate::connect::escalation::tests) fn check(&self) {
        for (n, settings) in self.settings.iter().enumerate() {
            self.check_calls(n, settings);
            self.check_order(n, settings);
        }
        self.check_end();
    }

    fn check_calls(&self, target: usize, settings: &TargetSettings) {
        let calls = &self.calls[target];
        if let Some(hours) = settings.quiet_hours.as_ref().and_then(QuietHours::read) {
            for (at, critical) in calls {
                assert!(*critical || hours.until(*at).is_none(), "called at {at}");
            }
        }
        // a restart fills the bucket
        if let Some(limit) = settings.rate_limit.filter(|_| self.restarts == 0) {
            for (first, (at, _)) in calls.iter().enumerate() {
                let within = calls[first..].iter().take_while(|(later, _)| *later < at + limit.per.0).count();
                assert!(within as u64 <= 2 * limit.count, "{within} in {}", limit.per);
            }
        }
    }

    /// Of a firing, a target hears that it fires first; then that somebody has taken it on; then that it is over. An
    /// answer that is known is the last of its notification.
    fn check_order(&self, target: usize, settings: &TargetSettings) {
        let mut heard: BTreeMap<&str, Vec<&Told>> = BTreeMap::new();
        for told in self.told.iter().filter(|told| told.target == target) {
            heard.entry(&told.case_id).or_default().push(told);
        }
        for told in heard.into_values() {
            for pair in told.windows(2) {
                let order = |told: &Told| (told.fired, told.event);
                assert!(order(pair[0]) <= order(pair[1]), "{pair:?}");
            }
            for one in &told {
                let first = told.iter().find(|other| other.fired == one.fired).unwrap();
                assert_eq!(first.event, Event::Firing, "{one:?}");
                assert!(one.event != Event::Resolved || settings.send_resolved, "{one:?}");
                let after = told.iter().filter(|later| later.key == one.key && later.at > one.at).count();
                assert!(!one.known || after == 0, "{one:?} came again");
            }
        }
    }

    /// Whoever is to know of a case as it is in the end has been told, or it was given up.
    fn check_end(&self) {
        let ended: BTreeSet<&str> =
            self.appended.iter().map(|outcome| outcome.delivery_id.as_str()).collect();
        assert_eq!(ended.len(), self.appended.len(), "one outcome each");
        for case in self.cases.iter().flatten() {
            let id = &case.case_id;
            let fired = case.evidence.fired.unwrap();
            for (step, targets) in (1..).zip(steps()) {
                for target in &targets {
                    let firing = format!("{id}/{fired}/firing/{step}/{target}");
                    let wanted = case.state == CaseState::Firing && step <= case.step;
                    assert!(!wanted || ended.contains(&*firing), "{firing}");
                    let is = |o: &&DeliveryOutcome| {
                        o.delivery_id == firing && o.result == DeliveryResult::Delivered
                    };
                    if case.state == CaseState::Firing || !self.appended.iter().any(|o| is(&o)) {
                        continue;
                    }
                    let settings = &self.settings[NAMES.iter().position(|name| name == target).unwrap()];
                    let over = case.state == CaseState::Resolved;
                    let word = if over { "resolved" } else { "acknowledged" };
                    let key = format!("{id}/{fired}/{word}/{target}");
                    assert_eq!(ended.contains(&*key), !over || settings.send_resolved, "{key}");
                }
            }
        }
        for outcome in &self.appended {
            let delivered = outcome.result == DeliveryResult::Delivered;
            let told = self.told.iter().any(|told| told.known && told.key == outcome.delivery_id);
            assert_eq!(told, delivered, "{outcome:?}");
            assert_eq!(outcome.case.is_some(), outcome.result == DeliveryResult::Failed);
        }
    }
}
