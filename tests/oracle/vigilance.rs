//! Whether the random cases reach every rule, and whether the comparison would notice a breach: both without the
//! binary, on outputs that the oracle renders itself.

use std::collections::{BTreeMap, BTreeSet};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::batch::{self, Expected, Score, Scores};
use super::books::{self, Books};
use super::cases::{self, Case};
use super::compare::{self, Output};

fn some_cases(count: usize) -> Vec<Case> {
    let mut runner = TestRunner::deterministic();
    let strategy = cases::case();
    (0..count).map(|_| strategy.new_tree(&mut runner).expect("a case").current()).collect()
}

/// What the oracle expects of a case under sentiments made up from where a version lies.
fn expected(case: &Case) -> Expected {
    let arrived = batch::expect(&case.setting, &case.partitions, &Scores::new()).arrived;
    let mut scores = Scores::new();
    for (version, newest) in arrived {
        let newest = newest.unwrap_or(7);
        let made_up =
            i64::try_from((version.1.1 * 104_729 + version.1.2 * 7_919) % 1_000_001).expect("small");
        let sentiment = if newest == 0 { 500_000 } else { made_up };
        scores.insert(
            version,
            Score { sentiment, model: json!({ "sentiment": format!("sentiment@{newest}") }) },
        );
    }
    batch::expect(&case.setting, &case.partitions, &scores)
}

fn report(books: &Books) -> Value {
    let mut report = json!({"in": 0, "applied": 0, "superseded": 0, "deleted": 0, "pending": 0});
    (report["dropped"], report["dead_letter"]) = (json!({}), json!({}));
    for (end, count) in books {
        match end.split_once('.') {
            Some((name, part)) => report[name][part] = json!(count),
            None => report[end] = json!(count),
        }
    }
    report
}

/// The output of a binary that does what the oracle says.
fn output(case: &Case, expected: &Expected) -> Output {
    let lines = |values: &[Value]| values.iter().map(|v| format!("{v}\n")).collect::<String>().into_bytes();
    let mut dead = expected.dead.clone();
    for letter in &mut dead {
        letter["headers"]["__connect.errors.exception.message"] = json!("it is wrong");
    }
    let models = expected.version.filter(|&version| version > 0).map(|version| {
        let figures = json!({"accuracy": null});
        json!({
            "model": "sentiment", "version": version, "role": "champion", "hash": "", "url": "", "labels": 1,
            "epoch": 1, "prequential": figures, "prequential_fading": figures, "progressive": figures,
            "progressive_fading": figures,
        })
    });
    let files = [
        ("scored.jsonl", lines(&expected.scored)),
        ("products.jsonl", lines(&expected.products)),
        ("dead.jsonl", lines(&dead)),
        ("models.jsonl", lines(models.as_slice())),
    ];
    let sources: BTreeSet<_> = case.partitions.iter().map(|p| p.source).collect();
    let mut total = Books::new();
    let mut by_source = json!({});
    for source in sources {
        let books = expected.ledger.of(source);
        by_source[source] = report(&books);
        total = books::sum(&total, &books);
    }
    let files = files.map(|(name, bytes)| (name.to_owned(), bytes)).into();
    Output {
        files,
        models: BTreeMap::new(),
        report: json!({ "books": report(&total), "sources": by_source }),
    }
}

#[test]
fn the_cases_reach_every_rule() {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let (mut versions, mut decided) = (0, 0);
    for case in some_cases(400) {
        let expected = expected(&case);
        decided += u32::from(!expected.tied);
        versions += u32::from(expected.version.is_some_and(|version| version > 2));
        let mut see = |what: &str| *seen.entry(what.to_owned()).or_default() += 1;
        for source in ["reviews", "feedback"] {
            expected.ledger.of(source).keys().for_each(|end| see(&format!("{source} {end}")));
        }
        for line in &expected.scored {
            see(if line.get("deleted").is_some() { "tombstone" } else { "scored" });
            for field in ["status", "label", "filled"] {
                see(&format!("{field} {}", line.get(field).unwrap_or(&Value::Null)));
            }
            see(if line["labelled_by"].is_string() { "labelled" } else { "not labelled" });
        }
        expected
            .products
            .iter()
            .filter(|l| l.get("deleted").is_some())
            .for_each(|_| see("product tombstone"));
    }
    let wanted = [
        "reviews applied",
        "reviews superseded",
        "reviews deleted",
        "reviews dropped.unchanged",
        "reviews dropped.unknown",
        "reviews dropped.filtered",
        "reviews dead_letter.malformed_json",
        "reviews dead_letter.invalid_utf8",
        "reviews dead_letter.not_an_object",
        "reviews dead_letter.missing_field",
        "reviews dead_letter.invalid_field",
        "reviews dead_letter.empty_text",
        "feedback applied",
        "feedback superseded",
        "feedback pending",
        "feedback dropped.expired",
        "feedback dead_letter.missing_field",
        "feedback dead_letter.invalid_field",
        "tombstone",
        "product tombstone",
        "status \"duplicate\"",
        "status \"accepted\"",
        "label \"positive\"",
        "label \"neutral\"",
        "label \"negative\"",
        "labelled",
        "filled [\"lang\",\"ts\"]",
        "filled [\"ts\"]",
        "filled [\"lang\"]",
    ];
    for what in wanted {
        assert!(
            seen.get(what).is_some_and(|&count| count >= 10),
            "{what}: {:?} of {seen:#?}",
            seen.get(what)
        );
    }
    assert!(versions > 40 && decided > 360, "{versions} cases tell their versions, {decided} are decided");
}

#[test]
fn the_comparison_takes_the_right_output_and_no_other() {
    let mut breaches = BTreeMap::new();
    for case in some_cases(120) {
        let expected = expected(&case);
        let right = output(&case, &expected);
        let complaints = |output: &Output| compare::complaints(&case.setting, &case.partitions, output);
        match complaints(&right) {
            None => continue,
            Some(wrong) => assert!(wrong.is_empty(), "{}", wrong.join("\n")),
        }
        for (name, breach) in BREACHES {
            let mut wrong = right.clone();
            breach(&mut wrong);
            if wrong != right {
                *breaches.entry(name).or_insert(0) += 1;
                assert!(
                    complaints(&wrong).is_some_and(|c| !c.is_empty()),
                    "{name} goes unnoticed: {wrong:?}"
                );
            }
        }
    }
    for (name, _) in BREACHES {
        assert!(breaches.get(name).is_some_and(|&count| count >= 20), "{name}: {:?}", breaches.get(name));
    }
}

type Breach = fn(&mut Output);

const BREACHES: [(&str, Breach); 9] = [
    ("a line is missing", |o| lines(o, "scored.jsonl", |lines| drop(lines.pop()))),
    ("a product line is missing", |o| lines(o, "products.jsonl", |lines| drop(lines.pop()))),
    ("a dead letter is missing", |o| lines(o, "dead.jsonl", |lines| drop(lines.pop()))),
    ("two lines are exchanged", |o| {
        lines(o, "scored.jsonl", |lines| {
            if lines.len() > 1 {
                lines.swap(0, 1);
            }
        });
    }),
    ("a line is there twice", |o| lines(o, "products.jsonl", |lines| lines.extend(lines.last().cloned()))),
    ("a line is in another epoch", |o| {
        lines(o, "scored.jsonl", |lines| {
            if let Some(line) = lines.last_mut() {
                line["epoch"] = json!(line["epoch"].as_u64().expect("an epoch") + 1);
            }
        });
    }),
    ("a score is off by 1e-6", |o| {
        lines(o, "products.jsonl", |lines| {
            if let Some(score) = lines.iter_mut().rev().find_map(|line| line.get_mut("score")) {
                *score = json!(((score.as_f64().expect("a score") * 1e6).round() + 1.0) / 1e6);
            }
        });
    }),
    ("a sentiment has seven decimals", |o| {
        lines(o, "scored.jsonl", |lines| {
            if let Some(sentiment) = lines.iter_mut().find_map(|line| line.get_mut("sentiment")) {
                *sentiment = json!(0.123_456_7);
            }
        });
    }),
    ("the books are off by one", |o| {
        let applied = &mut o.report["sources"]["reviews"]["applied"];
        *applied = json!(applied.as_u64().expect("a count") + 1);
    }),
];

fn lines(output: &mut Output, name: &str, change: fn(&mut Vec<Value>)) {
    let bytes = output.files.get_mut(name).expect("a file");
    let text = String::from_utf8(bytes.clone()).expect("text");
    let mut values = text.lines().map(|line| serde_json::from_str(line).expect("a line")).collect();
    change(&mut values);
    *bytes = values.iter().map(|value| format!("{value}\n")).collect::<String>().into_bytes();
}
