//! Whether a product is far worse than its own past, and the figures that say so.
//!
//! Three tests, any of which fires: the newest reviews (the robust z beyond its limit *and* a share too high for chance; the
//! latter alone where the past is short or has no spread), an exponentially weighted mean, a cumulative sum. Two thresholds:
//! beyond its limit a test fires, below half of it, it is clear; a product is clear where all its tests are. Only a high share
//! counts, a product that gets better is clear.
//!
//! A verdict is a function of the series, the day and the limits: no state, so the order of reviews, retractions and earlier
//! verdicts do not matter. The day may lie up to a week before the newest one a series was folded on.

use super::{
    lasting::Lasting,
    past::{Past, Piece, pieces},
    series::Series,
    settings::Limits,
    tails::binomial_tail,
};

/// How a product stands against its past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Every test is below half its limit.
    Clear,
    /// Neither clear nor firing: what is, stays.
    Between,
    /// A test is beyond its limit.
    Firing,
}

/// The test that fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// The robust z of the newest reviews, with their exact tail.
    RobustZ,
    /// The exact tail of the newest reviews alone.
    ExactTail,
    /// The exponentially weighted mean.
    Ewma,
    /// The cumulative sum.
    Cusum,
}

impl Method {
    /// The name in evidence.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RobustZ => "robust_z",
            Self::ExactTail => "exact_tail",
            Self::Ewma => "ewma",
            Self::Cusum => "cusum",
        }
    }
}

/// Reviews of some days, and the negative ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Accepted reviews.
    pub reviews: u64,
    /// Those whose label is negative.
    pub negatives: u64,
}

impl From<Piece> for Share {
    fn from(piece: Piece) -> Self {
        Self { reviews: piece.reviews, negatives: piece.negatives }
    }
}

/// How a product stands, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// How it stands.
    pub standing: Standing,
    /// The first test that fired, in the order of [`Method`].
    pub method: Option<Method>,
    /// What it is compared with.
    pub before: Share,
    /// The newest reviews; where only a lasting shift fires, those since it began.
    pub after: Share,
    /// The first day of `after`.
    pub since: u32,
    /// The robust z of the newest reviews.
    pub z: Option<f64>,
    /// The probability by chance of at least as many negatives among the newest reviews; none where there are not more than
    /// before.
    pub p: Option<f64>,
    /// The exponentially weighted mean, in its standard deviations.
    pub ewma: Option<f64>,
    /// The cumulative sum, in standard deviations of a day.
    pub cusum: Option<f64>,
}

/// How a product stands on a day; none where it is not tested: its past is too short, it has too few recent reviews, or none
/// within `fresh_days`. That says nothing about an open case, and opens none.
#[must_use]
pub fn verdict(series: &Series, day: u32, limits: &Limits) -> Option<Verdict> {
    let settings = &limits.settings;
    let past = Past::of(series, day, settings)?;
    past.recent.last().filter(|newest| newest.to + settings.fresh_days > day)?;
    let newest = pieces(&past.recent, settings.min_reviews.into()).next()?;
    let present = Present::of(&past, newest, limits);
    let lasting = Lasting::of(&past, day, settings);

    let method = present.fires.or_else(|| {
        let lasting = lasting.filter(|lasting| serious(&past, &lasting.after, limits))?;
        let ewma = (lasting.ewma > limits.ewma).then_some(Method::Ewma);
        ewma.or((lasting.cusum > limits.cusum).then_some(Method::Cusum))
    });
    let low = |lasting: Lasting| {
        rise(&past, &lasting.after) < 0.5 * settings.min_rise
            || (lasting.ewma < 0.5 * limits.ewma && lasting.cusum < 0.5 * limits.cusum)
    };
    let standing = match method {
        Some(_) => Standing::Firing,
        None if present.clear && lasting.is_none_or(low) => Standing::Clear,
        None => Standing::Between,
    };
    let after = match (method, lasting) {
        (Some(Method::Ewma | Method::Cusum), Some(lasting)) => lasting.after,
        _ => newest,
    };
    Some(Verdict {
        standing,
        method,
        before: past.before(&after).into(),
        after: after.into(),
        since: after.from,
        z: present.z,
        p: present.p,
        ewma: lasting.map(|lasting| lasting.ewma),
        cusum: lasting.map(|lasting| lasting.cusum),
    })
}

/// Whether a verdict may fire, of all that can be asked the cheapest first: most products have too few negatives of late.
/// With the limits of one product it is so wherever the verdict fires with those of many.
#[must_use]
pub fn fires(series: &Series, day: u32, limits: &Limits) -> bool {
    let settings = &limits.settings;
    let until = (day + 1).saturating_sub(settings.recent_days);
    let recent = series.days().filter(|(known, _)| (until..=day).contains(known));
    let negatives: i64 = recent.map(|(_, counts)| counts.negatives.max(0)).sum();
    negatives >= i64::from(settings.min_excess.min(settings.spread_excess))
        && verdict(series, day, limits).is_some_and(|found| found.standing == Standing::Firing)
}

/// By how much a share is up.
fn rise(past: &Past, piece: &Piece) -> f64 {
    piece.share() - past.before(piece).smoothed()
}

/// Whether a share is up by enough, with enough negatives, for anybody to be called.
///
/// Negatives of one day may have one cause that is no fault of the product (a parcel service, a dispute with one family): they are
/// a cluster, and add less than as many independent ones (Kish 1965, Survey Sampling, 8.2: the design effect). So fewer are
/// enough where a day counts for `daily_excess` of them at most.
fn serious(past: &Past, piece: &Piece, limits: &Limits) -> bool {
    let settings = &limits.settings;
    let rise = rise(past, piece);
    if rise < settings.min_rise {
        return false;
    }
    let excess = rise * piece.reviews as f64;
    let crowded = past.crowded(piece, settings.daily_excess.into());
    excess >= f64::from(settings.min_excess) || excess - crowded as f64 >= f64::from(settings.spread_excess)
}

/// The newest reviews against the past.
struct Present {
    z: Option<f64>,
    p: Option<f64>,
    fires: Option<Method>,
    clear: bool,
}

impl Present {
    fn of(past: &Past, piece: Piece, limits: &Limits) -> Self {
        let before = past.before(&piece);
        let limit = limits.settings.z;
        let z = past.robust_z(&piece);
        // the tail is the costly part, and only a share above the past can have a small one
        let above = rise(past, &piece) > 0.0;
        let tail = || binomial_tail(piece.negatives, piece.reviews, before.negatives, before.reviews);
        let p = above.then(tail);
        let clear = rise(past, &piece) < 0.5 * limits.settings.min_rise
            || z.is_some_and(|z| z < 0.5 * limit)
            || p.is_none_or(|p| p > limits.clear_tail);
        let beyond = p.is_some_and(|p| p <= limits.tail_at(piece.reviews));
        let fires = beyond && z.is_none_or(|z| z > limit) && serious(past, &piece, limits);
        let method = if z.is_some() { Method::RobustZ } else { Method::ExactTail };
        Self { z, p, fires: fires.then_some(method), clear }
    }
}
