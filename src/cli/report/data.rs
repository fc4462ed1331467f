//! The report file of a run or a backtest, as far as the picture and the closing table read it.
//!
//! Unknown fields are ignored and every field may be missing, so that a report of a newer release is read too.

use std::collections::BTreeMap;
use std::path::Path;

use miette::{Context, IntoDiagnostic};
use serde::Deserialize;

pub use crate::operators::books::Balance as Books;
use crate::records::Figures;

/// A report file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Name of the topology.
    pub name: String,
    /// Input records read.
    pub records: u64,
    /// Wall time of the run, in seconds.
    pub seconds: Option<f64>,
    /// Where every input record ended.
    pub books: Books,
    /// The model at the end, if the topology learns.
    pub model: Option<Model>,
    /// How each class fared, if the topology learns.
    pub classes: Option<ClassReport>,
    /// Quality by epoch, in order.
    pub epochs: Vec<Epoch>,
}

/// The model and its four measures: before the label came (prequential) and before it was learned (progressive), over
/// everything and fading.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Model {
    /// Its id.
    pub model: String,
    /// Its last version.
    pub version: u64,
    /// Labels learned.
    pub labels: u64,
    /// Published predictions against their labels.
    pub prequential: Option<Quality>,
    /// The same, fading.
    pub prequential_fading: Option<Quality>,
    /// The learner's own predictions against their labels.
    pub progressive: Option<Quality>,
    /// The same, fading.
    pub progressive_fading: Option<Quality>,
}

impl Model {
    /// The measures by name, those that are there.
    pub fn measures(&self) -> impl Iterator<Item = (&'static str, &Quality)> {
        [
            ("prequential", &self.prequential),
            ("prequential, fading", &self.prequential_fading),
            ("progressive", &self.progressive),
            ("progressive, fading", &self.progressive_fading),
        ]
        .into_iter()
        .filter_map(|(name, quality)| Some((name, quality.as_ref()?)))
    }
}

/// Measures of a model; none where nothing was measured.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Quality {
    /// The measures.
    #[serde(flatten)]
    pub figures: Figures,
    /// Labels that the measures are over.
    pub labels: Option<u64>,
    /// The same by language.
    pub by_lang: Option<BTreeMap<String, Quality>>,
}

impl Quality {
    /// The six measures, in this order.
    #[must_use]
    pub fn figures(&self) -> [Option<f64>; 6] {
        let Figures { accuracy, log_loss, auc, brier, ece, macro_f1 } = self.figures;
        [accuracy, log_loss, auc, brier, ece, macro_f1]
    }
}

/// How each class fared in both kinds of predictions.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ClassReport {
    /// Published predictions.
    pub prequential: Option<Classes>,
    /// The learner's own predictions.
    pub progressive: Option<Classes>,
}

impl ClassReport {
    /// The measures by name, those that are there.
    pub fn measures(&self) -> impl Iterator<Item = (&'static str, &Classes)> {
        [("prequential", &self.prequential), ("progressive", &self.progressive)]
            .into_iter()
            .filter_map(|(name, classes)| Some((name, classes.as_ref()?)))
    }
}

/// Both classes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Classes {
    /// Negative reviews.
    pub negative: Class,
    /// Positive reviews.
    pub positive: Class,
    /// The same by language.
    pub by_lang: BTreeMap<String, Classes>,
}

impl Classes {
    /// Labels of both classes.
    #[must_use]
    pub fn labels(&self) -> u64 {
        self.negative.labels + self.positive.labels
    }
}

/// How one class fared; none where nothing was measured.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Class {
    /// Its labels.
    pub labels: u64,
    /// Share of its labels that were predicted so.
    pub recall: Option<f64>,
    /// Share of its predictions that were right.
    pub precision: Option<f64>,
}

/// Quality at the close of an epoch.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Epoch {
    /// The epoch, milliseconds since 1970 where records bear times.
    pub epoch: i64,
    /// Labels learned so far.
    pub labels: u64,
    /// As of the model.
    pub prequential_fading: Option<Quality>,
    /// As of the model.
    pub progressive_fading: Option<Quality>,
}

/// Reads a report file.
///
/// # Errors
/// A file that cannot be read, or is no report.
pub(super) fn read(path: &Path) -> miette::Result<Report> {
    let bytes =
        std::fs::read(path).into_diagnostic().wrap_err_with(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes)
        .into_diagnostic()
        .wrap_err_with(|| format!("{} is not a report of a run", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_unknown_fields_are_allowed() {
        let report: Report = serde_json::from_str(
            r#"{"name": "x", "novelty": [1], "model": null, "books": {"in": 5, "applied": 3, "dropped": {"unknown": 1}},
                "epochs": [{"epoch": 7, "progressive_fading": {"accuracy": null, "by_lang": null}}]}"#,
        )
        .unwrap();
        assert_eq!(report.books.difference(), -1);
        assert_eq!(report.epochs[0].epoch, 7);
        assert!(report.model.is_none());
    }
}
