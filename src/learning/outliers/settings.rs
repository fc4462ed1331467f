//! What a condition on a product's past can be told, and the limits that follow from it and from the number of products.
//!
//! # False alarms
//! Each day, `tests` products are tested by three methods. With limits at which one method on one quiet product is crossed
//! with probability `false_alarms_per_day / (3 * tests)`, the *expected number* of false alarms a day over all of them is at
//! most `false_alarms_per_day`, however they depend on each other: expectations add up (Spjøtvoll 1972, Annals of
//! Mathematical Statistics 43, "On the optimality of some multiple comparison procedures"; the per-family error rate of
//! Bonferroni's bound). It bounds openings of cases on products whose share does not change and whose days are
//! no more dispersed than their past; it does not bound the share of cases that are false, as online false discovery rates
//! (LORD, SAFFRON) do, whose answer for one product depends on the order of all others and so on retractions.

use serde::{Deserialize, Serialize};

use super::tails::{cusum_limit, normal_limit, normal_tail};

/// Settings of `product_drop`: when a product's negative share is far above its own past.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OutlierSettings {
    /// How many days of a product's past count; what is older counts as one sum, where the days have too few reviews.
    #[schemars(range(min = 14, max = 1000))]
    pub horizon_days: u32,
    /// How many of the newest days are looked at for lasting shifts, and are no part of the past they are compared with.
    #[schemars(range(min = 1, max = 500))]
    pub recent_days: u32,
    /// A product is tested while it has a review within so many days.
    #[schemars(range(min = 1, max = 28))]
    pub fresh_days: u32,
    /// Reviews that are compared at once: a day with fewer is put together with the days before it.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub min_reviews: u32,
    /// Negative reviews beyond those that its past lets expect, without which nothing fires: a handful of angry customers
    /// is none.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub min_excess: u32,
    /// As many are enough where no day counts for more than `daily_excess` of them: bad reviews on different days are no one
    /// angry family.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub spread_excess: u32,
    /// Negative reviews of one day that count towards `spread_excess`.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub daily_excess: u32,
    /// Reviews in a product's past without which it is not tested.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub min_past: u32,
    /// By how much the negative share must be up for anything to fire.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_rise: f64,
    /// Limit of the robust z (Iglewicz and Hoaglin 1993).
    #[schemars(range(min = 0.0, max = 100.0))]
    pub z: f64,
    /// Highest probability by chance at which a day fires, whatever the number of products.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub p: f64,
    /// False alarms a day, expected at most over all products.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub false_alarms_per_day: f64,
    /// Weight of the newest day in the exponentially weighted mean.
    #[schemars(range(min = 0.01, max = 1.0))]
    pub ewma_weight: f64,
    /// Lowest limit of that mean, in its standard deviations; with many products it is higher.
    #[schemars(range(min = 0.0, max = 40.0))]
    pub ewma_limit: f64,
    /// What a day must be up by to add to the cumulative sum, in its standard deviations.
    #[schemars(range(min = 0.01, max = 10.0))]
    pub cusum_slack: f64,
    /// Lowest limit of that sum, in standard deviations of a day; with many products it is higher.
    #[schemars(range(min = 0.0, max = 40.0))]
    pub cusum_limit: f64,
}

impl Default for OutlierSettings {
    fn default() -> Self {
        Self {
            horizon_days: 90,
            recent_days: 28,
            fresh_days: 3,
            min_reviews: 10,
            min_excess: 8,
            spread_excess: 5,
            daily_excess: 2,
            min_past: 30,
            min_rise: 0.05,
            z: 3.5,
            p: 0.001,
            false_alarms_per_day: 1.0,
            ewma_weight: 0.2,
            ewma_limit: 3.0,
            cusum_slack: 0.5,
            cusum_limit: 5.0,
        }
    }
}

/// Days that a series keeps beyond the horizon, so that a verdict on one of the last days is still exact.
const SPARE_DAYS: u32 = 7;

impl OutlierSettings {
    /// The first day that a series keeps apart on a day, which is that of the epoch.
    #[must_use]
    pub fn kept_from(&self, today: u32) -> u32 {
        today.saturating_sub(self.horizon_days.saturating_add(SPARE_DAYS))
    }

    /// The limits on a day on which so many products are tested. Until the day is over nobody knows how many they will be:
    /// give the number of products that had a verdict the day before, or, on a first day, that have a past.
    #[must_use]
    pub fn limits(&self, tests: u64) -> Limits {
        let rate = (self.false_alarms_per_day / (3 * tests.max(1)) as f64).min(0.5);
        let tail = rate.min(self.p);
        Limits {
            settings: self.clone(),
            tail,
            clear_tail: normal_tail(0.5 * normal_limit(tail)),
            ewma: self.ewma_limit.max(normal_limit(rate)),
            cusum: self.cusum_limit.max(cusum_limit(self.cusum_slack, rate)),
        }
    }
}

/// The limits of one day: firing beyond them, clear below half of them (of a probability: below half its normal deviate).
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// What they follow from.
    pub(super) settings: OutlierSettings,
    /// The probability below which a day fires, before [`Limits::tail_at`].
    tail: f64,
    /// The probability above which a day is clear.
    pub(super) clear_tail: f64,
    /// Limit of the exponentially weighted mean.
    pub(super) ewma: f64,
    /// Limit of the cumulative sum.
    pub(super) cusum: f64,
}

impl Limits {
    /// The probability below which a day fires that has `reviews` so far.
    ///
    /// A running day is looked at after every review. Lévy's inequality: that a sum crosses a bound anywhere up to its end is
    /// at most twice as likely as that it ends beyond it. So each doubling of the reviews is one look at half the level; the
    /// j-th has 1 / ((j + 1)(j + 2)) of it, which adds up to one.
    pub(super) fn tail_at(&self, reviews: u64) -> f64 {
        let doublings = (reviews / u64::from(self.settings.min_reviews).max(1)).max(1).ilog2();
        let j = f64::from(doublings);
        self.tail / (2.0 * (j + 1.0) * (j + 2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_rise_with_the_number_of_products() {
        let settings = OutlierSettings::default();
        let one = settings.limits(1);
        assert_eq!((one.tail, one.ewma, one.cusum), (0.001, 3.0, 5.0));
        let many = settings.limits(5_000);
        assert!((many.tail - 1.0 / 15_000.0).abs() < 1e-12);
        assert!((many.ewma - 3.82).abs() < 0.01, "{}", many.ewma);
        assert!((many.cusum - 7.76).abs() < 0.01, "{}", many.cusum);
    }

    #[test]
    fn looks_share_the_level() {
        let limits = OutlierSettings::default().limits(1);
        let shares: Vec<f64> =
            [3, 10, 19, 20, 79, 80].map(|n| limits.tail / limits.tail_at(n)).into_iter().collect();
        let expected = [4.0, 4.0, 4.0, 12.0, 24.0, 40.0];
        assert!(shares.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-9));
    }
}
