//! Cleaning of a title or text, in five steps: (1) tags become spaces, (2) character references are decoded once,
//! (3) NFC, (4) what is invisible or private becomes a space, (5) white space is folded and trimmed.
//!
//! Steps 1 and 2 can be taken in one pass from the left: a tag becomes a space, which ends no reference, and what a
//! reference decodes to is looked at by neither step again. Steps 3 to 5 go over the result segment by segment (see
//! [`text`](super)). A text of printable ASCII without `<`, `&` and double spaces is already clean and is not copied.

use memchr::{memchr, memchr2};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::entities::{self, Decoded};
use super::scan;

/// Cleans `text` into `out`, replacing what was there; `decoded` is scratch.
pub fn clean_into(text: &str, decoded: &mut String, out: &mut String) {
    out.clear();
    if memchr2(b'<', b'&', text.as_bytes()).is_some() {
        decoded.clear();
        decode_markup(text, decoded);
        fold(decoded, out);
    } else {
        fold(text, out);
    }
}

/// Whether `text` is one of the usual ones that cleaning leaves as they are; false says nothing.
pub fn is_plain(text: &str) -> bool {
    scan::is_plain(text.as_bytes())
}

/// Steps 1 and 2, appended to `out`.
fn decode_markup(text: &str, out: &mut String) {
    let bytes = text.as_bytes();
    let mut at = 0;
    // Once a tag has no end, none after it has one.
    let mut closable = true;
    while let Some(len) = memchr2(b'<', b'&', &bytes[at..]) {
        let mark = at + len;
        out.push_str(&text[at..mark]);
        at = mark + 1;
        if bytes[mark] == b'&' {
            match entities::leading(&text[mark..]) {
                Some((Decoded::Named(characters), len)) => {
                    out.push_str(characters);
                    at = mark + len;
                }
                Some((Decoded::Numeric(scalar), len)) => {
                    out.push(scalar);
                    at = mark + len;
                }
                None => out.push('&'),
            }
        } else if closable && bytes.get(at).is_some_and(|&byte| opens_tag(byte)) {
            match memchr(b'>', &bytes[at..]) {
                Some(len) => {
                    out.push(' ');
                    at += len + 1;
                }
                None => {
                    closable = false;
                    out.push('<');
                }
            }
        } else {
            out.push('<');
        }
    }
    out.push_str(&text[at..]);
}

/// Whether `<` and this byte begin a tag, a comment or an instruction.
fn opens_tag(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'/' | b'!' | b'?')
}

/// Steps 3 to 5, appended to the empty `out`.
fn fold(text: &str, out: &mut String) {
    let bytes = text.as_bytes();
    let mut folded = Folded { out, space: false };
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte.is_ascii_graphic() {
            let end = scan::plain_end(bytes, at);
            folded.stretch(&text[at..end]);
            at = end;
        } else if byte.is_ascii() {
            folded.space = true;
            at += 1;
        } else {
            let end = scan::run_end(bytes, at);
            let run = &text[at..end];
            if run.chars().all(is_usual) {
                folded.stretch(run);
            } else if is_nfc_quick(run.chars()) == IsNormalized::Yes {
                run.chars().for_each(|c| folded.push(c));
            } else {
                // The head is the last of `out`, unless it has become a space: then nothing composes with it.
                let head = if folded.space { None } else { folded.out.pop() };
                head.into_iter().chain(run.chars()).nfc().for_each(|c| folded.push(c));
            }
            at = end;
        }
    }
}

/// Whether a character beyond ASCII is neither hidden nor white space and, being below U+0300, never combines.
fn is_usual(c: char) -> bool {
    matches!(c, '\u{A1}'..='\u{AC}' | '\u{AE}'..='\u{2FF}')
}

/// Text being built, with the white space since its last character.
struct Folded<'a> {
    out: &'a mut String,
    space: bool,
}

impl Folded<'_> {
    fn gap(&mut self) {
        if self.space {
            if !self.out.is_empty() {
                self.out.push(' ');
            }
            self.space = false;
        }
    }

    fn stretch(&mut self, stretch: &str) {
        self.gap();
        self.out.push_str(stretch);
    }

    fn push(&mut self, c: char) {
        if c.is_whitespace() || is_hidden(c) {
            self.space = true;
        } else {
            self.gap();
            self.out.push(c);
        }
    }
}

/// Whether step 4 makes a space of it: categories Cc, Cs, Co, soft hyphen, zero-width space, byte order mark, and the
/// marks that embed, override or isolate a direction.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{200B}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}'
            | '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{FFFFD}' | '\u{100000}'..='\u{10FFFD}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::records::text::reference;

    fn clean(text: &str) -> String {
        let (mut decoded, mut out) = ("rest".to_owned(), "rest".to_owned());
        clean_into(text, &mut decoded, &mut out);
        out
    }

    #[test]
    fn each_step_does_what_it_says() {
        for (text, cleaned) in [
            ("plain", "plain"),
            ("", ""),
            (" \t\r\n ", ""),
            ("a  b\u{a0}\u{3000}c ", "a b c"),
            ("I <3 it", "I <3 it"),
            ("a<br/>b<!-- c -->d<?e?>f</p>", "a b d f"),
            ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
            ("<b>x</b", "x</b"),
            ("<a <b>c>", "c>"),
            ("<ä>", "<ä>"),
            ("&lt;b&gt;", "<b>"),
            ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
            ("&am<b>p;", "&am p;"),
            ("<i title='&gt;'>x", "x"),
            ("e&#769;", "é"),
            ("e<i>&#769;", "e \u{301}"),
            ("u\u{308}ber", "über"),
            ("a\u{200b}\u{301}", "a \u{301}"),
            ("a\u{7}\u{301}", "a \u{301}"),
            ("a\u{ad}b\u{e000}c\u{202e}d\u{feff}", "a b c d"),
            ("👩\u{200d}👧", "👩\u{200d}👧"),
            ("\u{200f}שלום", "\u{200f}שלום"),
            ("&#x1100;&#x1161;", "가"),
            ("&nbsp;&shy;&#8203;", ""),
        ] {
            assert_eq!(clean(text), cleaned, "{text:?}");
            assert_eq!(reference::clean(text), cleaned, "{text:?}, by the reference");
        }
    }

    #[test]
    fn what_step_4_takes_is_said_by_its_list() {
        for c in '\0'..=char::MAX {
            assert_eq!(is_hidden(c), reference::is_hidden(c), "{c:?}");
            assert!(!is_usual(c) || reference::clean(&format!("a{c}{c}")) == format!("a{c}{c}"), "{c:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn segments_give_what_the_whole_gives(text in reference::texts()) {
            prop_assert_eq!(clean(&text), reference::clean(&text));
        }

        #[test]
        fn a_plain_text_is_already_clean(text in "[ a-z<&é]{0,4}[ -~]{0,40}") {
            if is_plain(&text) {
                prop_assert_eq!(&reference::clean(&text), &text);
            }
        }
    }
}
