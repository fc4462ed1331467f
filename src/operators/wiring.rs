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
    block::{FeedbackBlock, RefusedRecord, ReviewChunk},
    books::Books,
    product_scores::ProductRow,
    quality_log::QualityLog,
    registry::Demand,
    row::{Place, Scored, Version},
};
use crate::{
    engine::{
        edge::{Scope, Stream, Table},
        ingest::Chunk,
        intake::Intake,
        model_loop::LoopEnd,
    },
    learning::Model,
    records::ModelRecord,
    telemetry::{Metrics, StepMeter},
};

pub use crate::learning::Languages;

/// The folder for stored models, in the state folder.
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
            quality,
            models: Mutex::default(),
        }
    }

    /// The model of a scoring step; the first worker that asks makes it.
    pub fn model(&self, step: usize, make: impl FnOnce() -> Model) -> Arc<Model> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(models.entry(step).or_insert_with(|| Arc::new(make())))
    }

    /// The rank of the source that a place lies in.
    #[must_use]
    pub fn source_of(&self, place: Place) -> usize {
        self.intake.source(place.partition)
    }
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
    /// The scoring step whose model this one learns: index and id.
    pub learns: Option<(usize, &'a str)>,
    /// Whether some step learns this one's model.
    pub learned: bool,
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
    pub decoded_feedback: BTreeMap<usize, Stream<'s, Chunk<FeedbackBlock>>>,
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
