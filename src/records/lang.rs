//! Languages: a tag of BCP 47 reduced to its primary language subtag in lower case, in eight bytes.
//!
//! What counts is that the tag is well-formed by the grammar of RFC 5646 section 2.1; whether its subtags are
//! registered is not asked, nor are repeated variants or singletons refused. Tags that have no primary language
//! subtag (`x-...`, `i-...`) name no language and give none.

use std::fmt;

/// A primary language subtag: two to eight lower-case letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lang([u8; 8]);

/// Irregular tags kept from before the grammar that begin with a language (RFC 5646 section 2.2.8).
const IRREGULAR: [&str; 4] = ["en-GB-oed", "sgn-BE-FR", "sgn-BE-NL", "sgn-CH-DE"];

impl Lang {
    /// Undetermined.
    pub const UND: Self = Self(*b"und\0\0\0\0\0");

    /// The primary language subtag of a well-formed tag; nothing is trimmed.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default().as_bytes();
        let formed = (2..=8).contains(&primary.len()) && primary.iter().all(u8::is_ascii_alphabetic);
        let plain = formed && primary.len() == tag.len();
        if !plain
            && (!formed || !(well_formed(tag) || IRREGULAR.iter().any(|old| old.eq_ignore_ascii_case(tag))))
        {
            return None;
        }
        let mut letters = [0; 8];
        for (to, from) in letters.iter_mut().zip(primary) {
            *to = from.to_ascii_lowercase();
        }
        Some(Self(letters))
    }

    /// The subtag.
    pub fn as_str(&self) -> &str {
        let len = self.0.iter().position(|&letter| letter == 0).unwrap_or(8);
        // Letters only, so the other arm is never taken.
        std::str::from_utf8(&self.0[..len]).unwrap_or("und")
    }

    /// The letters, padded with zero bytes.
    pub fn bytes(self) -> [u8; 8] {
        self.0
    }

    /// The language whose [`bytes`](Self::bytes) these are.
    pub fn from_bytes(bytes: [u8; 8]) -> Option<Self> {
        let len = bytes.iter().position(|&letter| letter == 0).unwrap_or(8);
        let formed = len >= 2
            && bytes[..len].iter().all(u8::is_ascii_lowercase)
            && bytes[len..].iter().all(|&letter| letter == 0);
        formed.then_some(Self(bytes))
    }
}

impl fmt::Debug for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The production `langtag` of RFC 5646, its first subtag known to be two to eight letters.
fn well_formed(tag: &str) -> bool {
    let letters = |subtag: &str| subtag.bytes().all(|byte| byte.is_ascii_alphabetic());
    let digits = |subtag: &str| subtag.bytes().all(|byte| byte.is_ascii_digit());
    let mut subtags = tag.split('-').peekable();
    let language = subtags.next().unwrap_or_default();
    if !tag
        .split('-')
        .all(|s| (1..=8).contains(&s.len()) && s.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    {
        return false;
    }
    if language.len() <= 3 {
        for _ in 0..3 {
            if subtags.next_if(|s| s.len() == 3 && letters(s)).is_none() {
                break;
            }
        }
    }
    subtags.next_if(|s| s.len() == 4 && letters(s));
    subtags.next_if(|s| (s.len() == 2 && letters(s)) || (s.len() == 3 && digits(s)));
    while subtags.next_if(|s| s.len() >= 5 || (s.len() == 4 && s.as_bytes()[0].is_ascii_digit())).is_some() {}
    while subtags.next_if(|s| s.len() == 1 && !s.eq_ignore_ascii_case("x")).is_some() {
        if subtags.next_if(|s| s.len() >= 2).is_none() {
            return false;
        }
        while subtags.next_if(|s| s.len() >= 2).is_some() {}
    }
    match subtags.next() {
        None => true,
        Some(singleton) => singleton.eq_ignore_ascii_case("x") && subtags.next().is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed_tags_are_reduced_to_their_language() {
        for (tag, lang) in [
            ("en", "en"),
            ("DE", "de"),
            ("en-US", "en"),
            ("zh-Hant-TW", "zh"),
            ("zh-yue", "zh"),
            ("zh-cmn-Hans-CN", "zh"),
            ("sl-rozaj-biske", "sl"),
            ("de-CH-1901", "de"),
            ("de-CH-x-phonebk", "de"),
            ("es-419", "es"),
            ("gsw", "gsw"),
            ("en-a-myext-b-another", "en"),
            ("en-GB-oed", "en"),
            ("SGN-be-fr", "sgn"),
            ("zh-min-nan", "zh"),
            ("art-lojban", "art"),
            ("und", "und"),
            ("abcdefgh", "abcdefgh"),
            ("abcd-US", "abcd"),
        ] {
            assert_eq!(Lang::from_tag(tag).map(|lang| lang.to_string()).as_deref(), Some(lang), "{tag}");
        }
    }

    #[test]
    fn anything_else_names_no_language() {
        for tag in [
            "",
            " ",
            "e",
            "en_US",
            " en",
            "en ",
            "en-",
            "-en",
            "en--US",
            "english language",
            "abcdefghi",
            "x-klingon",
            "i-klingon",
            "123",
            "de-419-DE",
            "en-US-u",
            "en-x",
            "en-a-x-b",
            "deutsch!",
            "münster",
            "e1",
            "en-US-US",
            "abcd-abc",
            "zh-aaa-bbb-ccc-ddd",
        ] {
            assert_eq!(Lang::from_tag(tag), None, "{tag}");
        }
    }

    #[test]
    fn bytes_come_back() {
        let lang = Lang::from_tag("de-AT").unwrap();
        assert_eq!(Lang::from_bytes(lang.bytes()), Some(lang));
        assert_eq!(Lang::from_bytes(*b"d\0\0\0\0\0\0\0"), None);
        assert_eq!(Lang::from_bytes(*b"de\0e\0\0\0\0"), None);
    }
}
