//! The lines of an epoch for a sink: rendered on every worker, put in order on one.
//!
//! The order is that of the keys as bytes; a key has one line in an epoch. Most keys differ in their first eight bytes, which
//! lie in the index; ties are told apart by the whole key.

use serde::{Deserialize, Serialize};

/// Rendered records of one epoch from one worker, with what is needed to put them in order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Lines {
    keys: Vec<u8>,
    text: Vec<u8>,
    index: Vec<Line>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Line {
    prefix: u64,
    key: (u32, u32),
    text: (u32, u32),
}

impl Lines {
    /// Appends a record: its key in the order of the sink, and its text as `render` writes it.
    pub fn push(&mut self, key: &[u8], render: impl FnOnce(&mut Vec<u8>)) {
        let (key_start, start) = (self.keys.len() as u32, self.text.len() as u32);
        self.keys.extend_from_slice(key);
        render(&mut self.text);
        let mut prefix = [0; 8];
        let n = key.len().min(8);
        prefix[..n].copy_from_slice(&key[..n]);
        self.index.push(Line {
            prefix: u64::from_be_bytes(prefix),
            key: (key_start, self.keys.len() as u32),
            text: (start, self.text.len() as u32),
        });
    }

    /// Empty lines with room for about as much as `other` holds.
    #[must_use]
    pub fn like(other: &(usize, usize, usize)) -> Self {
        let room = |n: usize| n + n / 4;
        Self {
            keys: Vec::with_capacity(room(other.0)),
            text: Vec::with_capacity(room(other.1)),
            index: Vec::with_capacity(room(other.2)),
        }
    }

    /// Bytes of keys, bytes of text, and records: what [`Lines::like`] takes.
    #[must_use]
    pub fn size(&self) -> (usize, usize, usize) {
        (self.keys.len(), self.text.len(), self.index.len())
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }
}

/// The text of several blocks in the order of their keys as bytes.
pub(super) fn ordered(blocks: &[Lines]) -> Vec<u8> {
    let mut index: Vec<(Line, u32)> = Vec::with_capacity(blocks.iter().map(Lines::len).sum());
    for (number, block) in blocks.iter().enumerate() {
        index.extend(block.index.iter().map(|line| (*line, number as u32)));
    }
    let key =
        |(line, block): &(Line, u32)| &blocks[*block as usize].keys[line.key.0 as usize..line.key.1 as usize];
    index.sort_unstable_by(|a, b| a.0.prefix.cmp(&b.0.prefix).then_with(|| key(a).cmp(key(b))));
    let mut text = Vec::with_capacity(blocks.iter().map(|block| block.text.len()).sum());
    for (line, block) in index {
        text.extend_from_slice(&blocks[block as usize].text[line.text.0 as usize..line.text.1 as usize]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_by_the_whole_key_across_blocks() {
        let mut blocks = vec![Lines::default(), Lines::default()];
        for (n, key) in
            ["review-000000012", "b", "review-00000001", "", "review-000000011"].iter().enumerate()
        {
            blocks[n % 2].push(key.as_bytes(), |text| text.extend_from_slice(format!("{key}\n").as_bytes()));
        }
        let text = String::from_utf8(ordered(&blocks)).expect("text");
        assert_eq!(text, "\nb\nreview-00000001\nreview-000000011\nreview-000000012\n");
    }
}
