//! The generator's own source of chance: xoshiro256** (Blackman and Vigna 2018), its state filled by SplitMix64.
//!
//! Only integer arithmetic, so a seed gives the same numbers on every machine and with every release of every
//! library; a golden test holds the first numbers of a seed. Not for anything that must be secret.

/// SplitMix64's increment: 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Mixes the words to one 64-bit value: a fixed hash, the seed of whatever must not depend on what came before.
pub(super) fn mix(words: &[u64]) -> u64 {
    let mut state = GOLDEN;
    for &word in words {
        state = finish((state ^ word).wrapping_add(GOLDEN));
    }
    state
}

/// SplitMix64's output function.
fn finish(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A stream of pseudo-random numbers that depends on its seed alone.
#[derive(Debug, Clone)]
pub(super) struct Random {
    state: [u64; 4],
}

impl Random {
    /// The stream of `seed`; every seed is allowed.
    pub(super) fn new(seed: u64) -> Self {
        let mut counter = seed;
        let state = std::array::from_fn(|_| {
            counter = counter.wrapping_add(GOLDEN);
            finish(counter)
        });
        Self { state }
    }

    /// The next 64 bits.
    pub(super) fn next(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// A number below `bound`, 0 for a bound of 0. The bias of the multiplication is below `bound` / 2^64.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(bound);
        (product >> 64) as u64
    }

    /// An index into something of `length` entries.
    pub(super) fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// One of `choices`, which must not be empty.
    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }

    /// True in `in_a_thousand` of a thousand cases.
    pub(super) fn chance(&mut self, in_a_thousand: u64) -> bool {
        self.below(1_000) < in_a_thousand
    }

    /// An index drawn by `weights`, whose sum must be positive.
    pub(super) fn weighted(&mut self, weights: &[u32]) -> usize {
        let total = weights.iter().map(|&weight| u64::from(weight)).sum();
        let mut left = self.below(total);
        for (index, &weight) in weights.iter().enumerate() {
            if left < u64::from(weight) {
                return index;
            }
            left -= u64::from(weight);
        }
        weights.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_of_a_seed_never_change() {
        let mut random = Random::new(0);
        let first: Vec<u64> = (0..4).map(|_| random.next()).collect();
        // The reference implementation's numbers for a state filled by SplitMix64 from 0.
        assert_eq!(
            first,
            [0x99EC_5F36_CB75_F2B4, 0xBF6E_1F78_4956_452A, 0x1A5F_849D_4933_E6E0, 0x6AA5_94F1_262D_2D2C]
        );
        assert_eq!(finish(GOLDEN), 0xE220_A839_7B1D_CDAF);
        assert_ne!(mix(&[1, 2]), mix(&[2, 1]));
    }

    #[test]
    fn draws_stay_in_their_bounds_and_follow_their_weights() {
        let mut random = Random::new(7);
        assert!((0..10_000).all(|_| random.below(10) < 10));
        assert_eq!(random.below(0), 0);
        let mut counts = [0_u32; 3];
        for _ in 0..10_000 {
            counts[random.weighted(&[1, 0, 3])] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((2_300..2_700).contains(&counts[0]), "{counts:?}");
    }
}
