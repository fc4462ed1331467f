//! A command on a case: a record that is appended to the source of commands, under the names that the source has for its fields.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value};

use super::{CommandArgs, committed};
use crate::{
    connect::ends::AppendedRecord,
    engine::disk::{Disk, LocalDisk},
    operators::registry::Record,
    records::{CaseAction, CaseCommand, CaseState},
    topology::plan::{Plan, SourceNode},
};

/// Appends a command on a case that is there.
pub(super) fn append(plan: &Plan, args: &CommandArgs, action: CaseAction) -> Result<(), String> {
    let source = source(plan)?;
    if action == CaseAction::Note && args.note.as_deref().is_none_or(|note| note.trim().is_empty()) {
        return Err("there is nothing to note; give it by `--note TEXT`".into());
    }
    let case = committed::case(plan, &args.case_id)?;
    let over = case.state == CaseState::Resolved;
    match action {
        CaseAction::Reopen if !over => return Err(format!("`{}` is open already", args.case_id)),
        CaseAction::Ack | CaseAction::Resolve if over => {
            return Err(format!("`{}` is over; `dirigent cases reopen` lets it fire again", args.case_id));
        }
        _ => {}
    }
    let record = record(source, args, action)?;
    let disk: Arc<dyn Disk> = LocalDisk::shared();
    (source.kind.appended)(&source.settings, &disk)
        .and_then(|mut appended| appended.append(&[record]))
        .map_err(|error| format!("{error}; {}", error.hint))?;
    let id = &args.case_id;
    println!(
        "{} of `{id}` is written to the source `{}`: a run acts on it when it reads it",
        action.as_str(),
        source.id
    );
    Ok(())
}

/// The source of commands that a step reads.
fn source(plan: &Plan) -> Result<&SourceNode, String> {
    let record = Record::CaseCommand.name();
    let Some(source) = plan.sources.iter().find(|source| source.record == Record::CaseCommand) else {
        return Err(format!(
            "the topology has no source of `record: {record}`, so nobody can say anything about its cases; add one, such as \
             {{ type: file, record: {record}, path: state/commands.jsonl, follow: true }}, to the `inputs` of its `alerts`"
        ));
    };
    match (source.kind.append_fault)(&source.settings, false) {
        Some((_, message, hint)) => Err(format!("`{}`: {message}; {hint}", source.id)),
        None => Ok(source),
    }
}

/// The record, with the source's names of fields.
fn record(source: &SourceNode, args: &CommandArgs, action: CaseAction) -> Result<AppendedRecord, String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let by = args.by.clone().or_else(|| std::env::var("USER").ok()).filter(|by| !by.trim().is_empty());
    let fields = [
        ("command_id", Some(format!("cli-{now}-{}", std::process::id()))),
        ("case_id", Some(args.case_id.clone())),
        ("action", Some(action.as_str().to_owned())),
        ("by", by),
        ("note", args.note.clone()),
    ];
    let named = |ours: &str| source.fields.get(ours).map_or(ours, String::as_str).to_owned();
    let mut command: Map<String, Value> = BTreeMap::from(fields)
        .into_iter()
        .filter_map(|(ours, value)| Some((ours.to_owned(), Value::String(value?))))
        .collect();
    command.insert("ts".to_owned(), Value::from(u64::try_from(now).unwrap_or(u64::MAX)));
    serde_json::from_value::<CaseCommand>(Value::Object(command.clone()))
        .map_err(|error| format!("this is no command: {error}"))?;
    let command: Map<String, Value> =
        command.into_iter().map(|(ours, value)| (named(&ours), value)).collect();
    Ok(AppendedRecord { key: args.case_id.clone(), value: Value::Object(command).to_string().into_bytes() })
}
