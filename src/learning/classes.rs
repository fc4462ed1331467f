//! How each class of a stream of predictions fares: where one class is rare, accuracy alone says little of it.
//!
//! Recall is the share of a class's labels that were predicted so, precision the share of its predictions that were right;
//! a prediction is positive from 0.5. What is not defined (no label, no prediction of a class) is none.

use std::collections::BTreeMap;

use serde::Serialize;

use super::tally::rounded;

/// One class.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct ClassFigures {
    /// Labels of this class: the support of the recall.
    pub labels: u64,
    /// Predictions of this class: the support of the precision.
    pub predicted: u64,
    /// Share of its labels that were predicted so.
    pub recall: Option<f64>,
    /// Share of its predictions that were right.
    pub precision: Option<f64>,
}

/// Both classes.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Classes {
    /// Reviews that are negative.
    pub negative: ClassFigures,
    /// Reviews that are positive.
    pub positive: ClassFigures,
}

/// Both classes, over all languages and by language.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ClassesByLanguage {
    /// Over all languages.
    #[serde(flatten)]
    pub classes: Classes,
    /// By the review's language.
    pub by_lang: BTreeMap<String, Classes>,
}

impl Classes {
    /// From counts by label, then by prediction; negative comes first.
    pub(super) fn of(confusion: [[u64; 2]; 2]) -> Self {
        let class = |own: usize| {
            let (right, other) = (confusion[own][own], 1 - own);
            let (labels, predicted) = (right + confusion[own][other], right + confusion[other][own]);
            let share = |of: u64| if of > 0 { rounded(right as f64 / of as f64) } else { None };
            ClassFigures { labels, predicted, recall: share(labels), precision: share(predicted) }
        };
        Self { negative: class(0), positive: class(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let classes = Classes::of([[6, 2], [3, 9]]);
        let negative =
            ClassFigures { labels: 8, predicted: 9, recall: Some(0.75), precision: Some(0.666667) };
        let positive =
            ClassFigures { labels: 12, predicted: 11, recall: Some(0.75), precision: Some(0.818182) };
        assert_eq!(classes, Classes { negative, positive });
        let none = Classes::of([[0, 0], [0, 5]]);
        assert_eq!((none.negative, none.positive.recall), (ClassFigures::default(), Some(1.0)));
    }
}
