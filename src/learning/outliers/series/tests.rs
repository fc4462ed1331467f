//! Adding and taking away in any order, and what bytes it takes.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn of(days: impl IntoIterator<Item = (u32, i64, i64)>) -> Series {
    let mut series = Series::default();
    for (day, reviews, negatives) in days {
        series.add(day, Counts { reviews, negatives }, 0);
    }
    series
}

#[test]
fn the_bytes_are_those_documented() {
    assert_eq!(of([(3, 63, 2), (130, 1, 0)]).bytes[..], [0, 0, 0, 9, 3, 126, 1, 127, 2]);
    assert_eq!(of([(3, 63, 2), (3, -63, -2)]), Series::default());
}

#[test]
fn a_day_takes_two_bytes() {
    let whole = |series: &Series| size_of::<Series>() + series.allocated();
    let sizes = [1, 10, 60].map(|days| whole(&of((0..days).map(|day| (20_000 + day, 12, 2)))));
    assert_eq!(sizes, [16 + 8, 16 + 26, 16 + 126]);
}

#[test]
fn a_name_stays_whatever_comes_and_goes() {
    let mut series = Series::named("größe/1");
    for (day, reviews, negatives) in
        [(3, 63, 2), (130, 1, 0), (3, -62, -1), (3, -1, -1), (3, 900, 70), (3, -900, -70)]
    {
        series.add(day, Counts { reviews, negatives }, 0);
        assert_eq!(series.name(), "größe/1".as_bytes());
    }
    assert_eq!(series.days().collect::<Vec<_>>(), [(130, Counts { reviews: 1, negatives: 0 })]);
    assert!(!series.is_empty());
    series.add(130, Counts { reviews: -1, negatives: 0 }, 0);
    assert!(series.is_empty());
    assert_eq!(series, Series::named("größe/1"));
}

#[test]
fn an_entry_is_as_long_as_is_said() {
    for (distance, reviews, negatives) in [
        (1, 0, 0),
        (2, 63, 15),
        (127, 64, 16),
        (128, -64, -17),
        (20_000, 1 << 40, 1 << 39),
        (u32::MAX, i64::MAX >> 1, -1),
    ] {
        let (counts, mut entry) = (Counts { reviews, negatives }, Vec::new());
        put_day(&mut entry, distance, counts);
        assert_eq!(day_length(distance, counts), entry.len());
        let mut same = vec![0xFF; entry.len()];
        put_day(&mut Slots(same.iter_mut()), distance, counts);
        assert_eq!(same, entry);
    }
}

#[test]
fn on_a_shop_of_zipf_a_product_takes_less_than_100_bytes() {
    // a product of a rate below one has a review on one day in 1/rate, at most on the days of the horizon
    let harmonic: f64 = (1..=5_000).map(|rank| 1.0 / f64::from(rank)).sum();
    let bytes_a_product = |reviews_a_day: f64| {
        // of the table that they are in: each slot takes one byte more, and seven of eight are used at most
        let mut bytes = 8_192 * (size_of::<Series>() + 1);
        for rank in 1..=5_000 {
            let rate = reviews_a_day / harmonic / f64::from(rank);
            let every = (1.0 / rate).ceil() as usize;
            let reviews = rate.ceil() as i64;
            let mut series = Series::named(&format!("product-{rank:05}"));
            for day in (0..97).step_by(every) {
                series.add(20_000 + day, Counts { reviews, negatives: reviews / 8 }, 0);
            }
            series.add(0, Counts { reviews: 100 * reviews, negatives: 12 * reviews }, 19_000);
            bytes += series.allocated();
        }
        bytes / 5_000
    };
    assert_eq!([2_000.0, 20_000.0].map(bytes_a_product), [91, 210]);
}

#[test]
fn what_is_folded_is_still_taken_away_exactly() {
    let mut series = of([(10, 5, 2), (20, 7, 1)]);
    series.add(21, Counts::of(true, 1), 15);
    assert_eq!(series.older(), Counts { reviews: 5, negatives: 2 });
    series.add(10, Counts::of(true, -1), 15);
    assert_eq!(series.older(), Counts { reviews: 4, negatives: 1 });
    assert_eq!(series.days().map(|(day, _)| day).collect::<Vec<_>>(), [20, 21]);
}

proptest! {
    #[test]
    fn any_order_gives_the_same_bytes(
        changes in proptest::collection::vec((0_u32..40, any::<bool>(), -2_i64..3), 0..60),
        folds in proptest::collection::vec(0_u32..30, 60),
        last in 20_u32..30,
    ) {
        let (mut series, mut kept_from) = (Series::default(), 0);
        for ((day, negative, times), fold) in changes.iter().zip(&folds) {
            kept_from = kept_from.max(*fold).min(last);
            series.add(*day, Counts::of(*negative, *times), kept_from);
        }
        series.add(last, Counts::default(), last);
        let mut batch: BTreeMap<u32, Counts> = BTreeMap::new();
        let mut older = Counts::default();
        for (day, negative, times) in &changes {
            let sum = if *day < last { &mut older } else { batch.entry(*day).or_default() };
            *sum = sum.plus(Counts::of(*negative, *times));
        }
        batch.retain(|_, counts| *counts != Counts::default());
        prop_assert_eq!(series.older(), older);
        prop_assert_eq!(series.days().collect::<Vec<_>>(), batch.clone().into_iter().collect::<Vec<_>>());
        // the same contents, each at once and in order
        let mut ordered = Series::default();
        ordered.add(0, older, last);
        batch.into_iter().for_each(|(day, counts)| ordered.add(day, counts, last));
        prop_assert_eq!(series, ordered);
    }
}
