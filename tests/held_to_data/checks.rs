//! What must hold of the outputs of a run, worked out anew from the rows and from one another.

use std::collections::BTreeMap;

use serde_json::Value;

use super::oracle::decode::{self, Read, Review};
use super::oracle::products::{self, Share};
use super::oracle::{fraction, text};
use super::run::Outcome;

/// Recomputes the score of every product from the final scored reviews.
pub(crate) fn check_products(outcome: &Outcome) {
    let micro = |value: &Value| value.as_f64().map(|number| (number * 1e6).round() as i64);
    let mut shares: BTreeMap<String, Vec<Share>> = BTreeMap::new();
    for row in outcome.state("scored.jsonl", "review_id").values().filter(|row| row["status"] == "accepted") {
        let share = Share {
            rating: micro(&row["rating"]),
            sentiment: micro(&row["sentiment"]).expect("a sentiment"),
            negative: row["label"] == "negative",
        };
        shares.entry(row["product_id"].as_str().expect("a product").to_owned()).or_default().push(share);
    }
    let found = outcome.state("products.jsonl", "product_id");
    assert!(found.keys().eq(shares.keys()), "the products are not those of accepted reviews");
    for (product, shares) in &shares {
        let expected = products::row(product, shares);
        for (field, value) in expected.as_object().expect("a row") {
            let same = match (value.as_f64(), found[product][field].as_f64()) {
                (Some(a), Some(b)) => a == b,
                _ => *value == found[product][field],
            };
            assert!(same, "{product}: {field} should be {value}, is {}", found[product]);
        }
    }
}

/// The live reviews of a file of upserts and deletes: the last version of each.
pub(crate) fn last_versions(lines: &[String]) -> BTreeMap<String, Review> {
    let mut live = BTreeMap::new();
    for line in lines {
        match decode::review(line.as_bytes()).expect("real rows are good").read {
            Read::Upsert(review) => live.insert(review.review_id.clone(), *review),
            Read::Delete { review_id, .. } => live.remove(&review_id),
            Read::Feedback(_) => unreachable!("a review"),
        };
    }
    live
}

/// Holds the final scored reviews to the rows: who is live, with what, and which is a duplicate of which.
pub(crate) fn check_live(outcome: &Outcome, live: &BTreeMap<String, Review>) -> usize {
    let found = outcome.state("scored.jsonl", "review_id");
    assert!(found.keys().eq(live.keys()), "other reviews are live");
    let group = |review: &Review| {
        let words = text::normalised(review.title.as_deref(), review.text.as_deref());
        review.user_id.clone().map(|user| (review.product_id.clone(), user, words))
    };
    let mut first: BTreeMap<_, (Option<i64>, &str)> = BTreeMap::new();
    for (id, review) in live {
        let Some(group) = group(review) else { continue };
        let place = first.entry(group).or_insert((review.ts, id));
        *place = (*place).min((review.ts, id));
    }
    let mut duplicates = 0;
    for (id, review) in live {
        let row = &found[id];
        let of = group(review).map(|group| first[&group].1).filter(|first| *first != id);
        duplicates += usize::from(of.is_some());
        assert_eq!(row["of"].as_str(), of, "{id}");
        assert_eq!(row["status"], if of.is_some() { "duplicate" } else { "accepted" }, "{id}");
        assert_eq!(row["product_id"], review.product_id.as_str(), "{id}");
        assert_eq!(row["user_id"].as_str(), review.user_id.as_deref(), "{id}");
        assert_eq!(
            row["rating"].as_f64(),
            review.rating.and_then(|micro| fraction::json(micro).as_f64()),
            "{id}"
        );
        assert_eq!(row["ts"].as_i64(), review.ts, "{id}");
        assert_eq!(row["lang"], review.lang.as_str(), "{id}");
    }
    duplicates
}
