//! From a normalised review to hashed features: single words and neighbouring pairs, words in the scope of a negation
//! apart from the others, the title apart from the text, each language apart.
//!
//! Two phases, because a missing language is detected between them: [`Featuriser::read`] finds the words, whose hashes
//! do not depend on the language, and [`Featuriser::features`] mixes the language in. Buffers are used again: once
//! warm, nothing is allocated for a word or a review.
//!
//! A pair never crosses from the title into the text, nor does the scope of a negation.

use super::{
    encoding::{self, SlotBits},
    hash,
    language::Languages,
    negation::{Negation, SCOPE},
    sorting::SlotSorter,
    tokens::Tokens,
};
use serde::{Deserialize, Serialize};

/// What is made of a text. Part of a model's identity: a model serves only reviews featurised with its own settings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FeatureSettings {
    /// The number of slots as a power of two: 20 is 2^20 slots, 16 MiB of model.
    pub bits: SlotBits,
    /// Also take runs of 3 to 5 characters of each word: five times the features, useful for languages that compound.
    pub character_ngrams: bool,
}

/// Kinds of feature of a field; each has its own salt.
const WORD: usize = 0;
const NEGATED: usize = 1;
const PAIR: usize = 2;
const CHARACTERS: usize = 3;
const KINDS: usize = 4;

/// Turns one review after another into features. Each worker has its own.
#[derive(Debug)]
pub struct Featuriser {
    bits: u32,
    tokens: Tokens,
    negation: Negation,
    language: String,
    salts: [[u64; KINDS]; 2],
    slots: Vec<u32>,
    sorter: SlotSorter,
}

impl Featuriser {
    /// A featuriser with empty buffers.
    pub fn new(settings: &FeatureSettings) -> Self {
        let mut featuriser = Self {
            bits: settings.bits.get(),
            tokens: Tokens::new(settings.character_ngrams),
            negation: Negation::new(),
            language: String::new(),
            salts: [[0; KINDS]; 2],
            slots: Vec::new(),
            sorter: SlotSorter::new(settings.bits),
        };
        featuriser.speak("und");
        featuriser
    }

    /// Reads a review: the first phase. Both texts are normalised (NFKC, case folded); either may be empty.
    pub fn read(&mut self, title: &str, text: &str) {
        self.tokens.read(title, text);
    }

    /// The language of the review read last, among `languages`, or `und`. The texts are those given to
    /// [`read`](Self::read).
    pub fn detect<'l>(&self, languages: &'l Languages, title: &str, text: &str) -> &'l str {
        languages.detect(&self.tokens, title, text)
    }

    /// Appends the features of the review read last, in a language given as its lower-case primary subtag: the second
    /// phase. It may be called again with another language.
    pub fn features(&mut self, language: &str, out: &mut Vec<u8>) {
        if language != self.language {
            self.speak(language);
        }
        let negating = self.negation.of(language);
        self.slots.clear();
        for (field, salts) in [self.tokens.title(), self.tokens.text()].into_iter().zip(&self.salts) {
            let mut scope = 0_u8;
            let mut before = None;
            for &word in field {
                let salt = if scope > 0 { salts[NEGATED] } else { salts[WORD] };
                self.slots.push(hash::slot_of_word(word, salt, self.bits));
                scope = if negating.contains(word) { SCOPE } else { scope.saturating_sub(1) };
                if let Some(before) = before {
                    self.slots.push(hash::slot_of_pair(before, word, salts[PAIR], self.bits));
                }
                before = Some(word);
            }
        }
        for (grams, salts) in self.tokens.character_ngrams().into_iter().zip(&self.salts) {
            self.slots
                .extend(grams.iter().map(|gram| hash::slot_of_word(*gram, salts[CHARACTERS], self.bits)));
        }
        self.sorter.sort(&mut self.slots);
        encoding::encode(&self.slots, out);
    }

    fn speak(&mut self, language: &str) {
        self.language.clear();
        self.language.push_str(language);
        for (field, salts) in self.salts.iter_mut().enumerate() {
            for (kind, salt) in salts.iter_mut().enumerate() {
                *salt = hash::salt(language, (field * KINDS + kind) as u64);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::encoding::Features;

    fn features(settings: &FeatureSettings, title: &str, text: &str, language: &str) -> Vec<(u32, u32)> {
        let (mut featuriser, mut bytes) = (Featuriser::new(settings), Vec::new());
        featuriser.read(title, text);
        featuriser.features(language, &mut bytes);
        Features(&bytes).into_iter().collect()
    }

    fn of(title: &str, text: &str, language: &str) -> Vec<(u32, u32)> {
        features(&FeatureSettings::default(), title, text, language)
    }

    /// How many features two reviews have in common.
    fn shared(one: &[(u32, u32)], other: &[(u32, u32)]) -> usize {
        one.iter().filter(|(slot, _)| other.iter().any(|(same, _)| same == slot)).count()
    }

    #[test]
    fn golden_features() {
        let expected = [(51625, 1), (168564, 1), (220726, 2), (613168, 2), (769997, 1), (874335, 1)];
        assert_eq!(of("great", "not good, not good", "en"), expected);
    }

    #[test]
    fn title_text_and_language_are_apart() {
        let text = of("", "good value", "en");
        assert_eq!(text.len(), 3);
        assert_eq!(shared(&text, &of("good value", "", "en")), 0);
        assert_eq!(shared(&text, &of("", "good value", "de")), 0);
        assert_eq!(shared(&text, &of("good", "value", "en")), 1);
    }

    #[test]
    fn three_words_after_a_negation_are_other_features() {
        let plain = of("", "a b c d e", "en");
        assert_eq!(shared(&plain, &of("", "not a b c d e", "en")), 6, "d, e and four pairs");
        assert_eq!(shared(&of("", "a b c d e", "de"), &of("", "nicht a b c d e", "de")), 6);
        assert_eq!(shared(&of("", "a b c d e", "und"), &of("", "nicht a b c d e", "und")), 6);
        assert_eq!(
            shared(&of("", "a b c d e", "de"), &of("", "not a b c d e", "de")),
            9,
            "no negation in German"
        );
        assert_eq!(shared(&of("", "a b c d e", "fr"), &of("", "not a b c d e", "fr")), 9);
        assert_eq!(
            shared(&of("", "a b c d e", "en"), &of("not", "a b c d e", "en")),
            9,
            "not out of the title"
        );
    }

    #[test]
    fn words_are_counted() {
        let slots = of("", "so so so good", "en");
        let mut counts: Vec<u32> = slots.iter().map(|(_, count)| *count).collect();
        counts.sort_unstable();
        assert_eq!(counts, [1, 1, 2, 3], "good, so good; so so; so");
    }

    #[test]
    fn slots_stay_below_their_number() {
        let small = FeatureSettings { bits: 8.try_into().unwrap(), character_ngrams: true };
        let text = "the quick brown fox jumps over the lazy dog";
        let slots = features(&small, text, text, "en");
        assert!(slots.iter().all(|(slot, _)| *slot < 256));
        assert!(slots.iter().map(|(_, count)| count).sum::<u32>() > 100);
    }

    #[test]
    fn a_featuriser_has_no_memory() {
        let (mut featuriser, mut bytes) = (Featuriser::new(&FeatureSettings::default()), Vec::new());
        featuriser.read("one", "not the same");
        featuriser.features("de", &mut Vec::new());
        featuriser.read("", "a text");
        featuriser.features("en", &mut bytes);
        assert_eq!(Features(&bytes).into_iter().collect::<Vec<_>>(), of("", "a text", "en"));
    }
}
