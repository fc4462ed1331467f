//! Small cases with what must come of them written out by hand: they test the oracle, without the binary.
//!
//! Times are [`BASE`] and a few milliseconds; with a tick of 10 ms a `ts` of `BASE + 5` comes in epoch `BASE + 10`,
//! which [`Scene::told`] shortens to `10`.

use serde_json::{Value, json};

use super::batch::{self, Expected, Score, Scores, Setting};
use super::compare;
use super::decode::Read;
use super::log::{self, Kind, Partition};

/// The smallest number that is read as milliseconds.
const BASE: i64 = 100_000_000_000;

struct Scene {
    setting: Setting,
    partitions: Vec<Partition>,
    sentiments: Vec<(&'static str, i64)>,
}

/// A case with one file of reviews and one of feedback, a tick of 10 ms.
fn scene(reviews: &[Value], feedback: &[Value]) -> Scene {
    let setting = Setting { tick: 10, epoch_records: 1000, label_wait: None, condition: None };
    Scene { setting, partitions: Vec::new(), sentiments: Vec::new() }
        .file("feedback", Kind::Feedback, feedback)
        .file("reviews", Kind::Review, reviews)
}

impl Scene {
    /// Adds a file; a string among its lines stands for itself.
    fn file(mut self, source: &'static str, kind: Kind, lines: &[Value]) -> Self {
        let raw = |line: &Value| line.as_str().map_or_else(|| line.to_string(), str::to_owned);
        let bytes = lines.iter().map(|line| raw(line) + "\n").collect::<String>().into_bytes();
        let index = self.partitions.iter().filter(|p| p.source == source).count() as u64;
        let path = format!("{source}-{index}.jsonl");
        self.partitions.push(Partition { source, kind, index, path, bytes });
        self
    }

    /// Every version of this review has this sentiment, in units of 1e-6; others 0.5.
    fn sentiment(mut self, review_id: &'static str, sentiment: i64) -> Self {
        self.sentiments.push((review_id, sentiment));
        self
    }

    fn expect(&self) -> Expected {
        let model = json!({ "sentiment": "sentiment@0" });
        let mut scores = Scores::new();
        for entry in log::entries(&self.partitions, self.setting.tick, self.setting.epoch_records) {
            if let Ok(Read::Upsert(review)) = entry.read.map(|line| line.read) {
                let told = self.sentiments.iter().find(|(id, _)| *id == review.review_id);
                let sentiment = told.map_or(500_000, |(_, sentiment)| *sentiment);
                scores.insert((review.review_id, entry.origin), Score { sentiment, model: model.clone() });
            }
        }
        batch::expect(&self.setting, &self.partitions, &scores)
    }

    /// The scored lines in short: `epoch key status/of label/labelled_by`, or `epoch key gone`.
    fn told(&self) -> Vec<String> {
        let or = |value: &Value| value.as_str().map_or(String::new(), |s| format!("/{s}"));
        let short = |line: &Value| {
            let epoch = line["epoch"].as_i64().expect("an epoch") - BASE;
            let key = line["review_id"].as_str().expect("a key");
            if line.get("deleted").is_some() {
                return format!("{epoch} {key} gone");
            }
            let (status, label) = (line["status"].as_str(), line["label"].as_str());
            let (status, label) = (status.expect("a status"), label.expect("a label"));
            format!("{epoch} {key} {status}{} {label}{}", or(&line["of"]), or(&line["labelled_by"]))
        };
        self.expect().scored.iter().map(short).collect()
    }

    /// How each record of a source's first file ended.
    fn ends(&self, source: &str) -> Vec<String> {
        let ledger = self.expect().ledger;
        let log = log::entries(&self.partitions, self.setting.tick, self.setting.epoch_records);
        let mut offsets: Vec<u64> =
            log.iter().filter(|e| e.origin.0 == source && e.origin.1 == 0).map(|e| e.origin.2).collect();
        offsets.sort_unstable();
        offsets.into_iter().map(|at| ledger.end(source, 0, at).unwrap_or("nowhere").to_owned()).collect()
    }
}

fn review(review_id: &str, product_id: &str, user_id: Option<&str>, ts: i64, text: &str) -> Value {
    json!({
        "review_id": review_id, "product_id": product_id, "user_id": user_id, "ts": BASE + ts, "text": text,
        "lang": "en",
    })
}

fn delete(review_id: &str, ts: i64) -> Value {
    json!({ "review_id": review_id, "op": "delete", "ts": BASE + ts })
}

fn feedback(feedback_id: &str, review_id: &str, label: Option<&str>, ts: i64) -> Value {
    json!({ "feedback_id": feedback_id, "review_id": review_id, "label": label, "ts": BASE + ts })
}

#[test]
fn an_edit_with_an_older_time_wins() {
    let scene = scene(&[review("r", "p", None, 10, "good"), review("r", "p", None, 3, "bad")], &[]);
    assert_eq!(scene.told(), ["10 r accepted neutral"]);
    assert_eq!(scene.ends("reviews"), ["superseded", "applied"]);
    assert_eq!(scene.expect().scored[0]["ts"], json!(BASE + 3));
}

#[test]
fn an_equal_version_changes_nothing() {
    let mut again = review("r", "p", None, 10, "<b>good</b>");
    let lines = [review("r", "p", None, 10, "good"), review("x", "p", None, 20, "x"), again.clone()];
    let told = scene(&lines, &[]);
    assert_eq!(told.told(), ["10 r accepted neutral", "20 x accepted neutral"]);
    assert_eq!(told.ends("reviews"), ["applied", "applied", "dropped.unchanged"]);
    again["helpful_votes"] = json!(0);
    let told = scene(&[lines[0].clone(), lines[1].clone(), again], &[]);
    assert_eq!(told.ends("reviews"), ["applied", "applied", "applied"], "helpful_votes counts too");
    assert_eq!(told.told()[1..], ["20 r accepted neutral", "20 x accepted neutral"]);
}

#[test]
fn equality_is_judged_against_the_epoch_before() {
    let first = review("r", "p", None, 10, "good");
    let lines = [first.clone(), review("r", "p", None, 20, "bad"), delete("r", 20), first];
    let scene = scene(&lines, &[]);
    assert_eq!(scene.told(), ["10 r accepted neutral"]);
    assert_eq!(scene.ends("reviews"), ["applied", "superseded", "superseded", "dropped.unchanged"]);
    assert_eq!(scene.expect().scored[0]["origin"], json!({"source": "reviews", "partition": 0, "offset": 0}));
}

#[test]
fn deletes_first_and_twice_are_unknown() {
    let lines = [
        delete("r", 1),
        review("r", "p", None, 11, "good"),
        delete("r", 21),
        delete("r", 31),
        review("r", "p", None, 41, "good"),
    ];
    let scene = scene(&lines, &[]);
    assert_eq!(scene.told(), ["20 r accepted neutral", "30 r gone", "50 r accepted neutral"]);
    assert_eq!(
        scene.ends("reviews"),
        ["dropped.unknown", "applied", "deleted", "dropped.unknown", "applied"]
    );
}

#[test]
fn what_comes_and_goes_within_an_epoch_was_never_there() {
    let scene =
        scene(&[review("r", "p", None, 1, "good"), delete("r", 2), review("s", "p", None, 3, "x")], &[]);
    assert_eq!(scene.told(), ["10 s accepted neutral"]);
    assert_eq!(scene.ends("reviews"), ["superseded", "dropped.unknown", "applied"]);
}

#[test]
fn a_refused_edit_leaves_the_version_before_it() {
    let mut wrong = review("r", "p", None, 11, "bad");
    wrong["rating"] = json!("4/5");
    let scene = scene(&[review("r", "p", None, 1, "good"), wrong], &[]);
    assert_eq!(scene.told(), ["10 r accepted neutral"]);
    assert_eq!(scene.ends("reviews"), ["applied", "dead_letter.invalid_field"]);
}

#[test]
fn the_partition_comes_before_the_offset_in_log_order() {
    let scene = scene(&[review("r", "p", None, 5, "one"), review("x", "p", None, 15, "later")], &[]).file(
        "reviews",
        Kind::Review,
        &[review("r", "p", None, 4, "two"), review("x", "p", None, 6, "earlier")],
    );
    assert_eq!(scene.ends("reviews"), ["superseded", "applied"], "file 1 comes after file 0 in an epoch");
    let lines = scene.expect().scored;
    let at = |i: usize| (lines[i]["review_id"].clone(), lines[i]["origin"]["partition"].clone());
    assert_eq!(lines.len(), 3);
    assert_eq!([at(0), at(1)], [(json!("r"), json!(1)), (json!("x"), json!(1))]);
    assert_eq!((at(2), lines[2]["ts"].clone()), ((json!("x"), json!(0)), json!(BASE + 15)));
}

#[test]
fn the_first_of_a_group_is_by_time_and_then_by_id() {
    let lines = [
        review("b", "p", Some("u"), 9, "Gut"),
        review("a", "p", Some("u"), 9, "GUT"),
        review("c", "p", Some("u"), 5, "gut"),
        review("d", "p", Some("v"), 5, "gut"),
        review("e", "q", Some("u"), 5, "gut"),
        review("f", "p", None, 1, "gut"),
        review("g", "p", None, 1, "gut"),
        delete("c", 15),
        delete("a", 25),
    ];
    let expected = [
        "10 a duplicate/c neutral",
        "10 b duplicate/c neutral",
        "10 c accepted neutral",
        "10 d accepted neutral",
        "10 e accepted neutral",
        "10 f accepted neutral",
        "10 g accepted neutral",
        "20 a accepted neutral",
        "20 b duplicate/a neutral",
        "20 c gone",
        "30 a gone",
        "30 b accepted neutral",
    ];
    assert_eq!(scene(&lines, &[]).told(), expected);
}

#[test]
fn a_title_is_as_good_as_a_text() {
    let mut titled = review("b", "p", Some("u"), 9, " ");
    titled["title"] = json!("Straße");
    let lines = [review("a", "p", Some("u"), 8, "STRASSE"), titled];
    assert_eq!(scene(&lines, &[]).told(), ["10 a accepted neutral", "10 b duplicate/a neutral"]);
}

#[test]
fn a_kept_review_that_moves_makes_room() {
    let lines = [
        review("a", "p", Some("u"), 1, "gut"),
        review("b", "p", Some("u"), 2, "gut"),
        review("a", "q", Some("u"), 11, "gut"),
    ];
    let scene = scene(&lines, &[]);
    let expected = [
        "10 a accepted neutral",
        "10 b duplicate/a neutral",
        "20 a accepted neutral",
        "20 b accepted neutral",
    ];
    assert_eq!(scene.told(), expected);
    let products: Vec<_> =
        scene.expect().products.iter().map(|l| (l["product_id"].clone(), l["reviews"].clone())).collect();
    assert_eq!(
        products,
        [(json!("p"), json!(1)), (json!("q"), json!(1))],
        "p stays as it was: no second line"
    );
}

#[test]
fn feedback_may_come_first_and_stays_after_an_edit() {
    let lines = [review("r", "p", None, 11, "good"), review("r", "p", None, 21, "better")];
    let given = [feedback("f", "r", Some("negative"), 1), feedback("g", "nobody", Some("positive"), 1)];
    let scene = scene(&lines, &given);
    assert_eq!(scene.told(), ["20 r accepted negative/f", "30 r accepted negative/f"]);
    assert_eq!(scene.ends("feedback"), ["applied", "pending"]);
}

#[test]
fn the_last_feedback_of_a_family_counts() {
    let given = [
        feedback("a", "r", Some("negative"), 1),
        feedback("b", "r", Some("spam"), 2),
        feedback("c", "r", Some("positive"), 3),
        feedback("d", "r", Some("neutral"), 11),
        feedback("e", "r", Some("neutral"), 21),
        feedback("e", "r", Some("neutral"), 31),
    ];
    let scene = scene(&[review("r", "p", None, 1, "good")], &given);
    let expected = ["10 r accepted positive/c", "20 r accepted neutral/d", "30 r accepted neutral/e"];
    assert_eq!(scene.told(), expected, "spam acts on nothing, and the same again changes nothing");
    assert_eq!(scene.ends("feedback"), ["superseded", "applied", "applied", "applied", "applied", "applied"]);
}

#[test]
fn null_withdraws_both_families() {
    let given = [
        feedback("a", "r", Some("negative"), 1),
        feedback("b", "r", None, 11),
        feedback("c", "s", Some("negative"), 21),
        feedback("d", "s", Some("ham"), 22),
        feedback("e", "s", None, 31),
        feedback("f", "s", Some("positive"), 41),
    ];
    let scene = scene(&[review("r", "p", None, 1, "good"), review("s", "p", None, 51, "x")], &given);
    let expected = ["10 r accepted negative/a", "20 r accepted neutral", "60 s accepted positive/f"];
    assert_eq!(scene.told(), expected);
    let ends = scene.ends("feedback");
    assert_eq!(ends, ["applied", "applied", "superseded", "superseded", "applied", "applied"]);
}

#[test]
fn a_withdrawal_that_loses_both_places_is_superseded() {
    let given = [
        feedback("a", "r", None, 1),
        feedback("b", "r", Some("ham"), 2),
        feedback("c", "r", Some("positive"), 3),
    ];
    assert_eq!(scene(&[], &given).ends("feedback"), ["superseded", "pending", "pending"]);
}

#[test]
fn waiting_ends_and_starts_anew_after_a_delete() {
    let lines = [
        review("r", "p", None, 41, "good"),
        review("s", "p", None, 42, "good"),
        delete("s", 61),
        review("s", "p", None, 81, "again"),
        delete("s", 91),
        review("s", "p", None, 131, "and again"),
    ];
    let given = [feedback("a", "r", Some("negative"), 1), feedback("b", "s", Some("negative"), 31)];
    let mut scene = scene(&lines, &given);
    scene.setting.label_wait = Some(25);
    let expected = [
        "50 r accepted neutral",
        "50 s accepted negative/b",
        "70 s gone",
        "90 s accepted negative/b",
        "100 s gone",
        "140 s accepted neutral",
    ];
    assert_eq!(scene.told(), expected);
    assert_eq!(scene.ends("feedback"), ["dropped.expired", "applied"]);
    assert!(!scene.expect().tied);
    scene.setting.label_wait = Some(20);
    assert!(scene.expect().tied, "s comes back in the very epoch in which b has waited for 20 ms");
}

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
