//! A world of three cases and three targets, second by second: cases change, receivers answer as a list says, the process ends and
//! starts again. What each target is told is written down, and held against the rules.

mod rules;

use std::time::Duration;

use super::super::{
    dispatch::Dispatch,
    planner::{CaseLine, Planner},
    queue::Queue,
    quiet::QuietHours,
    settings::TargetSettings,
};
use crate::{
    connect::receivers::{Delivery, DeliveryError, Event},
    records::{Case, CaseKind, CaseState, DeliveryOutcome, Evidence, Severity},
};

const SECOND: u64 = 1_000;
const NAMES: [&str; 3] = ["a", "b", "c"];

pub(super) fn case(id: &str, state: CaseState, fired: Option<u64>, step: u32, severity: Severity) -> Case {
    Case {
        case_id: id.to_owned(),
        kind: CaseKind::Drift,
        severity,
        product_id: None,
        review_id: None,
        state,
        opened: 1,
        updated: 1,
        evidence: Evidence { fired, ..Evidence::default() },
        step,
        note: None,
    }
}

/// Quiet hours of whole hours in UTC.
pub(super) fn quiet(from: u8, hours: u8) -> QuietHours {
    let hour = |hour: u8| format!("{:02}:00", hour % 24);
    QuietHours { from: hour(from), to: hour(from + hours), timezone: "UTC".to_owned() }
}

/// What happens to a case, or to the process.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Fire,
    Step,
    Acknowledge,
    Resolve,
    Forget,
    SayAgain,
    Restart { compacted: bool },
}

/// What a receiver does.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Taken,
    Away,
    /// It has taken it, and nobody hears of that.
    Lost,
    Busy(u64),
    Refused,
}

/// An attempt that has reached a receiver.
#[derive(Clone, Debug)]
struct Told {
    at: u64,
    target: usize,
    case_id: String,
    fired: u64,
    event: Event,
    key: String,
    /// The answer came back.
    known: bool,
}

pub(super) struct World {
    settings: Vec<TargetSettings>,
    answers: Vec<(Answer, u64)>,
    asked: usize,
    seed: u64,
    now: u64,
    dispatch: Dispatch,
    lines: Vec<CaseLine>,
    cases: Vec<Option<Case>>,
    appended: Vec<DeliveryOutcome>,
    /// Of each target, when the answer comes, and which.
    under_way: Vec<Option<(u64, Answer, Delivery)>>,
    told: Vec<Told>,
    /// When each target was called, and whether for something critical.
    calls: Vec<Vec<(u64, bool)>>,
    all_is_well: bool,
    restarts: u64,
}

fn steps() -> Vec<Vec<String>> {
    [vec!["a"], vec!["b", "a"], vec!["c"]].map(|step| step.into_iter().map(str::to_owned).collect()).into()
}

impl World {
    pub(super) fn new(settings: Vec<TargetSettings>, answers: Vec<(Answer, u64)>, seed: u64) -> Self {
        let dispatch = dispatch(&settings, seed);
        let mut world = Self {
            settings,
            answers,
            asked: 0,
            seed,
            now: 1_700_000_000 * SECOND,
            dispatch,
            lines: Vec::new(),
            cases: vec![None; 3],
            appended: Vec::new(),
            under_way: vec![None, None, None],
            told: Vec::new(),
            calls: vec![Vec::new(); 3],
            all_is_well: false,
            restarts: 0,
        };
        world.dispatch.see(Vec::new(), true, world.now);
        world
    }

    pub(super) fn run_for(&mut self, seconds: u64) {
        let until = self.now + seconds * SECOND;
        loop {
            self.work();
            // the next moment at which anything is to be done
            let mut next = until;
            for (n, name) in NAMES.iter().enumerate() {
                match &self.under_way[n] {
                    Some((at, _, _)) => next = next.min(*at),
                    None => match self.dispatch.next(name, self.now) {
                        Err(Some(at)) if at > self.now => next = next.min(at),
                        Err(None) => {}
                        other => panic!("it should sleep: {other:?}"),
                    },
                }
            }
            if self.now >= until {
                return;
            }
            self.now = next.max(self.now + 1).min(until);
        }
    }

    /// Does what is due now.
    fn work(&mut self) {
        for (n, name) in NAMES.iter().enumerate() {
            loop {
                if let Some((at, ..)) = &self.under_way[n] {
                    if *at > self.now {
                        break;
                    }
                    self.answer(n);
                }
                let Ok(delivery) = self.dispatch.next(name, self.now) else { break };
                let critical = delivery.notifications.iter().any(|n| n.case.severity == Severity::Critical);
                self.calls[n].push((self.now, critical));
                let (answer, took) = self.answers[self.asked % self.answers.len()].clone();
                self.asked += 1;
                let (answer, took) = if self.all_is_well { (Answer::Taken, 0) } else { (answer, took) };
                self.under_way[n] = Some((self.now + took * SECOND, answer, delivery));
            }
        }
    }

    fn reach(&mut self, target: usize, delivery: &Delivery, known: bool) {
        for n in &delivery.notifications {
            let fired = n.case.evidence.fired.unwrap();
            let (case_id, key) = (n.case.case_id.clone(), n.key.clone());
            self.told.push(Told { at: self.now, target, case_id, fired, event: n.event, key, known });
        }
    }

    fn answer(&mut self, target: usize) {
        let Some((_, answer, delivery)) = self.under_way[target].take() else { return };
        let away = |retry_after| DeliveryError::Unavailable { reason: "away".to_owned(), retry_after };
        let result = match answer {
            Answer::Taken => Ok(()),
            Answer::Away | Answer::Lost => Err(away(None)),
            Answer::Busy(seconds) => Err(away(Some(Duration::from_secs(seconds)))),
            Answer::Refused => Err(DeliveryError::Refused { reason: "no".to_owned() }),
        };
        if matches!(answer, Answer::Taken | Answer::Lost) {
            self.reach(target, &delivery, result.is_ok());
        }
        self.dispatch.answered(NAMES[target], &result, self.now);
        self.append();
    }

    fn append(&mut self) {
        self.appended.extend(self.dispatch.outcomes.drain(..).map(|(outcome, _)| outcome));
    }

    pub(super) fn change(&mut self, which: u8, change: Change) {
        // no two things happen at once
        self.run_for(1);
        let known = self.cases[usize::from(which)].clone();
        let id = known.as_ref().map_or_else(|| format!("drift:{which}:{}", self.now), |k| k.case_id.clone());
        let severity = if which == 2 { Severity::Critical } else { Severity::Warning };
        let open = |state: &Case| matches!(state.state, CaseState::Firing | CaseState::Acknowledged);
        let changed = match (change, known) {
            (Change::Restart { compacted }, _) => return self.restart(compacted),
            (Change::Fire, Some(case)) if case.state == CaseState::Firing => return,
            (Change::Fire, _) => Some(case(&id, CaseState::Firing, Some(self.now), 1, severity)),
            (Change::Step, Some(case)) if case.state == CaseState::Firing && case.step < 3 => {
                Some(Case { step: case.step + 1, ..case })
            }
            (Change::Acknowledge, Some(case)) if case.state == CaseState::Firing => {
                Some(Case { state: CaseState::Acknowledged, ..case })
            }
            (Change::Resolve, Some(case)) if open(&case) => Some(Case { state: CaseState::Resolved, ..case }),
            (Change::Forget, Some(case)) if case.state == CaseState::Resolved => None,
            (Change::SayAgain, Some(case)) => Some(Case { note: Some(self.now.to_string()), ..case }),
            _ => return,
        };
        self.cases[usize::from(which)].clone_from(&changed);
        let line = changed.map_or(CaseLine::Gone(id), |case| CaseLine::Case(Box::new(case)));
        self.lines.push(line.clone());
        self.dispatch.see(vec![line], true, self.now);
        self.append();
    }

    /// What was under way reaches the receiver or not, and nobody will know.
    fn restart(&mut self, compacted: bool) {
        for target in 0..NAMES.len() {
            if let Some((_, Answer::Taken | Answer::Lost, delivery)) = self.under_way[target].take() {
                self.reach(target, &delivery, false);
            }
        }
        self.restarts += 1;
        self.seed = self.seed.wrapping_add(1);
        self.dispatch = dispatch(&self.settings, self.seed);
        self.dispatch.recall(&self.appended);
        let last = |n: &usize| {
            let id = self.lines[*n].case_id();
            self.lines[n + 1..].iter().all(|later| later.case_id() != id)
        };
        let kept: Vec<usize> = (0..self.lines.len()).filter(|n| !compacted || last(n)).collect();
        let lines: Vec<CaseLine> = kept.into_iter().map(|n| self.lines[n].clone()).collect();
        let (first, second) = lines.split_at(lines.len() / 2);
        self.dispatch.see(first.to_vec(), false, self.now);
        self.dispatch.see(second.to_vec(), true, self.now);
        self.append();
    }

    /// Every receiver is well again, and there is time for everything.
    pub(super) fn settle(&mut self) {
        self.all_is_well = true;
        self.run_for(4 * 86_400);
        assert!(self.dispatch.pending().iter().all(|(_, n)| *n == 0), "{:?}", self.dispatch.pending());
    }
}

fn dispatch(settings: &[TargetSettings], seed: u64) -> Dispatch {
    let named = || NAMES.iter().map(|name| (*name).to_owned()).zip(settings);
    let not_resolved = named().filter(|(_, s)| !s.send_resolved).map(|(name, _)| name).collect();
    let queues = named().map(|(name, settings)| (name, Queue::new(settings, seed))).collect();
    Dispatch::new("shop", Planner::new(steps(), not_resolved), queues)
}
