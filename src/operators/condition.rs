//! Conditions on one review: a test of a field, or `all`, `any`, `not` of conditions.
//!
//! They are compiled once and compare without allocation. There is no expression that computes.

use std::cmp::Ordering;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    block::{BlockReview, ReviewBlock},
    registry::SettingsFault,
    row::{NOT_VERIFIED, Review, ReviewHead, Scored, VERIFIED},
};
use crate::records::{Lang, Sentiment, number::micro_to_f64};

/// A condition: either a test of one field, or `all`, `any`, `not` of conditions.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Condition {
    /// The field that is tested: `review_id`, `product_id`, `user_id`, `rating`, `title`, `text`, `lang`, `ts`, `verified`,
    /// `helpful_votes` or `source`; behind a scoring step also `sentiment` and `label`, on a table `labelled_by`, `status` and `of`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<Field>,
    /// Equal to this.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schemars(with = "Option<Value>")]
    pub eq: Option<Value>,
    /// Not equal to this.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schemars(with = "Option<Value>")]
    pub ne: Option<Value>,
    /// Less than this number or string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lt: Option<Value>,
    /// Greater than this number or string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gt: Option<Value>,
    /// Equal to one of these.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<Value>>,
    /// A regular expression that the field must match somewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
    /// All of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all: Option<Vec<Condition>>,
    /// At least one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub any: Option<Vec<Condition>>,
    /// Not this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<Box<Condition>>,
}

/// Keeps a `null` that stands there apart from nothing.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// A field that a condition can test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Names the review.
    ReviewId,
    /// The product.
    ProductId,
    /// Who wrote it.
    UserId,
    /// Stars.
    Rating,
    /// Cleaned title.
    Title,
    /// Cleaned text.
    Text,
    /// Language.
    Lang,
    /// Milliseconds since 1970.
    Ts,
    /// Whether the purchase was verified.
    Verified,
    /// How many found it helpful.
    HelpfulVotes,
    /// Where it was collected.
    Source,
    /// Probability of positive; null before it is scored.
    Sentiment,
    /// `positive`, `neutral`, `negative`; null before it is scored.
    Label,
    /// The feedback that set the label.
    LabelledBy,
    /// `accepted` or `duplicate`; null on a stream.
    Status,
    /// The review it duplicates.
    Of,
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FieldValue<'a> {
    /// Nothing.
    Null,
    /// Text.
    Text(&'a str),
    /// A number.
    Number(f64),
    /// True or false.
    Bool(bool),
}

impl<'a> FieldValue<'a> {
    fn of_json(value: &'a Value) -> Option<Self> {
        match value {
            Value::Null => Some(Self::Null),
            Value::Bool(value) => Some(Self::Bool(*value)),
            Value::Number(value) => value.as_f64().map(Self::Number),
            Value::String(value) => Some(Self::Text(value)),
            Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn order(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(&b),
            _ => None,
        }
    }
}

/// Something with fields.
pub trait Fields {
    /// The value of a field; null where this has none.
    fn get(&self, field: Field) -> FieldValue<'_>;
}

fn text(text: &str) -> FieldValue<'_> {
    if text.is_empty() { FieldValue::Null } else { FieldValue::Text(text) }
}

fn of_head(head: &ReviewHead, field: Field) -> FieldValue<'_> {
    match field {
        Field::Rating if head.rating > 0 => FieldValue::Number(micro_to_f64(head.rating.into())),
        Field::Ts => FieldValue::Number(head.ts as f64),
        Field::Verified if head.flags & VERIFIED != 0 => FieldValue::Bool(true),
        Field::Verified if head.flags & NOT_VERIFIED != 0 => FieldValue::Bool(false),
        Field::HelpfulVotes if head.helpful_votes != u32::MAX => {
            FieldValue::Number(head.helpful_votes.into())
        }
        _ => FieldValue::Null,
    }
}

/// Text fields of a version, given by where they lie in its bytes.
fn of_bytes<'a>(head: &ReviewHead, bytes: &'a [u8], field: Field) -> FieldValue<'a> {
    let lengths = [
        usize::from(head.id_len),
        head.product_len.into(),
        head.user_len.into(),
        head.source_len.into(),
        head.title_len as usize,
        head.text_len as usize,
    ];
    let index = match field {
        Field::ReviewId => 0,
        Field::ProductId => 1,
        Field::UserId => 2,
        Field::Source => 3,
        Field::Title => 4,
        Field::Text => 5,
        _ => return FieldValue::Null,
    };
    let start: usize = lengths[..index].iter().sum();
    let part = bytes.get(start..start + lengths[index]).unwrap_or_default();
    std::str::from_utf8(part).map_or(FieldValue::Null, text)
}

/// The language of a head, borrowed from it.
fn lang(head: &ReviewHead) -> FieldValue<'_> {
    let length = Lang::from_bytes(head.lang).map_or(0, |lang| lang.as_str().len());
    std::str::from_utf8(&head.lang[..length]).map_or(FieldValue::Null, text)
}

impl Fields for (&BlockReview, &ReviewBlock) {
    fn get(&self, field: Field) -> FieldValue<'_> {
        let (review, block) = self;
        match field {
            Field::Lang => lang(&review.head),
            Field::ReviewId
            | Field::ProductId
            | Field::UserId
            | Field::Source
            | Field::Title
            | Field::Text => of_bytes(&review.head, &block.bytes[review.bytes.0..review.bytes.1], field),
            _ => of_head(&review.head, field),
        }
    }
}

impl Fields for Review {
    fn get(&self, field: Field) -> FieldValue<'_> {
        let head = self.head();
        match field {
            Field::Lang => lang(head),
            Field::Sentiment => FieldValue::Number(micro_to_f64(head.sentiment.into())),
            Field::Label => FieldValue::Text(Sentiment::of_micro(head.sentiment).as_str()),
            Field::ReviewId
            | Field::ProductId
            | Field::UserId
            | Field::Source
            | Field::Title
            | Field::Text => of_bytes(head, self.bytes(), field),
            _ => of_head(head, field),
        }
    }
}

impl Fields for Scored {
    fn get(&self, field: Field) -> FieldValue<'_> {
        match field {
            Field::Label => FieldValue::Text(self.effective_label().as_str()),
            Field::LabelledBy => {
                self.label.as_ref().map_or(FieldValue::Null, |label| FieldValue::Text(&label.feedback_id))
            }
            Field::Status => FieldValue::Text(if self.accepted() { "accepted" } else { "duplicate" }),
            Field::Of => self.of.as_ref().map_or(FieldValue::Null, |of| FieldValue::Text(of.id())),
            _ => self.review.get(field),
        }
    }
}

/// A compiled condition.
#[derive(Clone, Debug)]
pub enum Test {
    /// All hold.
    All(Vec<Test>),
    /// At least one holds.
    Any(Vec<Test>),
    /// It does not hold.
    Not(Box<Test>),
    /// Equal to one of these.
    In(Field, Vec<Value>),
    /// Of this order to the value.
    Compare(Field, Ordering, Value),
    /// Matches somewhere.
    Matches(Field, Regex),
}

/// Makes the test of one operator, once the field is known.
type FieldTest<'a> = Box<dyn Fn(Field) -> Result<Test, SettingsFault> + 'a>;

impl Test {
    /// Compiles a condition that stands at a JSON pointer.
    ///
    /// # Errors
    /// All its faults.
    pub fn compile(condition: &Condition, pointer: &str) -> Result<Self, Vec<SettingsFault>> {
        let mut faults = Vec::new();
        let mut tests = Vec::new();
        let fault = |part: &str, message: String, hint: &str| SettingsFault {
            pointer: format!("{pointer}{part}"),
            message,
            hint: hint.into(),
        };
        let groups = [("/all", &condition.all), ("/any", &condition.any)];
        for (name, group) in
            groups.into_iter().filter_map(|(name, group)| group.as_ref().map(|group| (name, group)))
        {
            let mut parts = Vec::new();
            for (n, part) in group.iter().enumerate() {
                match Self::compile(part, &format!("{pointer}{name}/{n}")) {
                    Ok(test) => parts.push(test),
                    Err(more) => faults.extend(more),
                }
            }
            tests.push(if name == "/all" { Self::All(parts) } else { Self::Any(parts) });
        }
        if let Some(part) = &condition.not {
            match Self::compile(part, &format!("{pointer}/not")) {
                Ok(test) => tests.push(Self::Not(Box::new(test))),
                Err(more) => faults.extend(more),
            }
        }
        let mut field_tests: Vec<(&str, FieldTest<'_>)> = Vec::new();
        let scalar = |name: &'static str, value: &Value| match FieldValue::of_json(value) {
            Some(_) => Ok(value.clone()),
            None => Err(fault(
                name,
                "a list or a map is no value of a field".into(),
                "give a string, a number, true, false or null",
            )),
        };
        if let Some(value) = &condition.eq {
            field_tests.push(("eq", Box::new(move |field| Ok(Self::In(field, vec![scalar("/eq", value)?])))));
        }
        if let Some(value) = &condition.ne {
            field_tests.push((
                "ne",
                Box::new(move |field| Ok(Self::Not(Box::new(Self::In(field, vec![scalar("/ne", value)?]))))),
            ));
        }
        if let Some(values) = &condition.one_of {
            field_tests.push((
                "in",
                Box::new(move |field| {
                    Ok(Self::In(field, values.iter().map(|v| scalar("/in", v)).collect::<Result<_, _>>()?))
                }),
            ));
        }
        let ordered = |name: &'static str, value: &Value| match value {
            Value::Number(_) | Value::String(_) => Ok(value.clone()),
            _ => {
                Err(fault(name, "only numbers and strings have an order".into(), "give a number or a string"))
            }
        };
        if let Some(value) = &condition.lt {
            field_tests.push((
                "lt",
                Box::new(move |field| Ok(Self::Compare(field, Ordering::Less, ordered("/lt", value)?))),
            ));
        }
        if let Some(value) = &condition.gt {
            field_tests.push((
                "gt",
                Box::new(move |field| Ok(Self::Compare(field, Ordering::Greater, ordered("/gt", value)?))),
            ));
        }
        if let Some(pattern) = &condition.matches {
            let compile = move |field| match Regex::new(pattern) {
                Ok(regex) => Ok(Self::Matches(field, regex)),
                Err(error) => Err(fault(
                    "/matches",
                    format!("`{pattern}` is not a regular expression: {error}"),
                    "escape special characters with a backslash",
                )),
            };
            field_tests.push(("matches", Box::new(compile)));
        }
        match condition.field {
            Some(_) if field_tests.is_empty() => {
                faults.push(fault(
                    "/field",
                    "a field without a test".into(),
                    "add one of eq, ne, lt, gt, in, matches",
                ));
            }
            Some(field) => {
                for (_, test) in &field_tests {
                    match test(field) {
                        Ok(test) => tests.push(test),
                        Err(one) => faults.push(one),
                    }
                }
            }
            None => faults.extend(field_tests.iter().map(|(name, _)| {
                fault(&format!("/{name}"), format!("`{name}` without a field"), "add `field:` beside it")
            })),
        }
        drop(field_tests);
        if tests.is_empty() && faults.is_empty() {
            faults.push(fault(
                "",
                "a condition that tests nothing".into(),
                "give a field with eq, ne, lt, gt, in or matches; or all, any or not",
            ));
        }
        if faults.is_empty() { Ok(Self::All(tests)) } else { Err(faults) }
    }

    /// Whether it holds.
    #[must_use]
    pub fn passes(&self, fields: &impl Fields) -> bool {
        match self {
            Self::All(tests) => tests.iter().all(|test| test.passes(fields)),
            Self::Any(tests) => tests.iter().any(|test| test.passes(fields)),
            Self::Not(test) => !test.passes(fields),
            Self::In(field, values) => {
                let value = fields.get(*field);
                values.iter().any(|other| FieldValue::of_json(other) == Some(value))
            }
            Self::Compare(field, order, other) => {
                FieldValue::of_json(other).and_then(|other| fields.get(*field).order(other)) == Some(*order)
            }
            Self::Matches(field, regex) => {
                matches!(fields.get(*field), FieldValue::Text(text) if regex.is_match(text))
            }
        }
    }

    /// Whether it looks at a field.
    #[must_use]
    pub fn reads(&self, wanted: Field) -> bool {
        match self {
            Self::All(tests) | Self::Any(tests) => tests.iter().any(|test| test.reads(wanted)),
            Self::Not(test) => test.reads(wanted),
            Self::In(field, _) | Self::Compare(field, ..) | Self::Matches(field, _) => *field == wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct One(Field, FieldValue<'static>);

    impl Fields for One {
        fn get(&self, field: Field) -> FieldValue<'_> {
            if field == self.0 { self.1 } else { FieldValue::Null }
        }
    }

    fn test(condition: Value) -> Result<Test, Vec<SettingsFault>> {
        Test::compile(&serde_json::from_value(condition).expect("a condition"), "/condition")
    }

    #[test]
    fn compares() {
        let four = One(Field::Rating, FieldValue::Number(4.0));
        for (condition, expected) in [
            (json!({"field": "rating", "gt": 3}), true),
            (json!({"field": "rating", "gt": 4}), false),
            (json!({"field": "rating", "lt": 4.5, "ne": 3}), true),
            (json!({"field": "rating", "in": [1, 4.0]}), true),
            (json!({"field": "lang", "eq": null}), true),
            (json!({"field": "lang", "ne": null}), false),
            (json!({"field": "lang", "lt": "z"}), false),
            (json!({"not": {"field": "rating", "eq": 4}}), false),
            (json!({"any": [{"field": "rating", "eq": 1}, {"field": "rating", "eq": 4}]}), true),
            (json!({"all": [{"field": "rating", "eq": 1}, {"field": "rating", "eq": 4}]}), false),
        ] {
            assert_eq!(test(condition.clone()).expect("compiles").passes(&four), expected, "{condition}");
        }
        let german = One(Field::Lang, FieldValue::Text("de"));
        assert!(test(json!({"field": "lang", "matches": "^d"})).expect("compiles").passes(&german));
    }

    #[test]
    fn says_all_that_is_wrong_and_where() {
        let faults =
            test(json!({"any": [{"field": "text", "matches": "("}, {"eq": 1}, {"field": "lang"}, {}]}))
                .expect_err("four faults");
        let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            ["/condition/any/0/matches", "/condition/any/1/eq", "/condition/any/2/field", "/condition/any/3"]
        );
    }
}
