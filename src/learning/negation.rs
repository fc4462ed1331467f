//! Words that negate what follows, in English and German. A word within three words after one of them is another
//! feature than the same word elsewhere (Das and Chen 2007, Pang et al. 2002).
//!
//! The lists are apart because words of one language mean something else in the other (`not`, `die`). Where the
//! language is undetermined, both hold; in other languages none.

use super::words::WordSet;

/// How many words after a negation are within its scope.
pub(super) const SCOPE: u8 = 3;

const ENGLISH: &[&str] = &[
    "not",
    "no",
    "never",
    "none",
    "nobody",
    "nothing",
    "nowhere",
    "neither",
    "nor",
    "without",
    "cannot",
    "hardly",
    "barely",
    "don't",
    "doesn't",
    "didn't",
    "won't",
    "wouldn't",
    "can't",
    "couldn't",
    "shouldn't",
    "isn't",
    "aren't",
    "wasn't",
    "weren't",
    "hasn't",
    "haven't",
    "hadn't",
    "mustn't",
    "needn't",
    "ain't",
    "dont",
    "doesnt",
    "didnt",
    "wont",
    "wouldnt",
    "cant",
    "couldnt",
    "shouldnt",
    "isnt",
    "arent",
    "wasnt",
    "werent",
    "hasnt",
    "havent",
    "hadnt",
    "aint",
];

const GERMAN: &[&str] = &[
    "nicht", "nichts", "nie", "niemals", "niemand", "nirgends", "kein", "keine", "keinen", "keinem",
    "keiner", "keines", "keins", "weder", "ohne", "kaum", "nix", "nich",
];

/// Looks words up by hash.
#[derive(Debug)]
pub(super) struct Negation {
    english: WordSet,
    german: WordSet,
    both: WordSet,
    none: WordSet,
}

impl Negation {
    pub(super) fn new() -> Self {
        let both: Vec<&str> = ENGLISH.iter().chain(GERMAN).copied().collect();
        Self {
            english: WordSet::new(ENGLISH),
            german: WordSet::new(GERMAN),
            both: WordSet::new(&both),
            none: WordSet::new(&[]),
        }
    }

    /// The words that negate in a language, given as its lower-case primary subtag.
    pub(super) fn of(&self, language: &str) -> &WordSet {
        match language {
            "en" => &self.english,
            "de" => &self.german,
            "und" => &self.both,
            _ => &self.none,
        }
    }
}
