//! Counters of a run, and values that are read when they are scraped. What each name means: `docs/metrics.md`.
//!
//! Hot paths add to relaxed counters once a chunk or an epoch. Everything that is kept elsewhere anyway (books, bytes in
//! flight) is *sampled*: a closure reads it at the scrape, so it cannot lag behind or disagree.
//!
//! # Layout
//! `sampled`: what is read at the scrape; `families`: the names that every run has of it. `steps`, `models`,
//! `checkpoints`, `deliveries`, `histogram`: what is counted. `process`: what `/proc` tells.

mod checkpoints;
mod cluster;
mod deliveries;
mod families;
mod histogram;
mod models;
mod process;
mod sampled;
mod status;
mod steps;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use prometheus_client::{
    encoding::text::{encode_eof, encode_registry},
    metrics::info::Info,
    registry::Registry,
};

pub use checkpoints::CheckpointMeter;
pub use cluster::{ClusterMeter, Lag};
pub use deliveries::{CaseMeter, DeliveryMeter};
pub use histogram::{Distribution, Histogram, Tally};
pub use models::{CLASSES, ModelMeter, Predictions, SliceFigures};
pub use sampled::{Labels, SampleKind};
pub use status::{Status, StatusMeter};
pub use steps::StepMeter;

use self::{
    models::Models,
    sampled::{Read, Sampled},
    steps::Steps,
};

/// A counter that only rises.
pub type Counter = prometheus_client::metrics::counter::Counter<u64>;

/// A refusal, as it is labelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErrorLabels {
    /// The type of the component that refused.
    pub component_type: &'static str,
    /// What is wrong, as the dead letter names it.
    pub error_code: &'static str,
    /// The kind of error.
    pub error_type: &'static str,
    /// The part of the work that found it.
    pub stage: &'static str,
}

/// Refusals by component.
type Errors = Mutex<BTreeMap<(String, ErrorLabels), u64>>;

/// The metrics of a run.
pub struct Metrics {
    registry: Mutex<Registry>,
    /// Metrics of the process, which have no prefix.
    process: Registry,
    steps: Arc<Steps>,
    models: Arc<Models>,
    checkpoints: Arc<CheckpointMeter>,
    cluster: Arc<ClusterMeter>,
    deliveries: Arc<DeliveryMeter>,
    cases: Arc<CaseMeter>,
    status: Arc<StatusMeter>,
    errors: Arc<Errors>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("dirigent");
        registry.register("build", "The binary", Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]));
        let mut process = Registry::default();
        process::register(&mut process);
        let metrics = Self {
            registry: Mutex::new(registry),
            process,
            steps: Arc::default(),
            models: Arc::default(),
            checkpoints: Arc::default(),
            cluster: Arc::default(),
            deliveries: Arc::default(),
            cases: Arc::default(),
            status: Arc::default(),
            errors: Arc::default(),
        };
        let started = Instant::now();
        metrics.sample("uptime_seconds", "Time since the run started", SampleKind::Gauge, move || {
            vec![(Labels::new(), started.elapsed().as_secs_f64())]
        });
        let steps = Arc::clone(&metrics.steps);
        metrics.sample(
            "records",
            "Records that a step has handled on a worker",
            SampleKind::Counter,
            move || steps.records(),
        );
        let errors = Arc::clone(&metrics.errors);
        metrics.sample(
            "component_errors",
            "Records that a component has refused",
            SampleKind::Counter,
            move || {
                let errors = errors.lock().unwrap_or_else(PoisonError::into_inner);
                errors.iter().map(|((id, labels), n)| (error_labels(id, labels), *n as f64)).collect()
            },
        );
        metrics.sample_models();
        metrics.sample_checkpoints();
        metrics.sample_cluster();
        metrics.sample_cases();
        metrics
    }
}

impl Metrics {
    /// The counters of a step on a worker.
    #[must_use]
    pub fn step(&self, step: &str, worker: usize) -> StepMeter {
        self.steps.meter(step, worker)
    }

    /// What all workers together received and sent at a step.
    #[must_use]
    pub fn flow(&self, step: &str) -> (u64, u64) {
        self.steps.flow(step)
    }

    /// Rows that all workers together keep at a step, and the bytes of memory taken for them.
    #[must_use]
    pub fn kept(&self, step: &str) -> Option<(u64, u64)> {
        self.steps.kept(step)
    }

    /// Counts a record that a transform refused.
    pub fn refused(&self, component: &str, error: ErrorLabels) {
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        *errors.entry((component.to_owned(), error)).or_default() += 1;
    }

    /// The meter of a model, by the id of the step that scores with it.
    #[must_use]
    pub fn model(&self, model: &str) -> Arc<ModelMeter> {
        self.models.meter(model)
    }

    /// The meter of the run's checkpoints.
    #[must_use]
    pub fn checkpoints(&self) -> &Arc<CheckpointMeter> {
        &self.checkpoints
    }

    /// The meter of the cluster that the run reads from and writes to.
    #[must_use]
    pub fn cluster(&self) -> &Arc<ClusterMeter> {
        &self.cluster
    }

    /// The meter of what is told of cases.
    #[must_use]
    pub fn deliveries(&self) -> &Arc<DeliveryMeter> {
        &self.deliveries
    }

    /// The meter of cases.
    #[must_use]
    pub fn cases(&self) -> &Arc<CaseMeter> {
        &self.cases
    }

    /// What the run is about.
    #[must_use]
    pub fn status(&self) -> &Arc<StatusMeter> {
        &self.status
    }

    /// Fading accuracy of a champion's published predictions, where it is known.
    #[must_use]
    pub fn accuracy(&self, model: &str) -> Option<f64> {
        self.models.accuracy(model)
    }

    /// Adds values that are read at each scrape.
    pub fn sample(
        &self,
        name: &'static str,
        help: &'static str,
        kind: SampleKind,
        read: impl Fn() -> Vec<(Labels, f64)> + Send + Sync + 'static,
    ) {
        self.register(Sampled { name, help, read: Read::Values(kind, Box::new(read)) });
    }

    /// Adds histograms that are read at each scrape.
    pub fn sample_histograms(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Vec<(Labels, Distribution)> + Send + Sync + 'static,
    ) {
        self.register(Sampled { name, help, read: Read::Distributions(Box::new(read)) });
    }

    fn register(&self, sampled: Sampled) {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner).register_collector(Box::new(sampled));
    }

    /// All metrics in the text format of OpenMetrics.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // writing to a string does not fail
        let _ = encode_registry(&mut text, &self.registry.lock().unwrap_or_else(PoisonError::into_inner));
        let _ = encode_registry(&mut text, &self.process);
        let _ = encode_eof(&mut text);
        text
    }
}

fn error_labels(component: &str, error: &ErrorLabels) -> Labels {
    let labels = [
        ("component_id", component),
        ("component_kind", "transform"),
        ("component_type", error.component_type),
        ("error_code", error.error_code),
        ("error_type", error.error_type),
        ("stage", error.stage),
    ];
    labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
