//! The thread of a run that stores its checkpoints: what it is told of the plan, and what becomes of its faults.

use std::{sync::Arc, thread::JoinHandle};

use super::{
    assemble::{Assembly, Writes},
    configuration::SEMANTICS_VERSION,
};
use crate::{
    connect::object_store::patient::PatientStore,
    engine::{
        checkpoint::{
            builder::{Builder, BuilderContext},
            manifest::StepState,
        },
        intake::IntakeError,
        threads::{ThreadError, go_to_the_background, spawn},
    },
};

impl Assembly {
    /// The thread that stores checkpoints; a fault of it fails the run.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn store_checkpoints(&self) -> Result<Option<JoinHandle<()>>, ThreadError> {
        if self.options.writes == Writes::Nothing {
            return Ok(None);
        }
        let run = Arc::clone(&self.run);
        let meter = Arc::clone(run.metrics.checkpoints());
        let failures = Arc::clone(&meter);
        let steps = self.plan.steps.iter().filter_map(|step| {
            let state = step.operator.state?;
            Some((step.id.clone(), StepState { state: state.id.to_owned(), version: state.version }))
        });
        // as long as there is a stream, it goes on without a new checkpoint: what is not stored is still in the log
        let stream = Arc::clone(&run.intake);
        let wanted = move || !stream.aborted() && stream.has_more();
        let context = BuilderContext {
            store: PatientStore::shared(&run.store, &run.metrics, Box::new(wanted)),
            name: self.plan.name.clone(),
            generation: self.generation,
            configuration: self.plan.configuration(),
            semantics_version: SEMANTICS_VERSION,
            steps: steps.collect(),
            notes: Box::new(move |epoch| run.books.after(epoch)),
            log: Arc::clone(&self.log),
            announcements: Arc::clone(self.run.intake.checkpoints()),
            writers: Arc::clone(&self.writers),
            stored: Box::new(move |stats| meter.stored(stats.epoch, stats.bytes, stats.took)),
        };
        let builder = Builder::new(context, self.run.restored.as_ref());
        let intake = Arc::clone(&self.run.intake);
        let body = move || {
            // the stream comes first
            go_to_the_background();
            if let Err(reason) = builder.run() {
                failures.failed();
                intake.fail(IntakeError::Checkpoint(reason));
            }
        };
        spawn("checkpoints", body).map(Some)
    }
}
