//! The machines of all kinds and subjects: readings, commands and answers in, cases out. Keyed by kind and subject.
//!
//! A machine is stepped at epochs that bring something for it and at the first epoch of the log that reaches the time it
//! waits for. Its case is a row of the table as long as it is remembered: until it is forgotten, or the next one is
//! opened. Ties: a reading first, of several the graver; then commands, then answers, in log order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    machine::{Answer, Command, Machine, Outcome},
    readings::Told,
    settings::{AlertsSettings, CaseSettings},
    stored::StoredCase,
};
use crate::{
    engine::{
        Epoch,
        checkpoint::{
            self, Stored,
            parts::{Changes, Part},
        },
        edge::Update,
        keyed::{EpochStep, KeptStep},
        timed::TimedStep,
    },
    operators::{
        block::{CommandRow, DeliveryRow},
        books::{Ledger, Outcome as End},
        row::Place,
        wiring::{Run, Step},
    },
    records::{Case, CaseKind, CaseState},
    telemetry::StepMeter,
};

/// A live row of the table of cases.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CaseRow(pub Arc<Case>);

/// What reaches a case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Arrival {
    Told(Box<Told>),
    Command(Arc<CommandRow>),
    Answer(Arc<DeliveryRow>),
    /// A machine of the checkpoint that the run goes on from: its key, and itself.
    Restored(String, Box<Machine>),
}

impl Arrival {
    pub(super) fn restored(stored: StoredCase) -> Self {
        let key = String::from_utf8_lossy(stored.key()).into_owned();
        Self::Restored(key, Box::new(stored.into_machine()))
    }

    pub(super) fn route(&self) -> u64 {
        let hash = match self {
            Self::Told(told) => xxh3_64(told.key().as_bytes()),
            Self::Command(command) => command.subject_hash,
            Self::Answer(answer) => answer.subject_hash,
            Self::Restored(key, _) => xxh3_64(key.as_bytes()),
        };
        hash >> 32
    }
}

/// What came for one machine in an epoch.
#[derive(Default)]
struct Came<'a> {
    told: Option<&'a Told>,
    commands: Vec<&'a CommandRow>,
    answers: Vec<&'a DeliveryRow>,
}

struct Entry {
    machine: Machine,
    /// What is published of it.
    row: Option<CaseRow>,
    wake: Option<Epoch>,
}

/// The cases of one worker.
pub(super) struct Cases {
    run: Arc<Run>,
    step: usize,
    id: String,
    settings: AlertsSettings,
    meter: StepMeter,
    entries: BTreeMap<Arc<str>, Entry>,
    waiting: BTreeSet<(Epoch, Arc<str>)>,
    /// What has changed since the last checkpoint, in order.
    changed: Vec<checkpoint::Change<StoredCase>>,
    ledger: Ledger,
}

impl Cases {
    pub(super) fn new(run: &Arc<Run>, step: &Step<'_>, settings: AlertsSettings, meter: StepMeter) -> Self {
        Self {
            run: Arc::clone(run),
            step: step.index,
            id: step.id.to_owned(),
            settings,
            meter,
            entries: BTreeMap::new(),
            waiting: BTreeSet::new(),
            changed: Vec::new(),
            ledger: Ledger::default(),
        }
    }

    fn times(&self, kind: CaseKind) -> &CaseSettings {
        if kind == CaseKind::SevereReview {
            &self.settings.severe_review.case
        } else {
            &self.settings.product_drop.case
        }
    }

    /// Steps one machine.
    fn step(&mut self, epoch: Epoch, key: &str, came: &Came<'_>, give: &mut dyn FnMut(Update<CaseRow>)) {
        let known = self.entries.remove_entry(key);
        let new = came.told.filter(|told| told.firing.is_some());
        let known = known.or_else(|| {
            let machine = Machine::new(new?.subject());
            Some((Arc::from(key), Entry { machine, row: None, wake: None }))
        });
        let Some((key, mut entry)) = known else {
            // nobody knows of it: it is clear, and commands on it mean another case
            came.commands.iter().for_each(|row| self.end(row.place, false));
            came.answers.iter().for_each(|row| self.end(row.place, false));
            return;
        };
        if let Some(wake) = entry.wake.take() {
            self.waiting.remove(&(wake, Arc::clone(&key)));
        }
        let before = entry.machine.clone();
        if let Some(told) = new {
            entry.machine.concern(&told.product_id);
        }
        let commands: Vec<Command> = came.commands.iter().map(|row| row.command.clone()).collect();
        let times = self.times(entry.machine.subject().kind);
        let answers: Vec<Answer> = came.answers.iter().map(|row| row.answer.clone()).collect();
        let Outcome { case, wake, acted, heard } =
            entry.machine.step(epoch, came.told.map(Told::reading), &commands, &answers, times);
        for (row, acted) in came.commands.iter().zip(acted) {
            self.end(row.place, acted);
        }
        for (row, heard) in came.answers.iter().zip(heard) {
            self.end(row.place, heard);
        }
        let forgotten = entry.machine.case().is_none();
        if case.is_some() || forgotten {
            let old = entry.row.take();
            self.show(epoch, old.as_ref(), case.as_ref());
            old.into_iter().for_each(|row| give((row, epoch, -1)));
        }
        if let Some(case) = case {
            let row = CaseRow(Arc::new(case));
            give((row.clone(), epoch, 1));
            entry.row = Some(row);
        }
        if entry.machine.is_forgotten() {
            self.run.changed(&mut self.changed, || checkpoint::Change::Delete(key.as_bytes().into()));
            return;
        }
        if entry.machine != before {
            let stored = || checkpoint::Change::Put(StoredCase::of(&entry.machine));
            self.run.changed(&mut self.changed, stored);
        }
        self.keep(key, entry, wake);
    }

    fn keep(&mut self, key: Arc<str>, mut entry: Entry, wake: Option<Epoch>) {
        entry.wake = wake;
        self.waiting.extend(wake.map(|wake| (wake, Arc::clone(&key))));
        self.entries.insert(key, entry);
    }

    /// Counts what a case was and is.
    fn show(&self, epoch: Epoch, before: Option<&CaseRow>, after: Option<&Case>) {
        let cases = self.run.metrics.cases();
        let before = before.map(|CaseRow(case)| &**case);
        for (case, more) in [(before, -1), (after, 1)] {
            if let Some(case) = case.filter(|case| case.state != CaseState::Resolved) {
                cases.count(case.kind.as_str(), case.state.as_str(), more);
            }
        }
        let taken = after.filter(|case| case.state == CaseState::Acknowledged);
        if let (Some(CaseState::Firing), Some(case)) = (before.map(|case| case.state), taken) {
            let fired = case.evidence.fired.unwrap_or(epoch);
            cases.acknowledged(case.kind.as_str(), epoch.saturating_sub(fired));
        }
    }

    fn end(&mut self, place: Place, acted: bool) {
        let end = if acted { End::Applied } else { End::Dropped("unknown") };
        self.ledger.count(self.run.source_of(place), end);
    }
}

impl EpochStep<Arrival, Update<CaseRow>> for Cases {
    fn close(&mut self, epoch: Epoch, arrivals: &mut Vec<Arrival>, give: &mut dyn FnMut(Update<CaseRow>)) {
        let mut sent = 0;
        let give = &mut |update| {
            sent += 1;
            give(update);
        };
        let mut all: BTreeMap<String, Came<'_>> = BTreeMap::new();
        for arrival in &*arrivals {
            match arrival {
                Arrival::Told(told) => {
                    let came = all.entry(told.key()).or_default();
                    if came.told.is_none_or(|known| known.weight() < told.weight()) {
                        came.told = Some(told);
                    }
                }
                Arrival::Command(row) => {
                    all.entry(row.subject().to_owned()).or_default().commands.push(row);
                }
                Arrival::Answer(row) => {
                    all.entry(row.subject().to_owned()).or_default().answers.push(row);
                }
                Arrival::Restored(key, machine) => {
                    let wake = machine.wake(epoch, self.times(machine.subject().kind));
                    let row = machine.case().map(|case| CaseRow(Arc::new(case.clone())));
                    self.show(epoch, None, machine.case());
                    row.iter().for_each(|row| give((row.clone(), epoch, 1)));
                    self.keep(
                        key.as_str().into(),
                        Entry { machine: (**machine).clone(), row, wake: None },
                        wake,
                    );
                }
            }
        }
        // what a checkpoint holds has been through its epoch
        let due = |(wake, _): &&(Epoch, Arc<str>)| !self.run.is_restored(epoch) && *wake <= epoch;
        for (_, key) in self.waiting.iter().take_while(due) {
            all.entry(key.to_string()).or_default();
        }
        for (key, mut came) in all {
            came.commands.sort_unstable_by_key(|row| row.place);
            came.answers.sort_unstable_by_key(|row| row.place);
            self.step(epoch, &key, &came, give);
        }
        self.meter.sent(sent);
        self.ledger.book(&self.run.books, epoch, self.step);
    }
}

impl KeptStep for Cases {
    fn part(&mut self, _: Epoch) -> Part {
        Changes::part(&self.id, std::mem::take(&mut self.changed))
    }
}

impl TimedStep for Cases {
    fn wake(&self) -> Option<Epoch> {
        self.waiting.first().map(|(wake, _)| *wake)
    }
}
