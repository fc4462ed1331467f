//! A small fixed set of words, looked up by hash. Two words of equal 64-bit hash count as the same word, here as in
//! the features.

use super::hash;

/// Open addressing over a power of two of cells at least four times the number of words; an empty cell is zero.
#[derive(Debug)]
pub(super) struct WordSet {
    cells: Vec<u64>,
    shift: u32,
}

impl WordSet {
    pub(super) fn new(words: &[&str]) -> Self {
        let size = (words.len() * 4).next_power_of_two().max(16);
        let mut set = Self { cells: vec![0; size], shift: 64 - size.trailing_zeros() };
        for word in words {
            let hash = hash::word(word.as_bytes());
            let cell = set.cell(hash);
            set.cells[cell] = hash;
        }
        set
    }

    #[inline(always)]
    pub(super) fn contains(&self, hash: u64) -> bool {
        self.cells[self.cell(hash)] == hash
    }

    /// Where the hash lies, or the empty cell where it would.
    #[inline(always)]
    fn cell(&self, hash: u64) -> usize {
        let mask = self.cells.len() - 1;
        let mut at = (hash >> self.shift) as usize & mask;
        while self.cells[at] != hash && self.cells[at] != 0 {
            at = (at + 1) & mask;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_it_was_given_and_nothing_else() {
        let set = WordSet::new(&["der", "die", "das", "the"]);
        for word in ["der", "die", "das", "the"] {
            assert!(set.contains(hash::word(word.as_bytes())));
        }
        for word in ["de", "dass", "they", ""] {
            assert!(!set.contains(hash::word(word.as_bytes())));
        }
    }
}
