//! What a product's days say before anything is tested: its reviews in pieces of enough of them, and the past that they are
//! compared with.
//!
//! A piece is a day with `min_reviews`, or the shortest run of days, counted back from its end, that has as many: so a
//! product with few reviews is tested too, and a day that has just begun is not judged by its first review. Pieces are
//! counted back from the day of the verdict and are a function of the series alone.

use super::{
    series::{Counts, Series},
    settings::OutlierSettings,
};

/// Days of the same weekday that make a season.
const WEEKS: u64 = 8;
/// Pieces without which median and spread say nothing.
const PIECES: usize = 14;
/// The chi-square statistic with six degrees of freedom that is exceeded once in a thousand.
const SEASON: f64 = 22.46;

/// Reviews of some days, and the negative ones.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Piece {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) reviews: u64,
    pub(super) negatives: u64,
}

impl Piece {
    /// A day's counts; none where retractions leave nothing.
    fn of(day: u32, counts: Counts) -> Option<Self> {
        let reviews = u64::try_from(counts.reviews).ok().filter(|reviews| *reviews > 0)?;
        let negatives = u64::try_from(counts.negatives).unwrap_or(0).min(reviews);
        Some(Self { from: day, to: day, reviews, negatives })
    }

    /// Both together.
    pub(super) fn with(self, other: Self) -> Self {
        Self {
            from: self.from.min(other.from),
            to: self.to.max(other.to),
            reviews: self.reviews + other.reviews,
            negatives: self.negatives + other.negatives,
        }
    }

    /// Negatives in a review.
    pub(super) fn share(&self) -> f64 {
        self.negatives as f64 / self.reviews as f64
    }

    /// The share with half a negative and half another review more: never 0 or 1.
    pub(super) fn smoothed(&self) -> f64 {
        (self.negatives as f64 + 0.5) / (self.reviews as f64 + 1.0)
    }

    fn weekday(&self) -> Option<usize> {
        (self.from == self.to).then_some(self.from as usize % 7)
    }
}

/// Pieces of at least `least` reviews, from the newest day back; `days` ascend. What is left at the beginning is none.
pub(super) fn pieces(days: &[Piece], least: u64) -> impl Iterator<Item = Piece> + '_ {
    let mut days = days.iter().rev();
    std::iter::from_fn(move || {
        let mut piece = *days.next()?;
        while piece.reviews < least {
            piece = piece.with(*days.next()?);
        }
        Some(piece)
    })
}

/// What a product is compared with.
#[derive(Debug)]
pub(super) struct Past {
    /// The days of the verdict's window, in order.
    pub(super) recent: Vec<Piece>,
    /// All that counts as past.
    whole: Piece,
    /// The days within the horizon before the recent ones.
    days: Vec<Piece>,
    /// By weekday, where the weekdays differ.
    weekdays: Option<[Piece; 7]>,
    least: u64,
}

impl Past {
    /// The past of a product on a day; none where it is too short.
    pub(super) fn of(series: &Series, day: u32, settings: &OutlierSettings) -> Option<Self> {
        let from = day.saturating_sub(settings.horizon_days);
        let until = (day + 1).saturating_sub(settings.recent_days);
        let mut older = series.older();
        let mut days = Vec::new();
        for (known, counts) in series.days().take_while(|(known, _)| *known <= day) {
            if known < from {
                older = older.plus(counts);
            } else {
                days.extend(Piece::of(known, counts));
            }
        }
        let recent = days.split_off(days.partition_point(|piece| piece.to < until));
        let sum = |days: &[Piece]| days.iter().copied().reduce(Piece::with);
        let least = u64::from(settings.min_past);
        let mut whole = sum(&days);
        if whole.is_none_or(|whole| whole.reviews < least) {
            whole = whole.into_iter().chain(Piece::of(from, older)).reduce(Piece::with);
        }
        let whole = whole.filter(|whole| whole.reviews >= least)?;
        let weekdays = weekdays(&days);
        Some(Self { recent, whole, days, weekdays, least: settings.min_reviews.into() })
    }

    /// What a piece is compared with: where weekdays differ the same ones, mixed as its reviews are, else all.
    pub(super) fn before(&self, piece: &Piece) -> Piece {
        let Some(weekdays) = &self.weekdays else { return self.whole };
        if let Some(weekday) = piece.weekday() {
            return weekdays[weekday];
        }
        let (mut reviews, mut share) = (0.0, 0.0);
        let days = self.days.iter().chain(&self.recent);
        for day in days.filter(|day| piece.from <= day.from && day.to <= piece.to) {
            let weight = day.reviews as f64 / piece.reviews as f64;
            let same = weekdays[day.from as usize % 7];
            reviews += weight * same.reviews as f64;
            share += weight * same.share();
        }
        Piece { reviews: reviews as u64, negatives: (share * reviews) as u64, ..self.whole }
    }

    /// How many negatives the recent days of a piece have beyond so many on each of them.
    pub(super) fn crowded(&self, piece: &Piece, daily: u64) -> u64 {
        let days = self.recent.iter().filter(|day| piece.from <= day.from && day.to <= piece.to);
        days.map(|day| day.negatives.saturating_sub(daily)).sum()
    }

    /// The robust z of a piece's share: 0.6745 (x - median) / MAD over the shares of what it is compared with (Iglewicz and
    /// Hoaglin 1993, How to Detect and Handle Outliers). None with too few of them, without spread, and where weekdays differ
    /// and the piece is of more than one.
    pub(super) fn robust_z(&self, piece: &Piece) -> Option<f64> {
        let (mut shares, enough): (Vec<f64>, usize) = if self.weekdays.is_some() {
            let weekday = piece.weekday()?;
            let same = self.days.iter().filter(|day| day.weekday() == Some(weekday));
            (same.filter(|day| day.reviews >= self.least).map(Piece::share).collect(), WEEKS as usize)
        } else {
            (pieces(&self.days, self.least).map(|piece| piece.share()).collect(), PIECES)
        };
        if shares.len() < enough {
            return None;
        }
        let middle = median(&mut shares);
        shares.iter_mut().for_each(|share| *share = (*share - middle).abs());
        let spread = median(&mut shares);
        (spread > 0.0).then(|| 0.6745 * (piece.share() - middle) / spread)
    }

    /// By how much the days of the past spread more than binomial ones would: the root of Pearson's chi-square over its
    /// degrees of freedom (McCullagh and Nelder 1989, Generalized Linear Models, 4.5), not below 1.
    pub(super) fn dispersion(&self) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for piece in pieces(&self.days, self.least) {
            let share = self.before(&piece).smoothed();
            let off = piece.share() - share;
            sum += off * off * piece.reviews as f64 / (share * (1.0 - share));
            count += 1.0;
        }
        if count < PIECES as f64 { 1.0 } else { (sum / (count - 1.0)).max(1.0).sqrt() }
    }
}

/// The sums of the seven weekdays, where each has reviews on at least eight days and their shares differ by more than chance
/// explains.
fn weekdays(days: &[Piece]) -> Option<[Piece; 7]> {
    let (mut sums, mut counts) = ([Piece::default(); 7], [0; 7]);
    for day in days {
        let weekday = day.from as usize % 7;
        sums[weekday] = if counts[weekday] == 0 { *day } else { sums[weekday].with(*day) };
        counts[weekday] += 1;
    }
    if counts.iter().any(|count| *count < WEEKS) {
        return None;
    }
    let whole = sums.into_iter().reduce(Piece::with)?;
    let share = whole.smoothed();
    let chi_square: f64 = sums
        .iter()
        .map(|sum| {
            let off = sum.negatives as f64 - share * sum.reviews as f64;
            off * off / (share * (1.0 - share) * sum.reviews as f64)
        })
        .sum();
    (chi_square > SEASON).then_some(sums)
}

/// The middle of some numbers, of two the mean. They get sorted.
fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    let half = numbers.len() / 2;
    if numbers.len().is_multiple_of(2) { 0.5 * (numbers[half - 1] + numbers[half]) } else { numbers[half] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(day: u32, reviews: u64, negatives: u64) -> Piece {
        Piece { from: day, to: day, reviews, negatives }
    }

    fn series(days: impl IntoIterator<Item = (u32, i64, i64)>) -> Series {
        let mut series = Series::default();
        for (day, reviews, negatives) in days {
            series.add(day, Counts { reviews, negatives }, 0);
        }
        series
    }

    #[test]
    fn pieces_are_counted_back_until_there_are_enough() {
        let days = [piece(1, 9, 1), piece(2, 4, 0), piece(4, 12, 3), piece(6, 3, 1), piece(7, 8, 2)];
        let found: Vec<Piece> = pieces(&days, 10).collect();
        let first = Piece { from: 6, to: 7, reviews: 11, negatives: 3 };
        assert_eq!(found, [first, days[2], Piece { from: 1, to: 2, reviews: 13, negatives: 1 }]);
    }

    #[test]
    fn the_robust_z_by_hand() {
        // fifteen days of 20 reviews: 7 with 1 negative, 1 with 2, 7 with 4: median 0.1; off by 0, seven times 0.05, seven
        // times 0.1: MAD 0.05
        let counts = [1, 1, 1, 1, 1, 1, 1, 2, 4, 4, 4, 4, 4, 4, 4];
        let history = series((0..).zip(counts).map(|(day, negatives)| (1_000 + day, 20, negatives)));
        let settings = OutlierSettings { recent_days: 1, ..OutlierSettings::default() };
        let past = Past::of(&history, 1_015, &settings).unwrap();
        let z = past.robust_z(&piece(1_015, 20, 8)).unwrap();
        assert!((z - 0.6745 * 0.3 / 0.05).abs() < 1e-12, "{z}");
        let even = Past::of(&series((0..20).map(|day| (1_000 + day, 20, 2))), 1_020, &settings).unwrap();
        assert_eq!(even.robust_z(&piece(1_020, 20, 20)), None, "no spread");
        assert_eq!(even.dispersion(), 1.0);
    }

    #[test]
    fn weekdays_are_apart_where_they_differ() {
        let mondays = |negatives: i64| {
            series((0..70).map(|day| (700 + day, 20, if day % 7 == 0 { negatives } else { 2 })))
        };
        let settings = OutlierSettings { recent_days: 7, ..OutlierSettings::default() };
        let day = 700 + 69;
        let seasonal = Past::of(&mondays(8), day, &settings).unwrap();
        assert_eq!(seasonal.before(&piece(700, 1, 1)).share(), 0.4);
        assert_eq!(seasonal.before(&piece(701, 1, 1)).share(), 0.1);
        // half a monday, half a tuesday, of the last two weeks
        let mixed = Piece { from: 763, to: 764, reviews: 40, negatives: 10 };
        assert_eq!(seasonal.before(&mixed).share(), 0.25);
        assert_eq!(seasonal.robust_z(&mixed), None);
        let even = Past::of(&mondays(3), day, &settings).unwrap();
        assert_eq!(even.before(&piece(700, 1, 1)), even.before(&piece(701, 1, 1)));
    }

    #[test]
    fn a_short_past_is_filled_with_what_is_older() {
        let settings = OutlierSettings::default();
        let mut history = series([(10_000, 40, 4), (10_200, 10, 1), (10_250, 10, 9)]);
        let past = Past::of(&history, 10_250, &settings).unwrap();
        assert_eq!((past.before(&past.recent[0]).reviews, past.recent.len()), (50, 1));
        history.add(10_000, Counts { reviews: -20, negatives: -2 }, 10_100);
        history.add(10_000, Counts { reviews: -10, negatives: -1 }, 10_100);
        assert!(Past::of(&history, 10_250, &settings).is_none(), "20 reviews are too few");
    }
}
