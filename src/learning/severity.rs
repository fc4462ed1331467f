//! The severity lexicon: which sections of a list of words a review's words are in.
//!
//! A lexicon is a text: `[section]` headers, one word or phrase a line, `word*` for every word that begins so, `#` for
//! comments. Entries are normalised as texts are, so both compare byte by byte. An entry counts where it begins at the
//! beginning of a word and, unless it is a stem, ends at the end of one; a blank in it is one blank. Negation is not looked
//! at: who writes that something did *not* catch fire tells of fire, too, and a condition asks for a negative review besides.
//!
//! Per word of the review there is one look into a table of bits, and where it says so, into the few entries that share a
//! hash of their first bytes, which are compared eight at once. Nothing is allocated.

use serde::{Deserialize, Serialize};

use crate::records::text::{clean::clean_into, normalise::normalise_into};

use super::tokens::is_word;

/// Sections that a lexicon may have.
const SECTIONS: usize = 16;
/// Bytes that an entry has at least, and by which it is looked up.
const PREFIX: usize = 3;
/// Bits of the table of prefixes, and groups that entries are in by their prefix, both powers of two.
const TABLE: usize = 1 << 15;
const GROUPS: usize = 1 << 10;
/// Bytes that are looked at together: those that are compared at once, and those whose words are found at once.
const WINDOW: usize = 8;
const BLOCK: usize = 64;

/// The lexicon that comes with Dirigent, `topologies/severity.txt`.
pub const STANDARD: &str = include_str!("../../topologies/severity.txt");

/// A list of words in sections.
#[derive(Clone, Debug)]
pub struct Lexicon {
    /// Names of the sections, sorted.
    names: Vec<Box<str>>,
    /// Sorted by group, then by text.
    entries: Vec<Entry>,
    /// Where the entries of each group begin, and where those of the last one end.
    groups: Box<[u32]>,
    /// One bit for the hash of each prefix.
    table: Box<[u64]>,
}

#[derive(Clone, Debug)]
struct Entry {
    /// Its first bytes, and which bits of a window are compared with them.
    head: u64,
    mask: u64,
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
        found.sort_by(|(one, ..), (other, ..)| {
            let place = |text: &str| bit(window(text.as_bytes(), 0));
            (place(one), one).cmp(&(place(other), other))
        });
        let mut groups = vec![0; GROUPS + 1].into_boxed_slice();
        for (text, stem, name) in found {
            let head = window(text.as_bytes(), 0);
            let bit = bit(head);
            table[bit / 64] |= 1 << (bit % 64);
            groups[group(bit) + 1] += 1;
            let mask = u64::MAX >> (8 * WINDOW.saturating_sub(text.len()));
            let section = names.iter().position(|known| *known == name).unwrap_or_default() as u16;
            entries.push(Entry { head, mask, text, stem, section });
        }
        for n in 0..GROUPS {
            groups[n + 1] += groups[n];
        }
        Ok(Self { names, entries, groups, table })
    }

    /// The sections that a normalised title or text has words of.
    #[must_use]
    pub fn sections(&self, normalised: &str) -> Sections {
        let bytes = normalised.as_bytes();
        let (mut found, mut carry) = (0, 0);
        for (n, block) in bytes.chunks(BLOCK).enumerate() {
            let letters = places(block, |byte| byte >= 0x80 || byte.is_ascii_alphanumeric());
            let mut signs = if block.is_ascii() { 0 } else { places(block, |byte| byte >= 0xC2) };
            let mut starts = letters & !(letters << 1 | carry);
            carry = letters >> 63;
            while starts != 0 {
                found |= self.at(normalised, BLOCK * n + starts.trailing_zeros() as usize);
                starts &= starts - 1;
            }
            // behind a sign outside ASCII a word may begin, too
            while signs != 0 {
                let at = BLOCK * n + signs.trailing_zeros() as usize;
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
        let window = window(text.as_bytes(), at);
        let bit = bit(window);
        if self.table[bit / 64] >> (bit % 64) & 1 == 1 { self.begins_at(text, at, window) } else { 0 }
    }

    /// The names of sections, sorted.
    pub fn names(&self, sections: Sections) -> impl Iterator<Item = &str> {
        self.names.iter().enumerate().filter(move |(n, _)| sections.0 >> n & 1 == 1).map(|(_, name)| &**name)
    }

    /// The sections of the entries that begin at a place.
    fn begins_at(&self, text: &str, at: usize, window: u64) -> u16 {
        let rest = &text.as_bytes()[at..];
        let group = group(bit(window));
        self.entries[self.groups[group] as usize..self.groups[group + 1] as usize]
            .iter()
            .filter(|entry| {
                let end = at + entry.text.len();
                window & entry.mask == entry.head
                    && (entry.text.len() <= WINDOW || rest.starts_with(entry.text.as_bytes()))
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

/// The first bytes of what stands at a place or behind the end, the first one lowest; zeros behind the end, which no entry has.
#[inline(always)]
fn window(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    let mut window = [0; WINDOW];
    match rest.first_chunk() {
        Some(whole) => window = *whole,
        None => window[..rest.len()].copy_from_slice(rest),
    }
    u64::from_le_bytes(window)
}

/// The bit of the first three bytes of a window.
#[inline(always)]
fn bit(window: u64) -> usize {
    let prefix = window as u32 & 0x00FF_FFFF;
    (prefix.wrapping_mul(0x9E37_79B1) >> (32 - TABLE.trailing_zeros())) as usize
}

/// The group of those with this bit.
fn group(bit: usize) -> usize {
    bit / (TABLE / GROUPS)
}

/// Which bytes of a block are such, one bit each.
#[inline(always)]
fn places(block: &[u8], such: impl Fn(u8) -> bool) -> u64 {
    let mut flags = [0; BLOCK];
    for (flag, byte) in flags.iter_mut().zip(block) {
        *flag = u8::from(such(*byte));
    }
    let (eights, _) = flags.as_chunks::<8>();
    // a flag at bit 8i is to come to bit i of the highest byte: 2 to the power of 56 - 7i brings it there, and no two sums meet
    let gathered =
        eights.iter().map(|eight| u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56);
    gathered.rev().fold(0, |places, eight| places << 8 | eight)
}

#[cfg(test)]
mod tests;
