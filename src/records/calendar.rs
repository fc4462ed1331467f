//! Times as text: milliseconds since 1970 to RFC 3339 and a date back.
//!
//! Days are turned into dates by counting from a first of March, so that the leap day ends the year (the method of
//! Fliegel and Van Flandern 1968, in the form of 400-year eras). Years 1970 to 2100 are what is ever asked for.

/// Milliseconds of a day.
pub const DAY: i64 = 86_400_000;
/// The last time a review may bear: 2100-01-01.
pub const LAST: i64 = 4_102_444_800_000;

/// Year, month and day of a day counted from 1970-01-01.
#[must_use]
pub fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * from_march + 2) / 5 + 1)
}

/// The day, counted from 1970-01-01, of a date.
#[must_use]
pub fn day_of(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The time as `YYYY-MM-DDTHH:MM:SS.mmmZ`.
#[must_use]
pub fn rfc3339(ms: i64) -> String {
    let mut out = Vec::with_capacity(24);
    write_rfc3339(&mut out, ms);
    String::from_utf8_lossy(&out).into_owned()
}

/// Writes the time as `YYYY-MM-DDTHH:MM:SS.mmmZ`.
pub fn write_rfc3339(out: &mut Vec<u8>, ms: i64) {
    let (year, month, day) = civil(ms.div_euclid(DAY));
    let rest = ms.rem_euclid(DAY);
    let parts = [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (rest / 3_600_000, 2, b':'),
        (rest / 60_000 % 60, 2, b':'),
        (rest / 1_000 % 60, 2, b'.'),
        (rest % 1_000, 3, b'Z'),
    ];
    for (value, width, end) in parts {
        write_padded(out, value as u64, width);
        out.push(end);
    }
}

/// Writes a number in decimal, with zeros in front up to `width` digits.
pub fn write_padded(out: &mut Vec<u8>, value: u64, width: u32) {
    let digits = value.checked_ilog10().map_or(1, |log| log + 1);
    for place in (0..width.max(digits)).rev() {
        out.push(b'0' + (value / 10_u64.pow(place) % 10) as u8);
    }
}

/// Reads `YYYY-MM-DD`, with or without a time `THH:MM:SS[.mmm]Z` after it, as milliseconds since 1970.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = text.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let date = day_of(number(0..4)?, number(5..7)?, number(8..10)?) * DAY;
    let time = match text.len() {
        10 => 0,
        20 => (number(11..13)? * 60 + number(14..16)?) * 60_000 + number(17..19)? * 1_000,
        24 => (number(11..13)? * 60 + number(14..16)?) * 60_000 + number(17..19)? * 1_000 + number(20..23)?,
        _ => return None,
    };
    // Writing it again shows what was out of range or badly separated: the 30th of February, a 25th hour.
    let again = rfc3339(date + time);
    let same = match text.len() {
        10 => again[..10] == *text,
        20 => again[..19] == text[..19] && text.ends_with('Z'),
        _ => again == text,
    };
    same.then_some(date + time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_767_225_600_000), "2026-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(LAST - 1), "2099-12-31T23:59:59.999Z");
        assert_eq!(rfc3339(951_782_400_000 + 3_723_004), "2000-02-29T01:02:03.004Z");
        assert_eq!(parse("2026-01-01"), Some(1_767_225_600_000));
        assert_eq!(parse("2000-02-29T01:02:03.004Z"), Some(951_782_400_000 + 3_723_004));
        assert_eq!(parse("2000-02-29T01:02:03Z"), Some(951_782_400_000 + 3_723_000));
        for wrong in [
            "2026-02-30",
            "2026-1-1",
            "yesterday",
            "2026-01-01T25:00:00Z",
            "2026-01-01 00:00:00",
            "2026/01/01",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_long_number_keeps_its_digits() {
        let mut out = Vec::new();
        for value in [0, 7, 99_999, 4_294_967_295] {
            write_padded(&mut out, value, 5);
            out.push(b' ');
        }
        assert_eq!(out, b"00000 00007 99999 4294967295 ");
    }

    #[test]
    fn every_day_comes_back() {
        for day in 0..LAST / DAY {
            let (year, month, of_month) = civil(day);
            assert_eq!(day_of(year, month, of_month), day);
        }
    }
}
