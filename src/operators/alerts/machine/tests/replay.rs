//! The same by brute force: for each epoch of a history, everything before it is gone through again, and what holds is found
//! by looking back at what happened.

use crate::{
    engine::Epoch,
    operators::alerts::{Answer, CaseSettings, Command, Level, Reading},
    records::{
        Case, CaseAction, CaseEvent, CaseKind, CaseState, DeliveryResult, Evidence, Resolution, Severity,
    },
};

/// What came at an epoch.
pub(super) struct Entry {
    pub(super) epoch: Epoch,
    pub(super) reading: Option<Reading>,
    pub(super) commands: Vec<Command>,
    pub(super) answers: Vec<Answer>,
}

#[derive(Clone, PartialEq)]
enum Fact {
    Answered(Answer),
    Opened,
    Fired,
    Acknowledged,
    Resolved(Resolution),
    Reopened,
    Noted(String),
    By(String),
    Seen(String),
}

/// What happened to one case, in order.
struct Story(Vec<(Epoch, Fact)>);

impl Story {
    fn last(&self, wanted: impl Fn(&Fact) -> bool) -> Option<Epoch> {
        self.0.iter().rev().find(|(_, fact)| wanted(fact)).map(|(epoch, _)| *epoch)
    }

    fn opened(&self) -> Epoch {
        self.0[0].0
    }

    fn state(&self) -> CaseState {
        let states = self.0.iter().rev().filter_map(|(_, fact)| match fact {
            Fact::Opened => Some(CaseState::Pending),
            Fact::Fired | Fact::Reopened => Some(CaseState::Firing),
            Fact::Acknowledged => Some(CaseState::Acknowledged),
            Fact::Resolved(_) => Some(CaseState::Resolved),
            Fact::Answered(_) | Fact::Noted(_) | Fact::By(_) | Fact::Seen(_) => None,
        });
        states.take(1).next().unwrap()
    }

    fn fired(&self) -> Option<Epoch> {
        self.last(|fact| matches!(fact, Fact::Fired | Fact::Reopened))
    }

    /// The answers to what was told of the last time it fired; of several to one notification, the first.
    fn answers(&self) -> Vec<&Answer> {
        let at = self.0.iter().rposition(|(_, fact)| matches!(fact, Fact::Fired | Fact::Reopened));
        let mut found: Vec<&Answer> = Vec::new();
        for (_, fact) in self.0.iter().skip(at.map_or(usize::MAX, |at| at + 1)) {
            if let Fact::Answered(answer) = fact {
                let same = |a: &&&Answer| {
                    (a.event, a.step, &a.target) == (answer.event, answer.step, &answer.target)
                };
                if !found.iter().any(|known| same(&known)) {
                    found.push(answer);
                }
            }
        }
        found
    }

    /// The step that is due: by time, or because nobody of the one before could be told.
    fn step(&self, epoch: Epoch, fired: Epoch, settings: &CaseSettings) -> usize {
        let steps = &settings.steps;
        let failed = |n: usize| {
            let answers = self.answers();
            let failed = |target: &String| {
                let wanted = (CaseEvent::Firing, n as u32, target);
                answers
                    .iter()
                    .any(|a| (a.event, a.step, &a.target) == wanted && a.result == DeliveryResult::Failed)
            };
            let targets = &steps[n - 1].targets;
            !targets.is_empty() && targets.iter().all(failed)
        };
        let by_time = steps.iter().filter(|step| epoch - fired >= step.after.0).count();
        let reached = |n: &usize| (by_time.max(1)..*n).all(failed) && (by_time > 0 || *n == 0);
        (by_time..=steps.len()).rev().find(reached).unwrap_or(by_time)
    }

    /// Whether anybody was ever called, or took it on.
    fn called(&self) -> bool {
        self.0.iter().any(|(_, fact)| matches!(fact, Fact::Fired | Fact::Reopened | Fact::Acknowledged))
    }
}

/// The firing reading that holds after these entries: the last one, if no clear one came after it.
fn holding(entries: &[Entry]) -> Option<(Epoch, &Reading)> {
    let telling = |entry: &&Entry| entry.reading.as_ref().is_some_and(|r| r.level != Level::Between);
    let last = entries.iter().rev().find(telling)?;
    last.reading
        .as_ref()
        .filter(|reading| reading.level == Level::Firing)
        .map(|reading| (last.epoch, reading))
}

/// Since when the condition is clear that held before.
fn clear_since(entries: &[Entry]) -> Option<Epoch> {
    if holding(entries).is_some() {
        return None;
    }
    let held = (0..entries.len()).rev().find(|n| holding(&entries[..*n]).is_some())?;
    Some(entries[held].epoch)
}

/// Whether the reviews behind the condition have gone at the last of these epochs.
fn gone(entries: &[Entry]) -> bool {
    let levels: Vec<Level> = entries.iter().filter_map(|e| e.reading.as_ref()).map(|r| r.level).collect();
    let now = entries.last().is_some_and(|entry| entry.reading.is_some());
    now && levels.ends_with(&[Level::Gone]) && !levels.ends_with(&[Level::Gone, Level::Gone])
}

/// What each epoch gives.
pub(super) fn cases(history: &[Entry], settings: &CaseSettings) -> Vec<Option<Case>> {
    let mut stories: Vec<Story> = Vec::new();
    let mut given: Vec<Option<Case>> = Vec::new();
    let mut shown: Option<Case> = None;
    for n in 1..=history.len() {
        let past = &history[..n];
        let now = past[n - 1].epoch;
        if let Some(story) = stories.last_mut() {
            for command in &past[n - 1].commands {
                said(story, command, now, settings);
            }
            for answer in &past[n - 1].answers {
                heard(story, answer, now, settings);
            }
        }
        let open = stories.last().is_some_and(|story| story.state() != CaseState::Resolved);
        if open {
            let story = stories.last_mut().unwrap();
            over_time(story, past, settings);
        } else if holding(past).is_some() {
            let free = stories.last().is_none_or(|story| {
                let resolved = story.last(|fact| matches!(fact, Fact::Resolved(_))).unwrap();
                let cooldown = if story.called() { settings.cooldown.0 } else { 0 };
                now > resolved && now - resolved >= cooldown
            });
            if free {
                let mut story = Story(vec![(now, Fact::Opened)]);
                over_time(&mut story, past, settings);
                stories.push(story);
            }
        }
        let case = stories.last().map(|story| told(story, past, settings));
        let changed = case.filter(|case| {
            let same = |old: &Case| Case { updated: case.updated, ..old.clone() } == *case;
            !shown.as_ref().is_some_and(same)
        });
        shown = changed.clone().or(shown);
        given.push(changed);
    }
    given
}

fn said(story: &mut Story, command: &Command, now: Epoch, settings: &CaseSettings) {
    let seen = Fact::Seen(command.command_id.clone());
    let id = format!("product_drop:p:{}", story.opened());
    if command.case_id != id || story.0.iter().any(|(_, fact)| *fact == seen) {
        return;
    }
    let open = story.state() != CaseState::Resolved;
    let resolved = story.last(|fact| matches!(fact, Fact::Resolved(_)));
    let known = !open && resolved.is_some_and(|resolved| now - resolved < settings.reopen_within.0);
    let forgotten = !open && !known;
    if forgotten {
        return;
    }
    story.0.push((now, seen));
    if let Some(note) = &command.note {
        story.0.push((now, Fact::Noted(note.clone())));
    }
    let fact = match command.action {
        CaseAction::Ack if open => Fact::Acknowledged,
        CaseAction::Resolve if open => Fact::Resolved(Resolution::Command),
        CaseAction::Reopen if known => Fact::Reopened,
        _ => return,
    };
    story.0.push((now, fact));
    story.0.extend(command.by.iter().map(|by| (now, Fact::By(by.clone()))));
}

fn heard(story: &mut Story, answer: &Answer, now: Epoch, settings: &CaseSettings) {
    let id = format!("product_drop:p:{}", story.opened());
    let resolved = story.last(|fact| matches!(fact, Fact::Resolved(_)));
    let open = story.state() != CaseState::Resolved;
    let known = open || resolved.is_some_and(|resolved| now - resolved < settings.reopen_within.0);
    if known && answer.case_id == id && story.fired() == Some(answer.fired) {
        story.0.push((now, Fact::Answered(answer.clone())));
    }
}

fn over_time(story: &mut Story, past: &[Entry], settings: &CaseSettings) {
    let now = past[past.len() - 1].epoch;
    let state = story.state();
    let keep = if state == CaseState::Pending { 0 } else { settings.keep_firing_for.0 };
    let reopened = story.last(|fact| *fact == Fact::Reopened).unwrap_or(0);
    // what was clear before a person reopened it does not count; nor in the same epoch, where readings come first
    let clear = clear_since(past).filter(|clear| *clear > reopened && *clear >= story.opened());
    if gone(past) {
        story.0.push((now, Fact::Resolved(Resolution::Retracted)));
    } else if clear.is_some_and(|clear| now - clear >= keep) {
        story.0.push((now, Fact::Resolved(Resolution::Cleared)));
    } else if state == CaseState::Pending && now - story.opened() >= settings.hold.0 {
        story.0.push((now, Fact::Fired));
    } else if state == CaseState::Acknowledged {
        let taken = story.last(|fact| *fact == Fact::Acknowledged).unwrap();
        if settings.ack_expires.is_some_and(|expires| now - taken >= expires.0) {
            story.0.push((now, Fact::Fired));
        }
    }
}

/// The case that a story tells.
fn told(story: &Story, past: &[Entry], settings: &CaseSettings) -> Case {
    let opened = story.opened();
    // what fired it by time, or else what opened it
    let upon = |at: Epoch| {
        let upto = past.iter().take_while(|entry| entry.epoch <= at).count();
        holding(&past[..upto]).map(|(_, reading)| reading.evidence.clone()).unwrap_or_default()
    };
    let first = story.0.iter().position(|(_, fact)| *fact == Fact::Fired);
    let before = |n: usize| Story(story.0[..n].to_vec()).state() == CaseState::Pending;
    let evidence = first.filter(|n| before(*n)).map_or(opened, |n| story.0[n].0);
    // steps stand still while it is not firing: those due at the last epoch at which it was
    let step = past
        .iter()
        .map(|entry| entry.epoch)
        .filter(|epoch| *epoch >= opened)
        .filter_map(|epoch| {
            let until = story.0.iter().filter(|(at, _)| *at <= epoch).cloned().collect();
            let then = Story(until);
            let fired = then.fired().filter(|_| then.state() == CaseState::Firing)?;
            Some(then.step(epoch, fired, settings))
        })
        .next_back()
        .unwrap_or(0);
    let text =
        |wanted: &dyn Fn(&Fact) -> Option<String>| story.0.iter().rev().find_map(|(_, fact)| wanted(fact));
    let resolved = story.0.iter().rev().find_map(|(_, fact)| match fact {
        Fact::Resolved(why) => Some(Some(*why)),
        Fact::Reopened => Some(None),
        _ => None,
    });
    Case {
        case_id: format!("product_drop:p:{opened}"),
        kind: CaseKind::ProductDrop,
        severity: Severity::Warning,
        product_id: Some("p".to_owned()),
        review_id: None,
        state: story.state(),
        opened,
        updated: past[past.len() - 1].epoch,
        evidence: Evidence {
            by: text(&|fact| if let Fact::By(by) = fact { Some(by.clone()) } else { None }),
            resolved: resolved.flatten(),
            fired: story.fired(),
            deliveries: story.answers().iter().map(|a| (a.target.clone(), a.result)).collect(),
            ..upon(evidence)
        },
        step: step as u32,
        note: text(&|fact| if let Fact::Noted(note) = fact { Some(note.clone()) } else { None }),
    }
}
