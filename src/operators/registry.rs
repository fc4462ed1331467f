//! The one registry of steps: what `validate`, `graph`, `schema`, the reference in `docs/` and the assembly of the
//! dataflow know about an operator, they know from its [`Operator`] entry.
//!
//! An operator is one file of this folder that exports `pub const OPERATOR: Operator`; adding one is that file and
//! one line in [`OPERATORS`]. Whatever the resolver has to insert or to pass upstream is found by the traits of the
//! entries (`inserts`, `scores`, `demand`), never by a name.

use std::{fmt, sync::Arc};

use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::wiring::Build;
use crate::{
    engine::duration::Millis,
    records::{CaseCommandFields, DeliveryFields, FeedbackFields},
};

/// What a source hands out, named by its `record:` setting.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// Product reviews, keyed by `review_id`.
    Review,
    /// Labels that people gave to reviews.
    Feedback,
    /// What people say about cases.
    CaseCommand,
    /// What became of notifications about cases.
    Delivery,
}

/// All kinds of records.
pub const RECORDS: &[Record] = &[Record::Review, Record::Feedback, Record::CaseCommand, Record::Delivery];

impl Record {
    /// Its name in a topology.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Feedback => "feedback",
            Self::CaseCommand => "case_command",
            Self::Delivery => "delivery",
        }
    }
}

/// The fields of a record that a source's `fields:` may rename.
#[must_use]
pub fn fields(record: Record) -> &'static [&'static str] {
    match record {
        Record::Review => &[
            "review_id",
            "product_id",
            "user_id",
            "rating",
            "title",
            "text",
            "lang",
            "ts",
            "op",
            "verified",
            "helpful_votes",
            "source",
        ],
        Record::Feedback => FeedbackFields::NAMES,
        Record::CaseCommand => CaseCommandFields::NAMES,
        Record::Delivery => DeliveryFields::NAMES,
    }
}

/// The type of an edge: what flows, and whether it is a stream of versions or a table with one live row a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EdgeType {
    /// Raw records of a source.
    Source(Record),
    /// Cleaned reviews, duplicates and versions included.
    Reviews,
    /// Scored versions of reviews, duplicates and versions included.
    Versions,
    /// One live scored review a `review_id`; retractable.
    ScoredTable,
    /// One product score a `product_id`; retractable.
    ProductTable,
    /// One case a `case_id`; retractable.
    CaseTable,
    /// Published models.
    Models,
    /// Refused records, a log.
    DeadLetters,
}

impl fmt::Display for EdgeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source(Record::Review) => "stream<review>",
            Self::Source(Record::Feedback) => "stream<feedback>",
            Self::Source(Record::CaseCommand) => "stream<case_command>",
            Self::Source(Record::Delivery) => "stream<delivery>",
            Self::Reviews => "stream<cleaned_review>",
            Self::Versions => "stream<scored_review>",
            Self::ScoredTable => "table<review_id, scored_review>",
            Self::ProductTable => "table<product_id, product_score>",
            Self::CaseTable => "table<case_id, case>",
            Self::Models => "models",
            Self::DeadLetters => "stream<dead_letter>",
        })
    }
}

/// An input of an operator.
#[derive(Debug)]
pub struct Port {
    /// What the port is for, in diagnostics and in the reference.
    pub name: &'static str,
    /// The edge types it takes.
    pub accepts: &'static [EdgeType],
    /// Whether several edges may meet here (streams may, tables may not).
    pub many: bool,
    /// Whether the step does without an edge here.
    pub optional: bool,
}

/// The type of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputType {
    /// Always this one.
    Fixed(EdgeType),
    /// The type of the edge at the first port.
    SameAsInput,
}

/// An output of an operator.
#[derive(Debug)]
pub struct Output {
    /// `None` is the default output (`inputs: [id]`); a named one is read as `id.name`.
    pub name: Option<&'static str>,
    /// What leaves here.
    pub edge: OutputType,
}

/// Identity and format of an operator's state, for checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateFormat {
    /// Stable name of the kind of state.
    pub id: &'static str,
    /// Version of its stored form.
    pub version: u32,
}

/// What steps downstream need of a decoded review beyond its fields; the resolver adds it up along the edges, so that
/// text and features are made only where they are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// The layout of hashed features that a scoring step reads, as its settings in JSON.
    pub features: Option<Value>,
    /// Features are kept with the live review, because a label may still come.
    pub keep_features: bool,
    /// Cleaned title and text are kept in the row.
    pub text: bool,
    /// The text of the lexicon whose sections are looked up in each review. A topology has one at most.
    pub lexicon: Option<Arc<str>>,
}

impl Demand {
    /// Adds what another reader needs; the error says why both cannot be served by one decoding.
    ///
    /// # Errors
    /// Two different layouts of features.
    pub fn merge(&mut self, other: &Demand) -> Result<(), String> {
        match (&self.features, &other.features) {
            (Some(a), Some(b)) if a != b => {
                return Err(format!("two steps read this with different layouts of features: {a} and {b}"));
            }
            (None, Some(_)) => self.features.clone_from(&other.features),
            _ => {}
        }
        self.keep_features |= other.keep_features;
        self.text |= other.text;
        if self.lexicon.is_none() {
            self.lexicon.clone_from(&other.lexicon);
        }
        Ok(())
    }
}

/// A fault in settings that the schema cannot express: where (JSON pointer below the component), what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsFault {
    /// JSON pointer to the value, such as `/condition/matches`.
    pub pointer: String,
    /// What is wrong and what was expected.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// The settings of a component: one struct gives the parser, the JSON Schema and the reference.
#[derive(Clone, Copy)]
pub struct Settings {
    /// JSON Schema of the struct (doc comments are the descriptions, `#[serde(default)]` the defaults).
    pub schema: fn() -> Schema,
    /// Deserialises and checks what the schema cannot say. Called only with values the schema accepts, texts put in.
    pub check: fn(&Value) -> Vec<SettingsFault>,
    /// JSON pointers to settings that may name a text file. Where one says `file: PATH`, the resolver puts in what the file
    /// says, as `text`: output follows from the text, not from its name.
    pub texts: &'static [&'static str],
}

impl Settings {
    /// The settings of a struct that says all there is to check.
    #[must_use]
    pub const fn of<T: DeserializeOwned + JsonSchema>() -> Self {
        let check = |value: &Value| parse::<T>(value).err().into_iter().collect();
        Self { schema: || schema_for!(T), check, texts: &[] }
    }
}

/// A step of the escalation: who is called when a case has fired for so long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EscalationStep {
    /// When it is due, in epoch time, counted from the moment the case fired.
    pub after: Millis,
    /// Who is called then: ids of targets.
    #[schemars(length(min = 1))]
    pub targets: Vec<String>,
}

/// The settings of a step that has none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settings")
    }
}

/// Deserialises settings as a fault at the root, for `check` functions.
///
/// # Errors
/// What serde says, as a fault.
pub fn parse<T: DeserializeOwned>(value: &Value) -> Result<T, SettingsFault> {
    serde_json::from_value(value.clone()).map_err(|error| SettingsFault {
        pointer: String::new(),
        message: error.to_string(),
        hint: "see the reference of this step".into(),
    })
}

/// An entry of the registry.
#[derive(Debug)]
pub struct Operator {
    /// `type:` in a topology.
    pub name: &'static str,
    /// One sentence for the reference.
    pub summary: &'static str,
    /// Its settings, without `type` and `inputs`.
    pub settings: Settings,
    /// Its inputs; an edge of `inputs:` goes to the first port that takes its type.
    pub ports: &'static [Port],
    /// Its outputs, the default one first.
    pub outputs: &'static [Output],
    /// Its state, where it has any.
    pub state: Option<StateFormat>,
    /// The resolver may put this step by itself before a port that takes its output but not its input.
    pub inserts: bool,
    /// Its rows carry a model's prediction: a learner may name it.
    pub scores: bool,
    /// The setting that names the scoring transform, for a step that learns. That transform must be upstream.
    pub learns: Option<&'static str>,
    /// The setting that takes the steps of the topology's escalation, for a step that counts which of them are due. No topology
    /// writes it there.
    pub escalates: Option<&'static str>,
    /// What it needs of decoded reviews upstream, from its settings.
    pub demand: fn(&Value) -> Demand,
    /// Builds it.
    pub build: Build,
}

/// All steps, in the order of the reference.
pub const OPERATORS: &[&Operator] = &[
    &super::clean::OPERATOR,
    &super::sentiment::OPERATOR,
    &super::filter::OPERATOR,
    &super::current::OPERATOR,
    &super::apply_feedback::OPERATOR,
    &super::deduplicate::OPERATOR,
    &super::product_scores::OPERATOR,
    &super::alerts::OPERATOR,
    &super::learn::OPERATOR,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::ReviewFields;

    #[test]
    fn the_fields_of_a_review_are_those_that_are_decoded() {
        // these are in the order in which people read them, those in the order in which they are checked
        let sorted = |names: &[&'static str]| {
            let mut names = names.to_vec();
            names.sort_unstable();
            names
        };
        assert_eq!(sorted(fields(Record::Review)), sorted(ReviewFields::NAMES));
    }
}
