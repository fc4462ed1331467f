//! Seeded random numbers (SplitMix64).

pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to below 1.
    pub(super) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// How many reviews come on a day on which `mean` are expected: Poisson, by the product of uniform numbers.
    pub(super) fn poisson(&mut self, mean: f64) -> u64 {
        let (mut count, mut rest) = (0, mean);
        // in parts, so that the exponential does not vanish
        while rest > 0.0 {
            let part = rest.min(30.0);
            let (limit, mut product) = (libm::exp(-part), self.uniform());
            while product > limit {
                count += 1;
                product *= self.uniform();
            }
            rest -= part;
        }
        count
    }
}
