//! The words for an edge that does not fit: what flows, what is taken, and which steps lie between.

use std::collections::VecDeque;

use super::{
    declared::{Declared, Reference},
    diagnostics::{Fault, list},
    edges::{SINK_TAKES, converter, output_type},
};
use crate::operators::registry::{EdgeType, OPERATORS, Operator, Port};

/// No port takes this edge.
pub(super) fn cannot_read(
    reader: &Declared<'_, Operator>,
    operator: &Operator,
    reference: &Reference<'_>,
    edge: EdgeType,
) -> Fault {
    let wanted: Vec<EdgeType> = operator.ports.iter().flat_map(|port| port.accepts).copied().collect();
    let message = format!("`{}` (a `{}`) cannot read `{}`", reader.id, operator.name, reference.text);
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
    let message =
        format!("the input `{}` of `{}` (a `{}`) takes one edge", port.name, reader.id, operator.name);
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
    let message =
        format!("`{}` (a `{}`) has nothing for its input `{}`", reader.id, operator.name, port.name);
    let fault = Fault::new(span, message, format!("expected {} too", types(port.accepts)));
    match port.accepts.first() {
        Some(EdgeType::Source(record)) => {
            fault.help(format!("add a source with `record: {}` to `inputs`", record.name()))
        }
        _ => fault.help(format!("add {} to `inputs`", givers(port.accepts))),
    }
}

fn mismatch(message: String, reference: &Reference<'_>, edge: EdgeType, wanted: &[EdgeType]) -> Fault {
    let label = format!("gives {edge}, expected {}", types(wanted));
    let fault = Fault::new(reference.span, message, label);
    let between = path(edge, wanted);
    match between.as_slice() {
        [] => fault.help(format!("no step turns {edge} into what is read here; read {}", givers(wanted))),
        [one] => {
            fault.help(format!("put a `{one}` step between: {{ type: {one}, inputs: [{}] }}", reference.text))
        }
        many => fault.help(format!("put these steps between, in this order: {}", list(many))),
    }
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

/// The steps whose output is one of these.
fn givers(wanted: &[EdgeType]) -> String {
    let names: Vec<&str> = OPERATORS
        .iter()
        .filter(|operator| !operator.inserts)
        .filter(|operator| {
            (0..operator.outputs.len())
                .any(|output| output_type(operator, output, None).is_some_and(|edge| wanted.contains(&edge)))
        })
        .map(|operator| operator.name)
        .collect();
    if names.is_empty() { "a source".into() } else { format!("the output of {}", list(&names)) }
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
