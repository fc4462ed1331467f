//! Counters of a run, and values that are read when they are scraped.
//!
//! Hot paths hold a [`Counter`]: one relaxed addition. Everything that is kept elsewhere anyway (books, bytes in flight)
//! is *sampled*: a closure reads it at the scrape, so it cannot lag behind or disagree.

use std::{
    fmt,
    sync::{Mutex, PoisonError, atomic::AtomicU64},
    time::Instant,
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text::encode},
    metrics::{
        counter::ConstCounter,
        family::Family,
        gauge::{ConstGauge, Gauge},
        info::Info,
    },
    registry::Registry,
};

/// A counter that only rises.
pub type Counter = prometheus_client::metrics::counter::Counter<u64>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabels {
    step: String,
    worker: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    component_id: String,
    error_code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    model: String,
    role: String,
}

/// Figures of a model for its gauges.
#[derive(Clone, Copy, Debug, Default)]
pub struct ModelFigures {
    /// The published version.
    pub version: u64,
    /// Labels learned.
    pub labels: u64,
    /// Fading accuracy of the published predictions.
    pub prequential_accuracy: Option<f64>,
    /// Fading log loss of the published predictions.
    pub prequential_log_loss: Option<f64>,
}

/// Labels of a sampled value.
pub type Labels = Vec<(String, String)>;

/// Whether a sampled value only rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleKind {
    /// It only rises.
    Counter,
    /// It may fall.
    Gauge,
}

type Read = Box<dyn Fn() -> Vec<(Labels, f64)> + Send + Sync>;

struct Sampled {
    name: &'static str,
    help: &'static str,
    kind: SampleKind,
    read: Read,
}

impl fmt::Debug for Sampled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Collector for Sampled {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let metric_type = match self.kind {
            SampleKind::Counter => ConstCounter::new(0.0).metric_type(),
            SampleKind::Gauge => ConstGauge::new(0.0).metric_type(),
        };
        let mut family = encoder.encode_descriptor(self.name, self.help, None, metric_type)?;
        for (labels, value) in (self.read)() {
            let family = family.encode_family(&labels)?;
            match self.kind {
                SampleKind::Counter => ConstCounter::new(value).encode(family)?,
                SampleKind::Gauge => ConstGauge::new(value).encode(family)?,
            }
        }
        Ok(())
    }
}

/// The metrics of a run.
#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
    records: Family<StepLabels, Counter>,
    errors: Family<ErrorLabels, Counter>,
    version: Family<ModelLabels, Gauge>,
    labels: Family<ModelLabels, Gauge>,
    accuracy: Family<ModelLabels, Gauge<f64, AtomicU64>>,
    log_loss: Family<ModelLabels, Gauge<f64, AtomicU64>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("dirigent");
        let metrics = Self {
            records: Family::default(),
            errors: Family::default(),
            version: Family::default(),
            labels: Family::default(),
            accuracy: Family::default(),
            log_loss: Family::default(),
            registry: Mutex::default(),
        };
        registry.register("build", "The binary", Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]));
        registry.register("records", "Records that a step has handled on a worker", metrics.records.clone());
        registry.register("component_errors", "Records that a component has refused", metrics.errors.clone());
        registry.register("model_version", "The newest published version", metrics.version.clone());
        registry.register(
            "model_labels",
            "Labels that the newest version has learned",
            metrics.labels.clone(),
        );
        registry.register(
            "model_prequential_accuracy",
            "Accuracy of published predictions, fading",
            metrics.accuracy.clone(),
        );
        registry.register(
            "model_prequential_log_loss",
            "Log loss of published predictions, fading",
            metrics.log_loss.clone(),
        );
        let started = Instant::now();
        registry.register_collector(Box::new(Sampled {
            name: "uptime_seconds",
            help: "Time since the run started",
            kind: SampleKind::Gauge,
            read: Box::new(move || vec![(Labels::new(), started.elapsed().as_secs_f64())]),
        }));
        registry.register_collector(Box::new(Sampled {
            name: "process_resident_memory_bytes",
            help: "Resident memory",
            kind: SampleKind::Gauge,
            read: Box::new(|| {
                resident_memory().map(|bytes| (Labels::new(), bytes as f64)).into_iter().collect()
            }),
        }));
        Self { registry: Mutex::new(registry), ..metrics }
    }
}

impl Metrics {
    /// The counter of records that a step handles on a worker.
    #[must_use]
    pub fn records(&self, step: &str, worker: usize) -> Counter {
        self.records.get_or_create(&StepLabels { step: step.to_owned(), worker: worker as u64 }).clone()
    }

    /// Counts a refused record.
    pub fn refused(&self, component: &str, code: &str) {
        self.errors
            .get_or_create(&ErrorLabels { component_id: component.to_owned(), error_code: code.to_owned() })
            .inc();
    }

    /// Shows the figures of a champion.
    pub fn learned(&self, model: &str, figures: ModelFigures) {
        let labels = ModelLabels { model: model.to_owned(), role: "champion".to_owned() };
        self.version.get_or_create(&labels).set(figures.version as i64);
        self.labels.get_or_create(&labels).set(figures.labels as i64);
        if let Some(accuracy) = figures.prequential_accuracy {
            self.accuracy.get_or_create(&labels).set(accuracy);
        }
        if let Some(log_loss) = figures.prequential_log_loss {
            self.log_loss.get_or_create(&labels).set(log_loss);
        }
    }

    /// Fading accuracy of a champion's published predictions, where it is known.
    #[must_use]
    pub fn accuracy(&self, model: &str) -> Option<f64> {
        let labels = ModelLabels { model: model.to_owned(), role: "champion".to_owned() };
        self.accuracy.get(&labels).map(|gauge| gauge.get())
    }

    /// Adds values that are read at each scrape.
    pub fn sample(
        &self,
        name: &'static str,
        help: &'static str,
        kind: SampleKind,
        read: impl Fn() -> Vec<(Labels, f64)> + Send + Sync + 'static,
    ) {
        let sampled = Sampled { name, help, kind, read: Box::new(read) };
        self.registry.lock().unwrap_or_else(PoisonError::into_inner).register_collector(Box::new(sampled));
    }

    /// All metrics in the text format of OpenMetrics.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // writing to a string does not fail
        let _ = encode(&mut text, &self.registry.lock().unwrap_or_else(PoisonError::into_inner));
        text
    }
}

/// Resident memory of this process in bytes, where the system tells.
fn resident_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1_024)
}
