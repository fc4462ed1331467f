//! One JSON object into the slots of the known fields, the rest skipped.
//!
//! What is skipped is visited all the same (`skipped`). serde's
//! own `Option<Cow<str>>` never borrows; [`Value`] does wherever a string has no escapes.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::field_map::FieldMap;
use super::refusal::{Code, Refusal};
use super::skipped::Skipped;

/// What a field was found to be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'de> {
    Missing,
    Null,
    Bool(bool),
    Unsigned(u64),
    Negative(i64),
    Float(f64),
    Text(Piece<'de>),
    List,
    Object,
}

/// A string: in the line as it stands there, or unescaped in the arena.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece<'de> {
    Line(&'de str),
    Arena { from: usize, to: usize },
}

impl<'de> Piece<'de> {
    /// Appends to the arena.
    pub(super) fn kept(text: &str, arena: &mut String) -> Self {
        let from = arena.len();
        arena.push_str(text);
        Self::Arena { from, to: arena.len() }
    }

    /// The string itself.
    pub(super) fn get<'a>(self, arena: &'a str) -> &'a str
    where
        'de: 'a,
    {
        match self {
            Self::Line(text) => text,
            Self::Arena { from, to } => &arena[from..to],
        }
    }
}

/// Reads `line` into `values`, by slot. Refuses what is no JSON object, and known names that occur twice.
pub(super) fn read_object<'de, const N: usize>(
    line: &'de [u8],
    fields: &FieldMap<N>,
    arena: &mut String,
) -> Result<[Value<'de>; N], Refusal> {
    let line = std::str::from_utf8(line).map_err(|error| {
        let message = format!("byte {} is not UTF-8; expected JSON in UTF-8", error.valid_up_to());
        Refusal::decode(Code::InvalidUtf8, message)
    })?;
    let malformed = |error: serde_json::Error| Refusal::decode(Code::MalformedJson, error.to_string());
    let mut values = [Value::Missing; N];
    let mut json = serde_json::Deserializer::from_str(line);
    let record = Record { fields, arena, values: &mut values };
    let found = json.deserialize_any(record).map_err(malformed)?;
    json.end().map_err(malformed)?;
    match found {
        Found::Object { repeated: None } => Ok(values),
        Found::Object { repeated: Some(slot) } => {
            let name = fields.name_of_slot(slot);
            Err(Refusal::validate(
                Code::InvalidField,
                format!("{name} occurs twice; expected each field once"),
            ))
        }
        Found::Other(kind) => {
            Err(Refusal::decode(Code::NotAnObject, format!("the record is {kind}; expected an object")))
        }
    }
}

/// What the outermost value was.
enum Found {
    Object { repeated: Option<usize> },
    Other(&'static str),
}

/// Visits the outermost value.
struct Record<'b, 'de, const N: usize> {
    fields: &'b FieldMap<N>,
    arena: &'b mut String,
    values: &'b mut [Value<'de>; N],
}

impl<'de, const N: usize> Visitor<'de> for Record<'_, 'de, N> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let mut repeated = None;
        while let Some(slot) = map.next_key_seed(Name { fields: self.fields })? {
            match slot {
                None => map.next_value_seed(Skipped { depth: 2 })?,
                Some(slot) => {
                    let value = map.next_value_seed(Kept { arena: self.arena })?;
                    if matches!(self.values[slot], Value::Missing) {
                        self.values[slot] = value;
                    } else {
                        repeated = repeated.or(Some(slot));
                    }
                }
            }
        }
        Ok(Found::Object { repeated })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Found, A::Error> {
        while list.next_element_seed(Skipped { depth: 2 })?.is_some() {}
        Ok(Found::Other("a list"))
    }

    fn visit_unit<E: Error>(self) -> Result<Found, E> {
        Ok(Found::Other("null"))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Found, E> {
        Ok(Found::Other("a boolean"))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Found, E> {
        Ok(Found::Other("a number"))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Found, E> {
        Ok(Found::Other("a number"))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Found, E> {
        Ok(Found::Other("a number"))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Found, E> {
        Ok(Found::Other("a string"))
    }
}

/// A name at the top level: its slot, if it is known.
struct Name<'b, const N: usize> {
    fields: &'b FieldMap<N>,
}

impl<'de, const N: usize> DeserializeSeed<'de> for Name<'_, N> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<const N: usize> Visitor<'_> for Name<'_, N> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.fields.slot_named(name))
    }
}

/// A value that is kept.
struct Kept<'b> {
    arena: &'b mut String,
}

impl<'de> DeserializeSeed<'de> for Kept<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value<'de>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Kept<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Piece::Line(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Piece::kept(text, self.arena)))
    }

    fn visit_unit<E: Error>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(Value::Unsigned(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Negative(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value<'de>, E> {
        Ok(Value::Float(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Value<'de>, A::Error> {
        Skipped { depth: 2 }.visit_seq(list)?;
        Ok(Value::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value<'de>, A::Error> {
        Skipped { depth: 2 }.visit_map(map)?;
        Ok(Value::Object)
    }
}
