//! The cases of one kind and subject, from everything that was read and said about it.
//!
//! A case is a list of what happened to it, each with its epoch; whatever has to be known is found by looking back over
//! that list and over the readings. At an epoch the reading counts first, then commands, then answers, then time: so says
//! `docs/alerts.md`, and its table of states is what stands in [`Story::go_on`].

use serde_json::{Value, json};

use super::rows::{Level, Reading};
use super::said::{Answer, Command, Said};
use super::setting::{Setting, Times};

/// What comes at an epoch of the log.
#[derive(Debug)]
pub(crate) struct Moment<'a> {
    pub(crate) epoch: u64,
    pub(crate) reading: Option<&'a Reading>,
    pub(crate) commands: Vec<&'a Said<Command>>,
    pub(crate) answers: Vec<&'a Said<Answer>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Fact {
    /// What was known of it then, too.
    Opened(Reading),
    Fired(Reading),
    /// Nobody did anything for too long after somebody took it on.
    Expired,
    Reopened,
    Acknowledged,
    Resolved(&'static str),
    Named(String),
    By(Option<String>),
    Noted(String),
    Answered(Answer),
    /// So many steps are due.
    Due(u64),
}

/// Where records stand that changed something.
pub(crate) type Places = Vec<(usize, usize)>;

/// All that happens to a subject.
#[derive(Debug)]
pub(crate) struct Story<'a> {
    kind: &'static str,
    subject: &'a str,
    setting: &'a Setting,
    past: Vec<Moment<'a>>,
    /// The last case, until it is forgotten.
    facts: Vec<(u64, Fact)>,
    /// Epochs at whose end a review was no matter any more.
    let_go: Vec<u64>,
    pub(crate) commands: Places,
    pub(crate) answers: Places,
}

impl<'a> Story<'a> {
    pub(crate) fn new(kind: &'static str, subject: &'a str, setting: &'a Setting) -> Self {
        let (past, facts, let_go) = (Vec::new(), Vec::new(), Vec::new());
        Self { kind, subject, setting, past, facts, let_go, commands: Vec::new(), answers: Vec::new() }
    }

    fn times(&self) -> &'a Times {
        if self.kind == "product_drop" { &self.setting.drop_times } else { &self.setting.severe_times }
    }

    fn last(&self, wanted: impl Fn(&Fact) -> bool) -> Option<usize> {
        self.facts.iter().rposition(|(_, fact)| wanted(fact))
    }

    fn when(&self, wanted: impl Fn(&Fact) -> bool) -> Option<u64> {
        self.last(wanted).map(|n| self.facts[n].0)
    }

    fn state(&self) -> Option<&'static str> {
        self.facts.iter().rev().find_map(|(_, fact)| match fact {
            Fact::Opened(_) => Some("pending"),
            Fact::Fired(_) | Fact::Expired | Fact::Reopened => Some("firing"),
            Fact::Acknowledged => Some("acknowledged"),
            Fact::Resolved(_) => Some("resolved"),
            _ => None,
        })
    }

    fn is_open(&self) -> bool {
        self.state().is_some_and(|state| state != "resolved")
    }

    fn case_id(&self) -> Option<String> {
        let opened = self.facts.first()?.0;
        Some(format!("{}:{}:{opened}", self.kind, self.subject))
    }

    /// The firing reading that holds.
    fn holding(&self) -> Option<&'a Reading> {
        let told = self.past.iter().rev().find(|m| m.reading.is_some_and(|r| r.level != Level::Between))?;
        let is_over = self.let_go.iter().any(|epoch| *epoch >= told.epoch);
        told.reading.filter(|reading| reading.level == Level::Firing && !is_over)
    }

    /// Since when the condition is clear, where it came before.
    fn clear_since(&self) -> Option<u64> {
        let fired = self.past.iter().rposition(|m| m.reading.is_some_and(|r| r.level == Level::Firing))?;
        let clear = |moment: &&Moment<'_>| moment.reading.is_some_and(|r| r.level != Level::Between);
        self.past[fired + 1..].iter().find(clear).map(|moment| moment.epoch)
    }

    /// Whether the reviews behind the condition have gone now, and had not before.
    fn is_gone(&self) -> bool {
        let is_gone = |moment: &Moment<'_>| moment.reading.is_some_and(|r| r.level == Level::Gone);
        let Some((now, past)) = self.past.split_last() else { return false };
        is_gone(now) && !past.iter().rev().find(|moment| moment.reading.is_some()).is_some_and(is_gone)
    }

    /// When a resolved case makes room for the next one.
    fn cooled_at(&self) -> u64 {
        let called = self.last(|fact| {
            matches!(fact, Fact::Fired(_) | Fact::Expired | Fact::Reopened | Fact::Acknowledged)
        });
        let resolved = self.when(|fact| matches!(fact, Fact::Resolved(_))).expect("a resolved case");
        resolved + if called.is_some() { self.times().cooldown.max(1) } else { 1 }
    }

    /// Whether there is a case of this id that people can still speak of.
    fn knows(&self, now: u64, case_id: &str) -> bool {
        let resolved = self.when(|fact| matches!(fact, Fact::Resolved(_)));
        let can_reopen = resolved.is_some_and(|resolved| now < resolved + self.times().reopen_within);
        self.case_id().as_deref() == Some(case_id) && (self.is_open() || can_reopen)
    }

    /// Goes on to the next epoch of the log; the case that is known then.
    pub(crate) fn go_on(&mut self, moment: Moment<'a>) -> Option<Value> {
        let now = moment.epoch;
        self.past.push(moment);
        let moment = &self.past[self.past.len() - 1];
        let (commands, answers) = (moment.commands.clone(), moment.answers.clone());
        for command in commands {
            self.obey(now, command);
        }
        for answer in answers {
            self.hear(now, answer);
        }
        let cooled = self.facts.is_empty() || !self.is_open() && now >= self.cooled_at();
        if self.is_open() {
            self.over_time(now);
        } else if let (true, Some(reading)) = (cooled, self.holding()) {
            self.facts = vec![(now, Fact::Opened(reading.clone()))];
            self.over_time(now);
        } else if cooled {
            let resolved = self.when(|fact| matches!(fact, Fact::Resolved(_)));
            if resolved.is_some_and(|resolved| now >= resolved + self.times().reopen_within) {
                self.facts.clear();
            }
        }
        if self.kind == "severe_review" && !self.facts.is_empty() && !self.is_open() {
            self.let_go.push(now);
        }
        self.case()
    }

    fn obey(&mut self, now: u64, record: &Said<Command>) {
        let Ok(command) = &record.said else { return };
        let named = Fact::Named(command.command_id.clone());
        if !self.knows(now, &command.case_id) || self.last(|fact| *fact == named).is_some() {
            return;
        }
        let fact = match (command.action.as_str(), self.is_open()) {
            ("ack", true) => Some(Fact::Acknowledged),
            ("resolve", true) => Some(Fact::Resolved("command")),
            ("reopen", false) => Some(Fact::Reopened),
            _ => None,
        };
        if fact.is_some() || command.note.is_some() {
            self.commands.push(record.place);
        }
        let by = fact.is_some().then(|| Fact::By(command.by.clone()));
        let noted = command.note.clone().map(Fact::Noted);
        let facts = [Some(named), fact, by, noted].into_iter().flatten();
        self.facts.extend(facts.map(|fact| (now, fact)));
    }

    /// What was answered since it fired last, and when that was.
    fn answered(&self) -> Option<(u64, Vec<&Answer>)> {
        let at = self.last(|fact| matches!(fact, Fact::Fired(_) | Fact::Expired | Fact::Reopened))?;
        let answers = self.facts[at..].iter().filter_map(|(_, fact)| match fact {
            Fact::Answered(answer) => Some(answer),
            _ => None,
        });
        Some((self.facts[at].0, answers.collect()))
    }

    fn hear(&mut self, now: u64, record: &Said<Answer>) {
        let Ok(answer) = &record.said else { return };
        let what = |answer: &Answer| (answer.event.clone(), answer.step, answer.target.clone());
        let is_new = self.answered().is_some_and(|(fired, answers)| {
            fired == answer.fired && !answers.iter().any(|known| what(known) == what(answer))
        });
        if is_new && self.knows(now, &answer.case_id) {
            self.facts.push((now, Fact::Answered(answer.clone())));
            self.answers.push(record.place);
        }
    }

    /// What time brings about in an open case.
    fn over_time(&mut self, now: u64) {
        let (times, opened, state) = (self.times(), self.facts[0].0, self.state());
        let keep = if state == Some("pending") { 0 } else { times.keep_firing_for };
        // what was clear before somebody reopened it does not count: readings come before commands
        let reopened = self.when(|fact| *fact == Fact::Reopened).unwrap_or(0);
        let clear = self.clear_since().filter(|since| *since >= opened && *since > reopened);
        let fact = if self.is_gone() {
            Some(Fact::Resolved("retracted"))
        } else if clear.is_some_and(|since| now >= since + keep) {
            Some(Fact::Resolved("cleared"))
        } else if state == Some("pending") && now >= opened + times.hold {
            Some(Fact::Fired(self.holding().expect("what is pending holds").clone()))
        } else {
            let taken =
                self.when(|fact| *fact == Fact::Acknowledged).filter(|_| state == Some("acknowledged"));
            let expires = taken.zip(times.ack_expires).map(|(taken, expires)| taken + expires);
            expires.filter(|expires| now >= *expires).map(|_| Fact::Expired)
        };
        self.facts.extend(fact.map(|fact| (now, fact)));
        if self.state() == Some("firing") {
            self.facts.push((now, Fact::Due(self.due(now))));
        }
    }

    /// How many steps of the escalation are due: by time, or as nobody of the step before could be told.
    fn due(&self, now: u64) -> u64 {
        let Some((fired, answers)) = self.answered() else { return 0 };
        let steps = &self.setting.steps;
        if steps.is_empty() {
            return 1;
        }
        let mut due = steps.iter().filter(|step| now >= fired + step.after).count();
        let failed = |step: usize, target: &str| {
            answers.iter().any(|answer| {
                (answer.event.as_str(), answer.step, answer.target.as_str())
                    == ("firing", step as u64, target)
                    && answer.result == "failed"
            })
        };
        while due > 0 && due < steps.len() && steps[due - 1].targets.iter().all(|target| failed(due, target))
        {
            due += 1;
        }
        due as u64
    }

    /// The case as it is published.
    fn case(&self) -> Option<Value> {
        let told = self.facts.iter().rev().find_map(|(_, fact)| match fact {
            Fact::Opened(reading) | Fact::Fired(reading) => Some(reading),
            _ => None,
        })?;
        let by = self.facts.iter().rev().find_map(|(_, fact)| match fact {
            Fact::By(by) => Some(by.clone()),
            _ => None,
        });
        let note = self.facts.iter().rev().find_map(|(_, fact)| match fact {
            Fact::Noted(note) => Some(note.clone()),
            _ => None,
        });
        let step = self.facts.iter().rev().find_map(|(_, fact)| match fact {
            Fact::Due(step) => Some(*step),
            _ => None,
        });
        let resolved = self.facts.iter().rev().find_map(|(_, fact)| match fact {
            Fact::Resolved(why) => Some(Some(*why)),
            Fact::Reopened => Some(None),
            _ => None,
        });
        let mut evidence = told.evidence.clone();
        let answered = self.answered();
        evidence["by"] = json!(by.flatten());
        evidence["resolved"] = json!(resolved.flatten());
        evidence["fired"] = json!(answered.as_ref().map(|(fired, _)| fired));
        evidence["deliveries"] = json!({});
        for answer in answered.map(|(_, answers)| answers).unwrap_or_default() {
            evidence["deliveries"][&answer.target] = json!(answer.result);
        }
        Some(json!({
            "case_id": self.case_id(),
            "kind": self.kind,
            "severity": told.severity,
            "product_id": told.product_id,
            "review_id": (self.kind == "severe_review").then_some(self.subject),
            "state": self.state(),
            "opened": self.facts[0].0,
            "evidence": evidence,
            "step": step.unwrap_or(0),
            "note": note,
        }))
    }
}
