//! One generated product as it goes through its days, watched by our rule after every negative review and by a plain rule of
//! three standard deviations at the end of each day.

use super::{
    super::{Counts, Limits, OutlierSettings, Series, Standing, Verdict, verdict},
    random::Random,
};

/// The first day that is judged; the days before it are history.
pub(super) const FIRST: u32 = 20_000;

/// What both rules said on one day.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Day {
    pub(super) reviews: u64,
    pub(super) negatives: u64,
    /// Whether our rule tested the product.
    pub(super) tested: bool,
    /// Reviews of the day until our rule fired.
    pub(super) fired_after: Option<u64>,
    /// Whether the plain rule fired.
    pub(super) plain: bool,
}

/// A product: reviews expected on a day, and the share of negative ones on it.
pub(super) struct Product<R, S> {
    pub(super) rate: R,
    pub(super) share: S,
    series: Series,
    /// The shares of the days with at least ten reviews, for the plain rule.
    shares: Vec<f64>,
    settings: OutlierSettings,
}

impl<R: Fn(u32) -> f64, S: Fn(u32) -> f64> Product<R, S> {
    /// A product with 100 days of history.
    pub(super) fn new(rate: R, share: S, random: &mut Random) -> Self {
        let mut product = Self {
            rate,
            share,
            series: Series::default(),
            shares: Vec::new(),
            settings: OutlierSettings::default(),
        };
        for day in FIRST - 100..FIRST {
            product.day(day, None, 0, random);
        }
        product
    }

    /// One more day, with so many angry customers besides; without limits it is history.
    pub(super) fn day(&mut self, day: u32, limits: Option<&Limits>, angry: u64, random: &mut Random) -> Day {
        let usual = random.poisson((self.rate)(day));
        let share = (self.share)(day);
        let mut found = Day { reviews: usual + angry, ..Day::default() };
        // what is not judged is added in one go
        let mut waiting = Counts::default();
        for review in 0..found.reviews {
            // the angry ones come one after the other, in the middle of the day
            let negative = (usual / 2..usual / 2 + angry).contains(&review) || random.chance(share);
            waiting = waiting.plus(Counts::of(negative, 1));
            found.negatives += u64::from(negative);
            if let Some(limits) = limits.filter(|_| negative && found.fired_after.is_none()) {
                self.series.add(day, std::mem::take(&mut waiting), self.settings.kept_from(day));
                let verdict = self.verdict(day, limits);
                found.tested |= verdict.is_some();
                let fires = verdict.is_some_and(|verdict| verdict.standing == Standing::Firing);
                found.fired_after = fires.then_some(review + 1);
            }
        }
        self.series.add(day, waiting, self.settings.kept_from(day));
        found.plain = self.plain(&found);
        found
    }

    pub(super) fn verdict(&self, day: u32, limits: &Limits) -> Option<Verdict> {
        verdict(&self.series, day, limits)
    }

    /// Above the mean of the last 28 days by more than three times their standard deviation; days of ten reviews or more.
    fn plain(&mut self, day: &Day) -> bool {
        if day.reviews < 10 {
            return false;
        }
        let share = day.negatives as f64 / day.reviews as f64;
        let last = &self.shares[self.shares.len().saturating_sub(28)..];
        let n = last.len() as f64;
        let mean = last.iter().sum::<f64>() / n;
        let variance = last.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
        let fires = last.len() >= 14 && share > mean + 3.0 * variance.sqrt();
        self.shares.push(share);
        fires
    }
}
