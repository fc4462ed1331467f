//! From a document to a plan: what the schema cannot say is checked here, and every fault is collected before any is told.
//!
//! Steps are found by the traits of their registry entries (`inserts`, `scores`, `learns`, `demand`), never by a name.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    declared::{Components, Declared},
    diagnostics::Fault,
    document::Node,
    edges::{Wired, wire},
    escalation, models,
    options::{self, Options},
    places::meetings,
    plan::{EscalationNode, From, Plan, SourceNode},
    references::{self, References, Upstream},
};
use crate::{connect::registry::SourceKind, operators::registry::EdgeType};

/// Resolves a document that has been held against the schema; a plan comes out where there is no fault.
pub(super) fn resolve(root: &Node, faults: &mut Vec<Fault>, warnings: &mut Vec<Fault>) -> Option<Plan> {
    let options = options(root, faults);
    let components = Components::read(root, faults);
    if root.get("clock").and_then(Node::as_text) == Some("event") {
        bounded(&components, faults);
    }
    let references = references::resolve(&components, faults);
    let mut wired = wire(&components, &references, faults);
    models::learners(&components, &references, &mut wired, faults);
    models::demands(&components, &mut wired, faults);
    // Where a reference is not understood, what looks unread may be what it meant.
    let whole = references.are_whole(&components);
    let sinks_known = whole && components.sinks.iter().all(|sink| sink.kind.is_some());
    let state = root.get("state").map_or(root.span, |node| node.span);
    meetings(&components, &wired, options.as_ref(), state, sinks_known, faults);
    if whole {
        unread(&components, &references, &wired, warnings);
    }
    let escalation = escalation::resolve(root, &components, &mut wired, whole, faults, warnings);
    let options = options.filter(|_| faults.is_empty())?;
    Some(plan(options, &components, wired, escalation))
}

fn options(root: &Node, faults: &mut Vec<Fault>) -> Option<Options> {
    let sections = ["sources", "transforms", "sinks", escalation::SECTION];
    let own = |pointer: &str| !sections.iter().any(|section| pointer[1..].split('/').next() == Some(section));
    if faults.iter().any(|fault| fault.pointer.is_empty() || own(&fault.pointer)) {
        return None;
    }
    let entries = root.entries().iter().filter(|entry| !sections.contains(&entry.key.as_str()));
    let value = Value::Object(
        entries.map(|entry| (entry.key.clone(), entry.value.to_value())).collect::<Map<_, _>>(),
    );
    match Options::deserialize(value) {
        Ok(options) => {
            for (key, message, hint) in options::check(&options) {
                let span = root.get(key).map_or(root.span, |node| node.span);
                faults.push(Fault::new(span, message, "here").help(hint));
            }
            Some(options)
        }
        Err(error) => {
            faults.push(Fault::new(root.span, error.to_string(), "in the settings of the whole"));
            None
        }
    }
}

/// `clock: event` ends when its input ends.
fn bounded(components: &Components<'_>, faults: &mut Vec<Fault>) {
    for source in components.sources.iter().filter(|source| source.healthy) {
        let Some(kind) = source.kind.filter(|kind| !(kind.bounded)(&source.settings)) else { continue };
        let setting = endless_setting(source, kind);
        let span = setting.and_then(|key| source.node.get(key)).map_or(source.span, |node| node.span);
        let fault = Fault::new(
            span,
            format!("`clock: event` with the source `{}`, which does not end", source.id),
            "never ends",
        );
        faults.push(match setting {
            Some(key) => fault.help(format!("leave `{key}` out: with `clock: event` all input is bounded")),
            None => fault.help("with `clock: event` all input is bounded: use another source"),
        });
    }
}

/// The setting without which the source would end.
fn endless_setting<'a>(source: &'a Declared<'_, SourceKind>, kind: &SourceKind) -> Option<&'a str> {
    let settings = source.settings.as_object()?;
    settings.keys().map(String::as_str).find(|key| {
        let mut without = settings.clone();
        without.shift_remove(*key);
        (kind.bounded)(&Value::Object(without))
    })
}

/// What nobody reads is allowed, and most likely forgotten.
fn unread(components: &Components<'_>, references: &References, wired: &Wired, warnings: &mut Vec<Fault>) {
    let read: Vec<Upstream> =
        references.transforms.iter().chain(&references.sinks).flatten().flatten().copied().collect();
    for (index, source) in components.sources.iter().enumerate() {
        if !read.contains(&Upstream::Source(index)) {
            warnings.push(
                Fault::new(source.span, format!("nobody reads the source `{}`", source.id), "is left out")
                    .help("add it to the `inputs` of a transform, or remove it"),
            );
        }
    }
    for (step, declared) in wired.steps.iter().zip(&wired.declared) {
        let Some(index) = *declared else { continue };
        // Refused records have a place of their own, and a learner works for the step it learns for.
        let results = step.outputs.iter().any(|&edge| edge != EdgeType::DeadLetters);
        let is_read = read.iter().any(|from| match from {
            Upstream::Transform { index: read, output } => {
                *read == index && output.is_none_or(|output| step.outputs[output] != EdgeType::DeadLetters)
            }
            Upstream::Source(_) => false,
        });
        if results && !is_read && step.operator.learns.is_none() {
            warnings.push(
                Fault::new(
                    components.transforms[index].span,
                    format!("nobody reads `{}`", step.id),
                    "its output goes nowhere",
                )
                .help("add it to the `inputs` of a transform or sink, or remove it"),
            );
        }
    }
}

/// Puts the plan together; sources that nobody reads are left out.
fn plan(
    options: Options,
    components: &Components<'_>,
    wired: Wired,
    mut escalation: Option<EscalationNode>,
) -> Plan {
    let Wired { mut steps, mut sinks, .. } = wired;
    let mut kept: Vec<usize> = Vec::new();
    let mut sources = Vec::new();
    for (index, source) in components.sources.iter().enumerate() {
        let read = steps
            .iter()
            .flat_map(|step| step.inputs.iter().flatten())
            .any(|from| *from == From::Source(index));
        if let (true, Some(kind), Some(record)) = (read, source.kind, source.record) {
            kept.push(index);
            sources.push(SourceNode {
                id: source.id.to_owned(),
                kind,
                record,
                fields: source.fields.clone(),
                settings: source.settings.clone(),
            });
        }
    }
    let renumber = |from: &mut From| {
        if let From::Source(index) = from
            && let Some(at) = kept.iter().position(|kept| kept == index)
        {
            *index = at;
        }
    };
    steps.iter_mut().flat_map(|step| step.inputs.iter_mut().flatten()).for_each(renumber);
    sinks.iter_mut().flat_map(|sink| &mut sink.inputs).for_each(renumber);
    if let Some(escalation) = &mut escalation
        && let Some(at) = kept.iter().position(|kept| *kept == escalation.outcomes)
    {
        escalation.outcomes = at;
    }
    Plan { name: options.name.clone(), options, sources, steps, sinks, escalation }
}
