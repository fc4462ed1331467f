//! What models predict, and how well: counted where they score, renewed where they learn.
//!
//! The total over all languages has the empty label `lang`: no language is called so, while `all` is the tag of one.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    Labels,
    histogram::{Distribution, Histogram, Tally},
};

/// Upper bounds of the confidence of a prediction, which is 0.5 at least.
const CONFIDENCE: &[f64] = &[0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99, 1.0];

/// The classes of predictions, as they are labelled.
pub const CLASSES: [&str; 3] = ["negative", "neutral", "positive"];

/// Figures of a slice of the labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SliceFigures {
    /// The language; empty for all of them.
    pub lang: String,
    /// Share of labels that the prediction agrees with.
    pub accuracy: Option<f64>,
    /// Mean negative natural logarithm of the probability given to the label.
    pub log_loss: Option<f64>,
    /// Mean squared distance of the probability from the label.
    pub brier: Option<f64>,
    /// Expected calibration error.
    pub ece: Option<f64>,
}

/// One of the figures.
pub(super) type Figure = fn(&SliceFigures) -> Option<f64>;

/// One model.
#[derive(Debug)]
pub struct ModelMeter {
    classes: [AtomicU64; 3],
    confidence: Histogram,
    learned: Mutex<Option<Learned>>,
}

/// What a learner has told last.
#[derive(Clone, Debug, Default)]
struct Learned {
    version: u64,
    labels: u64,
    prequential: Vec<SliceFigures>,
}

/// Predictions counted on one worker.
#[derive(Debug)]
pub struct Predictions {
    classes: [u64; 3],
    confidence: Tally,
}

impl Predictions {
    /// Counts a prediction: the place of its class in [`CLASSES`], and the probability of positive in 1e-6.
    pub fn count(&mut self, class: usize, micro: u32) {
        self.classes[class] += 1;
        let likelier = micro.max(1_000_000_u32.saturating_sub(micro));
        self.confidence.observe(f64::from(likelier) / 1e6, 1);
    }
}

impl ModelMeter {
    fn new() -> Self {
        Self {
            classes: Default::default(),
            confidence: Histogram::new(CONFIDENCE),
            learned: Mutex::default(),
        }
    }

    /// An empty count of predictions.
    #[must_use]
    pub fn predictions(&self) -> Predictions {
        Predictions { classes: [0; 3], confidence: self.confidence.tally() }
    }

    /// Adds what was counted, and empties the count.
    pub fn add(&self, predictions: &mut Predictions) {
        for (shared, counted) in self.classes.iter().zip(&mut predictions.classes) {
            if *counted > 0 {
                shared.fetch_add(std::mem::take(counted), Ordering::Relaxed);
            }
        }
        self.confidence.add(&mut predictions.confidence);
    }

    /// Shows the newest version, and how many labels it has learned.
    pub fn published(&self, version: u64, labels: u64) {
        let mut learned = self.learned();
        let learned = learned.get_or_insert_default();
        (learned.version, learned.labels) = (version, labels);
    }

    /// Renews the fading figures of the published predictions.
    pub fn judged(&self, slices: Vec<SliceFigures>) {
        self.learned().get_or_insert_default().prequential = slices;
    }

    fn learned(&self) -> MutexGuard<'_, Option<Learned>> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All models, by id.
#[derive(Debug, Default)]
pub(super) struct Models(Mutex<BTreeMap<String, Arc<ModelMeter>>>);

type Values<T> = Vec<(Labels, T)>;

fn label(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

impl Models {
    /// The meter of a model.
    pub(super) fn meter(&self, model: &str) -> Arc<ModelMeter> {
        let mut models = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(models.entry(model.to_owned()).or_insert_with(|| Arc::new(ModelMeter::new())))
    }

    fn read<T>(&self, read: impl Fn(&str, &ModelMeter) -> Values<T>) -> Values<T> {
        let models = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        models.iter().flat_map(|(id, model)| read(id, model)).collect()
    }

    /// Predictions by class.
    pub(super) fn predictions(&self) -> Values<f64> {
        self.read(|id, model| {
            let counts = model.classes.iter().map(|n| n.load(Ordering::Relaxed) as f64);
            CLASSES
                .iter()
                .zip(counts)
                .map(|(c, n)| (vec![label("model", id), label("class", c)], n))
                .collect()
        })
    }

    /// How sure the predictions were.
    pub(super) fn confidence(&self) -> Values<Distribution> {
        self.read(|id, model| vec![(vec![label("model", id)], model.confidence.distribution())])
    }

    /// Labels learned.
    pub(super) fn labels(&self) -> Values<f64> {
        self.read(|id, model| {
            let learned = model.learned();
            learned.iter().map(|learned| (vec![label("model", id)], learned.labels as f64)).collect()
        })
    }

    /// The newest version.
    pub(super) fn versions(&self) -> Values<f64> {
        self.read(|id, model| {
            let learned = model.learned();
            let labels = |version: u64| {
                vec![label("model", id), label("role", "champion"), label("version", &version.to_string())]
            };
            learned.iter().map(|learned| (labels(learned.version), 1.0)).collect()
        })
    }

    /// One figure of the published predictions, by slice.
    pub(super) fn prequential(&self, figure: Figure) -> Values<f64> {
        self.read(|id, model| {
            let learned = model.learned();
            let slices = learned.iter().flat_map(|learned| &learned.prequential);
            let labels = |slice: &SliceFigures| {
                vec![label("model", id), label("role", "champion"), label("lang", &slice.lang)]
            };
            slices.filter_map(|slice| Some((labels(slice), figure(slice)?))).collect()
        })
    }

    /// Fading accuracy of a model over all languages.
    pub(super) fn accuracy(&self, model: &str) -> Option<f64> {
        let meter = self.meter(model);
        let learned = meter.learned();
        learned.iter().flat_map(|learned| &learned.prequential).find(|slice| slice.lang.is_empty())?.accuracy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_nobody_learns_has_predictions_only() {
        let models = Models::default();
        let meter = models.meter("m");
        let mut counted = meter.predictions();
        for (class, micro) in [(0, 250_000), (2, 750_000), (1, 500_000)] {
            counted.count(class, micro);
        }
        meter.add(&mut counted);
        assert_eq!(models.predictions().iter().map(|(_, n)| *n).collect::<Vec<_>>(), [1.0, 1.0, 1.0]);
        let confidence = &models.confidence()[0].1;
        assert_eq!((confidence.count, confidence.sum, confidence.buckets[0]), (3, 2.0, (0.5, 1)));
        assert!(models.labels().is_empty() && models.versions().is_empty() && models.accuracy("m").is_none());
        meter.published(3, 7);
        assert_eq!(models.labels(), [(vec![label("model", "m")], 7.0)]);
        assert_eq!(models.versions()[0].0[2].1, "3");
    }
}
