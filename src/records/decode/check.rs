//! The rules of single fields. Each takes what was found and gives what it means, or the refusal.

use super::field_map::FieldMap;
use super::json::{Piece, Value};
use super::key::MAX_ID_BYTES;
use super::refusal::{Code, Refusal, quoted};
use crate::records::number::{MICRO, round_micro};
use crate::records::timestamp;

/// The values of one record, by field.
pub(super) struct Checked<'b, 'de, const N: usize> {
    pub(super) fields: &'b FieldMap<N>,
    pub(super) values: [Value<'de>; N],
    pub(super) arena: &'b mut String,
}

impl<'de, const N: usize> Checked<'_, 'de, N> {
    pub(super) fn value(&self, field: usize) -> Value<'de> {
        self.values[self.fields.slot_of(field)]
    }

    /// Refuses what stands in a field.
    pub(super) fn invalid(&self, field: usize, expected: &str) -> Refusal {
        let found = match self.value(field) {
            Value::Missing => "missing".to_owned(),
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Unsigned(value) => value.to_string(),
            Value::Negative(value) => value.to_string(),
            Value::Float(value) => serde_json::Value::from(value).to_string(),
            Value::Text(piece) => quoted(piece.get(self.arena)),
            Value::List => "a list".to_owned(),
            Value::Object => "an object".to_owned(),
        };
        let message = format!("{} is {found}; expected {expected}", self.fields.label(field));
        Refusal::validate(Code::InvalidField, message)
    }

    /// Refuses a required field that is absent or null.
    pub(super) fn missing(&self, field: usize, expected: &str) -> Refusal {
        let found = if matches!(self.value(field), Value::Null) { "null" } else { "missing" };
        let message = format!("{} is {found}; expected {expected}", self.fields.label(field));
        Refusal::validate(Code::MissingField, message)
    }

    /// An id that has to be there.
    pub(super) fn required_id(&mut self, field: usize) -> Result<Piece<'de>, Refusal> {
        self.required_id_within(field, MAX_ID_BYTES)
    }

    /// The same of an id that may have another number of bytes.
    pub(super) fn required_id_within(&mut self, field: usize, max: usize) -> Result<Piece<'de>, Refusal> {
        let id = self.id(field, max)?.ok_or_else(|| self.missing(field, "a string or an integer"))?;
        if id.get(self.arena).is_empty() {
            return Err(self.invalid(field, &format!("1 to {max} bytes")));
        }
        Ok(id)
    }

    /// An id that may be absent, null or empty, all of which is none.
    pub(super) fn optional_id(&mut self, field: usize) -> Result<Option<Piece<'de>>, Refusal> {
        let id = self.id(field, MAX_ID_BYTES)?;
        Ok(id.filter(|id| !id.get(self.arena).is_empty()))
    }

    fn id(&mut self, field: usize, max: usize) -> Result<Option<Piece<'de>>, Refusal> {
        match self.value(field) {
            Value::Missing | Value::Null => Ok(None),
            Value::Text(id) if id.get(self.arena).len() <= max => Ok(Some(id)),
            Value::Text(id) => {
                let length = id.get(self.arena).len();
                let label = self.fields.label(field);
                let message = format!("{label} has {length} bytes; expected at most {max}");
                Err(Refusal::validate(Code::InvalidField, message))
            }
            Value::Unsigned(number) if i64::try_from(number).is_ok() => {
                let mut digits = itoa::Buffer::new();
                Ok(Some(Piece::kept(digits.format(number), self.arena)))
            }
            _ => Err(self.invalid(field, "a string, or an integer from 0 to below 2^63")),
        }
    }

    /// Milliseconds since 1970.
    pub(super) fn ts(&self, field: usize) -> Result<Option<i64>, Refusal> {
        let ms = match self.value(field) {
            Value::Missing | Value::Null => return Ok(None),
            Value::Unsigned(number) => timestamp::from_integer(number),
            Value::Float(number) => timestamp::from_number(number),
            Value::Text(text) => timestamp::from_text(text.get(self.arena)),
            _ => None,
        };
        match ms {
            Some(ms) => Ok(Some(ms)),
            None => {
                Err(self
                    .invalid(field, "RFC 3339 with an offset, or seconds or milliseconds, in 1970 to 2100"))
            }
        }
    }

    /// Stars in units of 1e-6.
    pub(super) fn rating(&self, field: usize) -> Result<Option<u32>, Refusal> {
        let rating = match self.value(field) {
            Value::Missing | Value::Null => return Ok(None),
            Value::Unsigned(number) => number as f64,
            Value::Float(number) => number,
            Value::Text(text) => match text.get(self.arena).trim() {
                "" => return Ok(None),
                digits => decimal(digits).unwrap_or(f64::NAN),
            },
            _ => f64::NAN,
        };
        if !(1.0..=5.0).contains(&rating) {
            return Err(self.invalid(field, "a number from 1 to 5"));
        }
        Ok(u32::try_from(round_micro(rating)).ok().filter(|&units| i64::from(units) >= MICRO))
    }

    /// A string as it stands.
    pub(super) fn text(&self, field: usize) -> Result<Option<Piece<'de>>, Refusal> {
        match self.value(field) {
            Value::Missing | Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            _ => Err(self.invalid(field, "a string or null")),
        }
    }

    /// A boolean.
    pub(super) fn boolean(&self, field: usize) -> Result<Option<bool>, Refusal> {
        match self.value(field) {
            Value::Missing | Value::Null => Ok(None),
            Value::Bool(value) => Ok(Some(value)),
            _ => Err(self.invalid(field, "true, false or null")),
        }
    }

    /// An integer that is not negative. Integers from 2^64 on cannot be told from fractions and are none.
    pub(super) fn count(&self, field: usize) -> Result<Option<u64>, Refusal> {
        match self.value(field) {
            Value::Missing | Value::Null => Ok(None),
            Value::Unsigned(number) => Ok(Some(number)),
            _ => Err(self.invalid(field, "an integer from 0 to below 2^64, or null")),
        }
    }
}

/// The number that `[0-9]+(\.[0-9]+)?` writes.
fn decimal(text: &str) -> Option<f64> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let formed = match text.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(text),
    };
    if formed { text.parse().ok() } else { None }
}
