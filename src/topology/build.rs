//! The dataflow of one worker: every step by its registry entry, every sink behind the edges that it reads.
//!
//! What the sinks have committed flows back to the sources on one feedback edge.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError},
};

use super::{
    open::OpenSinks,
    options::DEAD_LETTERS,
    plan::{From, Plan, StepNode},
};
use crate::{
    engine::{
        edge::{Scope, merge},
        model_loop::feedback,
        sink::{SinkContext, Writers, sink},
    },
    operators::{
        publish::{Publication, publish},
        registry::EdgeType,
        wiring::{Edge, Learned, Run, Step, Wiring},
    },
};

/// The steps that book the records of a source: those on the way to the first step that makes a table of them.
pub(super) fn booking_steps(plan: &Plan, source: usize) -> Vec<usize> {
    let mut on_the_way: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, step) in plan.steps.iter().enumerate() {
        for from in step.inputs.iter().flatten() {
            let before = match *from {
                From::Source(other) if other == source => Some(Vec::new()),
                From::Step { step, .. } if is_stream(plan.edge_type(from)) => on_the_way.get(&step).cloned(),
                From::Source(_) | From::Step { .. } => None,
            };
            let Some(mut way) = before else { continue };
            way.push(index);
            if step.outputs.iter().any(|output| matches!(output, EdgeType::ScoredTable | EdgeType::CaseTable))
            {
                return way;
            }
            on_the_way.insert(index, way);
        }
    }
    Vec::new()
}

fn is_stream(edge: EdgeType) -> bool {
    matches!(edge, EdgeType::Reviews | EdgeType::Versions)
}

/// Builds the dataflow of one worker.
pub(super) fn build<'s>(
    scope: Scope<'s, u64>,
    plan: &Plan,
    run: &Arc<Run>,
    writers: &Arc<Writers>,
    open: &OpenSinks,
) {
    let (committed_end, committed) = feedback(scope);
    let mut wiring = Wiring {
        scope,
        run: Arc::clone(run),
        committed,
        loops: BTreeMap::new(),
        decoded: BTreeMap::new(),
        decoded_feedback: BTreeMap::new(),
        decoded_commands: BTreeMap::new(),
        decoded_deliveries: BTreeMap::new(),
        refusals_booked: BTreeSet::new(),
    };
    let learned: BTreeSet<usize> = plan.steps.iter().filter_map(|step| step.learns).collect();
    let mut outputs: Vec<Vec<Edge<'s>>> = Vec::with_capacity(plan.steps.len());
    let edge = |outputs: &[Vec<Edge<'s>>], from: &From| match *from {
        From::Source(source) => Edge::Source(source),
        From::Step { step, output } => outputs[step][output].clone(),
    };
    for (index, node) in plan.steps.iter().enumerate() {
        let step = Step {
            index,
            id: &node.id,
            settings: &node.settings,
            demand: &node.demand,
            learns: node.learns.map(|scoring| {
                let StepNode { id, settings, .. } = &plan.steps[scoring];
                Learned { scoring, id, settings }
            }),
            learned: learned.contains(&index),
            scored_by: node
                .inputs
                .iter()
                .flatten()
                .find_map(|from| scoring_step(plan, from))
                .unwrap_or_default(),
        };
        let inputs =
            node.inputs.iter().map(|port| port.iter().map(|from| edge(&outputs, from)).collect()).collect();
        let built = (node.operator.build)(&mut wiring, &step, inputs);
        assert_eq!(
            built.len(),
            node.outputs.len(),
            "step {} built other outputs than its registry entry says",
            node.id
        );
        outputs.push(built);
    }
    let mut done = Vec::new();
    let implicit = (DEAD_LETTERS, plan.unread_dead_letters());
    let sinks = plan
        .sinks
        .iter()
        .map(|node| (node.id.as_str(), node.inputs.clone()))
        .chain([implicit].into_iter().filter(|(_, froms)| !froms.is_empty()));
    for (n, (id, froms)) in sinks.enumerate() {
        let model = froms.iter().find_map(|from| scoring_step(plan, from)).unwrap_or_default();
        let edges = froms.iter().map(|from| edge(&outputs, from)).collect();
        let slot = &open.slots[n];
        let form = plan.sinks.get(n).map(|sink| sink.kind.form).unwrap_or_default();
        let publication = Publication { sink: id, form, model, fresh: slot.fresh };
        let lines = publish(scope, run, &publication, edges);
        let owner = scope.peers() - 1 - n % scope.peers();
        let (intake, writers) = (Arc::clone(&run.intake), Arc::clone(writers));
        let context = SinkContext { intake, writers, owner, from: slot.from.epoch };
        let take = || slot.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        done.push(sink(scope, lines, id, context, take));
    }
    committed_end.connect(merge(scope, done));
    run.intake.checkpoints().built();
}

/// The id of the scoring step upstream of an edge.
fn scoring_step<'p>(plan: &'p Plan, from: &From) -> Option<&'p str> {
    let From::Step { step, .. } = *from else { return None };
    let node = &plan.steps[step];
    if node.operator.scores {
        return Some(&node.id);
    }
    node.inputs.iter().flatten().find_map(|from| scoring_step(plan, from))
}
