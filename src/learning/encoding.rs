//! Features as bytes: ascending slots with their counts, about two bytes a feature.
//!
//! The unit is a little-endian `u16` of 15 bits of a number, low bits first; the top bit says that more follow. A
//! feature is the distance from the slot before it (the first: from -1), so never zero; a count above one goes before
//! it as a zero unit and the count less one. Of 140 features in 2^20 slots 99 of 100 take one unit, and a reader has a
//! branch that is nearly always predicted.
//!
//! Everything that scores or learns walks features in this order, so sums of floats agree.

use serde::{Deserialize, Serialize};

/// The encoded features of one review, borrowed. Iterates `(slot, count)`, slots ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features<'a>(pub &'a [u8]);

impl<'a> IntoIterator for Features<'a> {
    type Item = (u32, u32);
    type IntoIter = FeaturesIter<'a>;

    #[inline]
    fn into_iter(self) -> FeaturesIter<'a> {
        FeaturesIter { units: self.0.as_chunks().0, next: u32::MAX }
    }
}

/// Iterates over [`Features`]. Bytes that end within a number end the iteration.
#[derive(Debug, Clone)]
pub struct FeaturesIter<'a> {
    units: &'a [[u8; 2]],
    next: u32,
}

impl FeaturesIter<'_> {
    #[inline(always)]
    fn unit(&mut self) -> Option<u32> {
        let (unit, rest) = self.units.split_first()?;
        self.units = rest;
        Some(u32::from(u16::from_le_bytes(*unit)))
    }

    /// The rest of a number whose first unit was read.
    #[inline(always)]
    fn number(&mut self, first: u32) -> Option<u32> {
        if first < 0x8000 { Some(first) } else { self.long(first) }
    }

    #[cold]
    fn long(&mut self, first: u32) -> Option<u32> {
        let (mut number, mut shift) = (first & 0x7FFF, 15);
        loop {
            let unit = self.unit()?;
            number |= (unit & 0x7FFF).checked_shl(shift)?;
            if unit < 0x8000 {
                return Some(number);
            }
            shift += 15;
        }
    }
}

impl Iterator for FeaturesIter<'_> {
    type Item = (u32, u32);

    #[inline(always)]
    fn next(&mut self) -> Option<(u32, u32)> {
        let mut unit = self.unit()?;
        let mut count = 1;
        if unit == 0 {
            let first = self.unit()?;
            count = self.number(first)?.wrapping_add(1);
            unit = self.unit()?;
        }
        self.next = self.next.wrapping_add(self.number(unit)?);
        Some((self.next, count))
    }
}

/// Appends the features whose slots, each once for each time it occurs, are given in ascending order.
pub(super) fn encode(sorted: &[u32], out: &mut Vec<u8>) {
    // A slot below 2^30 takes two units at most, its count three, and only if it occurs twice: two an occurrence.
    let start = out.len();
    out.resize(start + 4 * sorted.len(), 0);
    let units = out[start..].as_chunks_mut().0;
    let (mut end, mut before) = (0, u32::MAX);
    let mut rest = sorted;
    while let &[slot, ref after @ ..] = rest {
        rest = after;
        if rest.first() == Some(&slot) {
            let repeats = rest.iter().take_while(|other| **other == slot).count();
            rest = &rest[repeats..];
            end = append(0, units, end);
            end = append(repeats as u32, units, end);
        }
        end = append(slot.wrapping_sub(before), units, end);
        before = slot;
    }
    out.truncate(start + 2 * end);
}

#[inline(always)]
fn append(mut number: u32, units: &mut [[u8; 2]], mut end: usize) -> usize {
    while number >= 0x8000 {
        units[end] = (number as u16 | 0x8000).to_le_bytes();
        end += 1;
        number >>= 15;
    }
    units[end] = (number as u16).to_le_bytes();
    end + 1
}

/// How many slots features are hashed into: 2^8 to 2^26, by default 2^20.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(try_from = "u32", into = "u32")]
pub struct SlotBits(#[schemars(range(min = 8, max = 26))] u32);

/// A number of bits that [`SlotBits`] does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("features are hashed into 2^8 to 2^26 slots, not 2^{0}")]
pub struct InvalidSlotBits(pub u32);

impl SlotBits {
    /// The exponent.
    #[inline(always)]
    pub fn get(self) -> u32 {
        self.0
    }

    /// The number of slots.
    #[inline(always)]
    pub fn slots(self) -> usize {
        1 << self.0
    }
}

impl Default for SlotBits {
    fn default() -> Self {
        Self(20)
    }
}

impl TryFrom<u32> for SlotBits {
    type Error = InvalidSlotBits;

    fn try_from(bits: u32) -> Result<Self, InvalidSlotBits> {
        if (8..=26).contains(&bits) { Ok(Self(bits)) } else { Err(InvalidSlotBits(bits)) }
    }
}

impl From<SlotBits> for u32 {
    fn from(bits: SlotBits) -> u32 {
        bits.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_bytes_are_those_documented() {
        let mut bytes = vec![9];
        encode(&[0, 5, 5, 5, 5 + 0x8001], &mut bytes);
        assert_eq!(bytes, [9, 1, 0, 0, 0, 2, 0, 5, 0, 1, 0x80, 1, 0]);
    }

    #[test]
    fn bytes_that_end_early_end_the_iteration() {
        let mut bytes = Vec::new();
        encode(&[1, 2, 2, 1 << 20], &mut bytes);
        for len in 0..bytes.len() {
            assert!(Features(&bytes[..len]).into_iter().count() < 3);
        }
    }

    #[test]
    fn only_sensible_numbers_of_slots_are_taken() {
        assert_eq!(serde_json::from_str::<SlotBits>("18").unwrap().slots(), 1 << 18);
        assert!(serde_json::from_str::<SlotBits>("7").is_err());
        assert!(serde_json::from_str::<SlotBits>("27").is_err());
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read(
            mut slots in proptest::collection::vec(prop_oneof![0_u32..20, 0_u32..1 << 26], 0..300),
            often in 0_usize..70_000,
        ) {
            slots.extend(std::iter::repeat_n(7, often));
            slots.sort_unstable();
            let mut counts = BTreeMap::new();
            for slot in &slots {
                *counts.entry(*slot).or_insert(0_u32) += 1;
            }
            let mut bytes = Vec::new();
            encode(&slots, &mut bytes);
            prop_assert_eq!(Features(&bytes).into_iter().collect::<Vec<_>>(), counts.into_iter().collect::<Vec<_>>());
        }
    }
}
