//! The escalation of a run: receivers, the committed cases of a sink, and the source that outcomes are appended to.
//!
//! Only a live run tells anybody: not one by `clock: event`, nor one that replays, drains or writes nothing.

use std::path::Path;

use super::{
    assemble::{RunError, RunOptions, Writes},
    options::Clock,
    plan::Plan,
};
use crate::connect::{
    escalation::{Setup, Target},
    receivers::registry::ReceiverContext,
    registry::CommittedContext,
};

/// Opens what an escalation needs; none where nobody is to be told.
pub(super) fn open(
    plan: &Plan,
    options: &RunOptions,
    state: &Path,
    generation: u64,
) -> Result<Option<Setup>, RunError> {
    let live =
        plan.options.clock == Clock::Wall && matches!(options.writes, Writes::On | Writes::FromScratch);
    let Some(escalation) = plan.escalation.as_ref().filter(|_| live) else { return Ok(None) };
    let (sink, source) = (&plan.sinks[escalation.cases], &plan.sources[escalation.outcomes]);
    let context = CommittedContext { id: &sink.id, state, disk: &options.disk };
    let mut targets = Vec::new();
    for target in &escalation.targets {
        let context = ReceiverContext { id: &target.id, topology: &plan.name, disk: &options.disk };
        targets.push(Target {
            id: target.id.clone(),
            settings: target.common.clone(),
            receiver: (target.kind.open)(&target.settings, &context)?,
        });
    }
    Ok(Some(Setup {
        topology: plan.name.clone(),
        steps: escalation.steps.clone(),
        targets,
        cases: (sink.kind.committed)(&sink.settings, &context)?,
        outcomes: (source.kind.appended)(&source.settings, &options.disk)?,
        clock: options.wall.clone(),
        // two starts, and two runs, do not wait alike
        seed: options.wall.now() ^ generation.rotate_left(40) ^ u64::from(std::process::id()).rotate_left(20),
        meter: std::sync::Arc::clone(options.metrics.deliveries()),
    }))
}
