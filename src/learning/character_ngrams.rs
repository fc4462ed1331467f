//! Runs of three to five characters of a word, its borders included: an option for languages that compound or inflect
//! much. It costs five times the features.

use super::hash;

/// Lengths of runs, in characters.
const LENGTHS: std::ops::RangeInclusive<usize> = 3..=5;

/// Hashes of runs, in buffers that are used again.
#[derive(Debug, Default)]
pub(super) struct CharacterNgrams {
    hashes: Vec<u64>,
    title: usize,
    bytes: Vec<u8>,
    /// Where each character of `bytes` begins, and the end.
    starts: Vec<usize>,
}

impl CharacterNgrams {
    pub(super) fn clear(&mut self) {
        self.hashes.clear();
        self.title = 0;
    }

    /// What follows belongs to the text.
    pub(super) fn end_title(&mut self) {
        self.title = self.hashes.len();
    }

    /// The hashes of the title and of the text.
    pub(super) fn fields(&self) -> [&[u64]; 2] {
        let (title, text) = self.hashes.split_at(self.title);
        [title, text]
    }

    /// Adds the runs of a word, given as UTF-8.
    pub(super) fn word(&mut self, word: &[u8]) {
        self.bytes.clear();
        self.bytes.push(b'_');
        self.bytes.extend_from_slice(word);
        self.bytes.push(b'_');
        self.starts.clear();
        let begins = |byte: u8| byte & 0xC0 != 0x80;
        self.starts
            .extend(self.bytes.iter().enumerate().filter(|(_, byte)| begins(**byte)).map(|(at, _)| at));
        self.starts.push(self.bytes.len());
        for length in LENGTHS {
            for ends in self.starts.windows(length + 1) {
                self.hashes.push(hash::word(&self.bytes[ends[0]..ends[length]]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_of_characters_and_have_borders() {
        let mut grams = CharacterNgrams::default();
        grams.word("üb".as_bytes());
        grams.end_title();
        grams.word("a".as_bytes());
        let expected = ["_üb", "üb_", "_üb_"].map(|run| hash::word(run.as_bytes()));
        assert_eq!(grams.fields(), [&expected[..], &[hash::word(b"_a_")]]);
        grams.clear();
        assert_eq!(grams.fields(), [&[] as &[u64], &[]]);
    }
}
