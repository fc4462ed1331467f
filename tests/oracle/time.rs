//! `ts`: RFC 3339 with an offset, or a number of seconds (below 10^11) or milliseconds, to whole milliseconds.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::fraction::{decimal, shortest};

/// 2100-01-01T00:00:00Z, the last time that counts.
const LAST: i128 = 4_102_444_800_000;

/// The milliseconds since 1970 of a `ts` that is there, or `None` where it is no valid one.
pub(crate) fn milliseconds(value: &Value) -> Option<i64> {
    let ms = match value {
        Value::Number(number) => {
            let (numerator, denominator) = decimal(&shortest(number))?;
            let factor = if numerator < 100_000_000_000 * denominator { 1000 } else { 1 };
            numerator * factor / denominator
        }
        Value::String(text) => rfc3339(text)?,
        _ => return None,
    };
    (0..=LAST).contains(&ms).then(|| i64::try_from(ms).expect("in range"))
}

static RFC_3339: LazyLock<Regex> = LazyLock::new(|| {
    let date = r"^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?";
    Regex::new(&format!(r"{date}(?:([Zz])|([+-])(\d\d):(\d\d))$")).expect("a pattern")
});

fn rfc3339(text: &str) -> Option<i128> {
    let parts = RFC_3339.captures(text)?;
    let number = |i: usize| parts.get(i).map_or(0, |m| m.as_str().parse::<i128>().unwrap_or(-1));
    let (year, month, day) = (number(1), number(2), number(3));
    let (hour, minute, second) = (number(4), number(5), number(6));
    let (offset_hour, offset_minute) = (number(10), number(11));
    if !(1..=12).contains(&month) || day < 1 || day > month_days(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 || offset_hour > 23 || offset_minute > 59 {
        return None;
    }
    let fraction = format!("{:0<3}", parts.get(7).map_or("", |m| m.as_str()));
    let thousandths: i128 = fraction[..3].parse().ok()?;
    let days: i128 = (1970..year).map(year_days).sum::<i128>() - (year..1970).map(year_days).sum::<i128>()
        + (1..month).map(|m| month_days(year, m)).sum::<i128>()
        + day
        - 1;
    let sign = if parts.get(9).is_some_and(|m| m.as_str() == "-") { -1 } else { 1 };
    let minutes = (days * 24 + hour) * 60 + minute - sign * (offset_hour * 60 + offset_minute);
    Some((minutes * 60 + second) * 1000 + thousandths)
}

fn year_days(year: i128) -> i128 {
    (1..=12).map(|month| month_days(year, month)).sum()
}

fn month_days(year: i128, month: i128) -> i128 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i128::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_seconds_below_ten_to_the_eleventh() {
        assert_eq!(milliseconds(&json!(0)), Some(0));
        assert_eq!(milliseconds(&json!(1_700_000_000)), Some(1_700_000_000_000));
        assert_eq!(milliseconds(&json!(1_700_000_000.250_9)), Some(1_700_000_000_250));
        assert_eq!(milliseconds(&json!(1_700_000_000_123_i64)), Some(1_700_000_000_123));
        assert_eq!(milliseconds(&json!(99_999_999_999_i64)), None, "year 5138");
        assert_eq!(milliseconds(&json!(100_000_000_000_i64)), Some(100_000_000_000));
        assert_eq!(milliseconds(&json!(4_102_444_800_000_i64)), Some(4_102_444_800_000));
        for wrong in [json!(4_102_444_800_001_i64), json!(-1), json!("1700000000"), json!(true), json!("")] {
            assert_eq!(milliseconds(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn text_needs_an_offset() {
        assert_eq!(milliseconds(&json!("1970-01-01T00:00:00Z")), Some(0));
        assert_eq!(milliseconds(&json!("1970-01-01t01:00:00.0019+01:00")), Some(1));
        assert_eq!(milliseconds(&json!("2024-02-29 12:00:00z")), Some(1_709_208_000_000));
        assert_eq!(milliseconds(&json!("2100-01-01T00:00:00Z")), Some(4_102_444_800_000));
        for wrong in [
            "2024-02-30T00:00:00Z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:60Z",
            "1969-12-31T23:59:59Z",
            "2024-01-01",
        ] {
            assert_eq!(milliseconds(&json!(wrong)), None, "{wrong}");
        }
    }
}
