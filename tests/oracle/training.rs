//! Which model version an epoch must score with: how many earlier epochs changed an example.
//!
//! A review's example is its features and its effective label. Features are not rebuilt: a change of the normalised
//! title or text surely changes them; a change of the cleaned text or language alone may or may not, and after such
//! an epoch the version is no longer known. Limit: cases use texts that differ by whole words.

use std::collections::BTreeMap;

use super::decode::Review;
use super::fraction::ONE;
use super::text::fold;

/// What an accepted review teaches.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Example {
    label: bool,
    normalised: [Option<String>; 2],
    cleaned: [Option<String>; 2],
    lang: String,
}

/// The example of an accepted review, if it is one: feedback beats stars, and `neutral` teaches nothing.
pub(crate) fn example(review: &Review, feedback: Option<&str>) -> Option<Example> {
    let label = match (feedback, review.rating) {
        (Some("positive"), _) => true,
        (Some("negative"), _) => false,
        (None, Some(rating)) if rating >= 4 * ONE => true,
        (None, Some(rating)) if rating <= 2 * ONE => false,
        _ => return None,
    };
    let cleaned = [review.title.clone(), review.text.clone()];
    let normalised = cleaned.clone().map(|part| part.map(|part| fold(&part)));
    Some(Example { label, normalised, cleaned, lang: review.lang.clone() })
}

/// Counts the epochs that published a version.
#[derive(Debug)]
pub(crate) struct Versions {
    examples: BTreeMap<String, Example>,
    /// The newest published version, while it can be told.
    pub(crate) newest: Option<u64>,
}

impl Versions {
    pub(crate) fn new() -> Self {
        Self { examples: BTreeMap::new(), newest: Some(0) }
    }

    /// Closes an epoch with these examples, by review.
    pub(crate) fn close(&mut self, examples: BTreeMap<String, Example>) {
        let sure = |e: &Example| (e.label, e.normalised.clone());
        let gone = self.examples.keys().any(|id| !examples.contains_key(id));
        let surely = |(id, e): (&String, &Example)| self.examples.get(id).map(sure) != Some(sure(e));
        if gone || examples.iter().any(surely) {
            self.newest = self.newest.map(|version| version + 1);
        } else if self.examples != examples {
            self.newest = None;
        }
        self.examples = examples;
    }
}
