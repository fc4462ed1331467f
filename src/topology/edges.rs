//! Edge types: every edge goes to a port that takes what flows on it, and steps that convert are put in where they are needed.
//!
//! An edge goes to the first port that takes its type and has room; where none takes it, to the first port for which a step
//! with `inserts` converts it. That step is put in once for each upstream edge and shared by all its readers.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    declared::{Components, Declared},
    diagnostics::Fault,
    mismatch::{cannot_read, port_full, port_needs, sink_cannot_read},
    plan::{From, SinkNode, StepNode},
    references::{References, Upstream},
};
use crate::operators::registry::{Demand, EdgeType, OPERATORS, Operator, OutputType};

/// What sinks take.
pub(super) const SINK_TAKES: &[EdgeType] = &[
    EdgeType::ScoredTable,
    EdgeType::ProductTable,
    EdgeType::CaseTable,
    EdgeType::Models,
    EdgeType::DeadLetters,
];

/// The steps and sinks with their edges.
#[derive(Debug)]
pub(super) struct Wired {
    /// In topological order, what was put in included.
    pub(super) steps: Vec<StepNode>,
    /// The declared transform of each step; none of one that was put in.
    pub(super) declared: Vec<Option<usize>>,
    /// In the order of declaration, without those whose type is unknown.
    pub(super) sinks: Vec<SinkNode>,
}

/// Connects everything.
pub(super) fn wire(components: &Components<'_>, references: &References, faults: &mut Vec<Fault>) -> Wired {
    let count = components.transforms.len();
    let mut wiring = Wiring {
        components,
        steps: Vec::new(),
        declared: Vec::new(),
        placed: vec![None; count],
        inserted: BTreeMap::new(),
        faults,
    };
    for &index in &references.order {
        wiring.transform(index, references);
    }
    let mut sinks = Vec::new();
    for (sink, inputs) in components.sinks.iter().zip(&references.sinks) {
        sinks.extend(wiring.sink(sink, inputs));
    }
    Wired { steps: wiring.steps, declared: wiring.declared, sinks }
}

/// A step with `inserts` that gives one of `wanted` from `edge`.
pub(super) fn converter(edge: EdgeType, wanted: &[EdgeType]) -> Option<&'static Operator> {
    OPERATORS.iter().copied().find(|operator| {
        operator.inserts
            && operator.ports[0].accepts.contains(&edge)
            && output_type(operator, 0, Some(edge)).is_some_and(|given| wanted.contains(&given))
    })
}

/// The type of an output, given that of the first port's edge.
pub(super) fn output_type(operator: &Operator, output: usize, input: Option<EdgeType>) -> Option<EdgeType> {
    match operator.outputs.get(output)?.edge {
        OutputType::Fixed(edge) => Some(edge),
        OutputType::SameAsInput => input,
    }
}

struct Wiring<'a> {
    components: &'a Components<'a>,
    steps: Vec<StepNode>,
    declared: Vec<Option<usize>>,
    /// The step of each declared transform.
    placed: Vec<Option<usize>>,
    /// What was put in behind an edge.
    inserted: BTreeMap<(From, &'static str), usize>,
    faults: &'a mut Vec<Fault>,
}

impl Wiring<'_> {
    fn transform(&mut self, index: usize, references: &References) {
        let transform = &self.components.transforms[index];
        let Some(operator) = transform.kind else { return };
        let mut inputs: Vec<Vec<From>> = operator.ports.iter().map(|_| Vec::new()).collect();
        let mut first = None;
        let mut whole = transform.inputs_whole;
        for (reference, upstream) in transform.inputs.iter().zip(&references.transforms[index]) {
            let Some((from, edge)) = upstream.and_then(|upstream| self.edge(upstream)) else {
                whole = false;
                continue;
            };
            let room = |port: usize| operator.ports[port].many || inputs[port].is_empty();
            let ports = 0..operator.ports.len();
            let takes: Vec<usize> =
                ports.clone().filter(|&port| operator.ports[port].accepts.contains(&edge)).collect();
            let converts =
                || ports.filter(|&port| converter(edge, operator.ports[port].accepts).is_some()).collect();
            let fitting: Vec<usize> = if takes.is_empty() { converts() } else { takes };
            match fitting.iter().copied().find(|&port| room(port)) {
                Some(port) => {
                    let (from, edge) = self.converted(from, edge, operator.ports[port].accepts);
                    if port == 0 {
                        // A port with several edges has one type: that of the first.
                        first = first.or(Some(edge));
                    }
                    inputs[port].push(from);
                }
                None if fitting.is_empty() => {
                    whole = false;
                    self.faults.push(cannot_read(transform, operator, reference, edge));
                }
                None => self.faults.push(port_full(transform, operator, fitting[0], reference, edge)),
            }
        }
        if whole {
            let empty =
                operator.ports.iter().zip(&inputs).filter(|(port, edges)| !port.optional && edges.is_empty());
            for (port, _) in empty {
                self.faults.push(port_needs(transform, operator, port));
            }
        }
        let outputs: Option<Vec<EdgeType>> =
            (0..operator.outputs.len()).map(|output| output_type(operator, output, first)).collect();
        // Without its types a step cannot stand in a plan; whatever made them unknown has been reported.
        let Some(outputs) = outputs else { return };
        self.placed[index] = Some(self.steps.len());
        self.declared.push(Some(index));
        self.steps.push(StepNode {
            id: transform.id.to_owned(),
            operator,
            settings: transform.settings.clone(),
            inputs,
            outputs,
            demand: Demand::default(),
            learns: None,
            inserted: false,
        });
    }

    fn sink(
        &mut self,
        sink: &Declared<'_, crate::connect::registry::SinkKind>,
        references: &[Option<Upstream>],
    ) -> Option<SinkNode> {
        let mut inputs: Vec<From> = Vec::new();
        let mut first: Option<EdgeType> = None;
        for (reference, upstream) in sink.inputs.iter().zip(references) {
            let Some((from, edge)) = upstream.and_then(|upstream| self.edge(upstream)) else { continue };
            if !SINK_TAKES.contains(&edge) && converter(edge, SINK_TAKES).is_none() {
                self.faults.push(sink_cannot_read(sink.id, reference, edge));
                continue;
            }
            let (from, edge) = self.converted(from, edge, SINK_TAKES);
            let log = matches!(edge, EdgeType::DeadLetters | EdgeType::Models);
            match first {
                Some(first) if first != edge => {
                    let message = format!("`{}` would mix {first} and {edge}", sink.id);
                    self.faults.push(
                        Fault::new(reference.span, message, format!("expected {first}"))
                            .help("a sink takes one type: give each its own sink"),
                    );
                }
                Some(_) if !log => {
                    let message = format!("`{}` would write two tables over each other", sink.id);
                    self.faults.push(
                        Fault::new(reference.span, message, "the second table")
                            .help("a sink takes one table: give each its own sink"),
                    );
                }
                _ => {
                    first = Some(edge);
                    inputs.push(from);
                }
            }
        }
        let kind = sink.kind?;
        Some(SinkNode { id: sink.id.to_owned(), kind, settings: sink.settings.clone(), inputs })
    }

    /// What flows on an edge, and from where; nothing where it is unknown.
    fn edge(&self, upstream: Upstream) -> Option<(From, EdgeType)> {
        match upstream {
            Upstream::Source(index) => self.components.sources[index]
                .record
                .map(|record| (From::Source(index), EdgeType::Source(record))),
            Upstream::Transform { index, output } => {
                let (step, output) = (self.placed[index]?, output?);
                Some((From::Step { step, output }, self.steps[step].outputs[output]))
            }
        }
    }

    /// The edge itself, or behind the step that converts it.
    fn converted(&mut self, from: From, edge: EdgeType, wanted: &[EdgeType]) -> (From, EdgeType) {
        let operator = if wanted.contains(&edge) { None } else { converter(edge, wanted) };
        let Some(operator) = operator else { return (from, edge) };
        let step = match self.inserted.get(&(from, operator.name)) {
            Some(&step) => step,
            None => self.insert(from, edge, operator),
        };
        (From::Step { step, output: 0 }, self.steps[step].outputs[0])
    }

    fn insert(&mut self, from: From, edge: EdgeType, operator: &'static Operator) -> usize {
        let upstream = match from {
            From::Source(source) => self.components.sources[source].id.to_owned(),
            From::Step { step, output } => {
                let step = &self.steps[step];
                step.operator.outputs[output]
                    .name
                    .map_or_else(|| step.id.clone(), |name| format!("{}.{name}", step.id))
            }
        };
        let index = self.steps.len();
        let outputs =
            (0..operator.outputs.len()).filter_map(|output| output_type(operator, output, Some(edge)));
        self.steps.push(StepNode {
            id: format!("{upstream}.{}", operator.name),
            operator,
            settings: Value::Object(serde_json::Map::new()),
            inputs: vec![vec![from]],
            outputs: outputs.collect(),
            demand: Demand::default(),
            learns: None,
            inserted: true,
        });
        self.declared.push(None);
        self.inserted.insert((from, operator.name), index);
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The resolver gives what it puts in one edge and no settings.
    #[test]
    fn what_is_put_in_needs_one_edge_and_no_settings() {
        let mut count = 0;
        for operator in OPERATORS.iter().filter(|operator| operator.inserts) {
            assert_eq!(operator.ports.len(), 1, "{}", operator.name);
            assert!((operator.settings.check)(&serde_json::json!({})).is_empty(), "{}", operator.name);
            assert!(operator.outputs[0].name.is_none(), "{}", operator.name);
            count += 1;
        }
        assert!(count > 0);
    }
}
