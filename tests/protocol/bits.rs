//! Fields of a few bits each, put into a word or taken out of it by one and the same list of fields.
//!
//! One description serves both directions, so that packing and unpacking cannot drift apart. A value that does not
//! fit is a bound of the model set too large for its layout: it panics.

/// A word that is being filled or emptied, from the low bits up.
pub(crate) struct Bits {
    word: u64,
    at: u32,
    reading: bool,
}

impl Bits {
    /// A word to be filled.
    pub(crate) fn empty() -> Bits {
        Bits { word: 0, at: 0, reading: false }
    }

    /// A word to be read.
    pub(crate) fn of(word: u64) -> Bits {
        Bits { word, at: 0, reading: true }
    }

    /// Puts a field into the word, or takes it out.
    pub(crate) fn field(&mut self, value: &mut u8, width: u32) {
        if self.reading {
            *value = (self.word >> self.at & ((1 << width) - 1)) as u8;
        } else {
            assert!(u64::from(*value) >> width == 0, "{value} does not fit into {width} bits");
            self.word |= u64::from(*value) << self.at;
        }
        self.at += width;
    }

    /// Leaves room for fields that are zero.
    pub(crate) fn skip(&mut self, width: u32) {
        self.at += width;
    }

    /// A field of one bit.
    pub(crate) fn flag(&mut self, value: &mut bool) {
        let mut bit = u8::from(*value);
        self.field(&mut bit, 1);
        *value = bit == 1;
    }

    /// The word.
    pub(crate) fn word(&self) -> u64 {
        assert!(self.at <= 64, "a word has 64 bits");
        self.word
    }
}
