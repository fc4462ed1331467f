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
