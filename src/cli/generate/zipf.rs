//! Ranks by the law of Zipf and Mandelbrot: rank k (from 0) is drawn in proportion to (k + 1 + q)^-s.
//!
//! Drawn by Walker's alias method in Vose's form: two look-ups a draw, however many ranks. The table is made with
//! IEEE additions, multiplications and `libm::pow`, which give the same bits everywhere, and holds its thresholds as
//! 32-bit integers; a rank's share is exact to 2^-32.

use super::random::Random;

/// A distribution over ranks.
#[derive(Debug, Clone)]
pub(super) struct Zipf {
    columns: Vec<(u32, u32)>,
}

impl Zipf {
    /// Over `ranks` (at least one) ranks, with exponent `s` and shift `q`.
    pub(super) fn new(ranks: usize, s: f64, q: f64) -> Self {
        let ranks = ranks.max(1);
        let weights: Vec<f64> = (0..ranks).map(|rank| libm::pow(rank as f64 + 1.0 + q, -s)).collect();
        let total: f64 = weights.iter().sum();
        let mut shares: Vec<f64> = weights.iter().map(|weight| weight / total * ranks as f64).collect();
        let mut columns: Vec<(u32, u32)> = (0..ranks as u32).map(|rank| (u32::MAX, rank)).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..ranks).partition(|&rank| shares[rank] < 1.0);
        // Every column that is too small is filled up by one that is too large; rounding may leave full ones over.
        while let (Some(&low), Some(&high)) = (small.last(), large.last()) {
            small.pop();
            columns[low] = ((shares[low] * f64::from(u32::MAX)) as u32, high as u32);
            shares[high] -= 1.0 - shares[low];
            if shares[high] < 1.0 {
                large.pop();
                small.push(high);
            }
        }
        Self { columns }
    }

    /// A rank, from 0.
    pub(super) fn draw(&self, random: &mut Random) -> usize {
        let column = random.index(self.columns.len());
        let (threshold, alias) = self.columns[column];
        if (random.next() >> 32) as u32 <= threshold { column } else { alias as usize }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_follow_the_law() {
        let zipf = Zipf::new(50, 1.1, 2.7);
        let mut random = Random::new(3);
        let mut counts = [0_u32; 50];
        for _ in 0..400_000 {
            counts[zipf.draw(&mut random)] += 1;
        }
        let total: f64 = (0..50).map(|rank| libm::pow(f64::from(rank) + 3.7, -1.1)).sum();
        for (rank, &count) in counts.iter().enumerate() {
            let expected = 400_000.0 * libm::pow(rank as f64 + 3.7, -1.1) / total;
            assert!(
                (f64::from(count) - expected).abs() < 6.0 * expected.sqrt(),
                "rank {rank}: {count} {expected}"
            );
        }
    }

    #[test]
    fn one_rank_is_always_drawn() {
        assert_eq!(Zipf::new(0, 1.0, 0.0).draw(&mut Random::new(1)), 0);
    }
}
