//! The sums behind figures of quality, of one slice of a stream of predictions.
//!
//! A prediction is positive from 0.5. The log of a probability is taken no nearer to 0 or 1 than 1e-6. AUC comes from
//! 1,000 equal bins of the prediction, a tie within a bin counting one half; the calibration error (Guo et al. 2017)
//! from 15 equal bins. Macro F1 is the mean over the classes that occur among labels or predictions.
//!
//! To fade, the weight of the newest observation grows instead of all sums being multiplied; all is scaled down when
//! that weight gets large.

use super::quality::Figures;
use serde::{Deserialize, Serialize};

const AUC_BINS: usize = 1000;
const CALIBRATION_BINS: usize = 15;
const HEAVY: f64 = 1e12;

/// What every tally adds of one observation.
#[derive(Debug)]
pub(super) struct Observation {
    positive: usize,
    predicted: usize,
    probability: f64,
    log_loss: f64,
    square: f64,
    auc_bin: usize,
    calibration_bin: usize,
}

impl Observation {
    pub(super) fn new(probability: f64, positive: bool) -> Self {
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
pub(super) struct Tally {
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
    pub(super) fn new(growth: f64) -> Self {
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

    /// All its numbers; bins without a label are left out.
    pub(super) fn sums(&self) -> Sums {
        let seen = (0..).zip(&self.ranks).filter(|(_, bin)| **bin != [0.0; 2]);
        Sums {
            weight: self.weight,
            log_loss: self.log_loss,
            square: self.square,
            confusion: self.confusion,
            ranks: seen.map(|(bin, &[negative, positive])| (bin, negative, positive)).collect(),
            calibration: self.calibration,
        }
    }

    /// The tally with these numbers.
    pub(super) fn restore(growth: f64, sums: &Sums) -> Result<Self, NoSums> {
        if !sums.are_finite() {
            return Err(NoSums("a number that is not finite"));
        }
        let weights = sums.confusion.as_flattened().iter().copied();
        let mut weights = weights.chain(sums.ranks.iter().flat_map(|bin| [bin.1, bin.2]));
        if sums.weight <= 0.0 || weights.any(|weight| weight < 0.0) {
            return Err(NoSums("a weight below zero"));
        }
        let mut ranks = vec![[0.0; 2]; AUC_BINS];
        for &(bin, negative, positive) in &sums.ranks {
            *ranks.get_mut(bin).ok_or(NoSums("a bin that there is not"))? = [negative, positive];
        }
        let Sums { weight, log_loss, square, confusion, calibration, .. } = *sums;
        Ok(Self { growth, weight, log_loss, square, confusion, ranks, calibration })
    }

    pub(super) fn add(&mut self, observation: &Observation) {
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

    /// The weight of all labels: how many they are, where each weighs 1.
    pub(super) fn total(&self) -> f64 {
        self.confusion.as_flattened().iter().sum()
    }

    /// Labels, by label and then by prediction, where each weighs 1.
    pub(super) fn confusion(&self) -> [[u64; 2]; 2] {
        self.confusion.map(|row| row.map(|labels| labels as u64))
    }

    pub(super) fn figures(&self) -> Figures {
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

/// The numbers of a tally as they are stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sums {
    weight: f64,
    log_loss: f64,
    square: f64,
    confusion: [[f64; 2]; 2],
    /// Bin, negatives and positives.
    ranks: Vec<(usize, f64, f64)>,
    calibration: [f64; CALIBRATION_BINS],
}

/// What no tally writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the sums hold {0}")]
pub(super) struct NoSums(&'static str);

impl Sums {
    /// Whether JSON can hold them.
    pub(super) fn are_finite(&self) -> bool {
        let sums = [self.weight, self.log_loss, self.square].into_iter();
        let sums = sums.chain(self.confusion.as_flattened().iter().chain(&self.calibration).copied());
        sums.chain(self.ranks.iter().flat_map(|bin| [bin.1, bin.2])).all(f64::is_finite)
    }
}

/// Half to even at six decimals of the shortest decimal form.
pub(super) fn rounded(figure: f64) -> Option<f64> {
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

    #[test]
    fn halves_go_to_even_digits_of_the_shortest_form() {
        for (number, expected) in
            [(0.0000005, 0.0), (0.0000015, 0.000002), (0.1234565, 0.123456), (0.9999995, 1.0), (13.5, 13.5)]
        {
            assert_eq!(rounded(number), Some(expected), "{number}");
        }
    }
}
