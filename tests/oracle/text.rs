//! Cleaned and normalised text, one character after the other.
//!
//! Limit: of the named character references only [`NAMES`] are known here; a text with another one stops the test.

use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

/// The named references that cases and real rows use.
const NAMES: [(&str, &str); 11] = [
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("nbsp", "\u{a0}"),
    ("uuml", "ü"),
    ("szlig", "ß"),
    ("agrave", "à"),
    ("eacute", "é"),
    ("egrave", "è"),
    ("iexcl", "¡"),
];

/// The cleaned form of a title or text; `None` where nothing is left.
pub(crate) fn clean(raw: &str) -> Option<String> {
    let composed: String = references(&tags(raw)).nfc().collect();
    let spaced: String = composed.chars().map(|c| if blanked(c) { ' ' } else { c }).collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// The text that exact duplicates share: title and text apart, joined by a newline; a blank one adds none.
pub(crate) fn normalised(title: Option<&str>, text: Option<&str>) -> String {
    [title, text].into_iter().flatten().map(fold).collect::<Vec<_>>().join("\n")
}

/// NFKC, full case folding, NFKC, folding, NFKC.
pub(crate) fn fold(text: &str) -> String {
    let compatible = |s: &str| s.nfkc().collect::<String>();
    let folded = |s: &str| caseless::default_case_fold_str(s);
    compatible(&folded(&compatible(&folded(&compatible(text)))))
}

fn tags(raw: &str) -> String {
    let chars: Vec<char> = raw.chars().collect();
    let (mut out, mut i) = (String::new(), 0);
    while i < chars.len() {
        let opens = chars[i] == '<'
            && chars.get(i + 1).is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
        let length = if opens { chars[i..].iter().position(|&c| c == '>') } else { None };
        out.push(if length.is_some() { ' ' } else { chars[i] });
        i += length.unwrap_or(0) + 1;
    }
    out
}

static REFERENCE: LazyLock<regex::Regex> = LazyLock::new(|| {
    regex::Regex::new("&(#[0-9]+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*);").expect("a pattern")
});

fn references(text: &str) -> String {
    let replaced = REFERENCE.replace_all(text, |found: &regex::Captures<'_>| {
        let name = &found[1];
        let scalar = match name.strip_prefix('#') {
            Some(digits) => {
                let code = match digits.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => digits.parse(),
                };
                code.ok().filter(|&c| c != 0).and_then(char::from_u32).map(String::from)
            }
            None => {
                let known = NAMES.iter().find(|(known, _)| *known == name);
                Some(known.unwrap_or_else(|| panic!("&{name}; is not known to the oracle")).1.to_owned())
            }
        };
        scalar.unwrap_or_else(|| found[0].to_owned())
    });
    replaced.into_owned()
}

/// Cc, Co, the soft hyphen, zero-width and bidirectional marks; Cs cannot occur in Rust text.
fn blanked(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{ffffd}' | '\u{100000}'..='\u{10fffd}')
        || matches!(c, '\u{ad}' | '\u{200b}' | '\u{feff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleaning_goes_in_its_order() {
        for (raw, cleaned) in [
            ("<b>Great</b> product", Some("Great product")),
            ("I <3 it > that", Some("I <3 it > that")),
            ("an unclosed <b tag", Some("an unclosed <b tag")),
            ("a<br/>b<!-- x -->c", Some("a b c")),
            ("&lt;b&gt; stays &amp;amp; once", Some("<b> stays &amp; once")),
            ("&#228;&#x0;&#xD800; &amp", Some("ä&#x0;&#xD800; &amp")),
            ("u\u{308}bel", Some("übel")),
            ("\u{feff}a\u{0}b\u{200b}c\u{a0}\t d ", Some("a b c d")),
            (" <p> </p>&nbsp;", None),
        ] {
            assert_eq!(clean(raw).as_deref(), cleaned, "{raw:?}");
        }
    }

    #[test]
    fn normalised_text_ignores_case_and_where_it_stands() {
        assert_eq!(normalised(None, Some("STRASSE ﬁne")), normalised(Some("Straße fine"), None));
        assert_eq!(normalised(Some("A"), Some("B")), "a\nb");
        assert_ne!(normalised(Some("a"), Some("b")), normalised(None, Some("a b")));
    }
}
