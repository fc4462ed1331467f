//! The order of reviews and retractions does not matter, and verdicts on histories made by hand.

use proptest::prelude::*;

use super::super::{Counts, Method, OutlierSettings, Series, Share, Standing, fires, verdict};

const DAY: u32 = 20_000;

/// A hundred days of 20 reviews with 1, 2 or 3 negatives, and then a day.
fn history(reviews: i64, negatives: i64) -> Series {
    let mut series = Series::default();
    for day in DAY - 100..DAY {
        series.add(day, Counts { reviews: 20, negatives: 1 + i64::from(day % 3) }, 0);
    }
    series.add(DAY, Counts { reviews, negatives }, 0);
    series
}

#[test]
fn a_terrible_day_fires_and_a_bad_one_is_between() {
    let limits = OutlierSettings::default().limits(1_000);
    let found = |negatives| verdict(&history(20, negatives), DAY, &limits).unwrap();
    let terrible = found(12);
    assert_eq!((terrible.standing, terrible.method), (Standing::Firing, Some(Method::RobustZ)));
    // 63 days of past; their shares are 0.05, 0.1 and 0.15 in equal parts: median 0.1, MAD 0.05
    assert!((terrible.z.unwrap() - 0.6745 * 0.5 / 0.05).abs() < 1e-9);
    assert_eq!(terrible.before, Share { reviews: 63 * 20, negatives: terrible.before.negatives });
    assert!((120..=128).contains(&terrible.before.negatives));
    assert_eq!((terrible.after, terrible.since), (Share { reviews: 20, negatives: 12 }, DAY));
    assert!(terrible.p.unwrap() < 1e-6);
    assert_eq!(found(7).standing, Standing::Between);
    assert_eq!((found(2).standing, found(0).standing), (Standing::Clear, Standing::Clear));
}

#[test]
fn without_spread_the_exact_tail_decides() {
    let limits = OutlierSettings::default().limits(1_000);
    let mut series = Series::default();
    for day in DAY - 100..DAY {
        series.add(day, Counts { reviews: 20, negatives: 2 }, 0);
    }
    series.add(DAY, Counts { reviews: 20, negatives: 12 }, 0);
    let found = verdict(&series, DAY, &limits).unwrap();
    assert_eq!((found.standing, found.method, found.z), (Standing::Firing, Some(Method::ExactTail), None));
}

#[test]
fn without_a_past_or_fresh_reviews_nothing_is_tested() {
    let limits = OutlierSettings::default().limits(1);
    let mut new = Series::default();
    new.add(DAY, Counts { reviews: 50, negatives: 50 }, 0);
    assert_eq!(verdict(&new, DAY, &limits), None);
    let old = history(20, 12);
    assert!(verdict(&old, DAY + 2, &limits).is_some());
    assert_eq!(verdict(&old, DAY + 3, &limits), None);
}

#[test]
fn the_first_reviews_of_a_day_are_judged_with_those_of_the_day_before() {
    let limits = OutlierSettings::default().limits(1_000);
    let mut series = history(20, 12);
    series.add(DAY + 1, Counts { reviews: 2, negatives: 0 }, 0);
    let found = verdict(&series, DAY + 1, &limits).unwrap();
    assert_eq!((found.standing, found.after), (Standing::Firing, Share { reviews: 22, negatives: 12 }));
    series.add(DAY + 1, Counts { reviews: 8, negatives: 0 }, 0);
    assert_eq!(verdict(&series, DAY + 1, &limits).unwrap().after, Share { reviews: 10, negatives: 0 });
}

/// 900 reviews on 90 days, nearly all good, and then ten on the last ten days, with so many negatives on each.
fn after_good_days(negatives: [i64; 10]) -> Series {
    let mut series = Series::default();
    for day in DAY - 100..DAY - 10 {
        series.add(day, Counts { reviews: 10, negatives: i64::from(day % 45 == 0) }, 0);
    }
    for (day, negatives) in (DAY - 9..).zip(negatives) {
        series.add(day, Counts { reviews: 1.max(negatives), negatives }, 0);
    }
    series
}

#[test]
fn negatives_of_many_days_weigh_more_than_those_of_one() {
    let limits = OutlierSettings::default().limits(1_000);
    let found = |negatives| verdict(&after_good_days(negatives), DAY, &limits).unwrap();
    let spread = found([1, 0, 1, 1, 0, 1, 1, 1, 0, 1]);
    assert_eq!((spread.standing, spread.after), (Standing::Firing, Share { reviews: 10, negatives: 7 }));
    // five of one family, and two others
    let crowd = found([0, 0, 0, 0, 0, 1, 0, 1, 0, 5]);
    assert_eq!((crowd.standing, crowd.after.negatives), (Standing::Between, 7));
    // a day that is bad enough by itself needs no other one
    assert_eq!(found([0, 0, 0, 0, 0, 0, 0, 0, 0, 9]).standing, Standing::Firing);
    let few = OutlierSettings { spread_excess: 8, ..OutlierSettings::default() }.limits(1_000);
    let seven = after_good_days([1, 0, 1, 1, 0, 1, 1, 1, 0, 1]);
    assert_eq!(verdict(&seven, DAY, &few).unwrap().standing, Standing::Between);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_order_of_reviews_and_retractions_gives_the_verdict_on_what_is_left(
        days in proptest::collection::vec((0_u32..110, any::<bool>(), 1_i64..9), 0..250),
        gone in proptest::collection::vec((0_u32..110, any::<bool>(), 1_i64..9), 0..100),
        order in any::<u64>(),
        tests in 1_u64..10_000,
    ) {
        let settings = OutlierSettings::default();
        let limits = settings.limits(tests);
        let at = |day: u32| DAY - 109 + day;
        let mut batch = Series::default();
        for (day, negative, times) in &days {
            batch.add(at(*day), Counts::of(*negative, *times), 0);
        }
        let mut changes: Vec<(u32, Counts)> = Vec::new();
        for (day, negative, times) in days.iter().chain(&gone) {
            changes.push((at(*day), Counts::of(*negative, *times)));
        }
        for (day, negative, times) in &gone {
            changes.push((at(*day), Counts::of(*negative, -times)));
        }
        changes.sort_by_key(|(day, counts)| {
            (u64::from(*day) ^ counts.reviews as u64 ^ order).wrapping_mul(order | 1) >> 7
        });
        // the epoch's day goes on while they come
        let mut streamed = Series::default();
        let count = changes.len().max(1);
        for (n, (day, counts)) in changes.into_iter().enumerate() {
            let today = at(0) + (110 * n / count) as u32;
            streamed.add(day, counts, settings.kept_from(today));
        }
        for day in [DAY, DAY - 3] {
            let found = verdict(&streamed, day, &limits);
            prop_assert_eq!(found, verdict(&batch, day, &limits));
            // what fires with many products is looked at
            let fired = found.is_some_and(|found| found.standing == Standing::Firing);
            prop_assert!(!fired || fires(&streamed, day, &settings.limits(1)));
        }
    }
}
