//! Small shifts that last: an exponentially weighted mean (Roberts 1959) and a cumulative sum (Page 1954) over the days
//! before the present one, each standardised by the share of its past and its number of reviews.
//!
//! Both are recomputed from the series, never carried on, so a retraction changes them as if the review had never been. Only
//! whole days count: what the present day has so far is looked at by the verdict's test of that day. A day counts with at most
//! [`CLIP`] deviations either way (Lucas and Crosier 1982, "Robust CUSUM"), so one bad day is no lasting shift.

use super::{
    past::{Past, Piece, pieces},
    settings::OutlierSettings,
};

/// Most that one day counts, in its standard deviations.
const CLIP: f64 = 3.0;

/// What the days before the present one add up to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lasting {
    /// The weighted mean in its own standard deviations.
    pub(super) ewma: f64,
    /// The cumulative sum in standard deviations of a day.
    pub(super) cusum: f64,
    /// Since when: the days on which the cumulative sum rose from 0 (Page's estimate of the change), or the last piece.
    pub(super) after: Piece,
}

impl Lasting {
    /// Both over the recent days before `day`; none where these have nothing to look at, or nothing fresh.
    pub(super) fn of(past: &Past, day: u32, settings: &OutlierSettings) -> Option<Self> {
        let whole_days = &past.recent[..past.recent.partition_point(|piece| piece.to < day)];
        let mut shares: Vec<Piece> = pieces(whole_days, settings.min_reviews.into()).collect();
        let newest = *shares.first().filter(|piece| piece.to + settings.fresh_days >= day)?;
        shares.reverse();
        let dispersion = past.dispersion();
        let weight = settings.ewma_weight;
        let (mut mean, mut variance, mut shared) = (0.0, 0.0, 0.0);
        let (mut cusum, mut after): (f64, Option<Piece>) = (0.0, None);
        for piece in shares {
            let before = past.before(&piece);
            let share = before.smoothed();
            let deviation = dispersion * (share * (1.0 - share) / piece.reviews as f64).sqrt();
            let off = ((piece.share() - share) / deviation).clamp(-CLIP, CLIP);
            // by how many of the piece's deviations the share of the past may itself be off
            let doubt = (piece.reviews as f64 / before.reviews as f64).sqrt();
            mean = (1.0 - weight) * mean + weight * off;
            variance = (1.0 - weight) * (1.0 - weight) * variance + weight * weight;
            shared = (1.0 - weight) * shared + weight * doubt;
            cusum += off - settings.cusum_slack - doubt;
            if cusum > 0.0 {
                after = Some(after.map_or(piece, |after| after.with(piece)));
            } else {
                (cusum, after) = (0.0, None);
            }
        }
        // days are independent of each other; the doubt about the past is the same in all of them
        let ewma = mean / (variance + shared * shared).sqrt();
        Some(Self { ewma, cusum, after: after.unwrap_or(newest) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::series::{Counts, Series};
    use super::*;

    /// A hundred days of 100 reviews with 10 negatives, and the last ones as given.
    fn lasting(last: &[i64]) -> Lasting {
        let mut series = Series::default();
        let end = 20_000 + last.len() as u32;
        for day in 19_900..20_000 {
            series.add(day, Counts { reviews: 100, negatives: 10 }, 0);
        }
        for (day, negatives) in (20_000..).zip(last) {
            series.add(day, Counts { reviews: 100, negatives: *negatives }, 0);
        }
        let settings = OutlierSettings::default();
        Lasting::of(&Past::of(&series, end, &settings).unwrap(), end, &settings).unwrap()
    }

    #[test]
    fn the_sums_by_hand() {
        // 63 days of past; smoothed share (10 * 63 + 0.5) / 6301; the days before the shift are at it, but for the half
        let reviews = |days: f64| 100.0 * days;
        let past = 63.0;
        let share = (10.0 * past + 0.5) / (reviews(past) + 1.0);
        let deviation = (share * (1.0 - share) / 100.0_f64).sqrt();
        let off = (0.16 - share) / deviation;
        let doubt = (1.0 / past).sqrt();
        let found = lasting(&[16, 16]);
        assert!((found.cusum - 2.0 * (off - 0.5 - doubt)).abs() < 1e-9, "{found:?}");
        assert_eq!((found.after.from, found.after.to, found.after.negatives), (20_000, 20_001, 32));
        let quiet = lasting(&[10, 10]);
        assert_eq!(quiet.cusum, 0.0);
        assert!(quiet.ewma.abs() < 0.02);
        assert_eq!(quiet.after.from, 20_001);
    }

    #[test]
    fn one_terrible_day_is_no_lasting_shift_and_a_week_of_bad_ones_is() {
        assert!(lasting(&[100]).cusum < CLIP);
        assert!(lasting(&[100, 10, 10]).ewma < 3.0);
        let week = lasting(&[17; 7]);
        assert!(week.cusum > 8.0 && week.ewma > 3.8, "{week:?}");
    }
}
