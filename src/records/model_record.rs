//! A published model version and how well it does, keyed by `model/role`.
//!
//! `prequential` judges the published prediction by the first label that came for it, `progressive` the learner's own
//! prediction just before it learns; the fading ones forget with factor 0.999 a label. A figure is null where no
//! label, or not both classes, have been seen.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A version of a model in one role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Model")]
pub struct ModelRecord {
    /// Id of the scoring transform, which names the model.
    pub model: String,
    /// Counts up from 0, which has seen no label.
    pub version: u64,
    /// What the version is for.
    pub role: Role,
    /// Hash of its content, where a file exists.
    pub hash: Option<String>,
    /// Where the file is.
    pub url: Option<String>,
    /// Labels learned so far.
    pub labels: u64,
    /// The epoch that published this.
    pub epoch: u64,
    /// The published predictions, over all labels.
    pub prequential: Quality,
    /// The published predictions, fading.
    pub prequential_fading: Quality,
    /// The learner's own predictions, over all labels.
    pub progressive: Quality,
    /// The learner's own predictions, fading.
    pub progressive_fading: Quality,
}

/// What a version is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Scores what is published.
    Champion,
    /// Predicts beside it, to be compared.
    Challenger,
    /// Was champion once.
    Retired,
}

impl Role {
    /// The name that is published.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Champion => "champion",
            Self::Challenger => "challenger",
            Self::Retired => "retired",
        }
    }
}

/// Figures over all labels, and over parts of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quality {
    /// Over all labels.
    #[serde(flatten)]
    pub figures: Figures,
    /// The same by language.
    pub by_lang: BTreeMap<String, CountedFigures>,
    /// Labels that these figures are over.
    pub labels: u64,
    /// Over labels that are stars.
    pub stars: CountedFigures,
    /// Over labels that are feedback.
    pub feedback: CountedFigures,
}

/// Figures over one set of labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Figures")]
pub struct CountedFigures {
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
    /// Labels that these figures are over.
    pub labels: u64,
}

/// The figures of a stream of predictions, rounded half to even at six decimals; null where they are not defined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figures {
    /// Share of labels on the predicted side of 0.5.
    pub accuracy: Option<f64>,
    /// Mean of `-ln p(label)`.
    pub log_loss: Option<f64>,
    /// Area under the ROC curve, from 1,000 equal bins.
    pub auc: Option<f64>,
    /// Mean squared error of the probability.
    pub brier: Option<f64>,
    /// Expected calibration error.
    pub ece: Option<f64>,
    /// Mean of the two classes' F1.
    pub macro_f1: Option<f64>,
}
