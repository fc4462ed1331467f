//! The learner once more, in plain sequence: normalised texts in, the published sentiment of each out. Nothing of
//! `dirigent` is in the way of its predictions: own words by characters, own hash, own sums, default settings.

use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

/// One version of a review, normalised. Its example goes when a later one replaces it.
#[derive(Debug, Clone)]
pub(crate) struct Review {
    pub(crate) epoch: u64,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) lang: String,
    pub(crate) label: Option<bool>,
    pub(crate) replaces: Option<usize>,
}

const FIRST: u64 = 0xA076_1D64_78BD_642F;
const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
const SECOND: u64 = 0xE703_7ED1_A0B4_28DB;

const ENGLISH: &str = "not no never none nobody nothing nowhere neither nor without cannot hardly barely \
    don't doesn't didn't won't wouldn't can't couldn't shouldn't isn't aren't wasn't weren't hasn't \
    haven't hadn't mustn't needn't ain't dont doesnt didnt wont wouldnt cant couldnt shouldnt isnt arent \
    wasnt werent hasnt havent hadnt aint";
const GERMAN: &str = "nicht nichts nie niemals niemand nirgends kein keine keinen keinem keiner keines \
    keins weder ohne kaum nix nich";
/// First and last of each range.
const SIGNS: [u32; 6] = [0x20A0, 0x20CF, 0x2190, 0x2BFF, 0x1F000, 0x1FAFF];
const GAPS: [u32; 14] =
    [0x80, 0xBF, 0xD7, 0xD7, 0xF7, 0xF7, 0x2000, 0x206F, 0x3000, 0x303F, 0xFE00, 0xFE6F, 0xFFF0, 0xFFFF];

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

fn word_hash(word: &str) -> u64 {
    let number = |part: &[u8]| part.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let (bytes, n) = (word.as_bytes(), word.len());
    match n {
        0..=8 => fold(number(bytes) ^ FIRST, SECOND ^ n as u64),
        9..=16 => fold(number(&bytes[..8]) ^ FIRST, number(&bytes[n - 8..]) ^ SECOND ^ n as u64),
        _ => xxh3_64(bytes),
    }
}

/// What parts words becomes a blank, a sign a word of its own.
fn words(text: &str) -> Vec<u64> {
    let mut parted = String::new();
    for c in text.chars() {
        let within =
            |ranges: &[u32]| ranges.chunks(2).any(|range| (range[0]..=range[1]).contains(&u32::from(c)));
        match c {
            '\u{2019}' | '\u{2BC}' => parted.push('\''),
            _ if within(&SIGNS) => parted.extend([' ', c, ' ']),
            _ if within(&GAPS) => parted.push(' '),
            _ if c.is_ascii() && !c.is_ascii_alphanumeric() && c != '\'' => parted.push(' '),
            _ => parted.push(c),
        }
    }
    let trimmed = parted.split(' ').map(|word| word.trim_matches('\''));
    trimmed.filter(|word| !word.is_empty()).map(word_hash).collect()
}

fn features(review: &Review) -> BTreeMap<u32, u32> {
    let salt = |kind: u64| fold(word_hash(&review.lang) ^ ODD, SECOND.wrapping_add(kind.wrapping_mul(ODD)));
    let lists = [("en", ENGLISH), ("de", GERMAN)].into_iter();
    let lists = lists.filter(|(lang, _)| [lang, "und"].contains(&review.lang.as_str()));
    let negations: Vec<u64> = lists.flat_map(|(_, words)| words.split(' ')).map(word_hash).collect();
    let mut counts = BTreeMap::new();
    let mut add = |mixed: u64| *counts.entry((mixed.wrapping_mul(ODD) >> 44) as u32).or_insert(0) += 1;
    for (field, text) in [(0, &review.title), (4, &review.text)] {
        let words = words(text);
        for (i, word) in words.iter().enumerate() {
            let negated = words[i.saturating_sub(3)..i].iter().any(|before| negations.contains(before));
            add(word ^ salt(field + u64::from(negated)));
            if i > 0 {
                add(words[i - 1].rotate_left(23) ^ word ^ salt(field + 2));
            }
        }
    }
    counts
}

#[derive(Default)]
struct Reference {
    /// Weight, squared gradients, positive and negative examples.
    slots: BTreeMap<u32, (f32, f32, [i64; 2])>,
    bias: f64,
    bias_squares: f64,
    totals: [i64; 2],
}

impl Reference {
    fn predict(&self, features: &BTreeMap<u32, u32>) -> (f64, Vec<f32>, f32) {
        let classes = self.totals.map(|total| libm::log(total as f64 + 2.0));
        let classes = (classes[0] - classes[1]) as f32;
        let (mut sum, mut squares, mut values) = (0.0_f32, 0.0_f32, Vec::new());
        for (slot, count) in features {
            let (weight, _, counts) = self.slots.get(slot).copied().unwrap_or_default();
            let [positive, negative] = counts.map(|count| libm::log(count as f64 + 0.5) as f32);
            let ratio = positive - negative - classes;
            let frequency = libm::log2(1.0 + f64::from(*count)) as f32;
            let value = frequency * (0.6 + ratio.abs());
            squares += value * value;
            sum += weight * value + frequency * ratio * 0.2;
            values.push(value);
        }
        let inverse = if squares > 0.0 { 1.0 / squares.sqrt() } else { 0.0 };
        (1.0 / (1.0 + libm::exp(-(self.bias + f64::from(sum * inverse)))), values, inverse)
    }

    fn count(&mut self, features: &BTreeMap<u32, u32>, positive: bool, by: i64) {
        for slot in features.keys() {
            self.slots.entry(*slot).or_default().2[usize::from(!positive)] += by;
            self.totals[usize::from(!positive)] += by;
        }
    }

    fn learn(&mut self, features: &BTreeMap<u32, u32>, positive: bool) {
        let (probability, values, inverse) = self.predict(features);
        let error = probability - f64::from(u8::from(positive));
        self.bias_squares += error * error;
        self.bias -= f64::from(0.1_f32) * error / (1.0 + self.bias_squares.sqrt());
        for (slot, value) in features.keys().zip(values) {
            let gradient = error as f32 * inverse * value;
            let (weight, squares, ..) = self.slots.entry(*slot).or_default();
            *squares += gradient * gradient;
            *weight -= 0.7 * gradient / (0.02 + squares.sqrt());
        }
        self.count(features, positive, 1);
    }
}

/// What each review is scored with, given in log order: by the newest version published before its epoch.
pub(crate) fn reference(reviews: &[Review]) -> Vec<f64> {
    let mut learner = Reference::default();
    let mut sentiments = Vec::new();
    for epoch in reviews.chunk_by(|a, b| a.epoch == b.epoch) {
        sentiments.extend(epoch.iter().map(|review| learner.predict(&features(review)).0));
        for review in epoch {
            let old = review.replaces.map(|old| &reviews[old]);
            old.inspect(|old| old.label.iter().for_each(|label| learner.count(&features(old), *label, -1)));
            review.label.inspect(|label| learner.learn(&features(review), *label));
        }
    }
    sentiments
}
