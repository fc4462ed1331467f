//! Lines, books, filters, model versions, and what the comparison must notice.

use serde_json::{Value, json};

use super::{BASE, delete, feedback, review, scene};
use crate::oracle::batch::{Score, Scores};
use crate::oracle::compare;

#[test]
fn labels_go_by_the_rounded_sentiment() {
    let lines = ["a", "b", "c", "d"].map(|id| review(id, "p", None, 1, id));
    let scene = scene(&lines, &[])
        .sentiment("a", 600_000)
        .sentiment("b", 599_999)
        .sentiment("c", 400_000)
        .sentiment("d", 400_001);
    let expected = [
        "10 a accepted positive",
        "10 b accepted neutral",
        "10 c accepted negative",
        "10 d accepted neutral",
    ];
    assert_eq!(scene.told(), expected);
}

#[test]
fn a_scored_line_has_every_field() {
    let mut line = review("r", "p", Some("u"), 1, "Gut");
    (line["rating"], line["lang"], line["ts"]) = (json!("4.50"), Value::Null, Value::Null);
    let first = review("q", "p", None, 3, "x");
    let scene = scene(&[first.clone(), line], &[]).sentiment("r", 123_456);
    let expected = json!({
        "review_id": "r", "product_id": "p", "user_id": "u", "rating": 4.5, "lang": "und", "ts": BASE + 4,
        "sentiment": 0.123456, "label": "negative", "labelled_by": null, "spam": null, "spam_reasons": null,
        "unsure": null, "status": "accepted", "of": null, "model": {"sentiment": "sentiment@0"},
        "filled": ["lang", "ts"], "epoch": BASE + 10,
        "origin": {"source": "reviews", "partition": 0, "offset": first.to_string().len() + 1},
    });
    assert_eq!(scene.expect().scored[1], expected);
}

#[test]
fn products_follow_every_change_and_end_in_a_tombstone() {
    let mut rated = review("r", "p", None, 1, "good");
    rated["rating"] = json!(5);
    let lines = [rated, review("s", "p", None, 2, "bad"), delete("r", 11), delete("s", 21)];
    let scene = scene(&lines, &[feedback("f", "s", Some("negative"), 12)]).sentiment("s", 250_000);
    let expected = [
        json!({
            "product_id": "p", "reviews": 2, "ratings": 1, "rating_mean": 5.0, "rating_histogram": [0, 0, 0, 0, 1],
            "sentiment_mean": 0.375, "negative_share": 0.5, "score": 3.5, "epoch": BASE + 10,
        }),
        json!({
            "product_id": "p", "reviews": 1, "ratings": 0, "rating_mean": null, "rating_histogram": [0, 0, 0, 0, 0],
            "sentiment_mean": 0.25, "negative_share": 1.0, "score": 3.363636, "epoch": BASE + 20,
        }),
        json!({"product_id": "p", "epoch": BASE + 30, "deleted": true}),
    ];
    assert_eq!(scene.expect().products, expected);
}

#[test]
fn dead_letters_stand_in_log_order_with_their_bytes() {
    let lines = [json!("{\"review_id\":"), review("r", "p", None, 1, "x"), json!("[ ]")];
    let given = [json!("  {\"review_id\":\"r\",\"label\":null} ")];
    let letter = |value: &str, topic: &str, offset: &str, by: &str, stage: &str, code: &str| {
        json!({"key": null, "value": value, "headers": {
            "__connect.errors.topic": topic, "__connect.errors.partition": "0", "__connect.errors.offset": offset,
            "__connect.errors.connector.name": by, "__connect.errors.stage": stage,
            "__connect.errors.exception.class.name": code,
        }})
    };
    let offset = (13 + 1 + lines[1].to_string().len() + 1).to_string();
    let expected = [
        letter(
            "  {\"review_id\":\"r\",\"label\":null} ",
            "feedback-0.jsonl",
            "0",
            "corrected",
            "validate",
            "missing_field",
        ),
        letter("{\"review_id\":", "reviews-0.jsonl", "0", "clean", "decode", "malformed_json"),
        letter("[ ]", "reviews-0.jsonl", &offset, "clean", "decode", "not_an_object"),
    ];
    let scene = scene(&lines, &given);
    assert_eq!(scene.expect().dead, expected);
    let mut raw = scene;
    raw.partitions[1].bytes = b"\xff\n".to_vec();
    let letter = &raw.expect().dead[1];
    assert_eq!((letter["value_base64"].clone(), letter.get("value")), (json!("/w=="), None));
}

#[test]
fn a_version_that_a_filter_refuses_goes_on_as_a_delete() {
    let german = |ts, text| {
        let mut line = review("r", "p", None, ts, text);
        line["lang"] = json!("de-AT");
        line
    };
    let lines = [
        german(1, "gut"),
        review("r", "p", None, 11, "good"),
        german(21, "gut"),
        review("r", "p", None, 31, "good"),
        german(32, "gut"),
        review("r", "p", None, 41, "good"),
        german(51, "gut"),
        delete("r", 52),
    ];
    let mut scene = scene(&lines, &[]);
    scene.setting.condition = Some(json!({"field": "lang", "eq": "en"}));
    let expected = ["20 r accepted neutral", "30 r gone", "50 r accepted neutral", "60 r gone"];
    assert_eq!(scene.told(), expected);
    let filtered = "dropped.filtered";
    let ends = [filtered, "applied", filtered, "superseded", filtered, "applied", filtered, "deleted"];
    assert_eq!(scene.ends("reviews"), ends);
}

#[test]
fn a_version_comes_of_every_epoch_that_changes_an_example() {
    let rated = |id: &str, ts, rating: i64, text: &str| {
        let mut line = review(id, "p", Some("u"), ts, text);
        line["rating"] = json!(rating);
        line
    };
    let version = |lines: &[Value], given: &[Value]| scene(lines, given).expect().version;
    assert_eq!(version(&[rated("r", 1, 3, "ok")], &[]), Some(0), "three stars teach nothing");
    assert_eq!(version(&[rated("r", 1, 4, "ok"), rated("r", 11, 5, "ok")], &[]), Some(1), "the same label");
    assert_eq!(version(&[rated("r", 1, 4, "ok"), rated("r", 11, 1, "ok")], &[]), Some(2));
    assert_eq!(version(&[rated("r", 1, 4, "ok"), delete("r", 11)], &[]), Some(2), "a removal publishes too");
    assert_eq!(
        version(&[rated("r", 1, 4, "ok"), rated("s", 11, 4, "ok")], &[]),
        Some(1),
        "a duplicate is no example"
    );
    assert_eq!(version(&[rated("r", 1, 4, "ok"), rated("r", 11, 4, "OK")], &[]), None, "it cannot be told");
    let neutral = [feedback("f", "r", Some("neutral"), 11), feedback("g", "r", Some("positive"), 21)];
    assert_eq!(version(&[rated("r", 1, 4, "ok"), review("x", "p", None, 22, "x")], &neutral), Some(3));
}

#[test]
fn a_wrong_model_version_or_a_missing_score_is_a_complaint() {
    let mut first = review("r", "p", None, 1, "good");
    first["rating"] = json!(5);
    let scene = scene(&[first, review("s", "p", None, 11, "x")], &[]);
    let expected = scene.expect();
    let mut scores: Scores = expected
        .arrived
        .iter()
        .map(|(version, newest)| {
            let model = json!({ "sentiment": format!("sentiment@{}", newest.expect("it can be told")) });
            (version.clone(), Score { sentiment: 500_000, model })
        })
        .collect();
    let complaints = |scores: &Scores| compare::versions(scores, &expected).len();
    assert_eq!(complaints(&scores), 0);
    assert_eq!(complaints(&Scores::new()), 2);
    for score in scores.values_mut() {
        score.sentiment = 700_000;
    }
    assert_eq!(complaints(&scores), 1, "r has version 0, which knows nothing");
    for score in scores.values_mut() {
        *score = Score { sentiment: 500_000, model: json!({ "sentiment": "sentiment@0" }) };
    }
    assert_eq!(complaints(&scores), 1, "s comes after version 1");
}

#[test]
fn the_discipline_notices_every_breach() {
    let row = |epoch: i64, key: &str, n: i64| json!({"review_id": key, "epoch": epoch, "n": n});
    let gone = |epoch: i64, key: &str| json!({"review_id": key, "epoch": epoch, "deleted": true});
    let faults = |lines: &[Value]| compare::discipline("review_id", lines).len();
    assert_eq!(faults(&[row(1, "a", 1), row(1, "b", 1), row(2, "a", 2), gone(3, "a"), row(4, "a", 2)]), 0);
    assert_eq!(faults(&[row(1, "b", 1), row(1, "a", 1)]), 1, "keys out of order");
    assert_eq!(faults(&[row(2, "a", 1), row(1, "b", 1)]), 1, "epochs out of order");
    assert_eq!(faults(&[row(1, "a", 1), row(1, "a", 2)]), 1, "twice in an epoch");
    assert_eq!(faults(&[row(1, "a", 1), row(2, "a", 1)]), 1, "nothing changed");
    assert_eq!(faults(&[gone(1, "a")]), 1, "never there");
    assert_eq!(faults(&[row(1, "a", 1), gone(2, "a"), gone(3, "a")]), 1, "gone already");
}
