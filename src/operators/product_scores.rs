//! `product_scores`: exact running figures of every product over its accepted live reviews.
//!
//! Accumulators are integers of 1e-6, so adding and retracting are exact and order does not matter. A row is published
//! when a figure that is printed differs from what was published; a product without accepted reviews is forgotten.

use std::sync::Arc;

use hashbrown::HashTable;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    counted::counted,
    registry::{Demand, EdgeType, Operator, Output, OutputType, Port, Settings, StateFormat, parse},
    row::Scored,
    wiring::{Edge, Step, Wiring},
};
use crate::{
    engine::{
        Epoch,
        edge::{AsCollection, Update, updates},
        keyed::{EpochStep, Keeps, keyed, runs},
    },
    records::{
        Sentiment,
        number::{MICRO, ratio_micro, round_micro},
        render::ProductFigures,
    },
};

/// Settings of `product_scores`: `score = (m*C + sum of value) / (m + reviews)`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProductScoresSettings {
    /// Weight of the prior, in reviews.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub m: f64,
    /// The prior's value, in stars.
    #[serde(rename = "C")]
    #[schemars(range(min = 1.0, max = 5.0))]
    pub c: f64,
}

impl Default for ProductScoresSettings {
    fn default() -> Self {
        Self { m: 10.0, c: 3.5 }
    }
}

/// The registry entry.
pub const OPERATOR: Operator = Operator {
    name: "product_scores",
    summary: "Keeps count, mean, histogram, sentiment and score of every product right through edits and deletes, in fixed point.",
    settings: Settings::of::<ProductScoresSettings>(),
    ports: &[Port { name: "reviews", accepts: &[EdgeType::ScoredTable], many: false, optional: false }],
    outputs: &[Output { name: None, edge: OutputType::Fixed(EdgeType::ProductTable) }],
    state: Some(StateFormat { id: "products", version: 1 }),
    inserts: false,
    scores: false,
    learns: None,
    escalates: None,
    demand: |_| Demand::default(),
    build,
};

fn build<'s>(wiring: &mut Wiring<'s>, step: &Step<'_>, mut inputs: Vec<Vec<Edge<'s>>>) -> Vec<Edge<'s>> {
    let settings: ProductScoresSettings = parse(step.settings).unwrap_or_default();
    let Some(Edge::Scored(table)) = inputs.swap_remove(0).pop() else { return Vec::new() };
    let scores = ProductScores {
        prior: Prior { weight: round_micro(settings.m), value: round_micro(settings.c) },
        products: HashTable::new(),
        bytes: 0,
        order: Vec::new(),
    };
    let route = |(row, _, _): &Update<Scored>| row.review.head().product_hash >> 32;
    vec![Edge::Products(keyed(updates(table), step.id, route, counted(wiring, step, scores)).as_collection())]
}

/// What a product without reviews is taken for: `m` reviews of value `C`, both in 1e-6.
#[derive(Clone, Copy, Debug)]
struct Prior {
    weight: i64,
    value: i64,
}

/// Sums over the accepted live reviews of a product; fractions in 1e-6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    reviews: i64,
    ratings: i64,
    rating: i64,
    histogram: [i64; 5],
    sentiment: i64,
    negative: i64,
    value: i64,
}

impl Sums {
    /// Adds a row, or takes it away.
    fn add(&mut self, row: &Scored, diff: i64) {
        let head = row.review.head();
        let (sentiment, rating) = (i64::from(head.sentiment), i64::from(head.rating));
        self.reviews += diff;
        self.sentiment += diff * sentiment;
        self.negative += diff * i64::from(row.effective_label() == Sentiment::Negative);
        if rating > 0 {
            self.ratings += diff;
            self.rating += diff * rating;
            // the nearest star, halves up
            let star = ((rating + MICRO / 2) / MICRO).clamp(1, 5) as usize;
            self.histogram[star - 1] += diff;
            self.value += diff * rating;
        } else {
            self.value += diff * (MICRO + 4 * sentiment);
        }
    }

    /// The figures that are published; `None` without reviews.
    fn figures(&self, prior: Prior) -> Option<ProductFigures> {
        if self.reviews == 0 {
            return None;
        }
        let mean = |sum: i64, n: i64| {
            (n > 0).then(|| ratio_micro(i128::from(sum), i128::from(n) * i128::from(MICRO)))
        };
        let million = i128::from(MICRO);
        // weight * value is in 1e-12: everything in that unit over reviews in 1e-6
        let numerator = i128::from(prior.weight) * i128::from(prior.value) + i128::from(self.value) * million;
        let denominator = (i128::from(prior.weight) + i128::from(self.reviews) * million) * million;
        Some(ProductFigures {
            reviews: self.reviews.unsigned_abs(),
            ratings: self.ratings.unsigned_abs(),
            rating_mean: mean(self.rating, self.ratings),
            rating_histogram: self.histogram.map(i64::unsigned_abs),
            sentiment_mean: mean(self.sentiment, self.reviews),
            negative_share: mean(self.negative * MICRO, self.reviews),
            score: ratio_micro(numerator, denominator),
        })
    }
}

/// A live row of the table of product scores.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProductRow {
    /// The product.
    pub product_id: Arc<str>,
    /// Its figures.
    pub figures: ProductFigures,
}

struct Product {
    hash: u64,
    id: Arc<str>,
    sums: Sums,
}

struct ProductScores {
    prior: Prior,
    products: HashTable<Product>,
    /// Bytes of their ids.
    bytes: usize,
    order: Vec<(u64, u32)>,
}

impl EpochStep<Update<Scored>, Update<ProductRow>> for ProductScores {
    fn close(
        &mut self,
        epoch: Epoch,
        rows: &mut Vec<Update<Scored>>,
        give: &mut dyn FnMut(Update<ProductRow>),
    ) {
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        let counts = rows.iter().zip(0..).filter(|((row, _, diff), _)| row.accepted() && *diff != 0);
        order.extend(counts.map(|((row, _, _), n)| (row.review.head().product_hash, n)));
        order.sort_unstable();
        for run in runs(&mut order, |o| o.0) {
            let product = |n: u32| rows[n as usize].0.review.product_bytes();
            // equal hashes of different products must not be taken for one
            if run.iter().any(|o| product(o.1) != product(run[0].1)) {
                run.sort_by(|a, b| product(a.1).cmp(product(b.1)));
            }
            for one in runs(run, |o| product(o.1)) {
                self.product(epoch, one.iter().map(|(_, n)| &rows[*n as usize]), give);
            }
        }
        self.order = order;
    }

    fn keeps(&self) -> Option<Keeps> {
        Some(Keeps { rows: self.products.len(), bytes: self.products.allocation_size() + self.bytes })
    }
}

/// Bytes of the allocation of an id: two counts of references, and the text.
fn allocated(id: &Arc<str>) -> usize {
    (2 * size_of::<usize>() + id.len()).next_multiple_of(align_of::<usize>())
}

impl ProductScores {
    fn product<'a>(
        &mut self,
        epoch: Epoch,
        mut changes: impl Iterator<Item = &'a Update<Scored>>,
        give: &mut dyn FnMut(Update<ProductRow>),
    ) {
        let Some(first) = changes.next() else { return };
        let (hash, id) = (first.0.review.head().product_hash, first.0.review.product());
        let entry = self.products.entry(hash, |p| p.hash == hash && *p.id == *id, |p| p.hash);
        let bytes = &mut self.bytes;
        let mut entry = entry.or_insert_with(|| {
            let id = id.into();
            *bytes += allocated(&id);
            Product { hash, id, sums: Sums::default() }
        });
        let product = entry.get_mut();
        let before = product.sums;
        for (row, _, diff) in std::iter::once(first).chain(changes) {
            product.sums.add(row, *diff as i64);
        }
        let product_id = Arc::clone(&product.id);
        let after = product.sums;
        if after.reviews == 0 {
            self.bytes -= allocated(&product_id);
            entry.remove();
        }
        let (before, after) = (before.figures(self.prior), after.figures(self.prior));
        if before != after {
            let mut change = |figures: Option<ProductFigures>, diff| {
                if let Some(figures) = figures {
                    give((ProductRow { product_id: Arc::clone(&product_id), figures }, epoch, diff));
                }
            };
            change(before, -1);
            change(after, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIOR: Prior = Prior { weight: 10_000_000, value: 3_500_000 };

    #[test]
    fn the_prior_counts_as_reviews() {
        let sums = Sums {
            reviews: 2,
            ratings: 1,
            rating: 4_000_000,
            histogram: [0, 0, 0, 1, 0],
            sentiment: 1_250_000,
            negative: 1,
            value: 4_000_000 + 2_000_000,
        };
        let figures = sums.figures(PRIOR).expect("two reviews");
        // (35 + 6) / 12
        assert_eq!(
            (figures.score, figures.rating_mean, figures.sentiment_mean, figures.negative_share),
            (3_416_667, Some(4_000_000), Some(625_000), Some(500_000))
        );
    }

    #[test]
    fn nothing_is_published_without_reviews() {
        assert_eq!(Sums::default().figures(PRIOR), None);
    }
}
