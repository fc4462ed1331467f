//! The large vocabulary of a language: composed nouns and words of syllables, drawn by Zipf and Mandelbrot.
//!
//! Three words of five are compounds of the language's own parts (`teatowelrack`, `Küchenmühle`), two are syllables
//! with an ending. Words are distinct; their ranks are in the order in which they were made, so kinds and genders
//! are mixed at every frequency. All text lies in one string.

use std::collections::BTreeSet;

use super::language::{BRAND_SYLLABLES, Gender, Language, Tongue, with_gender};
use super::random::Random;
use super::zipf::Zipf;

/// Exponent and shift of the law by which words are drawn.
const LAW: (f64, f64) = (1.05, 2.7);
/// Brands, shared by the languages.
const BRANDS: usize = 600;

/// A noun to put into a sentence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noun<'a> {
    /// Its singular, or its plural.
    pub(super) text: &'a str,
    /// What agrees with it.
    pub(super) gender: Gender,
}

/// The composed words of one language.
#[derive(Debug)]
pub(super) struct Vocabulary {
    text: String,
    words: Vec<(u32, u32, Gender)>,
    law: Zipf,
}

impl Vocabulary {
    /// `size` words of a language (as many as it can compose, if that is less; at least one), the same for one seed.
    pub(super) fn new(language: &Language, size: usize, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let heads = with_gender(language.heads);
        let mut known = BTreeSet::new();
        let mut text = String::new();
        let mut words = Vec::with_capacity(size);
        // The space of words is far larger than any sensible size; the bound ends the search all the same.
        for _ in 0..size.max(1).saturating_mul(20) {
            if words.len() >= size.max(1) {
                break;
            }
            let (word, gender) = if random.chance(600) {
                compound(language, &heads, &mut random)
            } else {
                syllables(language, &mut random)
            };
            if known.insert(word.clone()) {
                let start = text.len() as u32;
                text.push_str(&word);
                words.push((start, text.len() as u32, gender));
            }
        }
        let law = Zipf::new(words.len(), LAW.0, LAW.1);
        Self { text, words, law }
    }

    /// A word by its frequency.
    pub(super) fn draw(&self, random: &mut Random) -> Noun<'_> {
        let (start, end, gender) = self.words[self.law.draw(random)];
        Noun { text: &self.text[start as usize..end as usize], gender }
    }
}

/// One or two modifiers and a head.
fn compound(language: &Language, heads: &[(&str, Gender)], random: &mut Random) -> (String, Gender) {
    let mut word = random.pick(language.modifiers).to_owned();
    if random.chance(500) {
        let second = random.pick(language.modifiers);
        match language.tongue {
            Tongue::English => word.push_str(second),
            Tongue::German => word.push_str(&second.to_lowercase()),
        }
    }
    let (head, gender) = random.pick(heads);
    word.push_str(head);
    (word, gender)
}

/// Two or three syllables and an ending.
fn syllables(language: &Language, random: &mut Random) -> (String, Gender) {
    let mut word = String::new();
    for _ in 0..2 + random.index(2) {
        let syllable = random.pick(language.syllables);
        if word.is_empty() {
            word.push_str(syllable);
        } else {
            word.push_str(&syllable.to_lowercase());
        }
    }
    let (ending, gender) = random.pick(language.endings);
    word.push_str(ending);
    (word, gender)
}

/// The brands: two or three syllables with a capital. Some occur twice.
pub(super) fn brands(seed: u64) -> Vec<String> {
    let mut random = Random::new(seed);
    (0..BRANDS)
        .map(|_| {
            let mut brand = String::new();
            for _ in 0..2 + random.index(2) {
                brand.push_str(random.pick(BRAND_SYLLABLES));
            }
            brand[..1].make_ascii_uppercase();
            brand
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::english::ENGLISH;
    use super::super::german::GERMAN;
    use super::*;

    #[test]
    fn words_are_distinct_and_as_many_as_asked_for() {
        for language in [&ENGLISH, &GERMAN] {
            let vocabulary = Vocabulary::new(language, 24_000, 5);
            let words: BTreeSet<&str> = vocabulary
                .words
                .iter()
                .map(|&(start, end, _)| &vocabulary.text[start as usize..end as usize])
                .collect();
            assert_eq!(words.len(), 24_000);
        }
        assert_eq!(Vocabulary::new(&ENGLISH, 0, 5).words.len(), 1);
    }

    #[test]
    fn brands_begin_with_a_capital() {
        assert!(brands(1).iter().all(|brand| brand.starts_with(|first: char| first.is_ascii_uppercase())));
    }
}
