//! What a learner can be told. One set of defaults serves reviews in English and German, long and short, in any order of
//! arrival; they were chosen by the log loss of a single pass over five such streams.

use serde::{Deserialize, Serialize};

/// How fast and how cautiously a model learns. The defaults were chosen for a single pass over several sets of reviews.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LearnerSettings {
    /// The length of the first gradient step.
    pub rate: f32,
    /// Added to the root of the squared gradients under each step: the smaller, the bolder the first steps.
    pub caution: f32,
    /// Added to every count before its logarithm.
    pub smoothing: f32,
    /// The value of a feature that tells nothing; a telling one has its log-count ratio more.
    pub floor: f32,
    /// The weight of naive Bayes itself, to which the gradient steps add.
    pub trust: f32,
    /// The step of the bias.
    pub bias_rate: f32,
}

impl Default for LearnerSettings {
    fn default() -> Self {
        Self { rate: 0.7, caution: 0.02, smoothing: 0.5, floor: 0.6, trust: 0.2, bias_rate: 0.1 }
    }
}
