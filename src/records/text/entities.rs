//! Character references that end in `;`: the named ones of HTML 5, and numeric ones.
//!
//! A numeric reference stands for the Unicode scalar of its number, whatever HTML would make of 128 to 159; 0,
//! surrogates and numbers beyond U+10FFFF stand for nothing, and so do names that HTML does not know. What stands for
//! nothing is left as it is.

use std::sync::LazyLock;

use entities::ENTITIES;

/// Names without `&` and `;`, in byte order, with what they stand for.
static NAMED: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    let mut named: Vec<_> = ENTITIES
        .iter()
        .filter_map(|entity| {
            let name = entity.entity.strip_prefix('&')?.strip_suffix(';')?;
            Some((name, entity.characters))
        })
        .collect();
    named.sort_unstable();
    named
});

/// No name is longer.
const LONGEST_NAME: usize = 31;

/// What a reference stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// One or two characters by name.
    Named(&'static str),
    /// A character by number.
    Numeric(char),
}

/// The reference that `text` begins with, and its length in bytes.
pub fn leading(text: &str) -> Option<(Decoded, usize)> {
    let body = text.strip_prefix('&')?;
    if let Some(number) = body.strip_prefix('#') {
        let (digits, radix, before) = match number.strip_prefix(['x', 'X']) {
            Some(digits) => (digits, 16, 3),
            None => (number, 10, 2),
        };
        let len = digits.bytes().take_while(|&byte| char::from(byte).is_digit(radix)).count();
        if len == 0 || digits.as_bytes().get(len) != Some(&b';') {
            return None;
        }
        let number = digits[..len]
            .chars()
            .filter_map(|digit| digit.to_digit(radix))
            .fold(0_u32, |number, digit| number.saturating_mul(radix).saturating_add(digit));
        let scalar = char::from_u32(number).filter(|&scalar| scalar != '\0')?;
        return Some((Decoded::Numeric(scalar), before + len + 1));
    }
    let len = body.bytes().take(LONGEST_NAME).take_while(u8::is_ascii_alphanumeric).count();
    if body.as_bytes().get(len) != Some(&b';') {
        return None;
    }
    let at = NAMED.binary_search_by_key(&&body[..len], |(name, _)| name).ok()?;
    Some((Decoded::Named(NAMED[at].1), len + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_that_of_html_5() {
        assert_eq!(NAMED.len(), 2125);
        assert!(NAMED.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(NAMED.iter().map(|(name, _)| name.len()).max(), Some(LONGEST_NAME));
        assert!(NAMED.iter().all(|(name, _)| name.bytes().all(|byte| byte.is_ascii_alphanumeric())));
    }

    #[test]
    fn references_need_their_semicolon() {
        let named = |text, len| Some((Decoded::Named(text), len));
        let numeric = |scalar, len| Some((Decoded::Numeric(scalar), len));
        for (text, decoded) in [
            ("&amp; more", named("&", 5)),
            ("&AMP;", named("&", 5)),
            ("&auml;", named("ä", 6)),
            ("&NotEqualTilde;", named("≂̸", 15)),
            ("&CounterClockwiseContourIntegral;", named("∳", 33)),
            ("&amp", None),
            ("&ampx;", None),
            ("&Amp;", None),
            ("&;", None),
            ("&", None),
            ("& amp;", None),
            ("&#65;", numeric('A', 5)),
            ("&#0065;", numeric('A', 7)),
            ("&#x41;", numeric('A', 6)),
            ("&#X1f600;", numeric('😀', 9)),
            ("&#150;", numeric('\u{96}', 6)),
            ("&#x10FFFF;", numeric('\u{10FFFF}', 10)),
            ("&#x110000;", None),
            ("&#xD800;", None),
            ("&#0;", None),
            ("&#00;", None),
            ("&#99999999999999999999;", None),
            ("&#65", None),
            ("&#;", None),
            ("&#x;", None),
            ("&#xg;", None),
            ("&#6 5;", None),
            ("&#-65;", None),
        ] {
            assert_eq!(leading(text), decoded, "{text}");
        }
    }
}
