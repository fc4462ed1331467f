//! Histograms with fixed bounds, cheap enough for a value a record: it is counted in a local [`Tally`], and the tally goes
//! into the shared [`Histogram`] once a chunk or an epoch, one relaxed addition for each bucket that counted anything.
//!
//! Sums are integers of 1e-6, so they do not depend on the order of additions. A scrape may fall between the additions of
//! one tally: its buckets are then a few values apart, and the count is always that of the buckets.

use std::sync::atomic::{AtomicU64, Ordering};

/// Values counted on one thread.
#[derive(Clone, Debug)]
pub struct Tally {
    bounds: &'static [f64],
    counts: Vec<u64>,
    /// In 1e-6.
    sum: u64,
}

impl Tally {
    /// Counts a value `n` times. It is not negative, and is rounded to six decimals in the sum.
    pub fn observe(&mut self, value: f64, n: u64) {
        self.counts[self.bounds.partition_point(|bound| *bound < value)] += n;
        self.sum += (value * 1e6 + 0.5) as u64 * n;
    }
}

/// How many values lie below which bound.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One more than there are bounds: what lies above all of them.
    counts: Vec<AtomicU64>,
    /// In 1e-6.
    sum: AtomicU64,
}

/// A histogram at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// The sum of all values.
    pub sum: f64,
    /// How many there are.
    pub count: u64,
    /// By upper bound, the last one infinite: how many lie between it and the bound before.
    pub buckets: Vec<(f64, u64)>,
}

impl Histogram {
    /// An empty histogram; `bounds` ascend, and a value that equals one lies below it.
    #[must_use]
    pub fn new(bounds: &'static [f64]) -> Self {
        Self {
            bounds,
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
        }
    }

    /// An empty tally for it.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally { bounds: self.bounds, counts: vec![0; self.counts.len()], sum: 0 }
    }

    /// Adds what was counted, and empties the tally.
    pub fn add(&self, tally: &mut Tally) {
        for (shared, counted) in self.counts.iter().zip(&mut tally.counts) {
            if *counted > 0 {
                shared.fetch_add(std::mem::take(counted), Ordering::Relaxed);
            }
        }
        self.sum.fetch_add(std::mem::take(&mut tally.sum), Ordering::Relaxed);
    }

    /// What it holds now.
    #[must_use]
    pub fn distribution(&self) -> Distribution {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        Distribution {
            sum: self.sum.load(Ordering::Relaxed) as f64 / 1e6,
            count: buckets.iter().map(|(_, count)| count).sum(),
            buckets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_below_the_bound_it_equals() {
        let histogram = Histogram::new(&[0.5, 1.0]);
        let mut tally = histogram.tally();
        for (value, n) in [(0.25, 1), (0.5, 2), (0.75, 3), (7.0, 4)] {
            tally.observe(value, n);
        }
        histogram.add(&mut tally);
        histogram.add(&mut tally);
        let found = histogram.distribution();
        assert_eq!(found.buckets, [(0.5, 3), (1.0, 3), (f64::INFINITY, 4)]);
        assert_eq!((found.count, found.sum), (10, 0.25 + 1.0 + 2.25 + 28.0));
    }
}
