//! Chance, for waiting times only: nothing of it reaches an output.
//!
//! SplitMix64 (Steele, Lea and Flood 2014): a seed gives the same numbers, so what depends on it can be tested.

/// A stream of numbers.
#[derive(Clone, Debug)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number of these, the ends included; of no width, the lower one.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let width = u128::from(high.saturating_sub(low)) + 1;
        low + ((u128::from(z) * width) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_between_the_ends_and_reaches_both() {
        let mut jitter = Jitter::new(7);
        let mut seen = [false; 5];
        for _ in 0..200 {
            seen[usize::try_from(jitter.between(10, 14) - 10).unwrap()] = true;
        }
        assert_eq!(seen, [true; 5]);
        assert_eq!((jitter.between(3, 3), jitter.between(3, 2)), (3, 3));
        assert!(jitter.between(0, u64::MAX) > 0);
    }
}
