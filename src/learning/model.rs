//! The weights of a linear model over hashed features, shared in place by the workers of a process.
//!
//! A slot is 16 bytes of one cache line: what readers need (weight and log-count ratio) is one word, what only the
//! learner needs (sum of squared gradients and counts) another. The words are relaxed atomics: plain moves on every
//! machine this runs on, and no `unsafe`. They keep no order: **the caller keeps readers and the one writer apart**; no
//! reader may run between the first step of an epoch and [`Learner::publish`](super::Learner::publish). Bias and class
//! ratio reach the readers only when a version is published.
//!
//! Source of the method: Wang and Manning, *Baselines and Bigrams* (2012): a linear classifier whose features are
//! scaled by their naive-Bayes log-count ratio, and interpolated with naive Bayes itself. The example is divided by the
//! Euclidean length of its values.

use super::{
    LearnerSettings,
    encoding::{Features, FeaturesIter, SlotBits},
    prefetch::prefetch,
};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Weight and ratio in `read`, squared gradients and counts in `learn`; see [`pack`].
#[derive(Debug, Default)]
#[repr(align(16))]
pub(super) struct Slot {
    pub(super) read: AtomicU64,
    pub(super) learn: AtomicU64,
}

/// Two halves of a word: a float above any 32 bits.
#[inline(always)]
pub(super) fn pack(high: f32, low: u32) -> u64 {
    u64::from(high.to_bits()) << 32 | u64::from(low)
}

/// The halves of [`pack`].
#[inline(always)]
pub(super) fn unpack(word: u64) -> (f32, u32) {
    (f32::from_bits((word >> 32) as u32), word as u32)
}

/// A model: what a review is scored with.
#[derive(Debug)]
pub struct Model {
    pub(super) slots: Vec<Slot>,
    scale: Scale,
    bias: AtomicU64,
    class_ratio: AtomicU64,
    version: AtomicU64,
    labels: AtomicU64,
}

/// What a feature says, from its count and its ratio.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    floor: f32,
    trust: f32,
    frequencies: Vec<f32>,
}

impl Scale {
    fn new(settings: &LearnerSettings) -> Self {
        let frequencies = (0..256).map(frequency).collect();
        Self { floor: settings.floor, trust: settings.trust, frequencies }
    }

    /// What a count weighs: log2(1 + count).
    #[inline(always)]
    fn frequency(&self, count: u32) -> f32 {
        self.frequencies.get(count as usize).copied().unwrap_or_else(|| frequency(count))
    }

    /// The feature's value, its frequency times (floor + |log-count ratio|), and the part of naive Bayes.
    #[inline(always)]
    fn of(&self, frequency: f32, ratio: f32, class_ratio: f32) -> (f32, f32) {
        let ratio = ratio - class_ratio;
        (frequency * (self.floor + ratio.abs()), frequency * ratio * self.trust)
    }
}

fn frequency(count: u32) -> f32 {
    libm::log2(1.0 + f64::from(count)) as f32
}

/// How many features are computed at once.
const GATHERED: usize = 32;

/// What some features of a review need, in ascending order of slots.
#[derive(Default)]
struct Gathered {
    slots: [u32; GATHERED],
    weights: [f32; GATHERED],
    ratios: [f32; GATHERED],
    frequencies: [f32; GATHERED],
}

/// What one pass over the features of a review gives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forward {
    /// Probability of positive.
    pub(super) probability: f64,
    /// One over the Euclidean length of the values; zero if there are none.
    pub(super) inverse: f32,
}

impl Model {
    /// A model that has seen no label: version 0, which scores everything 0.5.
    pub fn new(bits: SlotBits, settings: &LearnerSettings) -> Self {
        let mut slots = Vec::new();
        slots.resize_with(bits.slots(), Slot::default);
        Self {
            slots,
            scale: Scale::new(settings),
            bias: AtomicU64::new(0),
            class_ratio: AtomicU64::new(0),
            version: AtomicU64::new(0),
            labels: AtomicU64::new(0),
        }
    }

    /// The probability, 0 to 1, that a review is positive, by the version published last.
    pub fn score(&self, features: Features<'_>) -> f64 {
        let bias = f64::from_bits(self.bias.load(Relaxed));
        let class_ratio = f32::from_bits(self.class_ratio.load(Relaxed) as u32);
        self.forward(features, bias, class_ratio, |_, _| {}).probability
    }

    /// Asks for the slots of a review that is to be scored or learned soon.
    pub fn prefetch(&self, features: Features<'_>) {
        for (slot, _) in features {
            if let Some(cell) = self.slots.get(slot as usize) {
                prefetch(cell);
            }
        }
    }

    /// How many slots it has.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Bytes of memory that its slots take.
    pub fn bytes(&self) -> usize {
        self.slots.len() * size_of::<Slot>()
    }

    /// The number of the version published last.
    pub fn version(&self) -> u64 {
        self.version.load(Relaxed)
    }

    /// How many labels that version has learned, removed ones included.
    pub fn labels(&self) -> u64 {
        self.labels.load(Relaxed)
    }

    /// Sums in ascending order of slots; `see` is told slots and their values, block by block.
    ///
    /// A block is gathered first and computed then: what waits for memory does not wait for sums, and the products of
    /// several slots are made at once. The sums run in order all the same.
    #[inline(always)]
    pub(super) fn forward(
        &self,
        features: Features<'_>,
        bias: f64,
        class_ratio: f32,
        mut see: impl FnMut(&[u32], &[f32]),
    ) -> Forward {
        let (mut sum, mut squares) = (0.0_f32, 0.0_f32);
        let mut features = features.into_iter();
        let mut block = Gathered::default();
        loop {
            let len = self.gather(&mut features, &mut block);
            let mut values = [0.0; GATHERED];
            let mut parts = [0.0; GATHERED];
            for i in 0..GATHERED {
                let (value, evidence) = self.scale.of(block.frequencies[i], block.ratios[i], class_ratio);
                values[i] = value;
                parts[i] = block.weights[i] * value + evidence;
            }
            for (value, part) in values.iter().zip(&parts).take(len) {
                squares += value * value;
                sum += part;
            }
            see(&block.slots[..len], &values[..len]);
            if len < GATHERED {
                break;
            }
        }
        let inverse = if squares > 0.0 { 1.0 / squares.sqrt() } else { 0.0 };
        Forward { probability: sigmoid(bias + f64::from(sum * inverse)), inverse }
    }

    /// Reads what the next features of a review need; fewer than [`GATHERED`] if there are no more.
    #[inline(always)]
    fn gather(&self, features: &mut FeaturesIter<'_>, block: &mut Gathered) -> usize {
        for i in 0..GATHERED {
            let Some((slot, count)) = features.next() else { return i };
            let Some(cell) = self.slots.get(slot as usize) else { return i };
            let (weight, ratio) = unpack(cell.read.load(Relaxed));
            block.slots[i] = slot;
            block.weights[i] = weight;
            block.ratios[i] = f32::from_bits(ratio);
            block.frequencies[i] = self.scale.frequency(count);
        }
        GATHERED
    }

    /// Sets the number of a version that was read from a file.
    pub(super) fn restore(&self, version: u64, labels: u64) {
        self.version.store(version, Relaxed);
        self.labels.store(labels, Relaxed);
    }

    pub(super) fn publish(&self, bias: f64, class_ratio: f32, labels: u64) -> u64 {
        self.bias.store(bias.to_bits(), Relaxed);
        self.class_ratio.store(u64::from(class_ratio.to_bits()), Relaxed);
        self.labels.store(labels, Relaxed);
        self.version.fetch_add(1, Relaxed) + 1
    }
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-z))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_without_labels_scores_one_half() {
        let model = Model::new(SlotBits::default(), &LearnerSettings::default());
        let mut bytes = Vec::new();
        super::super::encoding::encode(&[1, 2, 2, 500_000], &mut bytes);
        assert_eq!(model.score(Features(&bytes)), 0.5);
        assert_eq!(model.score(Features(&[])), 0.5);
        assert_eq!((model.version(), model.labels()), (0, 0));
    }

    #[test]
    fn halves_are_packed_and_unpacked() {
        for (high, low) in [(0.0, 0), (-1.5, u32::MAX), (f32::MIN_POSITIVE, 7)] {
            assert_eq!(unpack(pack(high, low)), (high, low));
        }
    }

    #[test]
    fn a_slot_never_crosses_a_cache_line() {
        assert_eq!((size_of::<Slot>(), align_of::<Slot>()), (16, 16));
    }

    #[test]
    fn slots_beyond_the_model_are_not_read() {
        let model = Model::new(8.try_into().unwrap(), &LearnerSettings::default());
        let mut bytes = Vec::new();
        super::super::encoding::encode(&[255, 256, 1 << 20], &mut bytes);
        let mut seen = Vec::new();
        model.forward(Features(&bytes), 0.0, 1.0, |slots, _| seen.extend_from_slice(slots));
        assert_eq!(seen, [255]);
    }
}
