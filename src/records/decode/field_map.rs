//! Which name in the record stands for which of our fields (`fields: {product_id: asin, rating: overall}`).
//!
//! A renamed field is read under its new name only; under its own it is unknown and ignored. One name of the record may
//! feed several of our fields. The number of fields is part of the type, so that the map of one kind of record cannot
//! be given to the decoder of the other.

use std::collections::BTreeMap;

use super::{case_command, delivery, feedback, review};

/// Where the fields of a review are.
pub type ReviewFields = FieldMap<{ review::FIELDS.len() }>;

/// Where the fields of a feedback record are.
pub type FeedbackFields = FieldMap<{ feedback::FIELDS.len() }>;

/// Where the fields of a command are.
pub type CaseCommandFields = FieldMap<{ case_command::FIELDS.len() }>;

/// Where the fields of an outcome of a delivery are.
pub type DeliveryFields = FieldMap<{ delivery::FIELDS.len() }>;

/// Names of a record's `N` fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldMap<const N: usize> {
    ours: &'static [&'static str; N],
    /// The record's names without repetition: the slots in which values are kept.
    names: Vec<Box<str>>,
    /// The slot of each of our fields.
    slots: [usize; N],
}

/// A map names a field that the record does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no field of this record; known are {}", .known.join(", "))]
pub struct UnknownField {
    /// The name given.
    pub name: String,
    /// The fields there are.
    pub known: &'static [&'static str],
}

impl ReviewFields {
    /// Our names of a review's fields.
    pub const NAMES: &'static [&'static str] = &review::FIELDS;

    /// The map of a review with these renamed fields, our name first.
    ///
    /// # Errors
    /// If one of our names is no field of a review.
    pub fn review(renamed: &BTreeMap<String, String>) -> Result<Self, UnknownField> {
        Self::new(&review::FIELDS, renamed)
    }
}

impl FeedbackFields {
    /// Our names of a feedback record's fields.
    pub const NAMES: &'static [&'static str] = &feedback::FIELDS;

    /// The map of a feedback record with these renamed fields, our name first.
    ///
    /// # Errors
    /// If one of our names is no field of a feedback record.
    pub fn feedback(renamed: &BTreeMap<String, String>) -> Result<Self, UnknownField> {
        Self::new(&feedback::FIELDS, renamed)
    }
}

impl CaseCommandFields {
    /// Our names of a command's fields.
    pub const NAMES: &'static [&'static str] = &case_command::FIELDS;

    /// The map of a command with these renamed fields, our name first.
    ///
    /// # Errors
    /// If one of our names is no field of a command.
    pub fn case_command(renamed: &BTreeMap<String, String>) -> Result<Self, UnknownField> {
        Self::new(&case_command::FIELDS, renamed)
    }
}

impl DeliveryFields {
    /// Our names of an outcome's fields.
    pub const NAMES: &'static [&'static str] = &delivery::FIELDS;

    /// The map of an outcome with these renamed fields, our name first.
    ///
    /// # Errors
    /// If one of our names is no field of an outcome.
    pub fn delivery(renamed: &BTreeMap<String, String>) -> Result<Self, UnknownField> {
        Self::new(&delivery::FIELDS, renamed)
    }
}

impl Default for ReviewFields {
    /// Nothing renamed.
    fn default() -> Self {
        Self::unrenamed(&review::FIELDS)
    }
}

impl Default for FeedbackFields {
    /// Nothing renamed.
    fn default() -> Self {
        Self::unrenamed(&feedback::FIELDS)
    }
}

impl Default for CaseCommandFields {
    /// Nothing renamed.
    fn default() -> Self {
        Self::unrenamed(&case_command::FIELDS)
    }
}

impl Default for DeliveryFields {
    /// Nothing renamed.
    fn default() -> Self {
        Self::unrenamed(&delivery::FIELDS)
    }
}

impl<const N: usize> FieldMap<N> {
    fn unrenamed(ours: &'static [&'static str; N]) -> Self {
        Self {
            ours,
            names: ours.iter().map(|&name| name.into()).collect(),
            slots: std::array::from_fn(|n| n),
        }
    }

    fn new(
        ours: &'static [&'static str; N],
        renamed: &BTreeMap<String, String>,
    ) -> Result<Self, UnknownField> {
        if let Some(name) = renamed.keys().find(|name| !ours.contains(&name.as_str())) {
            return Err(UnknownField { name: name.clone(), known: ours });
        }
        let mut names: Vec<Box<str>> = Vec::new();
        let slots = ours.map(|our| {
            let name = renamed.get(our).map_or(our, String::as_str);
            names.iter().position(|known| &**known == name).unwrap_or_else(|| {
                names.push(name.into());
                names.len() - 1
            })
        });
        Ok(Self { ours, names, slots })
    }

    /// The slot of a name in the record, if it stands for one of our fields.
    pub(super) fn slot_named(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| &**known == name)
    }

    /// The slot of one of our fields.
    pub(super) fn slot_of(&self, field: usize) -> usize {
        self.slots[field]
    }

    /// A slot's name in the record.
    pub(super) fn name_of_slot(&self, slot: usize) -> &str {
        &self.names[slot]
    }

    /// A field as messages name it: ours, and the record's if that is another.
    pub(super) fn label(&self, field: usize) -> String {
        let (our, name) = (self.ours[field], &*self.names[self.slots[field]]);
        if our == name { our.to_owned() } else { format!("{our} ({name})") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(our, name)| ((*our).to_owned(), (*name).to_owned())).collect()
    }

    #[test]
    fn a_renamed_field_has_its_new_name_only() {
        let fields = ReviewFields::review(&renamed(&[("product_id", "asin")])).unwrap();
        assert_eq!(fields.slot_named("product_id"), None);
        assert_eq!(fields.slot_named("asin"), Some(fields.slot_of(review::PRODUCT_ID)));
        assert_eq!(fields.label(review::PRODUCT_ID), "product_id (asin)");
        assert_eq!(fields.label(review::TEXT), "text");
    }

    #[test]
    fn one_name_may_feed_two_fields() {
        let fields = ReviewFields::review(&renamed(&[("title", "text")])).unwrap();
        assert_eq!(fields.slot_of(review::TITLE), fields.slot_of(review::TEXT));
        assert_eq!(fields.slot_named("title"), None);
    }

    #[test]
    fn unknown_fields_are_told() {
        let error = FeedbackFields::feedback(&renamed(&[("rating", "overall")])).unwrap_err();
        assert!(
            error.to_string().starts_with("`rating` is no field of this record; known are feedback_id"),
            "{error}"
        );
    }
}
