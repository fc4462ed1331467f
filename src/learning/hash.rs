//! The hash of a word and of a feature. It names slots of stored models, so it is **never changed**: a better hash
//! would be a new format of models beside this one. Golden values are held by a test.
//!
//! Words of up to 16 bytes, nearly all of them, are hashed by one folded multiplication (the two halves of a 128-bit
//! product, combined by exclusive or); longer ones by xxh3. A feature is a word hash, or two for a pair, mixed with a
//! salt for language, field and kind; its slot is the top bits of one further multiplication.

use xxhash_rust::xxh3::xxh3_64;

const FIRST: u64 = 0xA076_1D64_78BD_642F;
const SECOND: u64 = 0xE703_7ED1_A0B4_28DB;
const ODD: u64 = 0x9E37_79B9_7F4A_7C15;

fn folded_multiply(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// The hash of a word of 1 to 8 bytes, given as a little-endian number whose unused high bytes are zero.
#[inline(always)]
pub(super) fn short_word(bytes: u64, len: usize) -> u64 {
    folded_multiply(bytes ^ FIRST, SECOND ^ len as u64)
}

/// The hash of a word of 9 to 16 bytes, given as its first and its last eight bytes, which may overlap.
#[inline(always)]
pub(super) fn middle_word(first: u64, last: u64, len: usize) -> u64 {
    folded_multiply(first ^ FIRST, last ^ SECOND ^ len as u64)
}

/// The hash of a word of any length, the empty one included.
pub(super) fn word(bytes: &[u8]) -> u64 {
    match (bytes.len(), bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (len @ 9..=16, Some(first), Some(last)) => {
            middle_word(u64::from_le_bytes(*first), u64::from_le_bytes(*last), len)
        }
        (len @ 0..=8, ..) => {
            let mut padded = [0; 8];
            padded[..len].copy_from_slice(bytes);
            short_word(u64::from_le_bytes(padded), len)
        }
        _ => xxh3_64(bytes),
    }
}

/// The salt of the features of one kind (0 to 7) in one language.
pub(super) fn salt(language: &str, kind: u64) -> u64 {
    folded_multiply(word(language.as_bytes()) ^ ODD, SECOND.wrapping_add(kind.wrapping_mul(ODD)))
}

/// The slot, one of 2^`bits`, of a single word.
#[inline(always)]
pub(super) fn slot_of_word(word: u64, salt: u64, bits: u32) -> u32 {
    ((word ^ salt).wrapping_mul(ODD) >> (64 - bits)) as u32
}

/// The slot of two neighbouring words, in their order.
#[inline(always)]
pub(super) fn slot_of_pair(before: u64, word: u64, salt: u64, bits: u32) -> u32 {
    ((before.rotate_left(23) ^ word ^ salt).wrapping_mul(ODD) >> (64 - bits)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_lengths_agree_with_the_general_form() {
        let text = b"abcdefghijklmnop";
        for len in 9..=16 {
            let first = u64::from_le_bytes(*text.first_chunk().unwrap());
            let last = u64::from_le_bytes(*text[..len].last_chunk().unwrap());
            assert_eq!(word(&text[..len]), middle_word(first, last, len));
        }
    }

    #[test]
    fn golden_values_never_change() {
        let words = [
            "",
            "a",
            "good",
            "straße",
            "handwriting",
            "sixteen-byte-txt",
            "a word of more than sixteen bytes",
        ];
        let hashes = words.map(|text| word(text.as_bytes()));
        assert_eq!(
            hashes,
            [
                2302960717771869484,
                8710947460883356504,
                16865886458527281440,
                10054388304436496429,
                7573066400340913108,
                7433014047921251626,
                7584713749168214993
            ]
        );
        let (not, good) = (word(b"not"), word(b"good"));
        assert_eq!(
            [salt("en", 0), salt("de", 5), salt("und", 7)],
            [16949193369099279017, 13286951722645012998, 14723472393816992300]
        );
        assert_eq!(slot_of_word(good, salt("en", 4), 20), 654_017);
        assert_eq!(slot_of_pair(not, good, salt("en", 6), 20), 220_726);
    }

    #[test]
    fn a_word_and_the_same_word_with_zero_bytes_differ() {
        assert_ne!(word(b"a"), word(b"a\0"));
        assert_ne!(word(b""), word(b"\0"));
    }

    #[test]
    fn order_matters_in_a_pair() {
        let (a, b, salt) = (word(b"not"), word(b"good"), salt("en", 2));
        assert_ne!(slot_of_pair(a, b, salt, 20), slot_of_pair(b, a, salt, 20));
    }
}
