//! What a step's build function sees: the edges it reads, the run it is part of, and how sources are decoded.
//!
//! Every worker builds the same dataflow from the same plan. What the workers of a process share (the intake, models,
//! books, metrics) hangs on [`Run`]; what belongs to one worker's building on [`Wiring`].

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;

use super::{
    alerts::CaseRow,
    block::{CommandRow, DeliveryRow, FeedbackRow, RefusedRecord, ReviewChunk, RowBlock},
    books::Books,
    product_scores::ProductRow,
    quality_log::QualityLog,
    registry::Demand,
    row::{Place, Scored, Version},
};
use crate::{
    engine::{
        Epoch,
        checkpoint::{Change, Stored, restore::restored, restored::Restored, store::CheckpointStore},
        edge::{Scope, Stream, Table, Update},
        ingest::Chunk,
        intake::{Intake, IntakeError},
        keyed::without,
        model_loop::LoopEnd,
    },
    learning::Model,
    records::ModelRecord,
    telemetry::{Metrics, StepMeter},
};

pub use crate::learning::Languages;

/// The folder for stored models, below the state.
pub const MODELS: &str = "models";

/// A source, as the steps that decode it know it.
#[derive(Debug)]
pub struct SourceInfo {
    /// Its id.
    pub id: String,
    /// Its place among all sources sorted by id as bytes.
    pub rank: usize,
    /// Our field -> its name in the records; only what is renamed.
    pub fields: BTreeMap<String, String>,
    /// Whether the keys of its records are review ids.
    pub keys: bool,
}

/// A refused record, and the component that refused it.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The component's id.
    pub component: Arc<str>,
    /// What was refused and why.
    pub record: Arc<RefusedRecord>,
}

/// What flows on an edge.
#[derive(Clone)]
pub enum Edge<'s> {
    /// A source that the reading step decodes.
    Source(usize),
    /// Cleaned reviews.
    Reviews(Stream<'s, ReviewChunk>),
    /// Scored versions.
    Versions(Stream<'s, Version>),
    /// Live scored reviews.
    Scored(Table<'s, Scored>),
    /// Live product scores.
    Products(Table<'s, ProductRow>),
    /// Cases.
    Cases(Table<'s, CaseRow>),
    /// Published models.
    Models(Stream<'s, ModelRecord>),
    /// Refused records.
    DeadLetters(Stream<'s, Refused>),
}

/// What all workers of a run share.
pub struct Run {
    /// The partitions of all sources.
    pub intake: Arc<Intake>,
    /// Sources, in the order of the plan.
    pub sources: Vec<SourceInfo>,
    /// Ids of sources by rank.
    pub source_ids: Vec<String>,
    /// Where records ended.
    pub books: Books,
    /// Counters of this run.
    pub metrics: Arc<Metrics>,
    /// Languages that a missing `lang` is detected among.
    pub languages: Languages,
    /// The longest record in bytes.
    pub max_record_bytes: usize,
    /// The local state folder.
    pub state: PathBuf,
    /// Where checkpoints and published models lie.
    pub store: Arc<dyn CheckpointStore>,
    /// The checkpoint that the run goes on from.
    pub restored: Option<Restored>,
    /// Whether checkpoints are taken: else nobody asks what has changed.
    pub checkpoints: bool,
    /// Quality as it was at the close of each epoch.
    pub quality: QualityLog,
    /// The models in place, by the index of their scoring step.
    models: Mutex<BTreeMap<usize, Arc<Model>>>,
}

impl Run {
    /// A run that has built nothing yet.
    #[allow(clippy::too_many_arguments, reason = "one call, and each is a field")]
    #[must_use]
    pub fn new(
        intake: Arc<Intake>,
        sources: Vec<SourceInfo>,
        books: Books,
        metrics: Arc<Metrics>,
        languages: Languages,
        max_record_bytes: usize,
        state: PathBuf,
        store: Arc<dyn CheckpointStore>,
        restored: Option<Restored>,
        checkpoints: bool,
        quality: QualityLog,
    ) -> Self {
        let mut source_ids: Vec<String> = sources.iter().map(|source| source.id.clone()).collect();
        source_ids.sort();
        Self {
            intake,
            sources,
            source_ids,
            books,
            metrics,
            languages,
            max_record_bytes,
            state,
            store,
            restored,
            checkpoints,
            quality,
            models: Mutex::default(),
        }
    }

    /// The model of a scoring step; the first worker that asks makes it.
    pub fn model(&self, step: usize, make: impl FnOnce() -> Model) -> Arc<Model> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(models.entry(step).or_insert_with(|| Arc::new(make())))
    }

    /// Whether an epoch is that of the checkpoint that the run goes on from: what comes at it is no news.
    #[must_use]
    pub fn is_restored(&self, epoch: Epoch) -> bool {
        self.restored.as_ref().is_some_and(|restored| restored.manifest.epoch == epoch)
    }

    /// The rows that a step kept, at the epoch of the checkpoint, if the run goes on from one; each worker reads a part.
    pub fn restore<'s, R: Stored + 'static, T: 'static>(
        self: &Arc<Self>,
        scope: Scope<'s, u64>,
        step: &str,
        mut each: impl FnMut(R) -> T + 'static,
    ) -> Option<Stream<'s, T>> {
        let epoch = self.restored.as_ref()?.manifest.epoch;
        let (run, id) = (Arc::clone(self), step.to_owned());
        let (worker, peers) = (scope.index(), scope.peers());
        let load = move || {
            let rows = run.restored.as_ref().map(|restored| restored.rows::<R>(&id, worker, peers));
            match rows.transpose() {
                Ok(rows) => rows.unwrap_or_default().into_iter().map(&mut each).collect(),
                Err(error) => {
                    run.intake.fail(IntakeError::Restore(error.to_string()));
                    Vec::new()
                }
            }
        };
        Some(restored(scope, step, epoch, load))
    }

    /// All rows that a step kept, on every worker, if the run goes on from a checkpoint: for what is small.
    pub fn kept<R: Stored>(&self, step: &str) -> Vec<R> {
        match self.restored.as_ref().map(|restored| restored.rows::<R>(step, 0, 1)).transpose() {
            Ok(rows) => rows.unwrap_or_default(),
            Err(error) => {
                self.intake.fail(IntakeError::Restore(error.to_string()));
                Vec::new()
            }
        }
    }

    /// The updates of a table less those that are no news, for a step that makes nothing of them: it has received them.
    pub fn news<'s, R: Clone + 'static>(
        &self,
        updates: Stream<'s, Update<R>>,
        name: &str,
        meter: StepMeter,
    ) -> Stream<'s, Update<R>> {
        match &self.restored {
            Some(restored) => {
                without(updates, name, restored.manifest.epoch, move |rows| meter.received(rows))
            }
            None => updates,
        }
    }

    /// Notes a change for the next checkpoint, if there will be one.
    pub fn changed<R>(&self, changes: &mut Vec<Change<R>>, change: impl FnOnce() -> Change<R>) {
        if self.checkpoints {
            changes.push(change());
        }
    }

    /// The rank of the source that a place lies in.
    #[must_use]
    pub fn source_of(&self, place: Place) -> usize {
        self.intake.source(place.partition)
    }
}

/// A scoring step, as the step that learns its model sees it.
#[derive(Clone, Copy, Debug)]
pub struct Learned<'a> {
    /// Its index in the plan.
    pub scoring: usize,
    /// Its id.
    pub id: &'a str,
    /// Its settings.
    pub settings: &'a Value,
}

/// A step of the plan, as its build function sees it.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Its index in the plan.
    pub index: usize,
    /// Its id.
    pub id: &'a str,
    /// Its settings.
    pub settings: &'a Value,
    /// What it and everything downstream need of decoded reviews.
    pub demand: &'a Demand,
    /// The scoring step whose model this one learns.
    pub learns: Option<Learned<'a>>,
    /// Whether some step learns this one's model.
    pub learned: bool,
    /// The id of the step that scored what it reads; empty where none did.
    pub scored_by: &'a str,
}

/// One worker's dataflow while it is built.
pub struct Wiring<'s> {
    /// The scope that everything is built in.
    pub scope: Scope<'s, u64>,
    /// What the workers share.
    pub run: Arc<Run>,
    /// What the sinks have committed, for the sources.
    pub committed: Stream<'s, ()>,
    /// Feedback edges of models that wait for their learner, by the index of the scoring step.
    pub loops: BTreeMap<usize, LoopEnd<'s>>,
    /// Decoded reviews of a source: the first step that reads it decodes, others share.
    pub decoded: BTreeMap<usize, Stream<'s, ReviewChunk>>,
    /// Decoded feedback of a source.
    pub decoded_feedback: BTreeMap<usize, Stream<'s, Chunk<RowBlock<FeedbackRow>>>>,
    /// Decoded commands of a source.
    pub decoded_commands: BTreeMap<usize, Stream<'s, Chunk<RowBlock<CommandRow>>>>,
    /// Outcomes of deliveries that some step has decoded already, by source.
    pub decoded_deliveries: BTreeMap<usize, Stream<'s, Chunk<RowBlock<DeliveryRow>>>>,
    /// Sources whose refused records are booked already by some reader.
    pub refusals_booked: BTreeSet<usize>,
}

impl Wiring<'_> {
    /// The counters of a step on this worker.
    #[must_use]
    pub fn meter(&self, step: &Step<'_>) -> StepMeter {
        self.run.metrics.step(step.id, self.scope.index())
    }

    /// True for the first reader of a source: it books the refused records, others only pass them on.
    pub fn books_refusals_once(&mut self, source: usize) -> bool {
        self.refusals_booked.insert(source)
    }
}

/// Builds a step: edges by port in, edges by output out.
pub type Build = for<'w, 's> fn(&'w mut Wiring<'s>, &Step<'_>, Vec<Vec<Edge<'s>>>) -> Vec<Edge<'s>>;
