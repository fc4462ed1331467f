//! A product's score, keyed by `product_id`: a function of its accepted live reviews alone.
//!
//! Means are null where there is nothing to average. `score` is the Bayesian mean
//! `(m * C + sum of value) / (m + reviews)`, value being the stars or, without any, `1 + 4 * sentiment`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a product's accepted reviews add up to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "ProductScore")]
pub struct ProductScore {
    /// Names the product; the key.
    pub product_id: String,
    /// Accepted reviews.
    pub reviews: u64,
    /// Those with stars.
    pub ratings: u64,
    /// Mean of the stars, to six decimals.
    pub rating_mean: Option<f64>,
    /// How many reviews have 1, 2, 3, 4, 5 stars; halves go up.
    pub rating_histogram: [u64; 5],
    /// Mean probability of positive, to six decimals.
    pub sentiment_mean: Option<f64>,
    /// Share of the reviews whose label is negative, to six decimals.
    pub negative_share: Option<f64>,
    /// Bayesian mean, to six decimals.
    pub score: f64,
    /// The epoch that published this.
    pub epoch: u64,
}
