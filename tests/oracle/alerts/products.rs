//! How each product stands, worked out at every epoch in which its rows change from all of its live rows.
//!
//! Nobody is left out: that the step tells of products only from when they may open a case on must not be seen. The
//! statistics of a series have tests of their own and are asked of the crate; which reviews are in the series, of how many
//! products, on which day, and what follows from the verdict is worked out here.

use std::collections::{BTreeMap, BTreeSet};

use dirigent::learning::outliers::{
    Counts, Method, OutlierSettings, Series, Standing, Verdict, day_of, verdict,
};
use serde_json::{Value, json};

use super::super::fraction;
use super::rows::{Change, Level, Reading, Row, Rows};
use super::setting::Setting;

/// What an epoch tells of products, by id.
pub(crate) fn readings(setting: &Setting, change: &Change<'_>) -> BTreeMap<String, Reading> {
    let test: OutlierSettings = serde_json::from_value(setting.test.clone()).expect("settings of a test");
    let all: BTreeSet<&str> = change.after.values().map(|row| row.product_id.as_str()).collect();
    let limits = test.limits((all.len() as u64).max(1).next_power_of_two());
    let day = day_of(i64::try_from(change.epoch).expect("an epoch"));
    let stands = |rows: &Rows, product: &str| {
        let mut series = Series::named(product);
        for row in rows.values().filter(|row| row.product_id == product) {
            let ts = i64::try_from(row.ts).expect("a time");
            series.add(day_of(ts), Counts::of(row.negative, 1), test.kept_from(day));
        }
        verdict(&series, day, &limits)
    };
    let is_clear = |found: &Option<Verdict>| found.is_none_or(|found| found.standing == Standing::Clear);
    let negatives = |rows: &Rows, product: &str| {
        rows.values().filter(|row| row.product_id == product && row.negative).count()
    };
    let touched: BTreeSet<&str> =
        change.went().chain(change.came()).map(|row| row.product_id.as_str()).collect();
    let mut readings = BTreeMap::new();
    for product in touched {
        let found = stands(change.after, product);
        let fewer = negatives(change.after, product) < negatives(change.before, product);
        let mut new: Vec<&Row> = change
            .came()
            .filter(|row| row.product_id == product && row.negative && change.is_young(row, setting.max_age))
            .collect();
        let level = if fewer && is_clear(&found) && !is_clear(&stands(change.before, product)) {
            Level::Gone
        } else {
            match &found {
                Some(found) if found.standing == Standing::Clear => Level::Clear,
                Some(found) if found.standing == Standing::Firing && !new.is_empty() => Level::Firing,
                _ => continue,
            }
        };
        let mut reading = Reading::quiet(level, product);
        if let (Level::Firing, Some(found)) = (level, found) {
            new.sort_by_key(|row| (row.sentiment, row.review_id.clone()));
            new.truncate(5);
            reading = Reading { severity: "warning", evidence: evidence(&found, &new), ..reading };
        }
        readings.insert(product.to_owned(), reading);
    }
    readings
}

fn evidence(found: &Verdict, new: &[&Row]) -> Value {
    let share = |reviews: u64, negatives: u64| {
        let share = fraction::divide(i128::from(negatives) * 1_000_000, i128::from(reviews.max(1)));
        json!({ "reviews": reviews, "negative": negatives, "share": fraction::json(share) })
    };
    let version = |row: &&Row| {
        let model = row.line["model"]["sentiment"].as_str().expect("a model");
        model.rsplit_once('@').expect("a version").1.parse::<u64>().expect("a number")
    };
    let newest = new.iter().map(version).max().expect("a review");
    json!({
        "method": found.method.map(Method::as_str),
        "before": share(found.before.reviews, found.before.negatives),
        "after": share(found.after.reviews, found.after.negatives),
        "since": i64::from(found.since) * 86_400_000,
        "z": found.z.map(figure),
        "surprise": found.p.map(|p| figure(-p.max(f64::MIN_POSITIVE).log10())),
        "ewma": found.ewma.map(figure),
        "cusum": found.cusum.map(figure),
        "sentiment": null, "rating": null, "sections": [],
        "reviews": new.iter().map(|row| &row.review_id).collect::<Vec<_>>(),
        "model": { "sentiment": format!("sentiment@{newest}") },
    })
}

/// Six decimals of the digits that a reader of the number sees, halves to the even neighbour.
fn figure(value: f64) -> Value {
    // what has more zeros than digits fit is nothing
    let size = if value.abs() < 1e-9 { 0.0 } else { value.abs() };
    let (numerator, denominator) = fraction::decimal(&size.to_string()).expect("a plain decimal");
    let micro = fraction::divide(numerator * i128::from(fraction::ONE), denominator);
    fraction::json(if value < 0.0 { -micro } else { micro })
}

#[test]
fn figures_are_rounded_as_they_read() {
    assert_eq!(
        [3.119_562_5, -1.25, 0.000_001_5, 1e-20].map(figure),
        [3.119_562, -1.25, 0.000_002, 0.0].map(Value::from)
    );
}
