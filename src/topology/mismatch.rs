//! The words for an edge that does not fit: what flows, what is taken, and which steps lie between.

use std::collections::VecDeque;

use super::{
    declared::{Declared, Reference},
    diagnostics::{Fault, list},
    edges::{SINK_TAKES, converter, output_type},
};
use crate::operators::registry::{EdgeType, OPERATORS, Operator, Port, RECORDS};

/// No port takes this edge.
pub(super) fn cannot_read(
    reader: &Declared<'_, Operator>,
    operator: &Operator,
    reference: &Reference<'_>,
    edge: EdgeType,
) -> Fault {
    let wanted: Vec<EdgeType> = operator.ports.iter().flat_map(|port| port.accepts).copied().collect();
    let message = format!("{} cannot read `{}`", named(reader.id, operator), reference.text);
    mismatch(message, reference, edge, &wanted)
}

/// No sink takes this edge.
pub(super) fn sink_cannot_read(sink: &str, reference: &Reference<'_>, edge: EdgeType) -> Fault {
    mismatch(format!("the sink `{sink}` cannot read `{}`", reference.text), reference, edge, SINK_TAKES)
}

/// The port that takes this edge has one already.
pub(super) fn port_full(
    reader: &Declared<'_, Operator>,
    operator: &Operator,
    port: usize,
    reference: &Reference<'_>,
    edge: EdgeType,
) -> Fault {
    let port = &operator.ports[port];
    let message = format!("the input `{}` of {} takes one edge", port.name, named(reader.id, operator));
    let fault = Fault::new(reference.span, message, format!("a second one: {edge}"));
    match converter(edge, port.accepts).filter(|merge| merge.ports[0].many) {
        Some(merge) => fault.help(format!(
            "bring them together in a `{0}` transform, and read that: {{ type: {0}, inputs: [...] }}",
            merge.name
        )),
        None => fault.help("give each its own step"),
    }
}

/// A port has no edge.
pub(super) fn port_needs(reader: &Declared<'_, Operator>, operator: &Operator, port: &Port) -> Fault {
    let span = reader.node.get("inputs").map_or(reader.span, |inputs| inputs.span);
    let message = format!("{} has nothing for its input `{}`", named(reader.id, operator), port.name);
    let fault = Fault::new(span, message, format!("expected {} too", types(port.accepts)));
    fault.help(format!("add {} to `inputs`", givers(port.accepts)))
}

/// A step with its type, where its id does not say it.
fn named(id: &str, operator: &Operator) -> String {
    if id == operator.name { format!("`{id}`") } else { format!("`{id}` (type `{}`)", operator.name) }
}

fn mismatch(message: String, reference: &Reference<'_>, edge: EdgeType, wanted: &[EdgeType]) -> Fault {
    let many = wanted.len() > 2;
    let label =
        if many { format!("gives {edge}") } else { format!("gives {edge}, expected {}", types(wanted)) };
    let between = path(edge, wanted);
    let hint = match between.as_slice() {
        [] => format!("no step turns {edge} into what is read here; read {}", givers(wanted)),
        [one] => format!("put a `{one}` step between: {{ type: {one}, inputs: [{}] }}", reference.text),
        steps => format!("put these steps between, in this order: {}", list(steps)),
    };
    let fault = Fault::new(reference.span, message, label);
    fault.help(if many { format!("expected {}; {hint}", types(wanted)) } else { hint })
}

fn types(wanted: &[EdgeType]) -> String {
    let mut names: Vec<String> = Vec::new();
    for name in wanted.iter().map(ToString::to_string) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(" or ")
}

/// What gives one of these, itself or through a step that is put in.
fn givers(wanted: &[EdgeType]) -> String {
    let fits = |edge: EdgeType| wanted.contains(&edge) || converter(edge, wanted).is_some();
    let mut givers: Vec<String> = Vec::new();
    for &record in RECORDS.iter().filter(|&&record| fits(EdgeType::Source(record))) {
        givers.push(format!("a source with `record: {}`", record.name()));
    }
    let gives = |operator: &&&Operator| {
        let mut outputs = 0..operator.outputs.len();
        !operator.inserts && outputs.any(|output| output_type(operator, output, None).is_some_and(fits))
    };
    let names: Vec<&str> = OPERATORS.iter().filter(gives).map(|operator| operator.name).collect();
    if !names.is_empty() {
        givers.push(format!(
            "an output of a step of type {}",
            names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(" or ")
        ));
    }
    givers.join(" or ")
}

/// The shortest chain of steps, by their default outputs, from a type to one of those wanted. Steps that are put in by
/// themselves are walked through but not told.
fn path(edge: EdgeType, wanted: &[EdgeType]) -> Vec<&'static str> {
    let mut seen = vec![edge];
    let mut queue = VecDeque::from([(edge, Vec::new())]);
    while let Some((edge, steps)) = queue.pop_front() {
        for operator in OPERATORS.iter().filter(|o| o.ports.iter().any(|port| port.accepts.contains(&edge))) {
            let default = operator.outputs.iter().position(|output| output.name.is_none());
            let Some(given) = default.and_then(|output| output_type(operator, output, Some(edge))) else {
                continue;
            };
            if seen.contains(&given) {
                continue;
            }
            let mut steps = steps.clone();
            if !operator.inserts {
                steps.push(operator.name);
            }
            if wanted.contains(&given) {
                return steps;
            }
            seen.push(given);
            queue.push_back((given, steps));
        }
    }
    Vec::new()
}
