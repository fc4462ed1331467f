//! Words of a normalised text, as hashes. A word is a run of letters, digits and inner apostrophes; every emoji or other
//! pictorial sign is one by itself. All else parts words. (`!` and `?` as words were tried: they gained nothing.)
//!
//! The input is folded already, so ASCII letters are lower case. Boundaries are found as bits of 64-byte blocks, eight
//! bytes to an operation; only runs with bytes outside ASCII are looked at character by character. What is a gap and
//! what a sign outside ASCII is a fixed list of ranges, not a table that grows with Unicode, because hashes of words
//! name slots of stored models.
//!
//! A right single quotation mark inside a word is an apostrophe, so `don’t` is `don't`.

use super::{character_ngrams::CharacterNgrams, hash};

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;
const BLOCK: usize = 64;

/// Hashes of the words of title and text in order, in a buffer that is used again for every review.
#[derive(Debug, Default)]
pub struct Tokens {
    words: Vec<u64>,
    title: usize,
    grams: Option<CharacterNgrams>,
    padded: Vec<u8>,
    scratch: Vec<u8>,
}

impl Tokens {
    /// Empty buffers. With `character_ngrams`, runs of characters of each word are hashed too.
    pub fn new(character_ngrams: bool) -> Self {
        Self { grams: character_ngrams.then(CharacterNgrams::default), ..Self::default() }
    }

    /// Reads another review. Both texts are normalised; either may be empty.
    pub fn read(&mut self, title: &str, text: &str) {
        self.words.clear();
        if let Some(grams) = &mut self.grams {
            grams.clear();
        }
        self.split(title);
        self.title = self.words.len();
        if let Some(grams) = &mut self.grams {
            grams.end_title();
        }
        self.split(text);
    }

    /// Hashes of the runs of characters of the title and of the text; empty where they are not asked for.
    pub(super) fn character_ngrams(&self) -> [&[u64]; 2] {
        self.grams.as_ref().map_or([&[], &[]], CharacterNgrams::fields)
    }

    /// Hashes of the words of the title.
    pub(super) fn title(&self) -> &[u64] {
        &self.words[..self.title]
    }

    /// Hashes of the words of the text.
    pub(super) fn text(&self) -> &[u64] {
        &self.words[self.title..]
    }

    /// Hashes of all words, the title's first.
    pub(super) fn all(&self) -> &[u64] {
        &self.words
    }

    fn split(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        // Zeros behind the text let every block and every word be read whole; the first of them ends the last word.
        self.padded.clear();
        self.padded.extend_from_slice(text.as_bytes());
        self.padded.resize(text.len() + BLOCK + 8, 0);
        let (mut carry, mut start, mut inside) = (0, 0, false);
        let mut wide = false;
        let mut base = 0;
        while base <= text.len() {
            let mut masks = Masks::default();
            for (lane, bytes) in self.padded[base..base + BLOCK].as_chunks::<8>().0.iter().enumerate() {
                masks.add(u64::from_le_bytes(*bytes), lane);
            }
            let mut borders = masks.word ^ (masks.word << 1 | carry);
            carry = masks.word >> 63;
            let mut since = 0; // where in this block the present word began
            while borders != 0 {
                let bit = borders.trailing_zeros();
                borders &= borders - 1;
                let at = base + bit as usize;
                inside = !inside;
                if inside {
                    (start, since, wide) = (at, bit, false);
                } else if wide || masks.wide >> since & ((1 << (bit - since)) - 1) != 0 {
                    self.wide(&text[start..at]);
                } else {
                    self.ascii(start, at);
                }
            }
            wide |= inside && masks.wide >> since != 0;
            base += BLOCK;
        }
    }

    /// One run of ASCII letters, digits and apostrophes.
    #[inline(always)]
    fn ascii(&mut self, mut start: usize, mut end: usize) {
        while start < end && self.padded[start] == b'\'' {
            start += 1;
        }
        while start < end && self.padded[end - 1] == b'\'' {
            end -= 1;
        }
        let len = end - start;
        if let Some(grams) = &mut self.grams {
            grams.word(&self.padded[start..end]);
        }
        let hash = match len {
            0 => return,
            1..=8 => hash::short_word(eight(&self.padded, start) & u64::MAX >> (64 - 8 * len), len),
            9..=16 => hash::middle_word(eight(&self.padded, start), eight(&self.padded, end - 8), len),
            _ => hash::word(&self.padded[start..end]),
        };
        self.words.push(hash);
    }

    /// A run with characters outside ASCII: split by what each character is.
    #[cold]
    fn wide(&mut self, run: &str) {
        self.scratch.clear();
        for c in run.chars() {
            let mut bytes = [0; 4];
            match if c.is_ascii() { Kind::Word } else { kind(c) } {
                Kind::Word => self.scratch.extend_from_slice(c.encode_utf8(&mut bytes).as_bytes()),
                Kind::Apostrophe => self.scratch.push(b'\''),
                Kind::Gap => self.end_wide(),
                Kind::Sign => {
                    self.end_wide();
                    self.words.push(hash::word(c.encode_utf8(&mut bytes).as_bytes()));
                }
            }
        }
        self.end_wide();
    }

    fn end_wide(&mut self) {
        let mut word = self.scratch.as_slice();
        while let [b'\'', rest @ ..] | [rest @ .., b'\''] = word {
            word = rest;
        }
        if !word.is_empty() {
            self.words.push(hash::word(word));
            if let Some(grams) = &mut self.grams {
                grams.word(word);
            }
        }
        self.scratch.clear();
    }
}

#[inline(always)]
fn eight(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

/// One bit for each byte of a block: parts of words, and bytes outside ASCII (which are parts of words too).
#[derive(Default)]
struct Masks {
    word: u64,
    wide: u64,
}

impl Masks {
    /// Adds eight bytes, the `lane`-th of the block.
    #[inline(always)]
    fn add(&mut self, bytes: u64, lane: usize) {
        let low = bytes & !HIGH;
        // The high bit of each byte of `low` that lies between two bounds: no carry ever leaves a byte.
        let within = |from: u8, to: u8| {
            (low + u64::from(0x80 - from) * ONES) & !(low + u64::from(0x7F - to) * ONES) & !bytes & HIGH
        };
        let wide = bytes & HIGH;
        let word = within(b'a', b'z') | within(b'0', b'9') | within(b'\'', b'\'') | wide;
        let gather = |bits: u64| ((bits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * lane);
        self.word |= gather(word);
        self.wide |= gather(wide);
    }
}

/// What a character outside ASCII is to the tokeniser.
enum Kind {
    Word,
    Apostrophe,
    Gap,
    Sign,
}

/// Whether a character is part of a word of a normalised text.
pub(super) fn is_word(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphanumeric() } else { matches!(kind(c), Kind::Word) }
}

fn kind(c: char) -> Kind {
    match c {
        '\u{2019}' | '\u{02BC}' => Kind::Apostrophe,
        // Latin-1 signs, general punctuation, CJK punctuation, variation selectors, half-width forms, replacement
        '\u{80}'..='\u{BF}'
        | '\u{D7}'
        | '\u{F7}'
        | '\u{2000}'..='\u{206F}'
        | '\u{3000}'..='\u{303F}'
        | '\u{FE00}'..='\u{FE6F}'
        | '\u{FFF0}'..='\u{FFFF}' => Kind::Gap,
        // currency, arrows, mathematics, technical, shapes, dingbats; emoji
        '\u{20A0}'..='\u{20CF}' | '\u{2190}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}' => Kind::Sign,
        _ => Kind::Word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hashes(words: &[&str]) -> Vec<u64> {
        words.iter().map(|word| hash::word(word.as_bytes())).collect()
    }

    fn words(text: &str) -> Vec<u64> {
        let mut tokens = Tokens::new(false);
        tokens.read("", text);
        tokens.all().to_vec()
    }

    /// The same by characters, from the module's description.
    fn by_characters(text: &str) -> Vec<u64> {
        let (mut found, mut word) = (Vec::new(), String::new());
        for c in text.chars().chain([' ']) {
            match c {
                'a'..='z' | '0'..='9' | '\'' => word.push(c),
                '\0'..='\x7F' => {
                    found.push(std::mem::take(&mut word));
                }
                _ => match kind(c) {
                    Kind::Word => word.push(c),
                    Kind::Apostrophe => word.push('\''),
                    Kind::Gap => found.push(std::mem::take(&mut word)),
                    Kind::Sign => found.extend([std::mem::take(&mut word), c.to_string()]),
                },
            }
        }
        let trimmed = found.iter().map(|word| word.trim_matches('\'')).filter(|word| !word.is_empty());
        trimmed.map(|word| hash::word(word.as_bytes())).collect()
    }

    #[test]
    fn words_are_runs_of_letters_digits_and_inner_apostrophes() {
        assert_eq!(
            words("i don't like it, 'really' - 2 stars!"),
            hashes(&["i", "don't", "like", "it", "really", "2", "stars"])
        );
        assert_eq!(words("'' ' ... !?"), hashes(&[]));
        assert_eq!(words("über-groß ne"), hashes(&["über", "groß", "ne"]));
    }

    #[test]
    fn signs_outside_ascii_part_words_or_are_words() {
        assert_eq!(words("“don’t”…no–yes"), hashes(&["don't", "no", "yes"]));
        assert_eq!(words("good😀😀bad ❤️"), hashes(&["good", "😀", "😀", "bad", "❤"]));
    }

    #[test]
    fn words_of_all_lengths_at_all_places_are_found() {
        for len in 1..80 {
            for gap in 1..70 {
                let (blank, word) = (" ".repeat(gap), "x".repeat(len));
                assert_eq!(words(&format!("{blank}{word}")), hashes(&[&word]));
                assert_eq!(words(&format!("{blank}{word}é {word}")), hashes(&[&format!("{word}é"), &word]));
            }
        }
    }

    #[test]
    fn buffers_keep_nothing_of_the_review_before() {
        let mut tokens = Tokens::new(true);
        tokens.read("a long title", "and a text");
        tokens.read("x", "");
        assert_eq!((tokens.title(), tokens.text()), (&hashes(&["x"])[..], &[][..]));
        assert_eq!(tokens.character_ngrams(), [&hashes(&["_x_"])[..], &[]]);
    }

    proptest! {
        #[test]
        fn agrees_with_a_reading_by_characters(text in "([a-z0-9'!? .é’…😀ßж\u{301}]|[a-z]{3,12}|\\PC){0,90}") {
            prop_assert_eq!(words(&text.to_lowercase()), by_characters(&text.to_lowercase()));
        }
    }
}
