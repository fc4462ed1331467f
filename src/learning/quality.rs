//! How good a stream of predictions is: accuracy, log loss, AUC, Brier score, calibration error and macro F1, over all
//! labels and by language, in total and fading.
//!
//! All labels, those from stars and those from feedback are kept apart, and within each of them every language. Fading
//! forgets by a factor for each observation of the same slice. A figure that is not defined (nothing observed; AUC with
//! one class) is none.

use super::{
    classes::{Classes, ClassesByLanguage},
    tally::{NoSums, Observation, Sums, Tally},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use crate::records::Figures;

const FADING: f64 = 0.999;
/// The growth of a total: each label weighs the same.
const STEADY: f64 = 1.0;

/// Labels from which on the figures of a part of them say something.
pub const ENOUGH_LABELS: u64 = 100;

/// Where a label came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The reviewer's own stars.
    Stars,
    /// Somebody's feedback on the sentiment.
    Feedback,
}

/// Which labels figures are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Labels {
    /// All of them.
    All,
    /// Those of one origin.
    Of(Origin),
}

/// Which observations count, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// All the same.
    Total,
    /// Each by 0.999 less than the one after it.
    Fading,
}

/// The quality of one stream of predictions. What serde makes of it are its sums, exactly.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quality {
    all: Slices,
    stars: Slices,
    feedback: Slices,
}

/// Figures with those of each language.
#[derive(Debug, Clone, PartialEq, Default, Serialize, schemars::JsonSchema)]
pub struct FiguresByLanguage {
    /// Over all languages.
    #[serde(flatten)]
    pub figures: Figures,
    /// By the review's language.
    pub by_lang: BTreeMap<String, Figures>,
}

impl Quality {
    /// One prediction (the probability of positive) and what it should have been.
    pub fn observe(&mut self, probability: f64, positive: bool, language: &str, origin: Origin) {
        let observation = Observation::new(probability, positive);
        self.all.add(&observation, language);
        match origin {
            Origin::Stars => self.stars.add(&observation, language),
            Origin::Feedback => self.feedback.add(&observation, language),
        }
    }

    /// How many labels were observed.
    pub fn observations(&self, labels: Labels) -> u64 {
        self.slices(labels).observations
    }

    /// How many labels were observed of reviews in one language.
    pub fn observations_of(&self, language: &str) -> u64 {
        // in a total every label weighs 1
        self.all.by_language.get(language).map_or(0, |slice| slice.total.total() as u64)
    }

    /// The figures so far.
    pub fn figures(&self, labels: Labels, window: Window) -> FiguresByLanguage {
        let slices = self.slices(labels);
        FiguresByLanguage {
            figures: slices.overall.figures(window),
            by_lang: slices
                .by_language
                .iter()
                .map(|(tag, slice)| (tag.clone(), slice.figures(window)))
                .collect(),
        }
    }

    /// How each class fares so far, over all labels.
    pub fn classes(&self) -> ClassesByLanguage {
        let of = |slice: &Slice| Classes::of(slice.total.confusion());
        let by_lang = self.all.by_language.iter().map(|(tag, slice)| (tag.clone(), of(slice)));
        ClassesByLanguage { classes: of(&self.all.overall), by_lang: by_lang.collect() }
    }

    /// Whether JSON can hold all its sums.
    pub(super) fn is_finite(&self) -> bool {
        let slices = [&self.all, &self.stars, &self.feedback].into_iter();
        let mut slices = slices.flat_map(|slices| slices.by_language.values().chain([&slices.overall]));
        slices.all(|slice| slice.total.sums().are_finite() && slice.fading.sums().are_finite())
    }

    fn slices(&self, labels: Labels) -> &Slices {
        match labels {
            Labels::All => &self.all,
            Labels::Of(Origin::Stars) => &self.stars,
            Labels::Of(Origin::Feedback) => &self.feedback,
        }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Slices {
    observations: u64,
    overall: Slice,
    by_language: BTreeMap<String, Slice>,
}

impl Slices {
    fn add(&mut self, observation: &Observation, language: &str) {
        self.observations += 1;
        self.overall.add(observation);
        match self.by_language.get_mut(language) {
            Some(slice) => slice.add(observation),
            None => self.by_language.entry(language.to_owned()).or_default().add(observation),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(into = "SliceSums", try_from = "SliceSums")]
struct Slice {
    total: Tally,
    fading: Tally,
}

impl Default for Slice {
    fn default() -> Self {
        Self { total: Tally::new(STEADY), fading: Tally::new(1.0 / FADING) }
    }
}

/// A slice as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SliceSums {
    total: Sums,
    fading: Sums,
}

impl From<Slice> for SliceSums {
    fn from(slice: Slice) -> Self {
        Self { total: slice.total.sums(), fading: slice.fading.sums() }
    }
}

impl TryFrom<SliceSums> for Slice {
    type Error = NoSums;

    fn try_from(sums: SliceSums) -> Result<Self, NoSums> {
        let fading = Tally::restore(1.0 / FADING, &sums.fading)?;
        Ok(Self { total: Tally::restore(STEADY, &sums.total)?, fading })
    }
}

impl Slice {
    fn add(&mut self, observation: &Observation) {
        self.total.add(observation);
        self.fading.add(observation);
    }

    fn figures(&self, window: Window) -> Figures {
        match window {
            Window::Total => self.total.figures(),
            Window::Fading => self.fading.figures(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tally::rounded;
    use super::*;

    fn figures(stream: &[(f64, bool)], window: Window) -> Figures {
        let mut quality = Quality::default();
        for (probability, positive) in stream {
            quality.observe(*probability, *positive, "en", Origin::Stars);
        }
        quality.figures(Labels::All, window).figures
    }

    #[test]
    fn the_figures_of_a_small_stream_by_hand() {
        let found = figures(&[(0.9, true), (0.6, false), (0.2, false), (0.5, true)], Window::Total);
        let log_loss = -(0.9_f64.ln() + 0.4_f64.ln() + 0.8_f64.ln() + 0.5_f64.ln()) / 4.0;
        assert_eq!(found.accuracy, Some(0.75));
        assert_eq!(found.log_loss, rounded(log_loss));
        assert_eq!(found.auc, Some(0.75));
        assert_eq!(found.brier, Some(0.165), "(0.01 + 0.36 + 0.04 + 0.25) / 4");
        assert_eq!(found.ece, Some(0.35), "(0.1 + 0.6 + 0.2 + 0.5) / 4");
        assert_eq!(found.macro_f1, rounded((0.8 + 2.0 / 3.0) / 2.0));
    }

    #[test]
    fn what_is_not_defined_is_none() {
        assert_eq!(Quality::default().figures(Labels::All, Window::Total), FiguresByLanguage::default());
        let found = figures(&[(0.9, true), (1.0, true)], Window::Fading);
        assert_eq!((found.auc, found.accuracy, found.macro_f1), (None, Some(1.0), Some(1.0)));
        let wrong = figures(&[(0.0, true)], Window::Total);
        assert_eq!((wrong.log_loss, wrong.macro_f1), (rounded(-1e-6_f64.ln()), Some(0.0)));
    }

    #[test]
    fn fading_is_the_weighted_mean_through_many_rescalings() {
        let stream: Vec<(f64, bool)> = (0..70_000_u32)
            .map(|i| (f64::from(i.wrapping_mul(2_654_435_761) >> 12) / f64::from(1 << 20), i % 3 != 0))
            .collect();
        let found = figures(&stream, Window::Fading);
        let (mut right, mut brier, mut all) = (0.0, 0.0, 0.0);
        for (probability, positive) in &stream {
            let label = f64::from(u8::from(*positive));
            right = right * FADING + f64::from(u8::from((*probability >= 0.5) == *positive));
            brier = brier * FADING + (probability - label) * (probability - label);
            all = all * FADING + 1.0;
        }
        assert!((found.accuracy.unwrap() - right / all).abs() < 2e-6);
        assert!((found.brier.unwrap() - brier / all).abs() < 2e-6);
        assert!((found.auc.unwrap() - 0.5).abs() < 0.06);
    }

    #[test]
    fn origins_and_languages_are_apart() {
        let mut quality = Quality::default();
        quality.observe(0.9, true, "en", Origin::Stars);
        quality.observe(0.9, false, "de", Origin::Feedback);
        let accuracy = |labels| quality.figures(labels, Window::Total).figures.accuracy;
        assert_eq!(accuracy(Labels::All), Some(0.5));
        assert_eq!(accuracy(Labels::Of(Origin::Stars)), Some(1.0));
        assert_eq!(accuracy(Labels::Of(Origin::Feedback)), Some(0.0));
        let by_lang = quality.figures(Labels::All, Window::Fading).by_lang;
        assert_eq!(by_lang["de"].accuracy, Some(0.0));
        assert_eq!(quality.figures(Labels::Of(Origin::Stars), Window::Total).by_lang.len(), 1);
        assert_eq!(quality.observations(Labels::All), 2);
        let classes = quality.classes();
        assert_eq!(
            (classes.classes.negative.recall, classes.classes.positive.precision),
            (Some(0.0), Some(0.5))
        );
        assert_eq!((classes.by_lang["en"].positive.labels, classes.by_lang["de"].positive.labels), (1, 0));
    }

    #[test]
    fn the_view_has_the_fields_in_order() {
        let mut quality = Quality::default();
        quality.observe(0.75, true, "en", Origin::Stars);
        let view = serde_json::to_string(&quality.figures(Labels::All, Window::Total)).unwrap();
        let figures =
            r#""accuracy":1.0,"log_loss":0.287682,"auc":null,"brier":0.0625,"ece":0.25,"macro_f1":1.0"#;
        assert_eq!(view, format!(r#"{{{figures},"by_lang":{{"en":{{{figures}}}}}}}"#));
    }
}
