//! A product score's line.

use serde::{Deserialize, Serialize};

use super::json::{integer, micro, optional, put, string};

/// The fields of a [`ProductScore`](crate::records::ProductScore).
#[derive(Clone, Copy, Debug)]
pub struct ProductView<'a> {
    /// Names the product.
    pub product_id: &'a str,
    /// What is published of it.
    pub figures: ProductFigures,
    /// The epoch that publishes this.
    pub epoch: u64,
}

/// The published figures of a product. Fractions are in units of 1e-6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProductFigures {
    /// Accepted reviews.
    pub reviews: u64,
    /// Those with stars.
    pub ratings: u64,
    /// Mean of the stars.
    pub rating_mean: Option<i64>,
    /// How many have 1 to 5 stars.
    pub rating_histogram: [u64; 5],
    /// Mean probability of positive.
    pub sentiment_mean: Option<i64>,
    /// Share of negative labels.
    pub negative_share: Option<i64>,
    /// Bayesian mean.
    pub score: i64,
}

/// Appends a product score.
pub fn product_score(view: &ProductView<'_>, out: &mut Vec<u8>) {
    let figures = &view.figures;
    put(out, "{\"product_id\":");
    string(out, view.product_id);
    put(out, ",\"reviews\":");
    integer(out, figures.reviews);
    put(out, ",\"ratings\":");
    integer(out, figures.ratings);
    put(out, ",\"rating_mean\":");
    optional(out, figures.rating_mean, micro);
    put(out, ",\"rating_histogram\":[");
    for (index, count) in figures.rating_histogram.into_iter().enumerate() {
        put(out, if index == 0 { "" } else { "," });
        integer(out, count);
    }
    put(out, "],\"sentiment_mean\":");
    optional(out, figures.sentiment_mean, micro);
    put(out, ",\"negative_share\":");
    optional(out, figures.negative_share, micro);
    put(out, ",\"score\":");
    micro(out, figures.score);
    put(out, ",\"epoch\":");
    integer(out, view.epoch);
    put(out, "}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::written;
    use super::*;
    use crate::records::ProductScore;
    use crate::records::number::micro_to_f64;

    proptest! {
        #[test]
        fn product_scores_are_as_serde_writes_them(
            product_id in any::<String>(),
            counts in any::<[u64; 8]>(),
            means in proptest::collection::vec(proptest::option::of(0_i64..=5_000_000), 3),
            score in 0_i64..=5_000_000,
        ) {
            let figures = ProductFigures {
                reviews: counts[0],
                ratings: counts[1],
                rating_mean: means[0],
                rating_histogram: [counts[2], counts[3], counts[4], counts[5], counts[6]],
                sentiment_mean: means[1],
                negative_share: means[2],
                score,
            };
            let view = ProductView { product_id: &product_id, figures, epoch: counts[7] };
            let record = ProductScore {
                product_id: product_id.clone(),
                reviews: figures.reviews,
                ratings: figures.ratings,
                rating_mean: figures.rating_mean.map(micro_to_f64),
                rating_histogram: figures.rating_histogram,
                sentiment_mean: figures.sentiment_mean.map(micro_to_f64),
                negative_share: figures.negative_share.map(micro_to_f64),
                score: micro_to_f64(score),
                epoch: view.epoch,
            };
            prop_assert_eq!(written(|out| product_score(&view, out)), serde_json::to_string(&record).unwrap());
        }
    }
}
