//! Rows of a checkpoint, back into the dataflow: at the checkpoint's epoch, like any other input.
//!
//! Everything that is derived from them (duplicates, sums, what a learner counts with) comes to be by the same steps
//! that made it in the first place. The rows go where their keys are routed, whatever the number of workers.

use std::rc::Rc;

use timely::{
    container::CapacityContainerBuilder,
    dataflow::{
        Scope,
        operators::generic::{OutputBuilder, builder_rc::OperatorBuilder},
    },
};

use super::super::{Epoch, edge::Stream};

/// How many rows are given at a time, so that a large state does not stand in queues as a whole.
const PIECE: usize = 16_384;

/// Gives rows at an epoch, piece by piece; `load` is called when the dataflow runs.
pub fn restored<'s, R: 'static>(
    scope: Scope<'s, u64>,
    name: &str,
    epoch: Epoch,
    load: impl FnOnce() -> Vec<R> + 'static,
) -> Stream<'s, R> {
    let mut builder = OperatorBuilder::new(format!("{name} restored"), scope);
    let (output, stream) = builder.new_output::<Vec<R>>();
    let mut output = OutputBuilder::<_, CapacityContainerBuilder<Vec<R>>>::from(output);
    let activator = scope.activator_for(Rc::clone(&builder.operator_info().address));
    builder.build(move |mut capabilities| {
        let mut capability = capabilities.pop();
        let mut load = Some(load);
        let mut rows = Vec::new().into_iter();
        move |_| {
            let Some(held) = &capability else { return };
            if let Some(load) = load.take() {
                rows = load().into_iter();
            }
            let mut output = output.activate();
            let at = held.delayed(&epoch);
            output.session(&at).give_iterator(rows.by_ref().take(PIECE));
            drop(output);
            if rows.len() == 0 {
                capability = None;
            } else {
                activator.activate();
            }
        }
    });
    stream
}
