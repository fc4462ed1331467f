//! Holds the binary to the reference on one case: its lines and books, with two numbers of workers, and with a restart
//! while cases are open.

use std::path::Path;

use serde_json::Value;

use super::super::books;
use super::cases::Case;
use super::drive::{self, Output};
use super::expected::{self, Input};
use super::seen::{self, Seen};
use super::setting::Setting;
use super::spoken;

/// What is wrong with the binary on a case; what it came to is counted.
pub(crate) fn judge(case: &Case, directory: &Path, seen: &mut Seen) -> Result<(), String> {
    let setting = &case.setting;
    let mut input = Input {
        partitions: case.partitions.clone(),
        commands: vec![Vec::new(); 2],
        deliveries: vec![Vec::new()],
    };
    let silent = drive::run(setting, &input, case.workers.0, directory)?;
    check(setting, &input, &silent).map_err(|wrong| format!("before anybody spoke:\n{wrong}"))?;
    let known = spoken::known(&silent.cases);
    input.commands = spoken::command_files(&case.commands, &known, setting.tick);
    input.deliveries = vec![spoken::answer_file(&case.answers, &known, setting.tick)];

    let said: Vec<_> = input.commands.iter().chain(&input.deliveries).flatten().copied().collect();
    let spoken = |wrong: String| format!("--- commands, outcomes\n{}{wrong}", String::from_utf8_lossy(&said));
    speak(case, &input, directory, seen).map_err(spoken)
}

/// The same, with what was said.
fn speak(case: &Case, input: &Input, directory: &Path, seen: &mut Seen) -> Result<(), String> {
    let setting = &case.setting;
    let output = drive::run(setting, input, case.workers.1, directory)?;
    check(setting, input, &output)?;
    let wrong = seen::transitions(setting, &input.commands(setting), &output.cases, seen);
    if !wrong.is_empty() {
        return Err(wrong.join("\n"));
    }
    let other = drive::run(setting, input, case.workers.0, directory)?;
    same("another number of workers", &output, &other)?;

    let epoch = cut(case, &output.cases);
    let (first, second) = case.workers;
    drive::run(setting, &drive::until(setting, input, epoch), first, directory)?;
    let gone_on = drive::go_on(input, second, directory)?;
    same(&format!("a restart after {epoch}"), &output, &gone_on)
}

/// The epoch after which the input is cut: one at which a case is open, if there is any.
fn cut(case: &Case, cases: &[Value]) -> u64 {
    let open = cases.iter().filter(|line| line.get("deleted").is_none() && line["state"] != "resolved");
    let epochs: Vec<u64> = open.filter_map(|line| line["updated"].as_u64()).collect();
    if epochs.is_empty() { case.setting.tick } else { epochs[case.cut.index(epochs.len())] }
}

fn same(how: &str, one: &Output, other: &Output) -> Result<(), String> {
    for (name, bytes) in &one.files {
        if other.files.get(name) != Some(bytes) {
            let text = |bytes: Option<&Vec<u8>>| {
                String::from_utf8_lossy(bytes.map_or(&[], Vec::as_slice)).into_owned()
            };
            return Err(format!(
                "{how} gives another {name}:\n{}",
                first_difference(&text(Some(bytes)), &text(other.files.get(name)))
            ));
        }
    }
    if one.report["sources"] != other.report["sources"] {
        return Err(format!(
            "{how} gives other books:\n{}\n{}",
            one.report["sources"], other.report["sources"]
        ));
    }
    Ok(())
}

fn first_difference(one: &str, other: &str) -> String {
    let (mut one, mut other) = (one.lines(), other.lines());
    loop {
        match (one.next(), other.next()) {
            (a, b) if a == b && a.is_some() => {}
            (a, b) => return format!("  one   {}\n  other {}", a.unwrap_or("ends"), b.unwrap_or("ends")),
        }
    }
}

/// Holds an output to the reference.
fn check(setting: &Setting, input: &Input, output: &Output) -> Result<(), String> {
    let expected = expected::expect(setting, input, &output.scored)?;
    for n in 0..output.cases.len().max(expected.cases.len()) {
        let (actual, expected) = (output.cases.get(n), expected.cases.get(n));
        if actual != expected {
            let show = |line: Option<&Value>| line.map_or("nothing".to_owned(), Value::to_string);
            return Err(format!(
                "cases, line {}:\n  expected {}\n  actual   {}",
                n + 1,
                show(expected),
                show(actual)
            ));
        }
    }
    for (source, expected) in ["commands", "deliveries"].into_iter().zip(&expected.books) {
        let books = books::read(&output.report["sources"][source])?;
        if books != *expected {
            return Err(format!("books of {source}:\n  expected {expected:?}\n  actual   {books:?}"));
        }
    }
    let sources = output.report["sources"].as_object().ok_or("no books")?;
    for (source, report) in sources {
        let books = books::read(report)?;
        let ends: u64 = books.iter().filter(|(end, _)| *end != "in").map(|(_, count)| count).sum();
        if books.get("in").copied().unwrap_or(0) != ends {
            return Err(format!("books of {source} do not balance: {books:?}"));
        }
    }
    Ok(())
}
