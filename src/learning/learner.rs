//! The one writer of a model: logistic regression by AdaGrad, each feature scaled by its online naive-Bayes log-count
//! ratio.
//!
//! The order of a step is fixed: the counts of the example that was there before are removed, the new one is predicted,
//! its counts are added, one gradient step is made. Counts are integers, so a removed example leaves them exactly as if
//! it had never been; what its gradient did to the weights stays. The step is made with the values the prediction was
//! made with. Sums run in ascending order of slots, `ln` and `exp` are those of `libm`: the same examples in the same
//! order give the same bits on every machine.
//!
//! Sources: Wang and Manning, *Baselines and Bigrams* (2012); Duchi, Hazan and Singer, *Adaptive Subgradient Methods*
//! (2011).

use super::{
    counts::{Counts, CountsAside, halves, one_more},
    encoding::Features,
    model::{Model, pack, unpack},
    settings::LearnerSettings,
};
use std::sync::atomic::Ordering::Relaxed;

/// How many logarithms of counts are kept at hand: all that a slot can hold.
const LOGARITHMS: usize = 1 << 16;

/// Learns one model. There is one learner a model, on one worker.
#[derive(Debug)]
pub struct Learner {
    settings: LearnerSettings,
    bias: f64,
    bias_squares: f64,
    /// Features of positive and of negative examples: the sums of all counts.
    totals: [u64; 2],
    labels: u64,
    published: bool,
    aside: CountsAside,
    logarithms: Box<[f32; LOGARITHMS]>,
    seen: Vec<(u32, f32)>,
}

impl Learner {
    /// A learner for a model that has seen no label.
    pub fn new(settings: &LearnerSettings) -> Self {
        let smoothing = settings.smoothing;
        let logarithms: Box<[f32]> = (0..=u16::MAX).map(|count| logarithm(count.into(), smoothing)).collect();
        Self {
            settings: settings.clone(),
            bias: 0.0,
            bias_squares: 0.0,
            totals: [0; 2],
            labels: 0,
            published: true,
            aside: CountsAside::default(),
            logarithms: logarithms.try_into().expect("one for each number of 16 bits"),
            seen: Vec::new(),
        }
    }

    /// One change of a review's example: `old` goes, `new` comes; true is positive. Gives the probability of positive
    /// that was predicted for `new` just before it was learned (the progressive one).
    ///
    /// # Panics
    /// If `old` was never learned.
    pub fn step(
        &mut self,
        model: &Model,
        old: Option<(Features<'_>, bool)>,
        new: Option<(Features<'_>, bool)>,
    ) -> Option<f64> {
        self.published = false;
        if let Some((features, positive)) = old {
            self.remove(model, features, positive);
        }
        let (features, positive) = new?;
        Some(self.learn(model, features, positive))
    }

    /// Makes what was learned the next version, and gives its number. The weights are in place already; bias and class
    /// ratio reach the readers here.
    pub fn publish(&mut self, model: &Model) -> u64 {
        self.published = true;
        model.publish(self.bias, self.class_ratio(), self.labels)
    }

    /// Bytes of memory that it takes beside its model.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.logarithms) + self.aside.bytes()
    }

    /// What it learns by.
    pub fn settings(&self) -> &LearnerSettings {
        &self.settings
    }

    /// Bias and totals as a [`LearnerState`] has them, if all steps are published.
    pub(super) fn sums(&self) -> Option<([f64; 2], [u64; 2])> {
        self.published.then_some(([self.bias, self.bias_squares], self.totals))
    }

    /// The numbers of all slots, in order.
    pub(super) fn slots(&self, model: &Model) -> impl Iterator<Item = SlotState> {
        (0..).zip(&model.slots).map(|(slot, cell)| {
            let (squares, packed) = unpack(cell.learn.load(Relaxed));
            let weight = unpack(cell.read.load(Relaxed)).0;
            SlotState { weight, squares, counts: self.aside.unpack(slot, packed) }
        })
    }

    /// The learner that goes on where another one was saved; fills the slots of a new model.
    pub(super) fn restore(
        settings: &LearnerSettings,
        state: &LearnerState,
        model: &Model,
        labels: u64,
    ) -> Self {
        let [bias, bias_squares] = state.bias;
        let mut learner = Self { bias, bias_squares, totals: state.totals, labels, ..Self::new(settings) };
        let numbers = state.weights.iter().zip(&state.squares).zip(&state.counts);
        for ((slot, cell), ((&weight, &squares), &counts)) in (0..).zip(&model.slots).zip(numbers) {
            cell.read.store(pack(weight, learner.ratio(counts).to_bits()), Relaxed);
            cell.learn.store(pack(squares, learner.aside.pack(slot, 0, counts)), Relaxed);
        }
        model.publish(learner.bias, learner.class_ratio(), labels);
        learner
    }

    fn remove(&mut self, model: &Model, features: Features<'_>, positive: bool) {
        for (slot, _) in features {
            let Some(cell) = model.slots.get(slot as usize) else { break };
            let (squares, packed) = unpack(cell.learn.load(Relaxed));
            let counts = self.aside.unpack(slot, packed).without(positive);
            cell.learn.store(pack(squares, self.aside.pack(slot, packed, counts)), Relaxed);
            let (weight, _) = unpack(cell.read.load(Relaxed));
            cell.read.store(pack(weight, self.ratio(counts).to_bits()), Relaxed);
            self.totals[usize::from(!positive)] -= 1;
        }
    }

    fn learn(&mut self, model: &Model, features: Features<'_>, positive: bool) -> f64 {
        let mut seen = std::mem::take(&mut self.seen);
        seen.clear();
        let forward = model.forward(features, self.bias, self.class_ratio(), |slots, values| {
            seen.extend(slots.iter().copied().zip(values.iter().copied()));
        });
        let error = forward.probability - f64::from(u8::from(positive));
        self.bias_squares += error * error;
        self.bias -= f64::from(self.settings.bias_rate) * error / (1.0 + self.bias_squares.sqrt());
        let scaled = error as f32 * forward.inverse;
        if positive {
            self.update::<true>(model, &seen, scaled);
        } else {
            self.update::<false>(model, &seen, scaled);
        }
        self.totals[usize::from(!positive)] += seen.len() as u64;
        self.labels += 1;
        self.seen = seen;
        forward.probability
    }

    /// Makes the gradient step and counts the example, slot by slot.
    #[inline(never)]
    fn update<const POSITIVE: bool>(&mut self, model: &Model, seen: &[(u32, f32)], scaled: f32) {
        let (rate, caution) = (self.settings.rate, self.settings.caution);
        for &(slot, value) in seen {
            let Some(cell) = model.slots.get(slot as usize) else { break };
            let (weight, _) = unpack(cell.read.load(Relaxed));
            let (squares, packed) = unpack(cell.learn.load(Relaxed));
            let gradient = scaled * value;
            let squares = squares + gradient * gradient;
            let weight = weight - rate * gradient / (caution + squares.sqrt());
            let (packed, ratio) = match one_more::<POSITIVE>(packed) {
                Some(packed) => {
                    let [positive, negative] =
                        halves(packed).map(|count| self.logarithms[usize::from(count)]);
                    (packed, positive - negative)
                }
                None => self.count_aside(slot, packed, POSITIVE),
            };
            cell.read.store(pack(weight, ratio.to_bits()), Relaxed);
            cell.learn.store(pack(squares, packed), Relaxed);
        }
    }

    /// One more example of a slot with large counts: what the slot holds then, and the ratio.
    #[cold]
    fn count_aside(&mut self, slot: u32, packed: u32, positive: bool) -> (u32, f32) {
        let counts = self.aside.unpack(slot, packed).with(positive);
        (self.aside.pack(slot, packed, counts), self.ratio(counts))
    }

    /// The log-count ratio of a feature, that of the classes not yet taken off.
    #[inline(always)]
    fn ratio(&self, counts: Counts) -> f32 {
        self.logarithm(counts.positive) - self.logarithm(counts.negative)
    }

    #[inline(always)]
    fn logarithm(&self, count: u32) -> f32 {
        match self.logarithms.get(count as usize) {
            Some(logarithm) => *logarithm,
            None => logarithm(count, self.settings.smoothing),
        }
    }

    fn class_ratio(&self) -> f32 {
        let [positive, negative] = self.totals.map(|total| libm::log(total as f64 + 2.0));
        (positive - negative) as f32
    }
}

/// All numbers of a slot.
#[derive(Debug, PartialEq)]
pub(super) struct SlotState {
    pub(super) weight: f32,
    pub(super) squares: f32,
    pub(super) counts: Counts,
}

/// All numbers of a model and its learner.
#[derive(Debug)]
pub(super) struct LearnerState {
    pub(super) weights: Vec<f32>,
    pub(super) squares: Vec<f32>,
    pub(super) counts: Vec<Counts>,
    /// The bias and its sum of squared gradients.
    pub(super) bias: [f64; 2],
    /// Sums of the positive and of the negative counts.
    pub(super) totals: [u64; 2],
}

fn logarithm(count: u32, smoothing: f32) -> f32 {
    libm::log(f64::from(count) + f64::from(smoothing)) as f32
}

#[cfg(test)]
mod tests;
