//! The rules of cleaning and of the normalised text, each applied to the whole string before the next: what the fast
//! paths have to equal, in tests and under the fuzzer.

use caseless::Caseless;
use entities::ENTITIES;
use unicode_normalization::UnicodeNormalization;

/// The five steps of cleaning.
pub fn clean(text: &str) -> String {
    let untagged = without_tags(text);
    let decoded = with_references_decoded(&untagged);
    let composed: String = decoded.nfc().collect();
    let visible: String = composed.chars().map(|c| if is_hidden(c) { ' ' } else { c }).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The five steps of the normalised text.
pub fn normalise(cleaned: &str) -> String {
    let first: String = cleaned.nfkc().collect();
    let folded: String = first.chars().default_case_fold().collect();
    let second: String = folded.nfkc().collect();
    let folded: String = second.chars().default_case_fold().collect();
    folded.nfkc().collect()
}

fn without_tags(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let opens = c == '<' && rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c));
        match rest.find('>') {
            Some(end) if opens => {
                out.push(' ');
                rest = &rest[end + 1..];
            }
            _ => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}

fn with_references_decoded(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let reference = (c == '&').then(|| rest.find(';').map(|end| &rest[..=end])).flatten();
        match reference.and_then(|reference| Some((reference, denoted(reference)?))) {
            Some((reference, characters)) => {
                out.push_str(&characters);
                rest = &rest[reference.len()..];
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}

/// What `&...;` stands for.
fn denoted(reference: &str) -> Option<String> {
    let body = &reference[1..reference.len() - 1];
    let Some(number) = body.strip_prefix('#') else {
        return ENTITIES
            .iter()
            .find(|entity| entity.entity == reference)
            .map(|entity| entity.characters.to_owned());
    };
    let (digits, radix) = match number.strip_prefix('x').or(number.strip_prefix('X')) {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    let digits = if digits.is_empty() { return None } else { digits.trim_start_matches('0') };
    if !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let scalar = char::from_u32(u32::from_str_radix(digits, radix).ok()?)?;
    Some(scalar.to_string())
}

/// Step 4, from the list of categories and characters.
pub fn is_hidden(c: char) -> bool {
    let code = u32::from(c);
    let control = code < 0x20 || (0x7f..0xa0).contains(&code);
    let private = (0xe000..=0xf8ff).contains(&code) || (code >= 0xf0000 && code & 0xffff <= 0xfffd);
    let listed = [0xad, 0x200b, 0xfeff].contains(&code);
    let direction = (0x202a..=0x202e).contains(&code) || (0x2066..=0x2069).contains(&code);
    control || private || listed || direction
}

/// Texts that are likely to go wrong: pieces of markup, of scripts that compose, and of what is invisible.
#[cfg(test)]
pub fn texts() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    const PIECES: [&str; 66] = [
        "a",
        "E",
        "o",
        " ",
        "  ",
        "\t",
        "word ",
        "<",
        ">",
        "<b>",
        "</",
        "<!",
        "&",
        ";",
        "&amp;",
        "&lt;",
        "&#769;",
        "&#x301;",
        "&nbsp;",
        "&eacute;",
        "&notin;",
        "&not",
        "#",
        "\u{0}",
        "\u{7f}",
        "\u{85}",
        "\u{a0}",
        "\u{ad}",
        "é",
        "ß",
        "ẞ",
        "İ",
        "ı",
        "ŉ",
        "ǰ",
        "ﬁ",
        "ﬃ",
        "…",
        "¨",
        "´",
        "\u{300}",
        "\u{301}",
        "\u{308}",
        "\u{323}",
        "\u{327}",
        "\u{338}",
        "\u{345}",
        "\u{1100}",
        "\u{1161}",
        "\u{11a8}",
        "가",
        "\u{3099}",
        "か",
        "👩",
        "\u{200d}",
        "\u{fe0f}",
        "\u{200b}",
        "\u{200f}",
        "\u{202e}",
        "\u{2066}",
        "\u{e000}",
        "\u{10fffd}",
        "\u{feff}",
        "\u{1d15e}",
        "ﷺ",
        "K",
    ];
    let piece = prop_oneof![
        6 => proptest::sample::select(&PIECES[..]).prop_map(str::to_owned),
        1 => "[ -~]{1,40}",
        2 => any::<char>().prop_map(String::from),
        1 => proptest::char::range('\u{300}', '\u{36f}').prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}
