//! `escalation:`, who is told of a case and when: its settings, held against the sources, steps and sinks of the topology.
//!
//! What decides which step is due is put into the settings of every step that counts them (`escalates`), and so is part of
//! what the topology is to its log. Targets change no output: they may be changed at any time, and are no part of it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    declared::Components,
    diagnostics::{Fault, list, suggest},
    document::Node,
    edges::Wired,
    plan::{EscalationNode, From, TargetNode},
};
use crate::{
    connect::escalation::TargetSettings,
    operators::registry::{EdgeType, EscalationStep, Record},
};

/// The key at the top level.
pub(super) const SECTION: &str = "escalation";
/// Where its targets stand.
pub(super) const TARGETS: &str = "escalation/targets";

/// Who is told of a case, and when.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EscalationSettings {
    /// The sink of cases whose committed lines are read. It may be left out where one sink takes cases.
    #[serde(default)]
    cases: Option<String>,
    /// The source of `record: delivery` that outcomes are appended to. It may be left out where there is one.
    #[serde(default)]
    outcomes: Option<String>,
    /// Who can be told, by id.
    #[expect(dead_code, reason = "read as components, with the place of each")]
    targets: BTreeMap<String, Value>,
    /// When they are told. Times rise.
    #[schemars(length(min = 1))]
    steps: Vec<EscalationStep>,
}

/// What is wrong with the settings of a target beside those of its receiver.
pub(super) fn faults_of_target(node: &Node) -> Vec<(String, String, String)> {
    let own = node.entries().iter().filter(|entry| TargetSettings::KEYS.contains(&entry.key.as_str()));
    let own: Map<String, Value> = own.map(|entry| (entry.key.clone(), entry.value.to_value())).collect();
    TargetSettings::faults(&Value::Object(own))
}

/// Resolves the section. `whole` says that every edge is known.
pub(super) fn resolve(
    root: &Node,
    components: &Components<'_>,
    wired: &mut Wired,
    whole: bool,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Fault>,
) -> Option<EscalationNode> {
    let node = root.get(SECTION)?;
    let at = format!("/{SECTION}");
    let refused =
        |fault: &Fault| fault.pointer.strip_prefix(&at).is_some_and(|rest| !rest.starts_with("/targets/"));
    if faults.iter().any(refused) {
        return None;
    }
    let settings = EscalationSettings::deserialize(node.to_value()).ok()?;
    steps(node, components, &settings, faults, warnings);
    if !whole {
        return None;
    }
    let counting: Vec<usize> =
        (0..wired.steps.len()).filter(|&step| wired.steps[step].operator.escalates.is_some()).collect();
    if counting.is_empty() {
        let fault =
            Fault::new(node.span, "`escalation` without a step that opens cases", "nobody to tell of");
        faults.push(fault.help("add a step that gives `table<case_id, case>`, or leave `escalation` out"));
        return None;
    }
    for &step in &counting {
        if let (Some(setting), Some(own)) =
            (wired.steps[step].operator.escalates, wired.steps[step].settings.as_object_mut())
        {
            let steps = serde_json::to_value(&settings.steps).unwrap_or_default();
            own.insert(setting.to_owned(), steps);
        }
    }
    if root.get("clock").and_then(Node::as_text) == Some("event") {
        let what = "with `clock: event` nobody is told: the steps of the escalation appear in the cases only";
        warnings.push(Fault::new(node.span, what, "nothing is delivered"));
        return None;
    }
    let mut sources = components.sources.iter();
    if sources.all(|source| source.kind.is_some_and(|kind| (kind.bounded)(&source.settings))) {
        let what = "all sources end by themselves, and a run that only catches up tells nobody";
        warnings.push(Fault::new(node.span, what, "nothing is delivered"));
        return None;
    }
    let cases = cases(node, settings.cases.as_deref(), wired, faults)?;
    let outcomes = outcomes(node, settings.outcomes.as_deref(), components, wired, faults)?;
    let targets = components.targets.iter().filter_map(|target| {
        let common = target.node.entries().iter();
        let common = common.filter(|entry| TargetSettings::KEYS.contains(&entry.key.as_str()));
        let common: Map<String, Value> =
            common.map(|entry| (entry.key.clone(), entry.value.to_value())).collect();
        Some(TargetNode {
            id: target.id.to_owned(),
            kind: target.kind?,
            settings: target.settings.clone(),
            common: TargetSettings::deserialize(Value::Object(common)).ok()?,
        })
    });
    let targets = targets.collect();
    let steps = settings.steps.into_iter().map(|step| step.targets).collect();
    Some(EscalationNode { cases, outcomes, steps, targets })
}

/// Times rise, and every target is there, once in a step, and used.
fn steps(
    node: &Node,
    components: &Components<'_>,
    settings: &EscalationSettings,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Fault>,
) {
    let ids: Vec<&str> = components.targets.iter().map(|target| target.id).collect();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for (n, step) in settings.steps.iter().enumerate() {
        if let Some(before) = n.checked_sub(1).map(|before| &settings.steps[before])
            && step.after <= before.after
        {
            let span = node.locate(&format!("/steps/{n}/after"));
            let message = format!("a step after {} follows one after {}", step.after, before.after);
            faults.push(Fault::new(span, message, "not later").help("let the times rise from step to step"));
        }
        for (m, target) in step.targets.iter().enumerate() {
            let span = node.locate(&format!("/steps/{n}/targets/{m}"));
            if !ids.contains(&target.as_str()) {
                let message = format!("`{target}` is no target");
                faults.push(Fault::new(span, message, "nobody of that name").help(suggest(target, &ids)));
            } else if step.targets[..m].contains(target) {
                let message = format!("`{target}` stands twice in one step");
                faults.push(Fault::new(span, message, "again here").help("remove one of them"));
            }
            used.insert(target);
        }
    }
    for target in components.targets.iter().filter(|target| !used.contains(target.id)) {
        let fault = Fault::new(target.span, format!("no step calls `{}`", target.id), "is never told");
        warnings.push(fault.help("name it in the `targets` of a step, or remove it"));
    }
}

fn span_of(node: &Node, key: &str) -> super::document::Span {
    node.get(key).map_or(node.span, |node| node.span)
}

/// The sink whose committed cases are read, by its place among those that are wired.
fn cases(node: &Node, wanted: Option<&str>, wired: &Wired, faults: &mut Vec<Fault>) -> Option<usize> {
    let takes = |sink: &super::plan::SinkNode| {
        sink.inputs.iter().all(|from| match *from {
            From::Step { step, output } => wired.steps[step].outputs[output] == EdgeType::CaseTable,
            From::Source(_) => false,
        })
    };
    let fitting: Vec<usize> = (0..wired.sinks.len()).filter(|&n| takes(&wired.sinks[n])).collect();
    let ids: Vec<&str> = fitting.iter().map(|&n| wired.sinks[n].id.as_str()).collect();
    let Some(wanted) = wanted else {
        return match fitting[..] {
            [one] => Some(one),
            [] => {
                let fault = Fault::new(node.span, "no sink takes cases", "from there they would be read");
                faults
                    .push(fault.help("add a sink of cases: what is committed there is what people are told"));
                None
            }
            _ => {
                let message = format!("several sinks take cases: {}", list(&ids));
                let fault = Fault::new(node.span, message, "which one is read?");
                faults.push(fault.help("name it: `cases: ID`"));
                None
            }
        };
    };
    if let Some(n) = fitting.iter().copied().find(|&n| wired.sinks[n].id == wanted) {
        return Some(n);
    }
    let other = wired.sinks.iter().any(|sink| sink.id == wanted);
    let message = if other {
        format!("the sink `{wanted}` takes something else than cases")
    } else {
        format!("`{wanted}` is no sink")
    };
    let fault = Fault::new(span_of(node, "cases"), message, "expected a sink of cases");
    faults.push(fault.help(suggest(wanted, &ids)));
    None
}

/// The source that outcomes are appended to.
fn outcomes(
    node: &Node,
    wanted: Option<&str>,
    components: &Components<'_>,
    wired: &Wired,
    faults: &mut Vec<Fault>,
) -> Option<usize> {
    let record = Record::Delivery.name();
    let sources = &components.sources;
    let fitting: Vec<usize> =
        (0..sources.len()).filter(|&n| sources[n].record == Some(Record::Delivery)).collect();
    let ids: Vec<&str> = fitting.iter().map(|&n| sources[n].id).collect();
    let found = match (wanted, &fitting[..]) {
        (Some(wanted), _) => match fitting.iter().copied().find(|&n| sources[n].id == wanted) {
            Some(found) => found,
            None => {
                let other = sources.iter().any(|source| source.id == wanted);
                let message = if other {
                    format!("the source `{wanted}` has something else than `record: {record}`")
                } else {
                    format!("`{wanted}` is no source")
                };
                let label = format!("expected a source of `record: {record}`");
                let fault = Fault::new(span_of(node, "outcomes"), message, label);
                faults.push(fault.help(suggest(wanted, &ids)));
                return None;
            }
        },
        (None, [one]) => *one,
        (None, []) => {
            let message = format!("no source of `record: {record}`: there would be no word of who was told");
            let fault = Fault::new(node.span, message, "outcomes have no place");
            faults.push(fault.help(format!(
                "add one, such as {{ type: file, record: {record}, path: state/deliveries.jsonl, follow: true }}, to the `inputs` of the step that opens cases"
            )));
            return None;
        }
        (None, _) => {
            let message = format!("several sources of `record: {record}`: {}", list(&ids));
            let fault = Fault::new(node.span, message, "where are outcomes appended?");
            faults.push(fault.help("name one: `outcomes: ID`"));
            return None;
        }
    };
    let source = &sources[found];
    let counting = wired.steps.iter().filter(|step| step.operator.escalates.is_some());
    if !counting.flat_map(|step| step.inputs.iter().flatten()).any(|from| *from == From::Source(found)) {
        let message = format!("no step that opens cases reads `{}`", source.id);
        let fault = Fault::new(source.span, message, "outcomes are appended here");
        faults.push(fault.help("add it to the `inputs` of that step"));
        return None;
    }
    if !source.fields.is_empty() {
        let message = format!("`{}` renames fields, and its records are our own", source.id);
        let fault = Fault::new(span_of(source.node, "fields"), message, "renamed here");
        faults.push(fault.help("leave `fields` out"));
        return None;
    }
    if let Some((pointer, message, hint)) =
        source.kind.filter(|_| source.healthy).and_then(|kind| (kind.append_fault)(&source.settings, true))
    {
        let span = source.node.locate(&pointer);
        faults.push(Fault::new(span, format!("`{}`: {message}", source.id), "here").help(hint));
        return None;
    }
    Some(found)
}
