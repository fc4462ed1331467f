//! How a condition is told to its case: who it is about, how it stands, and what speaks for it where it fires.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::machine::{Level, Reading, Subject};
use crate::{
    learning::{
        outliers::{Share, Verdict, start_of},
        severity::Lexicon,
    },
    operators::row::Scored,
    records::{
        CaseKind, Evidence, Severity, ShareFigures,
        number::{Fraction, ratio_micro},
    },
};

/// Reviews that evidence names.
pub(super) const NAMED: usize = 5;

/// What becomes of a condition in an epoch. It is small where it does not fire: of most products nobody has to hear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) kind: CaseKind,
    /// The product, or the review.
    pub(super) name: Arc<str>,
    pub(super) product_id: Arc<str>,
    pub(super) level: Level,
    /// What speaks for it, where it fires.
    pub(super) firing: Option<Box<(Severity, Evidence)>>,
}

impl Told {
    /// Whose case it is.
    pub(super) fn subject(&self) -> Subject {
        let review_id = (self.kind == CaseKind::SevereReview).then(|| self.name.to_string());
        Subject {
            kind: self.kind,
            name: self.name.to_string(),
            product_id: Some(self.product_id.to_string()),
            review_id,
        }
    }

    /// `kind:subject`, as it stands in the ids of cases.
    pub(super) fn key(&self) -> String {
        key(self.kind, &self.name)
    }

    pub(super) fn reading(&self) -> Reading {
        let firing = self.firing.as_deref().cloned();
        let (severity, evidence) = firing.unwrap_or((Severity::Warning, Evidence::default()));
        Reading { level: self.level, severity, evidence }
    }

    /// Of two that tell of one subject in one epoch (a review that was moved to another product), the graver one counts.
    pub(super) fn weight(&self) -> (Level, Option<&(Severity, Evidence)>, &str) {
        (self.level, self.firing.as_deref(), &self.product_id)
    }
}

/// `kind:subject`, as it stands in the ids of cases.
pub(super) fn key(kind: CaseKind, name: &str) -> String {
    format!("{}:{name}", kind.as_str())
}

/// The model version in evidence.
pub(super) fn model(scored_by: &str, version: u64) -> BTreeMap<String, String> {
    BTreeMap::from([("sentiment".to_owned(), format!("{scored_by}@{version}"))])
}

/// A severe review: critical where the lexicon has words of it.
pub(super) fn severe_review(
    row: &Scored,
    lexicon: Option<&Lexicon>,
    scored_by: &str,
) -> (Severity, Evidence) {
    let head = row.review.head();
    let sections: Vec<String> =
        lexicon.map(|lexicon| lexicon.names(head.sections).map(str::to_owned).collect()).unwrap_or_default();
    let (severity, method) =
        if sections.is_empty() { (Severity::Warning, "sentiment") } else { (Severity::Critical, "lexicon") };
    let evidence = Evidence {
        method: Some(method.to_owned()),
        sentiment: Some(Fraction(head.sentiment.into())),
        rating: row.review.rating().map(|rating| Fraction(rating.into())),
        sections,
        reviews: vec![row.review.id().to_owned()],
        model: model(scored_by, head.version),
        ..Evidence::default()
    };
    (severity, evidence)
}

/// A product that turns bad.
pub(super) fn product_drop(
    verdict: &Verdict,
    reviews: Vec<String>,
    model: BTreeMap<String, String>,
) -> (Severity, Evidence) {
    let evidence = Evidence {
        method: verdict.method.map(|method| method.as_str().to_owned()),
        before: Some(figures(verdict.before)),
        after: Some(figures(verdict.after)),
        since: Some(start_of(verdict.since)),
        z: verdict.z.map(Fraction::of),
        surprise: verdict.p.map(|p| Fraction::of(-p.max(f64::MIN_POSITIVE).log10())),
        ewma: verdict.ewma.map(Fraction::of),
        cusum: verdict.cusum.map(Fraction::of),
        reviews,
        model,
        ..Evidence::default()
    };
    (Severity::Warning, evidence)
}

fn figures(share: Share) -> ShareFigures {
    let Share { reviews, negatives } = share;
    let share = ratio_micro(negatives.into(), i128::from(reviews.max(1)));
    ShareFigures { reviews, negative: negatives, share: Fraction(share) }
}
