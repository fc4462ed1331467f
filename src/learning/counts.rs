//! How many positive and negative examples contain a feature, exactly. A slot has 32 bits for both, so they lie there
//! as two halves while both are below 65,535, and in a table beside the model from then on. Few features ever get
//! there. Where a count lies is a function of the counts alone, so equal examples give equal states.

use hashbrown::HashTable;

/// Marks counts that lie in the table.
const ASIDE: u32 = u32::MAX;
const LIMIT: u32 = 0xFFFF;

/// Examples that contain one feature. No model can hold more than 2^32 examples that are live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub(super) positive: u32,
    pub(super) negative: u32,
}

impl Counts {
    /// With one more example.
    ///
    /// # Panics
    /// Beyond 2^32 - 1 examples.
    pub(super) fn with(self, positive: bool) -> Self {
        self.changed(positive, |count| count.checked_add(1))
    }

    /// With one example less.
    ///
    /// # Panics
    /// If there was no such example.
    pub(super) fn without(self, positive: bool) -> Self {
        self.changed(positive, |count| count.checked_sub(1))
    }

    fn changed(mut self, positive: bool, change: impl Fn(u32) -> Option<u32>) -> Self {
        let count = if positive { &mut self.positive } else { &mut self.negative };
        *count = change(*count).expect("only an example that was learned is removed");
        self
    }
}

/// What a slot holds for one more example, if both its counts lie there before and after: one addition.
#[inline(always)]
pub(super) fn one_more<const POSITIVE: bool>(packed: u32) -> Option<u32> {
    // a slot whose counts lie in the table has the limit in both halves
    let (half, one) = if POSITIVE { (packed >> 16, 1 << 16) } else { (packed & LIMIT, 1) };
    (half < LIMIT - 1).then(|| packed + one)
}

/// The counts that a slot holds, positive and negative, if they lie there.
#[inline(always)]
pub(super) fn halves(packed: u32) -> [u16; 2] {
    [(packed >> 16) as u16, packed as u16]
}

/// Counts that do not fit into their slot.
#[derive(Debug, Default)]
pub(super) struct CountsAside {
    table: HashTable<(u32, Counts)>,
}

impl CountsAside {
    /// The counts of a slot from what it holds.
    #[inline(always)]
    pub(super) fn unpack(&self, slot: u32, packed: u32) -> Counts {
        if packed == ASIDE {
            self.find(slot)
        } else {
            Counts { positive: packed >> 16, negative: packed & LIMIT }
        }
    }

    /// Bytes of memory that the table takes.
    pub(super) fn bytes(&self) -> usize {
        self.table.allocation_size()
    }

    #[cold]
    fn find(&self, slot: u32) -> Counts {
        self.table
            .find(spread(slot), |(other, _)| *other == slot)
            .map_or_else(Counts::default, |(_, counts)| *counts)
    }

    /// What the slot holds for these counts. `before` is what it held.
    #[inline(always)]
    pub(super) fn pack(&mut self, slot: u32, before: u32, counts: Counts) -> u32 {
        if before == ASIDE || counts.positive >= LIMIT || counts.negative >= LIMIT {
            self.put(slot, counts)
        } else {
            counts.positive << 16 | counts.negative
        }
    }

    #[cold]
    fn put(&mut self, slot: u32, counts: Counts) -> u32 {
        if let Ok(found) = self.table.find_entry(spread(slot), |(other, _)| *other == slot) {
            found.remove();
        }
        if counts.positive < LIMIT && counts.negative < LIMIT {
            return counts.positive << 16 | counts.negative;
        }
        self.table.insert_unique(spread(slot), (slot, counts), |(slot, _)| spread(*slot));
        ASIDE
    }
}

fn spread(slot: u32) -> u64 {
    u64::from(slot).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_go_aside_and_come_back() {
        let mut aside = CountsAside::default();
        let (mut packed, mut counts) = (0, Counts::default());
        for _ in 0..LIMIT + 2 {
            counts = aside.unpack(7, packed).with(true);
            packed = aside.pack(7, packed, counts);
        }
        assert_eq!(counts, Counts { positive: LIMIT + 2, negative: 0 });
        assert_eq!((packed, aside.table.len()), (ASIDE, 1));
        for _ in 0..3 {
            packed = aside.pack(7, packed, aside.unpack(7, packed).without(true));
        }
        assert_eq!((packed, aside.table.len()), ((LIMIT - 1) << 16, 0));
    }

    #[test]
    #[should_panic(expected = "only an example that was learned")]
    fn an_example_that_was_never_there_is_not_removed() {
        Counts::default().without(false);
    }

    #[test]
    fn one_more_is_what_packing_it_gives() {
        let mut aside = CountsAside::default();
        for packed in
            [0, 5, 7 << 16 | 3, LIMIT - 2, LIMIT - 1, (LIMIT - 2) << 16 | 9, (LIMIT - 1) << 16, ASIDE]
        {
            for positive in [true, false] {
                let counts = aside.unpack(3, packed).with(positive);
                let expected = aside.pack(3, packed, counts);
                let found = if positive { one_more::<true>(packed) } else { one_more::<false>(packed) };
                assert_eq!(found, (expected != ASIDE && packed != ASIDE).then_some(expected), "{packed:x}");
            }
        }
        assert_eq!(halves(7 << 16 | 3), [7, 3]);
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(positive: u32, negative: u32, small: bool, before: bool) {
            let mut aside = CountsAside::default();
            let fit = |count: u32| if small { count % LIMIT } else { count };
            let counts = Counts { positive: fit(positive), negative: fit(negative) };
            let before = if before { aside.pack(3, 0, Counts { positive: LIMIT, negative: 1 }) } else { 0 };
            let packed = aside.pack(3, before, counts);
            prop_assert_eq!(aside.unpack(3, packed), counts);
            prop_assert_eq!(packed == ASIDE, aside.table.len() == 1);
        }
    }
}
