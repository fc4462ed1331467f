//! Fractions of 1e-6: the one form in which ratings, probabilities and means are added, compared and published.
//!
//! A float is rounded half to even at six decimals *of its shortest decimal form*, the digits that a reader of the
//! number sees, so 0.0000025 is a tie although its binary value is not. Sums are integers of these units and so never
//! depend on order. Written to JSON, a fraction looks as serde_json writes the nearest `f64` (`0.5`, `4.0`, `2e-6`),
//! and parses back to the same number.

use std::io::Write;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Units in one.
pub const MICRO: i64 = 1_000_000;

/// Largest float that has a value in these units, exclusive.
const LIMIT: f64 = 9e12;

/// Rounds to units of 1e-6, half to even, of the shortest decimal form. Not a number is 0; beyond ±9e12 saturates.
pub fn round_micro(value: f64) -> i64 {
    if value.is_nan() {
        return 0;
    }
    let size = value.abs().min(LIMIT);
    let scaled = size * 1e6;
    // Away from a tie the product decides: it and the shortest form are each within 2^-53 of the value, which for
    // products below 2^30 comes to less than 2^-22 together.
    let units = if scaled < (1_u64 << 30) as f64 && (scaled - scaled.floor() - 0.5).abs() > 1e-6 {
        (scaled + 0.5).floor() as i64
    } else {
        round_digits(size)
    };
    if value < 0.0 { -units } else { units }
}

/// The same from the digits themselves; `size` is in `0..=LIMIT`.
fn round_digits(size: f64) -> i64 {
    // Half a unit is a tie that goes to 0; below it the digits would not fit the buffer.
    if size <= 5e-7 {
        return 0;
    }
    let mut buffer = [0_u8; 48];
    let digits = shortest(size, &mut buffer);
    let (whole, fraction) = split(digits);
    let mut units = 0_i64;
    for &digit in whole {
        units = units * 10 + i64::from(digit - b'0');
    }
    for place in 0..6 {
        units = units * 10 + fraction.get(place).map_or(0, |&digit| i64::from(digit - b'0'));
    }
    let rest = fraction.get(6..).unwrap_or_default();
    let up = match rest.first() {
        Some(b'6'..=b'9') => true,
        Some(b'5') => rest[1..].iter().any(|&digit| digit != b'0') || units % 2 == 1,
        _ => false,
    };
    units + i64::from(up)
}

/// The shortest decimal form that reads back as `value`, without exponent. `value` is finite and has at most 48
/// characters: 5e-7 to 9e12 take at most 31.
pub(super) fn shortest(value: f64, buffer: &mut [u8; 48]) -> &[u8] {
    let mut rest = &mut buffer[..];
    let fits = write!(rest, "{value}").is_ok();
    debug_assert!(fits, "{value} has more digits than expected");
    let unused = rest.len();
    &buffer[..48 - unused]
}

/// Digits before and after the point.
pub(super) fn split(digits: &[u8]) -> (&[u8], &[u8]) {
    match digits.iter().position(|&byte| byte == b'.') {
        Some(point) => (&digits[..point], &digits[point + 1..]),
        None => (digits, &[]),
    }
}

/// A number in units of 1e-6 that serde writes and reads as the JSON number it is: comparable, unlike a float.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fraction(pub i64);

impl Fraction {
    /// The nearest one, as [`round_micro`] says.
    #[must_use]
    pub fn of(value: f64) -> Self {
        Self(round_micro(value))
    }
}

impl Serialize for Fraction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(micro_to_f64(self.0))
    }
}

impl<'de> Deserialize<'de> for Fraction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self::of)
    }
}

impl JsonSchema for Fraction {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Fraction".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number", "format": "double"})
    }
}

/// `numerator / denominator` in units of 1e-6, exact, half to even. The denominator is positive, and
/// `numerator * 1e6` fits an `i128`; a quotient beyond `i64` saturates.
pub fn ratio_micro(numerator: i128, denominator: i128) -> i64 {
    debug_assert!(denominator > 0, "a share of {denominator}");
    let scaled = numerator * i128::from(MICRO);
    let (floor, rest) = (scaled.div_euclid(denominator), scaled.rem_euclid(denominator));
    let up = match (rest * 2).cmp(&denominator) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => floor % 2 != 0,
        std::cmp::Ordering::Greater => true,
    };
    i64::try_from(floor + i128::from(up)).unwrap_or(if numerator < 0 { i64::MIN } else { i64::MAX })
}

/// The nearest `f64` of a number of units; exact digits to ±2^53 units.
pub fn micro_to_f64(units: i64) -> f64 {
    units as f64 / 1e6
}

/// Writes units as the JSON number that serde_json writes for [`micro_to_f64`].
pub fn write_micro(units: i64, out: &mut Vec<u8>) {
    if units < 0 {
        out.push(b'-');
    }
    let size = units.unsigned_abs();
    // serde_json turns to exponents below 1e-5.
    if (1..10).contains(&size) {
        out.extend_from_slice(&[b'0' + size as u8, b'e', b'-', b'6']);
        return;
    }
    let mut buffer = itoa::Buffer::new();
    out.extend_from_slice(buffer.format(size / 1_000_000).as_bytes());
    let mut fraction = [b'0'; 7];
    fraction[0] = b'.';
    let mut rest = size % 1_000_000;
    for digit in fraction[1..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let last = fraction.iter().rposition(|&digit| digit != b'0').unwrap_or(0).max(1);
    out.extend_from_slice(&fraction[..=last]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ties_are_those_of_the_decimal_form_and_go_to_even() {
        let cases = [
            (0.0, 0),
            (0.000_000_5, 0),
            (0.000_000_500_01, 1),
            (0.000_001_5, 2),
            (0.000_002_5, 2),
            (0.000_003_5, 4),
            (0.123_456_5, 123_456),
            (0.123_457_5, 123_458),
            (4.999_999_5, 5_000_000),
            (2.675_000_5, 2_675_000),
            (1e-300, 0),
            (f64::NAN, 0),
            (5.0, 5_000_000),
            (1_234_567.123_456_5, 1_234_567_123_456),
        ];
        for (value, units) in cases {
            assert_eq!(round_micro(value), units, "{value}");
            assert_eq!(round_micro(-value), -units, "-{value}");
        }
    }

    #[test]
    fn ratios_are_exact() {
        assert_eq!(ratio_micro(1, 3), 333_333);
        assert_eq!(ratio_micro(2, 3), 666_667);
        assert_eq!(ratio_micro(-1, 3), -333_333);
        assert_eq!(ratio_micro(1, 2_000_000), 0);
        assert_eq!(ratio_micro(3, 2_000_000), 2);
        assert_eq!(ratio_micro(-1, 2_000_000), 0);
        assert_eq!(ratio_micro(-3, 2_000_000), -2);
        assert_eq!(ratio_micro(i128::from(i64::MAX), 1), i64::MAX);
    }

    fn written(units: i64) -> String {
        let mut out = Vec::new();
        write_micro(units, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_fraction_is_written_as_serde_writes_it() {
        for units in (0..6_000_000).step_by(7).chain(0..20_000).chain(-2_000..0) {
            assert_eq!(written(units), serde_json::to_string(&micro_to_f64(units)).unwrap(), "{units}");
        }
    }

    proptest! {
        #[test]
        fn any_number_of_units_is_written_as_serde_writes_it(units in -(1_i64 << 50)..1_i64 << 50) {
            prop_assert_eq!(written(units), serde_json::to_string(&micro_to_f64(units)).unwrap());
        }

        #[test]
        fn the_product_and_the_digits_round_alike(value in 0.0..1100.0_f64, places in 1_usize..12) {
            let short: f64 = format!("{value:.places$}").parse().unwrap();
            for value in [value, short, short + 0.000_000_5] {
                prop_assert_eq!(round_micro(value), round_digits(value), "{}", value);
            }
        }

        #[test]
        fn rounding_undoes_the_conversion(units in 0_i64..1 << 50) {
            prop_assert_eq!(round_micro(micro_to_f64(units)), units);
        }
    }
}
