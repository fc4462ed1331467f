//! The score of a product from its accepted reviews, in whole numbers of 1e-6.

use serde_json::{Value, json};

use super::fraction::{self, ONE, divide};

/// What a review counts for.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    pub(crate) rating: Option<i64>,
    pub(crate) sentiment: i64,
    pub(crate) negative: bool,
}

/// Weight and value of the prior: m = 10, C = 3.5.
const PRIOR: (i128, i128) = (10, 3_500_000);

/// The row of a product that has at least one accepted review, without its `epoch`.
pub(crate) fn row(product_id: &str, shares: &[Share]) -> Value {
    let mean = |values: &[i64]| {
        let sum: i128 = values.iter().copied().map(i128::from).sum();
        (!values.is_empty()).then(|| fraction::json(divide(sum, values.len() as i128)))
    };
    let ratings: Vec<i64> = shares.iter().filter_map(|s| s.rating).collect();
    let sentiments: Vec<i64> = shares.iter().map(|s| s.sentiment).collect();
    let mut histogram = [0_u64; 5];
    for rating in &ratings {
        let star = (rating + ONE / 2) / ONE;
        histogram[usize::try_from(star - 1).expect("a star from 1 to 5")] += 1;
    }
    let negative = shares.iter().filter(|s| s.negative).count() as i128;
    let values: i128 = shares.iter().map(|s| i128::from(s.rating.unwrap_or(ONE + 4 * s.sentiment))).sum();
    let count = shares.len() as i128;
    json!({
        "product_id": product_id,
        "reviews": shares.len(),
        "ratings": ratings.len(),
        "rating_mean": mean(&ratings),
        "rating_histogram": histogram,
        "sentiment_mean": mean(&sentiments),
        "negative_share": fraction::json(divide(negative * i128::from(ONE), count)),
        "score": fraction::json(divide(PRIOR.0 * PRIOR.1 + values, PRIOR.0 + count)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_round_up_and_means_to_the_even_neighbour() {
        let share = |rating, sentiment, negative| Share { rating, sentiment, negative };
        let shares = [
            share(Some(4_500_000), 900_000, false),
            share(None, 250_000, true),
            share(Some(1_499_999), 1, true),
        ];
        let expected = json!({
            "product_id": "p", "reviews": 3, "ratings": 2,
            "rating_mean": 3.0, // 2.9999995, half to even
            "rating_histogram": [1, 0, 0, 0, 1],
            "sentiment_mean": 0.383334, // 1150001 / 3
            "negative_share": 0.666667,
            "score": 3.307692, // (35 + 4.5 + 2 + 1.499999) / 13
        });
        assert_eq!(row("p", &shares), expected);
    }

    #[test]
    fn means_of_nothing_are_null() {
        let row = row("p", &[Share { rating: None, sentiment: 500_000, negative: false }]);
        assert_eq!((row["rating_mean"].clone(), row["score"].clone()), (Value::Null, json!(3.454545)));
    }
}
