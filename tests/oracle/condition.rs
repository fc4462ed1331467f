//! A filter's condition, as the JSON that stands in the topology; it passes where it is true.

use serde_json::{Value, json};

use super::decode::Review;
use super::fraction;

/// Whether a version passes.
pub(crate) fn passes(condition: &Value, review: &Review) -> bool {
    let list = |name: &str| condition[name].as_array();
    if let Some(all) = list("all") {
        return all.iter().all(|c| passes(c, review));
    }
    if let Some(any) = list("any") {
        return any.iter().any(|c| passes(c, review));
    }
    if let Some(not) = condition.get("not") {
        return !passes(not, review);
    }
    let field = condition["field"].as_str().expect("a condition tests a field");
    let value = view(review)[field].clone();
    let (test, against) = condition
        .as_object()
        .and_then(|c| c.iter().find(|(name, _)| name.as_str() != "field"))
        .expect("a condition has a test");
    match test.as_str() {
        "eq" => same(&value, against),
        "ne" => !same(&value, against),
        "lt" => order(&value, against) == Some(std::cmp::Ordering::Less),
        "gt" => order(&value, against) == Some(std::cmp::Ordering::Greater),
        "in" => against.as_array().expect("a list").iter().any(|one| same(&value, one)),
        "matches" => {
            let pattern = regex::Regex::new(against.as_str().expect("a pattern")).expect("a pattern");
            value.as_str().is_some_and(|text| pattern.is_match(text))
        }
        other => panic!("no such test: {other}"),
    }
}

fn view(review: &Review) -> Value {
    json!({
        "review_id": review.review_id, "product_id": review.product_id, "user_id": review.user_id,
        "rating": review.rating.map(fraction::json), "title": review.title, "text": review.text,
        "lang": review.lang, "ts": review.ts, "verified": review.verified,
        "helpful_votes": review.helpful_votes, "source": review.source,
    })
}

fn same(value: &Value, against: &Value) -> bool {
    match (value.as_f64(), against.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => value == against,
    }
}

fn order(value: &Value, against: &Value) -> Option<std::cmp::Ordering> {
    match (value, against) {
        (Value::String(a), Value::String(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
        _ => value.as_f64()?.partial_cmp(&against.as_f64()?),
    }
}
