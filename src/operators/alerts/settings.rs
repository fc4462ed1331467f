//! What can be set: the conditions, and the times of their cases. All are epoch time.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    engine::duration::Millis,
    learning::{
        outliers::OutlierSettings,
        severity::{self, Lexicon, LexiconError},
    },
    operators::registry::{Demand, EscalationStep, SettingsFault, parse},
};

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// When cases fire, call, fall silent and end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CaseSettings {
    /// How long a condition must hold before its case fires; until then the case is pending.
    #[serde(rename = "for")]
    pub hold: Millis,
    /// How long a condition must be clear before its case is resolved.
    pub keep_firing_for: Millis,
    /// How long after the end of a case that fired no other one is opened for the same kind and subject.
    pub cooldown: Millis,
    /// How long an acknowledgement counts; then the case fires again. Without it, until the case is resolved.
    pub ack_expires: Option<Millis>,
    /// How long a resolved case can be reopened; then it is forgotten.
    pub reopen_within: Millis,
    /// The steps of the topology's escalation, when they are due from the moment the case fired.
    #[serde(skip)]
    pub steps: Vec<EscalationStep>,
}

/// Without an escalation, a case has one step, which is due when it fires, and calls nobody.
fn one_step() -> Vec<EscalationStep> {
    vec![EscalationStep { after: Millis(0), targets: Vec::new() }]
}

impl Default for CaseSettings {
    fn default() -> Self {
        Self {
            hold: Millis(0),
            keep_firing_for: Millis(HOUR),
            cooldown: Millis(DAY),
            ack_expires: Some(Millis(DAY)),
            reopen_within: Millis(30 * DAY),
            steps: one_step(),
        }
    }
}

/// Settings of `alerts`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AlertsSettings {
    /// Products whose negative share is far above their own past.
    pub product_drop: ProductDrop,
    /// Reviews that a person should read now.
    pub severe_review: SevereReview,
    /// Only reviews whose `ts` is within it of the epoch can open a case: history that is read at a first start calls nobody.
    pub max_age: Millis,
    /// The steps of the topology's escalation, put in from its top level.
    #[schemars(skip)]
    pub escalation: Vec<EscalationStep>,
}

impl AlertsSettings {
    /// The same, with the steps of the escalation where cases look for them.
    pub(super) fn with_steps(mut self) -> Self {
        self.product_drop.case.steps.clone_from(&self.escalation);
        self.severe_review.case.steps.clone_from(&self.escalation);
        self
    }
}

impl Default for AlertsSettings {
    fn default() -> Self {
        Self {
            product_drop: ProductDrop::default(),
            severe_review: SevereReview::default(),
            max_age: Millis(3 * DAY),
            escalation: one_step(),
        }
    }
}

/// The condition `product_drop` and the times of its cases.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProductDrop {
    /// When a share is far above its past.
    pub test: OutlierSettings,
    /// The times of its cases.
    pub case: CaseSettings,
}

/// The condition `severe_review` and the times of its cases: the label is negative and the sentiment low, and the stars are few or
/// the lexicon has words of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SevereReview {
    /// The highest sentiment of a severe review.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub sentiment: f64,
    /// The most stars of a severe review that the lexicon has no words of.
    #[schemars(range(min = 0.0, max = 5.0))]
    pub rating: f64,
    /// Words that make a review grave whatever its stars, and its case critical: `standard` (`topologies/severity.txt`, English and
    /// German), `none`, or a file like that, `{ file: PATH }`, its path counted from the working folder.
    pub lexicon: LexiconSettings,
    /// The times of its cases. A review is told of once: what resolves its case ends its condition, too.
    pub case: CaseSettings,
}

impl Default for SevereReview {
    fn default() -> Self {
        Self {
            sentiment: 0.1,
            rating: 2.0,
            lexicon: LexiconSettings::default(),
            case: CaseSettings::default(),
        }
    }
}

/// Which words make a review grave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LexiconSettings {
    /// Those that come with Dirigent.
    #[default]
    Standard,
    /// None.
    None,
    /// Those of a file.
    #[serde(untagged)]
    File(LexiconFile),
}

/// A lexicon of one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LexiconFile {
    /// Where it lies.
    #[schemars(length(min = 1))]
    pub file: String,
    /// What it says, put in when the topology is read.
    #[schemars(skip)]
    #[serde(default)]
    pub text: String,
}

impl LexiconSettings {
    /// The setting that may name a file.
    pub(super) const POINTER: &str = "/severe_review/lexicon";

    /// What the lexicon says, if there is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Standard => Some(severity::STANDARD),
            Self::None => None,
            Self::File(file) => Some(&file.text),
        }
    }

    /// The lexicon, if there is one without a fault.
    #[must_use]
    pub fn lexicon(&self) -> Option<Lexicon> {
        self.text().and_then(|text| Lexicon::parse(text).ok())
    }
}

impl AlertsSettings {
    /// What the schema cannot say.
    pub(super) fn check(value: &Value) -> Vec<SettingsFault> {
        let settings: Self = match parse(value) {
            Ok(settings) => settings,
            Err(fault) => return vec![fault],
        };
        let LexiconSettings::File(LexiconFile { file, text }) = &settings.severe_review.lexicon else {
            return Vec::new();
        };
        let fault = |error: LexiconError| SettingsFault {
            pointer: format!("{}/file", LexiconSettings::POINTER),
            message: format!("{file}, {error}"),
            hint: "`topologies/severity.txt` is such a file, and its head says how it is written".into(),
        };
        Lexicon::parse(text).err().map(fault).into_iter().collect()
    }

    /// What is needed of decoded reviews.
    pub(super) fn demand(value: &Value) -> Demand {
        let settings: Self = parse(value).unwrap_or_default();
        Demand { lexicon: settings.severe_review.lexicon.text().map(Arc::from), ..Demand::default() }
    }
}
