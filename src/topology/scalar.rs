//! The type of a plain YAML scalar, by the core schema of YAML 1.2: null, bool, integer, float, else text.
//!
//! `.inf` and `.nan` have no JSON value and stay text, so that the schema refuses them where a number is due.
//! `yes`, `no`, `on`, `off` are text, unlike in YAML 1.1.

use serde_json::Number;

use super::document::Kind;

/// Types a plain scalar.
pub(super) fn plain(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" => Kind::Bool(true),
        "false" | "False" | "FALSE" => Kind::Bool(false),
        _ => number(text).map_or_else(|| Kind::Text(text.into()), Kind::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    if let Some(digits) = text.strip_prefix("0x") {
        return unsigned(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return unsigned(digits, 8);
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut mantissa = digits;
    if let Some((before, exponent)) = digits.split_once(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if exponent.is_empty() || !all_digits(exponent) {
            return None;
        }
        mantissa = before;
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !all_digits(whole) || !all_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let integer = mantissa == digits && !digits.contains('.');
    let text = text.strip_prefix('+').unwrap_or(text);
    if integer {
        text.parse::<u64>().map(Number::from).or_else(|_| text.parse::<i64>().map(Number::from)).ok()
    } else {
        text.parse().ok().and_then(Number::from_f64)
    }
}

fn unsigned(digits: &str, radix: u32) -> Option<Number> {
    // `from_str_radix` takes a sign, the core schema does not.
    let plain = digits.chars().all(|digit| digit.is_digit(radix));
    u64::from_str_radix(digits, radix).ok().filter(|_| plain).map(Number::from)
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_by_the_core_schema() {
        for text in ["", "~", "null"] {
            assert_eq!(plain(text), Kind::Null, "{text}");
        }
        for (text, value) in [("0", 0), ("-7", -7), ("+7", 7), ("0x1F", 31), ("0o17", 15), ("007", 7)] {
            assert_eq!(plain(text), Kind::Number(value.into()), "{text}");
        }
        for (text, value) in [("0.5", 0.5), (".5", 0.5), ("1.", 1.0), ("-1e3", -1000.0), ("2E-1", 0.2)] {
            assert_eq!(plain(text), Kind::Number(Number::from_f64(value).unwrap()), "{text}");
        }
        for text in [
            ".", "e5", "1e", "1e+", "0x", "0x+1", "1_000", ".inf", ".nan", "yes", "1.2.3", "100ms", "--1",
            "+",
        ] {
            assert_eq!(plain(text), Kind::Text(text.into()), "{text}");
        }
        assert_eq!(plain("True"), Kind::Bool(true));
    }
}
