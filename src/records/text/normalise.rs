//! The form in which texts are compared: NFKC, full case folding, NFKC, folding, NFKC.
//!
//! The second and third rounds matter where folding undoes a composition or a compatibility form hides a capital. The
//! usual characters need none of it: ASCII, letters of Latin-1, quotation marks, emoji; a run of such is mapped
//! directly. White space is not folded again.

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;

use super::scan;

/// Appends the normalised form of a cleaned title or text to `out`.
pub fn normalise_into(cleaned: &str, out: &mut String) {
    let bytes = cleaned.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let end = scan::ascii_end(bytes, at);
        let from = out.len();
        out.push_str(&cleaned[at..end]);
        out[from..].make_ascii_lowercase();
        at = scan::run_end(bytes, end);
        let run = &cleaned[end..at];
        if run.chars().all(is_simple) {
            run.chars().for_each(|c| push_simple(c, out));
        } else {
            let head = cleaned[..end].chars().next_back().inspect(|_| {
                out.pop();
            });
            let chars = head.into_iter().chain(run.chars());
            out.extend(chars.nfkc().default_case_fold().nfkc().default_case_fold().nfkc());
        }
    }
}

/// Whether a character is a starter that combines with nothing before it, has no compatibility form, and folds as
/// [`push_simple`] says.
fn is_simple(c: char) -> bool {
    matches!(c,
        '\u{C0}'..='\u{FF}'
        | '\u{200D}' | '\u{2010}' | '\u{2012}'..='\u{2015}' | '\u{2018}'..='\u{201F}' | '\u{2020}'..='\u{2022}'
        | '\u{2600}'..='\u{26FF}' | '\u{2764}' | '\u{FE0F}'
        | '\u{1F300}'..='\u{1F64F}' | '\u{1F680}'..='\u{1F6CF}' | '\u{1F900}'..='\u{1F9FF}')
}

fn push_simple(c: char, out: &mut String) {
    match c {
        'ß' => out.push_str("ss"),
        '×' => out.push(c),
        '\u{C0}'..='\u{DE}' => out.push(char::from_u32(u32::from(c) + 0x20).unwrap_or(c)),
        _ => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::char::canonical_combining_class;
    use unicode_normalization::{IsNormalized, is_nfkc_quick};

    use super::*;
    use crate::records::text::reference;

    fn normalise(cleaned: &str) -> String {
        let mut out = "KEPT".to_owned();
        normalise_into(cleaned, &mut out);
        out.strip_prefix("KEPT").unwrap().to_owned()
    }

    #[test]
    fn case_and_compatibility_are_folded() {
        for (cleaned, normalised) in [
            ("", ""),
            ("PLAIN text, 1 < 2!", "plain text, 1 < 2!"),
            ("Straße STRASSE", "strasse strasse"),
            ("Über ÀÞ×÷ÿ", "über àþ×÷ÿ"),
            ("ﬁne ﬀ ﬆ", "fine ff st"),
            ("İstanbul", "i\u{307}stanbul"),
            ("ẞ", "ss"),
            ("ς Σ", "σ σ"),
            ("ＡＢＣ ①", "abc 1"),
            ("ǰ", "ǰ"),
            ("ŉ", "ʼn"),
            ("ϔ", "ϋ"),
            ("㎒", "mhz"),
            ("a\u{315}\u{300}", "à\u{315}"),
            ("Ω K Å", "ω k å"),
            ("ᾳ", "αι"),
            ("👩\u{200d}❤\u{fe0f}", "👩\u{200d}❤\u{fe0f}"),
            ("…", "..."),
        ] {
            assert_eq!(normalise(cleaned), normalised, "{cleaned:?}");
        }
    }

    #[test]
    fn simple_characters_are_simple() {
        let mut tried = 0;
        for c in '\u{80}'..=char::MAX {
            if is_simple(c) {
                tried += 1;
                assert_eq!(normalise(&c.to_string()), reference::normalise(&c.to_string()), "{c:?}");
                assert_eq!(canonical_combining_class(c), 0, "{c:?}");
                assert_eq!(is_nfkc_quick(std::iter::once(c)), IsNormalized::Yes, "{c:?}");
            }
        }
        assert!(tried > 1000);
    }

    #[test]
    fn heads_keep_apart_from_what_is_before_them() {
        // Every character of the planes that compose or fold, after an ASCII one and before a mark, with others on
        // both sides that might reach across.
        let characters: Vec<char> = ('\u{80}'..'\u{20000}').chain('\u{E0000}'..'\u{E0200}').collect();
        for head in ["S", "="] {
            for some in characters.chunks(200) {
                let segments =
                    some.iter().map(|c| format!("e\u{301}\u{1100}{head}{c}\u{345}\u{323}Z\u{301}"));
                let text: String = segments.collect();
                assert!(
                    normalise(&text) == reference::normalise(&text),
                    "after {head:?}, from {:?}",
                    some[0]
                );
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn segments_give_what_the_whole_gives(text in reference::texts()) {
            prop_assert_eq!(normalise(&text), reference::normalise(&text));
            let cleaned = reference::clean(&text);
            prop_assert_eq!(normalise(&cleaned), reference::normalise(&cleaned));
        }
    }
}
