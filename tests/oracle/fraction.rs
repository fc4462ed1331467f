//! Exact fractions: integers of 1e-6, made from decimal text or from a quotient, rounded half to even.
//!
//! Limit: decimal texts of up to 30 digits, so that everything fits an `i128`.

/// One, in units of 1e-6.
pub(crate) const ONE: i64 = 1_000_000;

/// `numerator / denominator` as a whole number, halves to the even neighbour; both at least 0.
pub(crate) fn divide(numerator: i128, denominator: i128) -> i64 {
    assert!(numerator >= 0 && denominator > 0, "no such quotient here: {numerator} / {denominator}");
    let (whole, rest) = (numerator / denominator, numerator % denominator);
    let up = match (2 * rest).cmp(&denominator) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => whole % 2 == 1,
        std::cmp::Ordering::Greater => true,
    };
    i64::try_from(whole + i128::from(up)).expect("a quotient of this size")
}

/// A plain decimal such as `3.25` as an exact quotient; `None` for any other text.
pub(crate) fn decimal(text: &str) -> Option<(i128, i128)> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return None;
    }
    let numerator = format!("{whole}{part}").parse().ok()?;
    Some((numerator, 10_i128.pow(u32::try_from(part.len()).ok()?)))
}

/// The shortest decimal form of a JSON number, without an exponent.
pub(crate) fn shortest(number: &serde_json::Number) -> String {
    match (number.as_u64(), number.as_i64()) {
        (Some(n), _) => n.to_string(),
        (None, Some(n)) => n.to_string(),
        _ => number.as_f64().expect("a JSON number").to_string(),
    }
}

/// The JSON number of a fraction in units of 1e-6.
pub(crate) fn json(micro: i64) -> serde_json::Value {
    #[allow(clippy::cast_precision_loss)]
    serde_json::Value::from(micro as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_to_the_even_neighbour() {
        assert_eq!([divide(5, 2), divide(7, 2), divide(9, 4), divide(11, 4), divide(0, 3)], [2, 4, 2, 3, 0]);
    }

    #[test]
    fn decimals_are_exact() {
        assert_eq!(decimal("3.25"), Some((325, 100)));
        assert_eq!(decimal("4"), Some((40, 10)));
        for wrong in ["", ".5", "4.", "-1", "4,0", "1e3", "4/5", "٣"] {
            assert_eq!(decimal(wrong), None, "{wrong}");
        }
    }
}
