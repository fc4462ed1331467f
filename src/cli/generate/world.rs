//! The world behind the reviews: who reviews what, how good it is, what is felt and what is given.
//!
//! Nothing is stored per product or user: their traits are a hash of the seed and their number. Quality and moods
//! are integers of thousandths of a star.

use super::english::ENGLISH;
use super::german::GERMAN;
use super::grammar::{Grammar, Mood};
use super::random::{Random, mix};
use super::settings::{GenerateSettings, TURNING_RANK};
use super::vocabulary::brands;
use super::zipf::Zipf;

/// Quality of the product that turns bad: before and after.
const TURNING: [i64; 2] = [4_500, 1_500];
/// Of a thousand reviews, those whose stars are at odds with their text: the scale misread, the courier punished.
const CONTRARY: u64 = 25;

/// One version of a review. Its line is a function of this value and the world.
#[derive(Debug, Clone, Copy)]
pub(super) struct Version {
    /// The review's number, which is its id.
    pub(super) number: u64,
    /// Rank of the product, from 1.
    pub(super) product: u32,
    /// Rank of the user, from 1.
    pub(super) user: u32,
    /// What is said follows from it.
    pub(super) content: u64,
    /// How it is put into bytes follows from it.
    pub(super) dress: u64,
    /// Milliseconds since 1970.
    pub(super) ts: i64,
    /// 1 to 5, as given.
    pub(super) stars: u8,
}

impl Version {
    /// What the writer felt: the given stars, or their opposite.
    pub(super) fn mood(&self) -> Mood {
        let contrary = mix(&[self.content, 2]) % 1_000 < CONTRARY;
        Mood { stars: if contrary { 6 - self.stars } else { self.stars } }
    }

    /// Whether the review bears no user.
    pub(super) fn is_anonymous(&self) -> bool {
        mix(&[self.content, 3]).is_multiple_of(50)
    }
}

/// The world of a seed.
#[derive(Debug)]
pub(super) struct World {
    seed: u64,
    german: u64,
    words: u32,
    turn: Option<i64>,
    products: Zipf,
    users: Zipf,
    brands: Vec<String>,
    english: Grammar,
    german_grammar: Grammar,
}

impl World {
    /// Makes the laws, the brands and both languages.
    pub(super) fn new(settings: &GenerateSettings) -> Self {
        let seed = settings.seed;
        Self {
            seed,
            german: (settings.german * 1_000.0) as u64,
            words: settings.words,
            turn: settings.turn(),
            products: Zipf::new(settings.products as usize, 1.0, 2.7),
            users: Zipf::new(settings.users as usize, 0.7, 10.0),
            brands: brands(mix(&[seed, 10])),
            english: Grammar::new(&ENGLISH, settings.vocabulary, mix(&[seed, 11])),
            german_grammar: Grammar::new(&GERMAN, settings.vocabulary, mix(&[seed, 12])),
        }
    }

    /// A review that somebody writes at `ts`.
    pub(super) fn review(&self, random: &mut Random, number: u64, ts: i64) -> Version {
        let product = self.products.draw(random) as u32 + 1;
        let user = self.users.draw(random) as u32 + 1;
        self.version(random, number, product, user, ts)
    }

    /// What this user says of this product at `ts`.
    pub(super) fn version(
        &self,
        random: &mut Random,
        number: u64,
        product: u32,
        user: u32,
        ts: i64,
    ) -> Version {
        let stars = self.stars(random, product, user, ts);
        Version { number, product, user, content: random.next(), dress: random.next(), ts, stars }
    }

    /// Stars by the product's quality, the user's severity and chance.
    fn stars(&self, random: &mut Random, product: u32, user: u32, ts: i64) -> u8 {
        let severity = (mix(&[self.seed, 20, u64::from(user)]) % 801) as i64 - 400;
        let chance: i64 = (0..3).map(|_| random.below(1_801) as i64 - 900).sum();
        let felt = self.quality(product, ts) + severity + chance;
        ((felt + 500) / 1_000).clamp(1, 5) as u8
    }

    /// The product's latent quality at `ts`, in thousandths of a star.
    fn quality(&self, product: u32, ts: i64) -> i64 {
        match self.turn {
            Some(turn) if product == TURNING_RANK => TURNING[usize::from(ts >= turn)],
            _ => {
                let trait_of = |which| (mix(&[self.seed, which, u64::from(product)]) % 1_701) as i64;
                1_750 + trait_of(21) + trait_of(22)
            }
        }
    }

    /// The language the user writes.
    pub(super) fn grammar(&self, user: u32) -> &Grammar {
        if mix(&[self.seed, 23, u64::from(user)]) % 1_000 < self.german {
            &self.german_grammar
        } else {
            &self.english
        }
    }

    /// Replaces `title` and `text` by what the version says; an empty title is none.
    pub(super) fn compose(&self, version: &Version, title: &mut String, text: &mut String) {
        title.clear();
        text.clear();
        let mut random = Random::new(version.content);
        let grammar = self.grammar(version.user);
        let mood = version.mood();
        if random.chance(700) {
            grammar.title(title, &mut random, mood, version.product, &self.brands);
        }
        grammar.text(text, &mut random, mood, version.product, &self.brands, self.words);
    }
}
