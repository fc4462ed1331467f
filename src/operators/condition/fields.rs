//! The values of a review that a condition can look at, in each form in which a review flows: a decoded version in its
//! block, a scored version, a live row.
//!
//! A field that a form does not have is null. Text is borrowed from the bytes of the review.

use std::cmp::Ordering;

use serde_json::Value;

use super::Field;
use crate::{
    operators::{
        block::{BlockReview, ReviewBlock},
        row::{NOT_VERIFIED, Review, ReviewHead, Scored, VERIFIED},
    },
    records::{Lang, Sentiment, number::micro_to_f64},
};

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
    pub(super) fn of_json(value: &'a Value) -> Option<Self> {
        match value {
            Value::Null => Some(Self::Null),
            Value::Bool(value) => Some(Self::Bool(*value)),
            Value::Number(value) => value.as_f64().map(Self::Number),
            Value::String(value) => Some(Self::Text(value)),
            Value::Array(_) | Value::Object(_) => None,
        }
    }

    pub(super) fn order(self, other: Self) -> Option<Ordering> {
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
