//! The severity lexicon: which sections of a list of words a review's words are in.
//!
//! A lexicon is a text: `[section]` headers, one word or phrase a line, `word*` for every word that begins so, `#` for
//! comments. Entries are normalised as texts are, so both compare byte by byte. An entry counts where it begins at the
//! beginning of a word and, unless it is a stem, ends at the end of one; a blank in it is one blank. Negation is not looked
//! at: who writes that something did *not* catch fire tells of fire, too, and a condition asks for a negative review besides.
//!
//! Per word of the review there is one look into a table of bits, and nothing is allocated.

use serde::{Deserialize, Serialize};

use crate::records::text::{clean::clean_into, normalise::normalise_into};

use super::tokens::is_word;

/// Sections that a lexicon may have.
const SECTIONS: usize = 16;
/// Bytes that an entry has at least, and by which it is looked up.
const PREFIX: usize = 3;
/// Bits of the table of prefixes.
const TABLE: usize = 1 << 15;

/// Bytes that are part of words: letters and digits of ASCII (texts have no capitals), and all outside ASCII.
const LETTERS: [bool; 256] = {
    let mut letters = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        letters[byte] = byte >= 0x80 || (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    letters
};

/// First bytes of characters outside ASCII, most of which are letters.
const SIGNS: [bool; 256] = {
    let mut signs = [false; 256];
    let mut byte = 0xC2;
    while byte < 256 {
        signs[byte] = true;
        byte += 1;
    }
    signs
};

/// The lexicon that comes with Dirigent, `topologies/severity.txt`.
pub const STANDARD: &str = include_str!("../../topologies/severity.txt");

/// A list of words in sections.
#[derive(Clone, Debug)]
pub struct Lexicon {
    /// Names of the sections, sorted.
    names: Vec<Box<str>>,
    /// Sorted by text.
    entries: Vec<Entry>,
    /// One bit for the hash of each prefix.
    table: Box<[u64]>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    text: Box<str>,
    stem: bool,
    section: u16,
}

/// Sections of one lexicon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sections(u16);

impl Sections {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// Those with these bits.
    #[must_use]
    pub fn of(bits: u16) -> Self {
        Self(bits)
    }

    /// One bit a section, in the order of their names.
    #[must_use]
    pub fn bits(self) -> u16 {
        self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of either.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A line that is no part of a lexicon.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct LexiconError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: LexiconFault,
}

/// What is wrong with a line of a lexicon.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LexiconFault {
    /// A header is not closed, empty, or has other characters.
    #[error("`{0}` is no header; expected `[name]` with a name of a-z, 0-9 and _, such as `[safety]`")]
    Header(String),
    /// An entry comes before the first header.
    #[error("`{0}` stands before the first section; put a header such as `[safety]` above it")]
    NoSection(String),
    /// There are too many sections.
    #[error("`{0}` is one section too many; expected at most 16: put some together")]
    TooMany(String),
    /// An entry is too short to be looked up.
    #[error("`{0}` is too short; expected a word, phrase or stem of at least 3 bytes")]
    Short(String),
    /// A star stands elsewhere than at the end.
    #[error("`{0}` has a `*` that is not at its end; expected `word*`: write an entry for each beginning")]
    Star(String),
    /// An entry begins or ends with something else than a letter or digit.
    #[error(
        "`{0}` does not begin and end with a letter or digit, so it would never be found; leave the rest out"
    )]
    Edge(String),
    /// There is no entry at all.
    #[error("the lexicon has no entries; expected a header such as `[safety]` and words below it")]
    Empty,
}

impl Lexicon {
    /// Reads a lexicon.
    ///
    /// # Errors
    /// The first line that is no part of one.
    pub fn parse(text: &str) -> Result<Self, LexiconError> {
        let mut names: Vec<Box<str>> = Vec::new();
        let mut found: Vec<(Box<str>, bool, Box<str>)> = Vec::new();
        let mut section: Option<Box<str>> = None;
        let mut last = 0;
        for (n, line) in text.trim_start_matches('\u{FEFF}').lines().enumerate() {
            last = n + 1;
            let fault = |fault| LexiconError { line: n + 1, fault };
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            if line.starts_with('[') {
                let name = header(line).ok_or_else(|| fault(LexiconFault::Header(line.to_owned())))?;
                if !names.iter().any(|known| **known == *name) {
                    if names.len() == SECTIONS {
                        return Err(fault(LexiconFault::TooMany(line.to_owned())));
                    }
                    names.push(name.into());
                }
                section = Some(name.into());
                continue;
            }
            let Some(section) = &section else { return Err(fault(LexiconFault::NoSection(line.to_owned()))) };
            let (entry, stem) = entry(line).map_err(fault)?;
            found.push((entry, stem, section.clone()));
        }
        if found.is_empty() {
            return Err(LexiconError { line: last.max(1), fault: LexiconFault::Empty });
        }
        names.sort();
        let mut entries = Vec::with_capacity(found.len());
        let mut table = vec![0; TABLE / 64].into_boxed_slice();
        for (text, stem, name) in found {
            let bit = bit(text.as_bytes());
            table[bit / 64] |= 1 << (bit % 64);
            let section = names.iter().position(|known| *known == name).unwrap_or_default() as u16;
            entries.push(Entry { text, stem, section });
        }
        entries.sort();
        Ok(Self { names, entries, table })
    }

    /// The sections that a normalised title or text has words of.
    #[must_use]
    pub fn sections(&self, normalised: &str) -> Sections {
        let bytes = normalised.as_bytes();
        let (mut found, mut carry) = (0, 0);
        for (n, block) in bytes.chunks(64).enumerate() {
            let (mut letters, mut signs) = (0_u64, 0_u64);
            for (bit, byte) in block.iter().enumerate() {
                letters |= u64::from(LETTERS[usize::from(*byte)]) << bit;
                signs |= u64::from(SIGNS[usize::from(*byte)]) << bit;
            }
            let mut starts = letters & !(letters << 1 | carry);
            carry = letters >> 63;
            while starts != 0 {
                found |= self.at(normalised, 64 * n + starts.trailing_zeros() as usize);
                starts &= starts - 1;
            }
            // behind a sign outside ASCII a word may begin, too
            while signs != 0 {
                let at = 64 * n + signs.trailing_zeros() as usize;
                let (word, width) = character(normalised, at);
                if !word {
                    found |= self.at(normalised, at + width);
                }
                signs &= signs - 1;
            }
        }
        Sections(found)
    }

    /// The sections of the entries that stand at a place where a word may begin.
    #[inline(always)]
    fn at(&self, text: &str, at: usize) -> u16 {
        let Some(rest) = text.as_bytes().get(at..) else { return 0 };
        let bit = bit(rest);
        if self.table[bit / 64] >> (bit % 64) & 1 == 1 { self.begins_at(text, at) } else { 0 }
    }

    /// The names of sections, sorted.
    pub fn names(&self, sections: Sections) -> impl Iterator<Item = &str> {
        self.names.iter().enumerate().filter(move |(n, _)| sections.0 >> n & 1 == 1).map(|(_, name)| &**name)
    }

    /// The sections of the entries that begin at a place.
    #[cold]
    fn begins_at(&self, text: &str, at: usize) -> u16 {
        let rest = &text.as_bytes()[at..];
        let Some(prefix) = rest.first_chunk::<PREFIX>() else { return 0 };
        let key = |entry: &Entry| entry.text.as_bytes().first_chunk::<PREFIX>().copied();
        let from = self.entries.partition_point(|entry| key(entry) < Some(*prefix));
        let same = self.entries[from..].iter().take_while(|entry| key(entry) == Some(*prefix));
        same.filter(|entry| {
            let end = at + entry.text.len();
            rest.starts_with(entry.text.as_bytes())
                && (entry.stem || end == text.len() || !character(text, end).0)
        })
        .fold(0, |sections, entry| sections | 1 << entry.section)
    }
}

fn header(line: &str) -> Option<&str> {
    let name = line.strip_prefix('[')?.strip_suffix(']')?.trim();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (!name.is_empty() && name.chars().all(plain)).then_some(name)
}

/// An entry in its normalised form, and whether it is a stem.
fn entry(line: &str) -> Result<(Box<str>, bool), LexiconFault> {
    let (plain, stem) = line.strip_suffix('*').map_or((line, false), |plain| (plain, true));
    if plain.contains('*') {
        return Err(LexiconFault::Star(line.to_owned()));
    }
    let (mut cleaned, mut text) = (String::new(), String::new());
    clean_into(plain, &mut String::new(), &mut cleaned);
    normalise_into(&cleaned, &mut text);
    if text.len() < PREFIX {
        return Err(LexiconFault::Short(line.to_owned()));
    }
    let word = |c: Option<char>| c.is_some_and(is_word);
    if !word(text.chars().next()) || !word(text.chars().next_back()) {
        return Err(LexiconFault::Edge(line.to_owned()));
    }
    Ok((text.into(), stem))
}

/// Whether the character at a place is part of a word, and its bytes.
#[inline(always)]
fn character(text: &str, at: usize) -> (bool, usize) {
    let byte = text.as_bytes()[at];
    if byte < 0x80 {
        return (byte.is_ascii_alphanumeric(), 1);
    }
    text[at..].chars().next().map_or((false, 1), |c| (is_word(c), c.len_utf8()))
}

/// The bit of the first three bytes; of fewer, that of the end of a text.
#[inline(always)]
fn bit(bytes: &[u8]) -> usize {
    let Some(prefix) = bytes.first_chunk::<PREFIX>() else { return 0 };
    let key = u32::from_le_bytes([prefix[0], prefix[1], prefix[2], 0]);
    (key.wrapping_mul(0x9E37_79B1) >> (32 - TABLE.trailing_zeros())) as usize
}

#[cfg(test)]
mod tests;
