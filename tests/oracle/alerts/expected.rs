//! The lines of the sink of cases and the books of what was said about them, from the whole input at once.
//!
//! Every subject that is ever told of goes through every epoch of the log, whether anything comes for it or not: which
//! epochs a step must be woken at is not known here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::books::Books;
use super::super::decode::Read;
use super::super::log::{self, Kind, Partition};
use super::rows::{self, Change, Reading, Rows};
use super::said::{self, Answer, Command, Said};
use super::setting::Setting;
use super::severe::Texts;
use super::story::{Moment, Story};
use super::{products, severe};

/// The input of a case: what goes through the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    /// Reviews and feedback.
    pub(crate) partitions: Vec<Partition>,
    /// The files of commands and of outcomes of deliveries.
    pub(crate) commands: Vec<Vec<u8>>,
    pub(crate) deliveries: Vec<Vec<u8>>,
}

/// What must have been written.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) cases: Vec<Value>,
    /// The books of commands and of outcomes.
    pub(crate) books: [Books; 2],
}

impl Input {
    pub(crate) fn commands(&self, setting: &Setting) -> Vec<Said<Command>> {
        let files: Vec<&[u8]> = self.commands.iter().map(Vec::as_slice).collect();
        said::records(&files, setting.tick, setting.epoch_records, said::command)
    }

    pub(crate) fn answers(&self, setting: &Setting) -> Vec<Said<Answer>> {
        let files: Vec<&[u8]> = self.deliveries.iter().map(Vec::as_slice).collect();
        said::records(&files, setting.tick, setting.epoch_records, said::answer)
    }
}

/// Works out everything; `scored` are the lines of the sink of scored reviews.
pub(crate) fn expect(setting: &Setting, input: &Input, scored: &[Value]) -> Result<Expected, String> {
    let log = log::entries(&input.partitions, setting.tick, setting.epoch_records);
    let (commands, answers) = (input.commands(setting), input.answers(setting));
    let mut epochs: BTreeSet<u64> = log.iter().map(|entry| entry.epoch).collect();
    epochs.extend(commands.iter().map(|record| record.epoch));
    epochs.extend(answers.iter().map(|record| record.epoch));
    let mut texts = Texts::new();
    for entry in log.iter().filter(|entry| entry.kind == Kind::Review) {
        if let Ok(line) = &entry.read
            && let Read::Upsert(review) = &line.read
        {
            texts.insert(entry.origin.clone(), [review.title.clone(), review.text.clone()]);
        }
    }
    let readings = readings(setting, &texts, &epochs, scored)?;
    let subjects: BTreeSet<&(&str, String)> = readings.iter().flat_map(|(_, told)| told.keys()).collect();
    let mut rows: BTreeMap<u64, BTreeMap<String, Value>> = BTreeMap::new();
    let (mut acted, mut heard) = (BTreeSet::new(), BTreeSet::new());
    for subject in subjects {
        let mut story = Story::new(subject.0, &subject.1, setting);
        for (epoch, told) in &readings {
            let case = story.go_on(Moment {
                epoch: *epoch,
                reading: told.get(subject),
                commands: commands.iter().filter(|record| record.epoch == *epoch).collect(),
                answers: answers.iter().filter(|record| record.epoch == *epoch).collect(),
            });
            let case = case.map(|case| (case["case_id"].as_str().expect("an id").to_owned(), case));
            rows.entry(*epoch).or_default().extend(case);
        }
        acted.extend(story.commands);
        heard.extend(story.answers);
    }
    let books = [
        said::books(&commands, |place| acted.contains(&place)),
        said::books(&answers, |place| heard.contains(&place)),
    ];
    Ok(Expected { cases: lines(&rows), books })
}

type Told = BTreeMap<(&'static str, String), Reading>;

/// What every epoch of the log tells of whom.
fn readings(
    setting: &Setting,
    texts: &Texts,
    epochs: &BTreeSet<u64>,
    scored: &[Value],
) -> Result<Vec<(u64, Told)>, String> {
    let mut by_epoch = rows::by_epoch(scored)?;
    let (mut live, mut all) = (Rows::new(), Vec::new());
    for &epoch in epochs {
        let lines = by_epoch.remove(&epoch).unwrap_or_default();
        let before = live.clone();
        let changed: Vec<String> = lines.iter().map(|(id, _)| id.clone()).collect();
        for (id, row) in lines {
            match row {
                Some(row) => live.insert(id, row),
                None => live.remove(&id),
            };
        }
        let change = Change { epoch, before: &before, after: &live, changed: &changed };
        let mut told = Told::new();
        let named = |kind| move |(name, reading)| ((kind, name), reading);
        told.extend(severe::readings(setting, texts, &change).into_iter().map(named("severe_review")));
        told.extend(products::readings(setting, &change).into_iter().map(named("product_drop")));
        all.push((epoch, told));
    }
    match by_epoch.first_key_value() {
        Some((epoch, _)) => Err(format!("scored lines at {epoch}, which is no epoch of the log")),
        None => Ok(all),
    }
}

/// The lines of the table that has these cases at these epochs.
fn lines(rows: &BTreeMap<u64, BTreeMap<String, Value>>) -> Vec<Value> {
    let (mut known, mut lines) = (BTreeMap::new(), Vec::new());
    for (epoch, rows) in rows {
        let ids: BTreeSet<&String> = known.keys().chain(rows.keys()).collect();
        for id in ids {
            match rows.get(id) {
                Some(case) if known.get(id) != Some(case) => {
                    let mut line = case.clone();
                    line["updated"] = json!(epoch);
                    lines.push(line);
                }
                Some(_) => {}
                None => lines.push(json!({ "case_id": id, "epoch": epoch, "deleted": true })),
            }
        }
        known.clone_from(rows);
    }
    lines
}
