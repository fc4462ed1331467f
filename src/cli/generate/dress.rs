//! The dresses a text comes in: markup, character references, decomposed letters, escapes, capitals, loose spaces.
//!
//! Most texts are plain. All dresses of one text clean and normalise to the same text, so a copy in another dress is
//! an exact duplicate; that is what they are for.

use unicode_normalization::UnicodeNormalization;

use super::random::Random;

/// How a text is put into a JSON string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dress {
    /// As it is.
    Plain,
    /// `<br />` between sentences.
    Breaks,
    /// A paragraph with character references for umlauts and apostrophes.
    References,
    /// NFD: umlauts as letter and mark.
    Decomposed,
    /// Everything beyond ASCII as `\u` escapes.
    Escaped,
    /// Capitals only.
    Shouted,
    /// Two spaces and line ends between sentences.
    Spaced,
}

impl Dress {
    /// Draws a dress.
    pub(super) fn draw(random: &mut Random) -> Self {
        match random.weighted(&[880, 30, 20, 20, 20, 10, 20]) {
            0 => Self::Plain,
            1 => Self::Breaks,
            2 => Self::References,
            3 => Self::Decomposed,
            4 => Self::Escaped,
            5 => Self::Shouted,
            _ => Self::Spaced,
        }
    }

    /// Writes the text as a JSON string.
    pub(super) fn write(self, out: &mut Vec<u8>, text: &str) {
        out.push(b'"');
        match self {
            Self::Plain => write_escaped(out, text),
            Self::Breaks => write_escaped(out, &text.replace(". ", ".<br />")),
            Self::References => {
                out.extend_from_slice(b"<p>");
                text.chars().for_each(|letter| write_reference(out, letter));
                out.extend_from_slice(b"</p>");
            }
            Self::Decomposed => write_escaped(out, &text.nfd().collect::<String>()),
            Self::Escaped => text.encode_utf16().for_each(|unit| write_unit(out, unit)),
            Self::Shouted => write_escaped(out, &text.to_uppercase()),
            Self::Spaced => {
                write_escaped(out, &text.replace(". ", ".  \n"));
                out.push(b' ');
            }
        }
        out.push(b'"');
    }
}

fn write_reference(out: &mut Vec<u8>, letter: char) {
    let mut bytes = [0; 4];
    let reference = match letter {
        'ä' => "&auml;",
        'ö' => "&ouml;",
        'ü' => "&uuml;",
        'Ä' => "&Auml;",
        'Ö' => "&Ouml;",
        'Ü' => "&Uuml;",
        'ß' => "&szlig;",
        '\'' => "&#39;",
        _ => letter.encode_utf8(&mut bytes),
    };
    out.extend_from_slice(reference.as_bytes());
}

fn write_unit(out: &mut Vec<u8>, unit: u16) {
    if unit < 128 {
        out.push(unit as u8);
    } else {
        out.extend_from_slice(b"\\u");
        for shift in [12, 8, 4, 0] {
            out.push(b"0123456789abcdef"[usize::from(unit >> shift & 15)]);
        }
    }
}

/// The grammar knows neither quotes nor backslashes, and of control characters there is only the line end.
fn write_escaped(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some(place) = memchr::memchr(b'\n', rest) {
        out.extend_from_slice(&rest[..place]);
        out.extend_from_slice(b"\\n");
        rest = &rest[place + 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dressed(dress: Dress, text: &str) -> String {
        let mut out = Vec::new();
        dress.write(&mut out, text);
        serde_json::from_slice(&out).expect("a JSON string")
    }

    #[test]
    fn every_dress_is_json_and_says_the_same() {
        let text = "Schöne Größe. Isn't it? 👍🏽 Ärmel.";
        assert_eq!(dressed(Dress::Plain, text), text);
        assert_eq!(dressed(Dress::Escaped, text), text);
        assert_eq!(dressed(Dress::Decomposed, text).nfc().collect::<String>(), text);
        assert_eq!(dressed(Dress::Breaks, text), "Schöne Größe.<br />Isn't it? 👍🏽 Ärmel.");
        assert_eq!(dressed(Dress::Spaced, text), "Schöne Größe.  \nIsn't it? 👍🏽 Ärmel. ");
        assert_eq!(dressed(Dress::Shouted, text), "SCHÖNE GRÖSSE. ISN'T IT? 👍🏽 ÄRMEL.");
        assert_eq!(
            dressed(Dress::References, text),
            "<p>Sch&ouml;ne Gr&ouml;&szlig;e. Isn&#39;t it? 👍🏽 &Auml;rmel.</p>"
        );
    }
}
