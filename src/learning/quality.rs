//! How good a stream of predictions is: accuracy, log loss, AUC, Brier score, calibration error and macro F1, over all
//! labels and by language, in total and fading.
//!
//! A prediction is positive from 0.5. The log of a probability is taken no nearer to 0 or 1 than 1e-6. AUC comes from
//! 1,000 equal bins of the prediction, a tie within a bin counting one half; the calibration error (Guo et al. 2017)
//! from 15 equal bins. Macro F1 is the mean over the classes that occur among labels or predictions. A figure that is
//! not defined (nothing observed; AUC with one class) is none.
//!
//! Fading forgets by a factor for each observation of the same slice. Instead of multiplying all sums, the weight of
//! the newest observation grows, and all is scaled down when that weight gets large.

use serde::Serialize;
use std::collections::BTreeMap;

const AUC_BINS: usize = 1000;
const CALIBRATION_BINS: usize = 15;
const FADING: f64 = 0.999;
const HEAVY: f64 = 1e12;

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

/// The quality of one stream of predictions.
#[derive(Debug, Clone, Default)]
pub struct Quality {
    all: Slices,
    stars: Slices,
    feedback: Slices,
}

/// The figures of a model's record, rounded half to even at six decimals.
#[derive(Debug, Clone, PartialEq, Default, Serialize, schemars::JsonSchema)]
pub struct Figures {
    /// Share of labels that the prediction agrees with.
    pub accuracy: Option<f64>,
    /// Mean negative natural logarithm of the probability given to the label.
    pub log_loss: Option<f64>,
    /// Chance that a positive one is scored above a negative one.
    pub auc: Option<f64>,
    /// Mean squared distance of the probability from the label.
    pub brier: Option<f64>,
    /// Mean distance of probability and share of positives over 15 bins, weighted by their labels.
    pub ece: Option<f64>,
    /// Mean F1 of both classes.
    pub macro_f1: Option<f64>,
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
        self.all
            .by_language
            .get(language)
            .map_or(0, |slice| slice.total.confusion.as_flattened().iter().sum::<f64>() as u64)
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

    fn slices(&self, labels: Labels) -> &Slices {
        match labels {
            Labels::All => &self.all,
            Labels::Of(Origin::Stars) => &self.stars,
            Labels::Of(Origin::Feedback) => &self.feedback,
        }
    }
}

#[derive(Debug, Clone, Default)]
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

#[derive(Debug, Clone)]
struct Slice {
    total: Tally,
    fading: Tally,
}

impl Default for Slice {
    fn default() -> Self {
        Self { total: Tally::new(1.0), fading: Tally::new(1.0 / FADING) }
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

/// What every tally adds of one observation.
struct Observation {
    positive: usize,
    predicted: usize,
    probability: f64,
    log_loss: f64,
    square: f64,
    auc_bin: usize,
    calibration_bin: usize,
}

impl Observation {
    fn new(probability: f64, positive: bool) -> Self {
        let right = if positive { probability } else { 1.0 - probability };
        let bin = |bins: usize| ((probability * bins as f64) as usize).min(bins - 1);
        Self {
            positive: usize::from(positive),
            predicted: usize::from(probability >= 0.5),
            probability,
            log_loss: -libm::log(right.clamp(1e-6, 1.0 - 1e-6)),
            square: (1.0 - right) * (1.0 - right),
            auc_bin: bin(AUC_BINS),
            calibration_bin: bin(CALIBRATION_BINS),
        }
    }
}

/// Weighted sums. All are in units of weight, so only their quotients mean anything.
#[derive(Debug, Clone)]
struct Tally {
    growth: f64,
    weight: f64,
    log_loss: f64,
    square: f64,
    /// By label, then by prediction.
    confusion: [[f64; 2]; 2],
    /// For each bin of the prediction, negatives and positives.
    ranks: Vec<[f64; 2]>,
    /// For each bin, labels less probabilities.
    calibration: [f64; CALIBRATION_BINS],
}

impl Tally {
    fn new(growth: f64) -> Self {
        Self {
            growth,
            weight: 1.0,
            log_loss: 0.0,
            square: 0.0,
            confusion: [[0.0; 2]; 2],
            ranks: vec![[0.0; 2]; AUC_BINS],
            calibration: [0.0; CALIBRATION_BINS],
        }
    }

    fn add(&mut self, observation: &Observation) {
        self.weight *= self.growth;
        if self.weight > HEAVY {
            self.scale_down();
        }
        self.log_loss += self.weight * observation.log_loss;
        self.square += self.weight * observation.square;
        self.confusion[observation.positive][observation.predicted] += self.weight;
        self.ranks[observation.auc_bin][observation.positive] += self.weight;
        self.calibration[observation.calibration_bin] +=
            self.weight * (observation.positive as f64 - observation.probability);
    }

    fn scale_down(&mut self) {
        let by = 1.0 / self.weight;
        let sums = [&mut self.weight, &mut self.log_loss, &mut self.square];
        let sums = sums.into_iter().chain(self.confusion.as_flattened_mut());
        let sums = sums.chain(self.ranks.as_flattened_mut()).chain(&mut self.calibration);
        for sum in sums {
            *sum *= by;
        }
    }

    fn figures(&self) -> Figures {
        let [[true_negative, false_positive], [false_negative, true_positive]] = self.confusion;
        let all = true_negative + false_positive + false_negative + true_positive;
        if all == 0.0 {
            return Figures::default();
        }
        let wrong: f64 = self.calibration.iter().map(|bin| bin.abs()).sum();
        let errors = false_positive + false_negative;
        let f1 = [true_positive, true_negative]
            .into_iter()
            .filter(|right| right + errors > 0.0)
            .map(|right| 2.0 * right / (2.0 * right + errors));
        let (classes, sum) = f1.fold((0.0, 0.0), |(classes, sum), f1| (classes + 1.0, sum + f1));
        Figures {
            accuracy: rounded((true_negative + true_positive) / all),
            log_loss: rounded(self.log_loss / all),
            auc: self.auc(),
            brier: rounded(self.square / all),
            ece: rounded(wrong / all),
            macro_f1: rounded(sum / classes),
        }
    }

    fn auc(&self) -> Option<f64> {
        let (mut negatives, mut positives, mut above) = (0.0, 0.0, 0.0);
        for [negative, positive] in &self.ranks {
            above += positive * (negatives + negative / 2.0);
            negatives += negative;
            positives += positive;
        }
        let pairs = negatives * positives;
        if pairs > 0.0 { rounded(above / pairs) } else { None }
    }
}

/// Half to even at six decimals of the shortest decimal form.
fn rounded(figure: f64) -> Option<f64> {
    let shortest = format!("{figure}");
    let Some((whole, fraction)) = shortest.split_once('.') else { return Some(figure) };
    let Some((kept, rest)) = fraction.split_at_checked(6) else { return Some(figure) };
    let micros: u64 = format!("{whole}{kept}").parse().ok()?;
    let half = rest.trim_end_matches('0').cmp("5");
    let up = half.is_gt() || half.is_eq() && micros % 2 == 1;
    Some((micros + u64::from(up)) as f64 / 1e6)
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn halves_go_to_even_digits_of_the_shortest_form() {
        for (number, expected) in
            [(0.0000005, 0.0), (0.0000015, 0.000002), (0.1234565, 0.123456), (0.9999995, 1.0), (13.5, 13.5)]
        {
            assert_eq!(rounded(number), Some(expected), "{number}");
        }
    }
}
