//! What is said about cases, drawn as small choices; lines are rendered from them once it is known which cases there are.
//!
//! A run without commands tells which cases open and fire by themselves. What is said may turn later ones into others:
//! then it names cases that nobody knows, which is wanted, too.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::setting::TARGETS;

/// A command, about one of the cases that opened.
#[derive(Clone, Debug)]
pub(crate) struct Spoken {
    case: prop::sample::Index,
    /// How many ticks after it opened.
    delay: u64,
    action: usize,
    name: u8,
    by: Option<bool>,
    note: Option<u8>,
    form: u8,
    second_file: bool,
}

/// An outcome, of a firing of one of these cases.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    case: prop::sample::Index,
    delay: u64,
    target: usize,
    event: usize,
    step: u64,
    result: usize,
    form: u8,
}

const MALFORMED: [&str; 7] = [
    r#"{"command_id":"c1","case_id":"severe_review:r1:1","action":"note"}"#,
    r#"{"command_id":"c1","case_id":"severe_review:r1:1","action":"note","note":" "}"#,
    r#"{"command_id":"c1","case_id":"severe_review:r1:1","action":"Ack"}"#,
    r#"{"command_id":"c1","case_id":"severe_review:r1:1","ts":1}"#,
    r#"{"command_id":"c1","action":"ack"}"#,
    r#"{"command_id":"#,
    "null",
];

pub(crate) fn commands() -> impl Strategy<Value = Vec<Spoken>> {
    let action = prop_oneof![6 => Just(0_usize), 3 => Just(1), 1 => Just(2), 3 => Just(3)];
    let delay = prop_oneof![0..5_u64, 0..40_u64];
    let what = (any::<prop::sample::Index>(), delay, action, 0..60_u8);
    let how = (option::weighted(0.8, any::<bool>()), option::weighted(0.3, 0..3_u8), 0..30_u8, any::<bool>());
    let one = (what, how).prop_map(|((case, delay, action, name), (by, note, form, second_file))| Spoken {
        case,
        delay,
        action,
        name,
        by,
        note,
        form,
        second_file,
    });
    vec(one, 0..32)
}

pub(crate) fn answers() -> impl Strategy<Value = Vec<Answered>> {
    let what = (any::<prop::sample::Index>(), 0..20_u64, 0..TARGETS.len(), 0..6_usize);
    let one = (what, 1..4_u64, 0..4_usize, 0..20_u8).prop_map(
        |((case, delay, target, event), step, result, form)| Answered {
            case,
            delay,
            target,
            event,
            step,
            result,
            form,
        },
    );
    vec(one, 0..10)
}

/// A case that opened by itself, and when it fired then.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    case_id: String,
    opened: u64,
    fired: u64,
}

/// The cases that lines tell of, by when they opened.
pub(crate) fn known(cases: &[Value]) -> Vec<Known> {
    let mut known = BTreeMap::new();
    for line in cases.iter().filter(|line| line.get("deleted").is_none()) {
        let (Some(case_id), Some(opened)) = (line["case_id"].as_str(), line["opened"].as_u64()) else {
            continue;
        };
        let fired = line["evidence"]["fired"].as_u64().unwrap_or(opened);
        known.insert((opened, case_id), Known { case_id: case_id.to_owned(), opened, fired });
    }
    known.into_values().collect()
}

/// Lines in the order of their times. One without a time takes it from the line before: the first one has a time, since
/// it would be of 1970, and a jump from there counts once the next line agrees, which a cut would take away.
fn in_order(mut lines: Vec<(u64, String)>) -> Vec<u8> {
    lines.sort_by_key(|(ts, _)| *ts);
    let mut text = String::new();
    let mut has_time = false;
    for (ts, line) in lines {
        let line = if has_time { line } else { line.replace("\"ts\":null", &format!("\"ts\":{ts}")) };
        has_time |= line.contains(&format!("\"ts\":{ts}"));
        text += &line;
        text.push('\n');
    }
    text.into_bytes()
}

/// The two files of commands.
pub(crate) fn command_files(spoken: &[Spoken], known: &[Known], tick: u64) -> Vec<Vec<u8>> {
    let mut files = [Vec::new(), Vec::new()];
    for spoken in spoken.iter().filter(|_| !known.is_empty()) {
        let case = &known[spoken.case.index(known.len())];
        let ts = case.opened + spoken.delay * tick;
        let mut line = json!({
            "command_id": format!("c{}", spoken.name),
            "case_id": case.case_id,
            "action": (["ack", "resolve", "note", "reopen"][spoken.action]),
            "ts": ts,
        });
        if let Some(ann) = spoken.by {
            line["by"] = json!(if ann { "ann" } else { "" });
        }
        if let Some(note) = spoken.note.or((spoken.action == 2).then_some(3)) {
            line["note"] = json!(format!("T-{note}"));
        }
        match spoken.form {
            0 => line["case_id"] = json!(format!("{}0", case.case_id)),
            1 => line["case_id"] = json!("nobody"),
            2 => line["ts"] = Value::Null,
            _ => {}
        }
        let malformed =
            (spoken.form == 3).then(|| MALFORMED[usize::from(spoken.name) % MALFORMED.len()].to_owned());
        files[usize::from(spoken.second_file)].push((ts, malformed.unwrap_or_else(|| line.to_string())));
    }
    files.map(in_order).into()
}

/// The file of outcomes.
pub(crate) fn answer_file(answered: &[Answered], known: &[Known], tick: u64) -> Vec<u8> {
    let mut lines = Vec::new();
    for answered in answered.iter().filter(|_| !known.is_empty()) {
        let case = &known[answered.case.index(known.len())];
        let ts = case.fired + answered.delay * tick;
        let event = ["firing", "acknowledged", "resolved"].get(answered.event).unwrap_or(&"firing");
        let result = ["delivered", "obsolete"].get(answered.result).unwrap_or(&"failed");
        let mut line = json!({
            "delivery_id": "d", "case_id": case.case_id, "fired": case.fired, "target": TARGETS[answered.target],
            "event": event, "step": answered.step, "result": result, "attempts": 1, "ts": ts,
        });
        match answered.form {
            0 => line["fired"] = json!(case.fired + 1),
            1 => line["event"] = json!("called"),
            2 => line["fired"] = Value::Null,
            _ => {}
        }
        lines.push((ts, line.to_string()));
    }
    in_order(lines)
}
