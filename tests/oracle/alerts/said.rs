//! What people and receivers said: commands on cases and outcomes of deliveries, read plainly, with their epochs.

use serde_json::{Map, Value};

use super::super::decode::{Code, required_id, string, ts};
use super::super::json::object;
use super::super::{books::Books, epochs};

/// What a person wants of a case.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Command {
    pub(crate) command_id: String,
    pub(crate) case_id: String,
    pub(crate) action: String,
    pub(crate) by: Option<String>,
    pub(crate) note: Option<String>,
}

/// What became of a notification.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) case_id: String,
    pub(crate) fired: u64,
    pub(crate) target: String,
    pub(crate) event: String,
    pub(crate) step: u64,
    pub(crate) result: String,
}

/// A record: its epoch, where it stands, and what it says.
#[derive(Clone, Debug)]
pub(crate) struct Said<T> {
    pub(crate) epoch: u64,
    pub(crate) place: (usize, usize),
    pub(crate) said: Result<T, Code>,
}

type Read<T> = fn(&[u8]) -> Result<(Option<i64>, T), Code>;

/// All records of a source in log order, given the files of its partitions.
pub(crate) fn records<T>(files: &[&[u8]], tick: u64, epoch_records: u64, read: Read<T>) -> Vec<Said<T>> {
    let mut all = Vec::new();
    for (partition, bytes) in files.iter().enumerate() {
        let (mut times, mut offset, mut last) = (Vec::new(), 0, None);
        let first = all.len();
        for line in bytes.split_inclusive(|&b| b == b'\n') {
            let place = (partition, offset);
            offset += line.len();
            if line.trim_ascii().is_empty() {
                continue;
            }
            let (time, said) = match read(line) {
                Ok((time, said)) => (Some(time.unwrap_or(last.map_or(0, |last| last + 1))), Ok(said)),
                Err(code) => (None, Err(code)),
            };
            last = time.or(last);
            times.push(time);
            all.push(Said { epoch: 0, place, said });
        }
        let stamps = epochs::stamp(&times, tick, epoch_records, epochs::MAX_JUMP);
        all[first..].iter_mut().zip(stamps).for_each(|(record, epoch)| record.epoch = epoch);
    }
    all.sort_by_key(|record| (record.epoch, record.place));
    all
}

/// The books of such a source, where `acted` says which of its records changed anything.
pub(crate) fn books<T>(records: &[Said<T>], acted: impl Fn((usize, usize)) -> bool) -> Books {
    let mut books = Books::new();
    for record in records {
        let end = match record.said {
            Err(code) => format!("dead_letter.{code}"),
            Ok(_) if acted(record.place) => "applied".to_owned(),
            Ok(_) => "dropped.unknown".to_owned(),
        };
        *books.entry(end).or_default() += 1;
        *books.entry("in".to_owned()).or_default() += 1;
    }
    books
}

/// Reads a line of a source of commands.
pub(crate) fn command(line: &[u8]) -> Result<(Option<i64>, Command), Code> {
    let fields = object(line, &["command_id", "case_id", "action", "by", "note", "ts"])?;
    let command_id = required_id(fields.get("command_id"))?;
    let case_id = required_id(fields.get("case_id"))?;
    let action = one_of(&fields, "action", &["ack", "resolve", "note", "reopen"])?;
    let by = string(fields.get("by"))?.filter(|by| !by.is_empty());
    let written = string(fields.get("note"))?;
    let note = written.clone().filter(|note| !note.trim().is_empty());
    if action == "note" && note.is_none() {
        return Err(if written.is_some() { "invalid_field" } else { "missing_field" });
    }
    Ok((ts(fields.get("ts"))?, Command { command_id, case_id, action, by, note }))
}

/// Reads a line of a source of outcomes.
pub(crate) fn answer(line: &[u8]) -> Result<(Option<i64>, Answer), Code> {
    let fields =
        object(line, &["delivery_id", "case_id", "fired", "target", "event", "step", "result", "ts"])?;
    required_id(fields.get("delivery_id"))?;
    let case_id = required_id(fields.get("case_id"))?;
    let fired = count(&fields, "fired")?;
    let target = required_id(fields.get("target"))?;
    let event = one_of(&fields, "event", &["firing", "acknowledged", "resolved"])?;
    let step = count(&fields, "step")?;
    let result = one_of(&fields, "result", &["delivered", "failed", "obsolete"])?;
    Ok((ts(fields.get("ts"))?, Answer { case_id, fired, target, event, step, result }))
}

fn count(fields: &Map<String, Value>, name: &str) -> Result<u64, Code> {
    match fields.get(name) {
        None | Some(Value::Null) => Err("missing_field"),
        Some(value) => value.as_u64().ok_or("invalid_field"),
    }
}

fn one_of(fields: &Map<String, Value>, name: &str, names: &[&str]) -> Result<String, Code> {
    match fields.get(name) {
        None | Some(Value::Null) => Err("missing_field"),
        Some(Value::String(text)) if names.contains(&text.as_str()) => Ok(text.clone()),
        Some(_) => Err("invalid_field"),
    }
}
