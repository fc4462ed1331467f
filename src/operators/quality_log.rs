//! Quality as it was at the close of each epoch that brought labels: for reports, kept only when one was asked for.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::{
    engine::Epoch,
    learning::{
        classes::ClassesByLanguage,
        quality::{Figures, Labels, Origin, Quality, Window},
    },
    records::{self, CountedFigures, ModelRecord},
};

/// The figures of an epoch.
#[derive(Clone, Debug, Serialize)]
pub struct EpochQuality {
    /// The epoch that closed.
    pub epoch: Epoch,
    /// The version that it published.
    pub version: u64,
    /// Labels so far that judged a published prediction.
    pub labels: u64,
    /// The published predictions.
    pub prequential: Figures,
    /// The published predictions, fading.
    pub prequential_fading: Figures,
    /// The learner's own predictions.
    pub progressive: Figures,
    /// The learner's own predictions, fading.
    pub progressive_fading: Figures,
}

/// Quality by epoch.
#[derive(Debug, Default)]
pub struct QualityLog {
    epochs: Option<Mutex<Vec<EpochQuality>>>,
    last: Mutex<Option<(ModelRecord, ClassReport)>>,
}

/// How each class fared, over all labels of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassReport {
    /// In the published predictions.
    pub prequential: ClassesByLanguage,
    /// In the learner's own predictions.
    pub progressive: ClassesByLanguage,
}

impl QualityLog {
    /// A log that keeps every epoch, or none.
    #[must_use]
    pub fn new(keep: bool) -> Self {
        Self { epochs: keep.then(Mutex::default), last: Mutex::default() }
    }

    /// Notes the figures at the close of an epoch.
    pub fn record(&self, epoch: Epoch, version: u64, prequential: &Quality, progressive: &Quality) {
        let Some(epochs) = &self.epochs else { return };
        let figures = |quality: &Quality, window| quality.figures(Labels::All, window).figures;
        epochs.lock().unwrap_or_else(PoisonError::into_inner).push(EpochQuality {
            epoch,
            version,
            labels: prequential.observations(Labels::All),
            prequential: figures(prequential, Window::Total),
            prequential_fading: figures(prequential, Window::Fading),
            progressive: figures(progressive, Window::Total),
            progressive_fading: figures(progressive, Window::Fading),
        });
    }

    /// Notes the record that was published last, and how the classes fared until then.
    pub fn publish(&self, record: &ModelRecord, prequential: &Quality, progressive: &Quality) {
        let classes = ClassReport { prequential: prequential.classes(), progressive: progressive.classes() };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((record.clone(), classes));
    }

    /// The record that was published last, and how the classes had fared.
    #[must_use]
    pub fn last(&self) -> Option<(ModelRecord, ClassReport)> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was noted.
    #[must_use]
    pub fn epochs(&self) -> Vec<EpochQuality> {
        self.epochs
            .as_ref()
            .map(|epochs| epochs.lock().unwrap_or_else(PoisonError::into_inner).clone())
            .unwrap_or_default()
    }
}

/// Figures as they are published: all labels, by language, and stars and feedback apart.
#[must_use]
pub fn quality_record(quality: &Quality, window: Window) -> records::Quality {
    let counted = |labels: Labels| CountedFigures {
        figures: quality.figures(labels, window).figures,
        labels: quality.observations(labels),
    };
    let all = quality.figures(Labels::All, window);
    let by_lang = all.by_lang.into_iter().map(|(lang, figures)| {
        let labels = quality.observations_of(&lang);
        (lang, CountedFigures { figures, labels })
    });
    records::Quality {
        figures: all.figures,
        by_lang: by_lang.collect(),
        labels: quality.observations(Labels::All),
        stars: counted(Labels::Of(Origin::Stars)),
        feedback: counted(Labels::Of(Origin::Feedback)),
    }
}
