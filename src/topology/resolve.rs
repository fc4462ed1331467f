//! From a document to a plan: what the schema cannot say is checked here, and every fault is collected before any is told.
//!
//! Steps are found by the traits of their registry entries (`inserts`, `scores`, `learns`, `demand`), never by a name.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    declared::{Components, Declared},
    diagnostics::{Fault, suggest},
    document::Node,
    edges::{Wired, wire},
    options::{self, Options},
    plan::{From, Plan, SourceNode, StepNode},
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
    targets(&components, faults);
    let references = references::resolve(&components, faults);
    let mut wired = wire(&components, &references, faults);
    learners(&components, &references, &mut wired, faults);
    demands(&components, &mut wired, faults);
    // Where a reference is not understood, what looks unread may be what it meant.
    if references.are_whole(&components) {
        unread(&components, &references, &wired, warnings);
    }
    let options = options.filter(|_| faults.is_empty())?;
    Some(plan(options, &components, wired))
}

fn options(root: &Node, faults: &mut Vec<Fault>) -> Option<Options> {
    let sections = ["sources", "transforms", "sinks"];
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

/// Two sinks that write to one place would write over each other.
fn targets(components: &Components<'_>, faults: &mut Vec<Fault>) {
    let mut seen: BTreeMap<String, &Declared<'_, _>> = BTreeMap::new();
    for sink in components.sinks.iter().filter(|sink| sink.healthy) {
        let Some(kind) = sink.kind else { continue };
        let target = (kind.target)(&sink.settings);
        if let Some(first) = seen.get(&target) {
            faults.push(
                Fault::new(
                    sink.span,
                    format!("`{}` and `{}` write to one place: {target}", first.id, sink.id),
                    "the second writer",
                )
                .also(first.span, "the first writer")
                .help("give each sink a place of its own"),
            );
        } else {
            seen.insert(target, sink);
        }
    }
}

/// A learner names a scoring transform upstream of it, and no model has two learners.
fn learners(
    components: &Components<'_>,
    references: &References,
    wired: &mut Wired,
    faults: &mut Vec<Fault>,
) {
    let mut learned: BTreeMap<usize, usize> = BTreeMap::new();
    for index in 0..wired.steps.len() {
        let (Some(setting), Some(declared)) = (wired.steps[index].operator.learns, wired.declared[index])
        else {
            continue;
        };
        let transform = &components.transforms[declared];
        let Some(wanted) = transform.node.get(setting).and_then(Node::as_text) else { continue };
        let span = transform.node.get(setting).map_or(transform.span, |node| node.span);
        let scoring: Vec<usize> =
            (0..wired.steps.len()).filter(|&step| wired.steps[step].operator.scores).collect();
        let ids: Vec<&str> = scoring.iter().map(|&step| wired.steps[step].id.as_str()).collect();
        let Some(step) = scoring.iter().copied().find(|&step| wired.steps[step].id == wanted) else {
            let fault = match components.transforms.iter().find(|transform| transform.id == wanted) {
                // Its type is unknown, which has been reported.
                Some(other) if other.kind.is_none_or(|kind| kind.scores) => continue,
                Some(_) => Fault::new(
                    span,
                    format!("`{}` would learn for `{wanted}`, which scores nothing", transform.id),
                    "expected a scoring transform",
                ),
                None => Fault::new(
                    span,
                    format!("`{}` would learn for `{wanted}`, which is no transform", transform.id),
                    "expected the id of a scoring transform",
                ),
            };
            faults.push(fault.help(suggest(wanted, &ids)));
            continue;
        };
        let before = upstream(&wired.steps, index);
        if !before.contains(&step) {
            let whole =
                |step: &usize| wired.declared[*step].is_none_or(|at| references.is_whole(components, at));
            if before.iter().chain(&[index]).all(whole) {
                let message =
                    format!("`{}` would learn for `{wanted}`, whose scores it does not read", transform.id);
                faults.push(
                    Fault::new(span, message, "not upstream of it")
                        .help(format!("let `{}` read what comes from `{wanted}`", transform.id)),
                );
            }
            continue;
        }
        if let Some(first) = learned.insert(step, declared) {
            let first = &components.transforms[first];
            faults.push(
                Fault::new(
                    span,
                    format!(
                        "the model of `{wanted}` has two learners, `{}` and `{}`",
                        first.id, transform.id
                    ),
                    "the second learner",
                )
                .also(first.node.get(setting).map_or(first.span, |node| node.span), "the first learner")
                .help("keep one of them, or give the other a scoring transform of its own"),
            );
        }
        wired.steps[index].learns = Some(step);
    }
}

/// All steps that a step reads from, near and far.
fn upstream(steps: &[StepNode], of: usize) -> Vec<usize> {
    let mut found = vec![of];
    let mut next = 0;
    while next < found.len() {
        for from in steps[found[next]].inputs.iter().flatten() {
            if let From::Step { step, .. } = from
                && !found.contains(step)
            {
                found.push(*step);
            }
        }
        next += 1;
    }
    found.remove(0);
    found
}

/// Adds up what steps need of decoded reviews, from the last step to the first.
fn demands(components: &Components<'_>, wired: &mut Wired, faults: &mut Vec<Fault>) {
    let mut broken = false;
    for (step, declared) in wired.steps.iter_mut().zip(&wired.declared) {
        // Settings with a fault are not for the operator to read.
        if declared.is_none_or(|index| components.transforms[index].healthy) {
            step.demand = (step.operator.demand)(&step.settings);
        } else {
            broken = true;
        }
    }
    // Of each step, the declared transform whose wish for features reached it first.
    let mut wishes: Vec<Option<usize>> = (0..wired.steps.len())
        .map(|step| wired.declared[step].filter(|_| wired.steps[step].demand.features.is_some()))
        .collect();
    for index in (0..wired.steps.len()).rev() {
        let demand = wired.steps[index].demand.clone();
        let mut before: Vec<usize> = Vec::new();
        for from in wired.steps[index].inputs.iter().flatten() {
            if let From::Step { step, .. } = from
                && !before.contains(step)
            {
                before.push(*step);
            }
        }
        for step in before {
            let Err(conflict) = wired.steps[step].demand.merge(&demand) else {
                wishes[step] = wishes[step].or(wishes[index]);
                continue;
            };
            if let (Some(one), Some(other), false) = (wishes[index], wishes[step], broken) {
                let (one, other) = (&components.transforms[one], &components.transforms[other]);
                let message =
                    format!("`{}` cannot serve both `{}` and `{}`", wired.steps[step].id, one.id, other.id);
                faults.push(
                    Fault::new(one.span, message, "one of the two").also(other.span, "the other").help(
                        format!(
                            "{conflict}; give both the same settings, or each its own chain from the source"
                        ),
                    ),
                );
            }
        }
    }
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
fn plan(options: Options, components: &Components<'_>, wired: Wired) -> Plan {
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
    Plan { name: options.name.clone(), options, sources, steps, sinks }
}
