//! Recall, precision and support of both classes in a report, against plain counting: of the published scores as they
//! stand in the file, and of what the sequential learner predicts of each review just before it learns it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::sandbox::Sandbox;
use crate::sequential_learner::{Review, reference};

/// Rows of an epoch: published scores come from an earlier epoch's model, so they differ from the learner's own.
const PER_EPOCH: u64 = 40;

/// Reviews of few words, one in five negative; 3 stars and none among them, which are no labels.
fn reviews() -> Vec<(Review, Value)> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut draw = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let lang_of = |n: u64| match n {
        0..=699 => ["en", "de"][usize::from(n.is_multiple_of(3))],
        _ => "fr",
    };
    (0..730)
        .map(|n| {
            let negative = draw(5) == 0;
            let kind = if negative { "bad" } else { "good" };
            let words = (0..6).map(|_| match draw(4) {
                0 => format!("{kind}{}", draw(12)),
                _ => format!("word{}", draw(60)),
            });
            let text = words.collect::<Vec<_>>().join(" ");
            let rating = match draw(12) {
                0 => None,
                1 => Some(3),
                2 | 3 if negative => Some(2),
                _ => Some(if negative { 1 } else { 5 }),
            };
            let lang = lang_of(n);
            let line = json!({
                "review_id": format!("r{n:04}"), "product_id": format!("p{}", n % 7), "user_id": format!("u{n}"),
                "rating": rating, "text": text, "lang": lang, "ts": 1_767_225_600 + n * 3_600 / PER_EPOCH,
            });
            let label = rating.filter(|stars| *stars != 3).map(|stars| stars > 3);
            let review =
                Review { epoch: n, title: String::new(), text, lang: lang.to_owned(), label, replaces: None };
            (review, line)
        })
        .collect()
}

/// Of one class: labels, predictions, and those that are both.
type Counts = [u64; 3];

/// Counts of negative and positive, over all and by language.
fn count<'a>(rows: impl Iterator<Item = (&'a str, f64, bool)>) -> BTreeMap<&'a str, [Counts; 2]> {
    let mut counts: BTreeMap<&str, [Counts; 2]> = BTreeMap::new();
    for (lang, probability, positive) in rows {
        for slice in ["all", lang] {
            let classes = counts.entry(slice).or_default();
            let predicted = probability >= 0.5;
            classes[usize::from(positive)][0] += 1;
            classes[usize::from(predicted)][1] += 1;
            classes[usize::from(positive)][2] += u64::from(predicted == positive);
        }
    }
    counts
}

fn agrees(found: &Value, classes: &[Counts; 2]) {
    for (name, [labels, predicted, right]) in ["negative", "positive"].into_iter().zip(classes) {
        let class = &found[name];
        assert_eq!(
            (class["labels"].as_u64(), class["predicted"].as_u64()),
            (Some(*labels), Some(*predicted))
        );
        for (figure, of) in [("recall", labels), ("precision", predicted)] {
            let expected = (*of > 0).then(|| *right as f64 / *of as f64);
            let close = match (class[figure].as_f64(), expected) {
                (Some(found), Some(expected)) => (found - expected).abs() <= 5.1e-7,
                (found, expected) => found == expected,
            };
            assert!(close, "{name} {figure}: {found}, {right} of {of}");
        }
    }
}

#[test]
fn a_backtest_reports_both_classes_by_language() {
    let sandbox = Sandbox::new();
    let reviews = reviews();
    sandbox.write(
        "reviews.jsonl",
        reviews.iter().map(|(_, line)| line.to_string()).collect::<Vec<_>>().join("\n"),
    );
    let sets = ["--set", "transforms.sentiment.slots=1048576", "--set", "epoch=1h"];
    let run = sandbox.dirigent(&[&["run", "t.yaml", "--report", "run.json"][..], &sets].concat());
    assert_eq!((run.code, run.books()["reviews"]["applied"]), (Some(0), 730), "{run:?}");
    let told = sandbox.dirigent(&[&["backtest", "t.yaml", "--report", "report.json"][..], &sets].concat());
    assert_eq!(told.code, Some(0), "{told:?}");
    let report: Value = serde_json::from_str(&sandbox.text("report.json")).unwrap();
    let classes = &report["classes"];
    assert_eq!(*classes, serde_json::from_str::<Value>(&sandbox.text("run.json")).unwrap()["classes"]);

    let labels: BTreeMap<&str, bool> = reviews
        .iter()
        .filter_map(|(review, line)| Some((line["review_id"].as_str().unwrap(), review.label?)))
        .collect();
    let scored = sandbox.values("out/scored.jsonl");
    let published = count(scored.iter().filter_map(|row| {
        let positive = labels.get(row["review_id"].as_str()?)?;
        Some((row["lang"].as_str()?, row["sentiment"].as_f64()?, *positive))
    }));
    let own: Vec<Review> = reviews.iter().map(|(review, _)| review.clone()).collect();
    let own = reference(&own);
    let predicted = reviews.iter().zip(&own);
    let learned =
        count(predicted.filter_map(|((review, _), own)| Some((review.lang.as_str(), *own, review.label?))));
    assert_ne!(published["all"], learned["all"], "the two kinds of predictions must differ to be told apart");
    for (measure, counts) in [("prequential", &published), ("progressive", &learned)] {
        let by_lang = classes[measure]["by_lang"].as_object().unwrap();
        assert_eq!(by_lang.keys().collect::<Vec<_>>(), ["de", "en", "fr"]);
        agrees(&classes[measure], &counts["all"]);
        by_lang.iter().for_each(|(lang, found)| agrees(found, &counts[lang.as_str()]));
        let [negative, positive] = counts["all"];
        assert!(negative[2] > 20 && negative[2] < negative[0] && negative[0] < positive[0] / 2, "{counts:?}");
        assert_eq!(report["model"][measure]["labels"], negative[0] + positive[0]);
    }

    // the figures are shown, but not of the 30 reviews in French
    let table: Vec<&str> = told.out.lines().skip_while(|line| !line.starts_with("Negative and")).collect();
    assert!(table[0].contains("neg recall  neg prec.  negatives"), "{}", told.out);
    let row = |lang: &str| table.iter().find(|line| line.trim_start().starts_with(lang)).copied();
    for (name, slice) in [("prequential ", "all"), ("de ", "de"), ("en ", "en")] {
        let [[labels, predicted, right], _] = published[slice];
        let shown: Vec<&str> = row(name).unwrap().split_whitespace().collect();
        let expected = [right as f64 / labels as f64, right as f64 / predicted as f64];
        for (shown, expected) in shown[1..3].iter().zip(expected) {
            assert!((shown.parse::<f64>().unwrap() - expected).abs() < 0.000_501, "{}", told.out);
        }
        assert_eq!(shown[3], labels.to_string());
    }
    assert_eq!(row("fr "), None);
    let few = |of: &BTreeMap<&str, [Counts; 2]>| of["fr"][0][0] + of["fr"][1][0];
    let note = format!(
        "left out, in languages of fewer than 100 labels each: {} prequential, {} progressive",
        few(&published),
        few(&learned)
    );
    assert_eq!(told.out.matches(&note).count(), 2, "{}", told.out);
}
