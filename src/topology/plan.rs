//! The plan: a topology that has been read, checked and resolved, ready to be assembled, drawn or described.
//!
//! Everything in a [`Plan`] refers to everything else by index, steps stand in topological order (ties by the order
//! of declaration), and each edge has a type. A plan exists only for a topology without errors, so whoever
//! assembles it has no case left to refuse.

use std::collections::BTreeMap;

use serde_json::Value;

use super::options::Options;
use crate::{
    connect::{
        escalation::TargetSettings,
        receivers::registry::ReceiverKind,
        registry::{LogPlace, SinkKind, SourceKind},
    },
    operators::registry::{Demand, EdgeType, Operator, Record},
};

/// A resolved topology.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its name: the identity of its state and, later, of its topics.
    pub name: String,
    /// The settings of the whole.
    pub options: Options,
    /// Its sources, in the order of declaration.
    pub sources: Vec<SourceNode>,
    /// Its steps in topological order; steps that the resolver put in are among them.
    pub steps: Vec<StepNode>,
    /// Its sinks, in the order of declaration.
    pub sinks: Vec<SinkNode>,
    /// Who is told of cases, where anybody is.
    pub escalation: Option<EscalationNode>,
}

/// Who is told of cases.
#[derive(Clone, Debug)]
pub struct EscalationNode {
    /// The sink whose committed cases are read, by its place in [`Plan::sinks`].
    pub cases: usize,
    /// The source that outcomes are appended to, by its place in [`Plan::sources`].
    pub outcomes: usize,
    /// The targets of each step.
    pub steps: Vec<Vec<String>>,
    /// All targets, in the order of declaration.
    pub targets: Vec<TargetNode>,
}

/// A target.
#[derive(Clone, Debug)]
pub struct TargetNode {
    /// Its id.
    pub id: String,
    /// The registry entry of its receiver.
    pub kind: &'static ReceiverKind,
    /// The settings of its receiver.
    pub settings: Value,
    /// When and how often it is called.
    pub common: TargetSettings,
}

/// A source.
#[derive(Clone, Debug)]
pub struct SourceNode {
    /// Its id, unique in the topology.
    pub id: String,
    /// Its registry entry.
    pub kind: &'static SourceKind,
    /// What it hands out.
    pub record: Record,
    /// Our field -> its name in the records of this source; only what is renamed.
    pub fields: BTreeMap<String, String>,
    /// The settings of its kind, without `type`, `record` and `fields`.
    pub settings: Value,
}

/// A step.
#[derive(Clone, Debug)]
pub struct StepNode {
    /// Its id, unique in the topology; of a step that was put in: its upstream's reference, a dot, and its operator.
    pub id: String,
    /// Its registry entry.
    pub operator: &'static Operator,
    /// Its settings, without `type` and `inputs`.
    pub settings: Value,
    /// The edges at each of the operator's ports, in the order of `inputs:`. No port is empty that is not optional.
    pub inputs: Vec<Vec<From>>,
    /// The type of each of the operator's outputs.
    pub outputs: Vec<EdgeType>,
    /// What it and everything downstream of it need of decoded reviews.
    pub demand: Demand,
    /// The index in [`Plan::steps`] of the scoring step whose model this one learns.
    pub learns: Option<usize>,
    /// Whether the resolver put it in.
    pub inserted: bool,
}

/// A sink.
#[derive(Clone, Debug)]
pub struct SinkNode {
    /// Its id, unique in the topology.
    pub id: String,
    /// Its registry entry.
    pub kind: &'static SinkKind,
    /// The settings of its kind, without `type` and `inputs`.
    pub settings: Value,
    /// The edges it reads, in the order of `inputs:`; all have one type, and there is at least one.
    pub inputs: Vec<From>,
}

/// Where an edge comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum From {
    /// The source with this index in [`Plan::sources`].
    Source(usize),
    /// An output of a step.
    Step {
        /// Index in [`Plan::steps`].
        step: usize,
        /// Index in the operator's `outputs`.
        output: usize,
    },
}

impl Plan {
    /// The type of what flows on an edge.
    ///
    /// # Panics
    /// If `from` is not of this plan.
    #[must_use]
    pub fn edge_type(&self, from: &From) -> EdgeType {
        match *from {
            From::Source(source) => EdgeType::Source(self.sources[source].record),
            From::Step { step, output } => self.steps[step].outputs[output],
        }
    }

    /// How a topology refers to this edge: `id`, or `id.output`.
    ///
    /// # Panics
    /// If `from` is not of this plan.
    #[must_use]
    pub fn reference(&self, from: &From) -> String {
        match *from {
            From::Source(source) => self.sources[source].id.clone(),
            From::Step { step, output } => {
                let step = &self.steps[step];
                match step.operator.outputs[output].name {
                    Some(name) => format!("{}.{name}", step.id),
                    None => step.id.clone(),
                }
            }
        }
    }

    /// What opens the place of the log, and the settings of the sink that has it, if it is not the state folder.
    #[must_use]
    pub fn log_elsewhere(&self) -> Option<(&'static LogPlace, &Value)> {
        self.sinks.iter().find_map(|sink| Some(((sink.kind.log)(&sink.settings)?, &sink.settings)))
    }

    /// Every edge that some step or sink reads.
    pub fn edges_read(&self) -> impl Iterator<Item = From> {
        let steps = self.steps.iter().flat_map(|step| step.inputs.iter().flatten());
        steps.chain(self.sinks.iter().flat_map(|sink| &sink.inputs)).copied()
    }

    /// The outputs of refused records that no sink reads: they go to `dead-letters.jsonl` in the state folder.
    #[must_use]
    pub fn unread_dead_letters(&self) -> Vec<From> {
        unread_dead_letters(&self.steps, &self.sinks)
    }
}

/// The outputs of refused records of these steps that none of these sinks reads.
pub(super) fn unread_dead_letters(steps: &[StepNode], sinks: &[SinkNode]) -> Vec<From> {
    let read: Vec<From> = sinks.iter().flat_map(|sink| &sink.inputs).copied().collect();
    let outputs = steps.iter().enumerate().flat_map(|(index, step)| {
        (0..step.outputs.len()).map(move |output| (From::Step { step: index, output }, step.outputs[output]))
    });
    outputs
        .filter(|(from, edge)| *edge == EdgeType::DeadLetters && !read.contains(from))
        .map(|(from, _)| from)
        .collect()
}
