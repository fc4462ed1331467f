//! A case: what is wrong with a product, a review or a model, how far people are with it, and why it was opened. Keyed by
//! `case_id`, which is `kind:subject:opening epoch`.
//!
//! Every field is always written, null where there is nothing. Cases are rows of a table, so fractions are [`Fraction`]s
//! and two cases are equal exactly where their lines are. They are few: serde writes their lines.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{delivery::DeliveryResult, number::Fraction};

/// A case as it is published.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Case")]
pub struct Case {
    /// `kind:subject:opening epoch`; the key.
    pub case_id: String,
    /// What is wrong.
    pub kind: CaseKind,
    /// How much it matters.
    pub severity: Severity,
    /// The product it is about.
    pub product_id: Option<String>,
    /// The review it is about.
    pub review_id: Option<String>,
    /// How far it is.
    pub state: CaseState,
    /// The epoch that opened it, in ms since 1970.
    pub opened: u64,
    /// The epoch that changed it last, in ms since 1970.
    pub updated: u64,
    /// What speaks for it.
    pub evidence: Evidence,
    /// How many steps of its escalation are due, counted from the moment it fired.
    pub step: u32,
    /// The last note that somebody made of it, a ticket's number for example.
    pub note: Option<String>,
}

impl Case {
    /// The id of the case of a kind and subject that was opened at an epoch.
    #[must_use]
    pub fn id(kind: CaseKind, subject: &str, opened: u64) -> String {
        format!("{}:{subject}:{opened}", kind.as_str())
    }

    /// Appends its line, without a newline.
    pub fn write(&self, out: &mut Vec<u8>) {
        // Nothing in it can fail to serialize: keys are strings, numbers are finite.
        let _ = serde_json::to_writer(out, self);
    }
}

/// What a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaseKind {
    /// A product gets more negative reviews than its own past explains.
    ProductDrop,
    /// One review tells of something grave.
    SevereReview,
    /// Reviews that look like a campaign.
    SpamCampaign,
    /// A model does worse than it may.
    ModelQuality,
    /// What comes in differs from what came before.
    Drift,
}

impl CaseKind {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::ProductDrop, Self::SevereReview, Self::SpamCampaign, Self::ModelQuality, Self::Drift];

    /// The name that is published.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProductDrop => "product_drop",
            Self::SevereReview => "severe_review",
            Self::SpamCampaign => "spam_campaign",
            Self::ModelQuality => "model_quality",
            Self::Drift => "drift",
        }
    }
}

/// How far a case is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaseState {
    /// Its condition holds, not yet for long enough.
    Pending,
    /// Its condition has held for long enough: people are called.
    Firing,
    /// Somebody has taken it on: nobody else is called.
    Acknowledged,
    /// It is over.
    Resolved,
}

impl CaseState {
    /// All states, in their order.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Firing, Self::Acknowledged, Self::Resolved];

    /// The name that is published.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }
}

/// How much a case matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Somebody should look at it in working hours.
    Warning,
    /// Somebody should look at it now.
    Critical,
}

impl Severity {
    /// The name that is published.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// What speaks for a case. Fields that its kind does not have are null or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// What made the condition hold: `robust_z`, `exact_tail`, `ewma`, `cusum`, `lexicon`, `sentiment`, ...
    pub method: Option<String>,
    /// The reviews it is compared with.
    pub before: Option<ShareFigures>,
    /// The reviews that made it hold.
    pub after: Option<ShareFigures>,
    /// The first day of `after`, in ms since 1970.
    pub since: Option<i64>,
    /// The robust z of the share after, against the shares before; null where there are too few, or no spread.
    pub z: Option<Fraction>,
    /// The probability of a share at least this bad without a change, as `-log10 p`: 3 is one in a thousand.
    pub surprise: Option<Fraction>,
    /// The exponentially weighted mean, in its own standard deviations.
    pub ewma: Option<Fraction>,
    /// The cumulative sum, in standard deviations of a day.
    pub cusum: Option<Fraction>,
    /// The review's probability of positive.
    pub sentiment: Option<Fraction>,
    /// The review's stars.
    pub rating: Option<Fraction>,
    /// The sections of the severity lexicon that the review's words are in.
    pub sections: Vec<String>,
    /// Ids of the reviews that weigh most, the heaviest first.
    pub reviews: Vec<String>,
    /// Which model version scored them: `{"sentiment": "sentiment@17"}`.
    pub model: BTreeMap<String, String>,
    /// Who acknowledged, resolved or reopened it last.
    pub by: Option<String>,
    /// Why it is over; null while it is not.
    pub resolved: Option<Resolution>,
    /// The epoch at which it fired last, in ms since 1970; null before.
    pub fired: Option<u64>,
    /// Of whom was told since then, by target, what has become of the last notification.
    pub deliveries: BTreeMap<String, DeliveryResult>,
}

/// A share of negative reviews.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct ShareFigures {
    /// Accepted reviews.
    pub reviews: u64,
    /// Those whose label is negative.
    pub negative: u64,
    /// Negative ones of them, to six decimals.
    pub share: Fraction,
}

/// Why a case is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// Its condition has been clear for long enough.
    Cleared,
    /// The reviews that made it hold were changed, deleted or found to be spam.
    Retracted,
    /// Somebody said so.
    Command,
}

impl Resolution {
    /// The name that is published.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cleared => "cleared",
            Self::Retracted => "retracted",
            Self::Command => "command",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case() -> Case {
        Case {
            case_id: Case::id(CaseKind::ProductDrop, "p:1", 86_400_000),
            kind: CaseKind::ProductDrop,
            severity: Severity::Warning,
            product_id: Some("p:1".to_owned()),
            review_id: None,
            state: CaseState::Firing,
            opened: 86_400_000,
            updated: 86_400_100,
            evidence: Evidence {
                before: Some(ShareFigures { reviews: 40, negative: 5, share: Fraction(125_000) }),
                ..Evidence::default()
            },
            step: 1,
            note: None,
        }
    }

    #[test]
    fn the_line_has_every_field_in_its_order() {
        let mut line = Vec::new();
        case().write(&mut line);
        let evidence = concat!(
            r#"{"method":null,"before":{"reviews":40,"negative":5,"share":0.125},"after":null,"since":null,"#,
            r#""z":null,"surprise":null,"ewma":null,"cusum":null,"sentiment":null,"rating":null,"sections":[],"#,
            r#""reviews":[],"model":{},"by":null,"resolved":null,"fired":null,"deliveries":{}}"#
        );
        let expected = format!(
            "{}{}{}",
            r#"{"case_id":"product_drop:p:1:86400000","kind":"product_drop","severity":"warning","product_id":"p:1","#,
            r#""review_id":null,"state":"firing","opened":86400000,"updated":86400100,"evidence":"#,
            format_args!(r#"{evidence},"step":1,"note":null}}"#)
        );
        assert_eq!(String::from_utf8(line.clone()).unwrap(), expected);
        assert_eq!(serde_json::from_slice::<Case>(&line).unwrap(), case());
    }

    #[test]
    fn names_are_those_that_serde_writes() {
        let written = |value: serde_json::Value| value.as_str().map(str::to_owned).unwrap();
        for kind in CaseKind::ALL {
            assert_eq!(written(serde_json::to_value(kind).unwrap()), kind.as_str());
        }
        for state in CaseState::ALL {
            assert_eq!(written(serde_json::to_value(state).unwrap()), state.as_str());
        }
        for severity in [Severity::Warning, Severity::Critical] {
            assert_eq!(written(serde_json::to_value(severity).unwrap()), severity.as_str());
        }
        for why in [Resolution::Cleared, Resolution::Retracted, Resolution::Command] {
            assert_eq!(written(serde_json::to_value(why).unwrap()), why.as_str());
        }
    }
}
