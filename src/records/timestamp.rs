//! Instants: RFC 3339 text or a number, to milliseconds since 1970.
//!
//! Numbers below 10^11 are seconds, others milliseconds; what is finer than a millisecond is floored in decimal, from
//! the shortest decimal form of the number, so `1700000000.123` is `...123` and never `...122`. Text follows RFC 3339
//! section 5.6 with an offset; a space or `t` may stand for `T`, and `z` for `Z`. Leap seconds are refused. The range,
//! 1970-01-01 to 2100-01-01T00:00:00Z with both ends, is that of the floored instant.

use super::number::{shortest, split};

/// 2100-01-01T00:00:00Z, the last instant allowed.
pub const LAST_MS: i64 = 4_102_444_800_000;

/// Numbers from here on are milliseconds.
const MILLISECONDS_FROM: u64 = 100_000_000_000;

/// An instant from a whole number of seconds or milliseconds.
pub fn from_integer(number: u64) -> Option<i64> {
    let ms = if number < MILLISECONDS_FROM { number * 1000 } else { number };
    i64::try_from(ms).ok().filter(|&ms| ms <= LAST_MS)
}

/// An instant from a number of seconds or milliseconds with a fraction.
pub fn from_number(number: f64) -> Option<i64> {
    // What is not a number is in no range; -0 is 0.
    if !(0.0..LAST_MS as f64 + 1.0).contains(&number) {
        return None;
    }
    if number.fract() == 0.0 || number >= MILLISECONDS_FROM as f64 {
        return from_integer(number as u64);
    }
    if number < 0.001 {
        return Some(0);
    }
    let mut buffer = [0; 48];
    let (whole, fraction) = split(shortest(number, &mut buffer));
    let thousandths = (0..3).map(|place| fraction.get(place).copied().unwrap_or(b'0'));
    let ms = whole.iter().copied().chain(thousandths).fold(0, |ms, digit| ms * 10 + i64::from(digit - b'0'));
    (ms <= LAST_MS).then_some(ms)
}

/// An instant from text.
pub fn from_text(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    // YYYY-MM-DDTHH:MM:SS, then a fraction, then Z or +HH:MM
    let (fixed, rest) = bytes.split_at_checked(19)?;
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if separators.iter().any(|&(at, byte)| fixed[at] != byte) || !matches!(fixed[10], b'T' | b't' | b' ') {
        return None;
    }
    let (year, month, day) = (digits(&fixed[..4])?, digits(&fixed[5..7])?, digits(&fixed[8..10])?);
    let (hour, minute, second) = (digits(&fixed[11..13])?, digits(&fixed[14..16])?, digits(&fixed[17..])?);
    if !(1..=12).contains(&month) || !(1..=days_of(year, month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (thousandths, rest) = fraction(rest)?;
    let local = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute - offset(rest)?) * 60 + second;
    let ms = local * 1000 + thousandths;
    (0..=LAST_MS).contains(&ms).then_some(ms)
}

/// The number that these ASCII digits, and nothing else, make.
fn digits(bytes: &[u8]) -> Option<i64> {
    bytes
        .iter()
        .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

/// A fraction of a second floored to thousandths, and what follows it.
fn fraction(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.', rest)) = bytes.split_first() else {
        return Some((0, bytes));
    };
    let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let places = (0..3).map(|place| if place < len { i64::from(rest[place] - b'0') } else { 0 });
    (len > 0).then(|| (places.fold(0, |number, digit| number * 10 + digit), &rest[len..]))
}

/// Minutes east of Greenwich.
fn offset(bytes: &[u8]) -> Option<i64> {
    let (sign, rest) = match bytes {
        [b'Z' | b'z'] => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    if rest.len() != 5 || rest[2] != b':' {
        return None;
    }
    let (hours, minutes) = (digits(&rest[..2])?, digits(&rest[3..])?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

/// Length of a month of the Gregorian calendar.
fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a day of the proleptic Gregorian calendar from year 0 on. The year is taken to begin in
/// March, so that the leap day is its last and the months before it follow a line of slope 153/5.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_run_on_without_a_gap_for_four_centuries() {
        let mut expected = days_since_1970(1799, 12, 31);
        for year in 1800..2201 {
            for month in 1..=12 {
                for day in 1..=days_of(year, month) {
                    expected += 1;
                    assert_eq!(days_since_1970(year, month, day), expected, "{year}-{month}-{day}");
                }
            }
        }
        assert_eq!(days_since_1970(1970, 1, 1), 0);
        assert_eq!(days_since_1970(2000, 3, 1), 11_017);
    }

    #[test]
    fn text_is_read_strictly() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2023-11-14T22:13:20Z", 1_700_000_000_000),
            ("2023-11-14t22:13:20.1239z", 1_700_000_000_123),
            ("2023-11-14 22:13:20.9+00:00", 1_700_000_000_900),
            ("2023-11-15T00:13:20+02:00", 1_700_000_000_000),
            ("2023-11-14T16:43:20-05:30", 1_700_000_000_000),
            ("2023-11-14T22:13:20-00:00", 1_700_000_000_000),
            ("1970-01-01T23:59:00+23:59", 0),
            ("2100-01-01T00:00:00Z", LAST_MS),
            ("2100-01-01T00:00:00.0009Z", LAST_MS),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000),
            ("2023-11-14T22:13:20.123456789012345678901234567890Z", 1_700_000_000_123),
        ] {
            assert_eq!(from_text(text), Some(ms), "{text}");
        }
        for text in [
            "",
            "2023-11-14",
            "2023-11-14T22:13:20",
            "2023-11-14T22:13Z",
            "2023-11-14T22:13:20+0200",
            "2023-11-14T22:13:20+02",
            "2023-11-14T22:13:60Z",
            "2016-12-31T23:59:60Z",
            "2023-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-00-01T00:00:00Z",
            "2023-01-00T00:00:00Z",
            "2023-04-31T00:00:00Z",
            "2023-11-14T24:00:00Z",
            "2023-11-14T22:60:00Z",
            "2023-11-14T22:13:20.Z",
            "2023-11-14T22:13:20,5Z",
            "2023-11-14_22:13:20Z",
            "1969-12-31T23:59:59.999Z",
            "1970-01-01T00:00:00+00:01",
            "2100-01-01T00:00:00.001Z",
            "2023-11-14T22:13:20 Z",
            " 2023-11-14T22:13:20Z",
            "2023-11-14T22:13:20Zx",
            "+023-11-14T22:13:20Z",
            "20230-11-14T22:13:20Z",
            "1700000000",
            "2023-11-14T22:13:20+24:00",
            "2023-11-14T22:13:20+02:60",
            "2023-11-14T22:13:2\u{660}Z",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ] {
            assert_eq!(from_text(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_floored_in_decimal() {
        for (number, ms) in [
            (0.0, 0),
            (-0.0, 0),
            (0.0009, 0),
            (0.001, 1),
            (1.005, 1005),
            (1e-300, 0),
            (1_700_000_000.123, 1_700_000_000_123),
            (1_700_000_000.123_9, 1_700_000_000_123),
            (1_700_000_000.999_999, 1_700_000_000_999),
            (1_700_000_000.999_999_9, 1_700_000_001_000),
            (1_700_000_000_123.9, 1_700_000_000_123),
            (4_102_444_800.0, LAST_MS),
            (4_102_444_800_000.9, LAST_MS),
            (100_000_000_000.0, 100_000_000_000),
            (100_000_000_000.5, 100_000_000_000),
        ] {
            assert_eq!(from_number(number), Some(ms), "{number}");
        }
        for number in
            [-1.0, -0.000_1, 4_102_444_800.001, 4_102_444_801.0, 99_999_999_999.0, 4_102_444_800_001.0, 1e300]
        {
            assert_eq!(from_number(number), None, "{number}");
        }
        assert_eq!(from_integer(1_700_000_000), Some(1_700_000_000_000));
        assert_eq!(from_integer(99_999_999_999), None);
        assert_eq!(from_integer(100_000_000_000), Some(100_000_000_000));
        assert_eq!(from_integer(u64::MAX), None);
    }
}
