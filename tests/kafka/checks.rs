//! What has to hold of the topics of a run that has come to its end, whatever was done to it on the way.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    cases::cases_follow_from_rows,
    expected::{Input, expect, inputs, table, timeless},
    history::{Record, records},
    shop::Shop,
};
use crate::oracle::products::{self, Share};

/// All of it.
pub(super) fn check(shop: &Shop, report: &Value) {
    let read = |stem: &str| records(&shop.settings, &shop.topic(stem));
    let [scored, products, models, dead] = ["scored", "products", "models", "dead"].map(read);
    check_outputs(shop, report, &scored, &products, &models, &dead);
    cases_follow_from_rows(&lines("review_id", &scored), &read("cases"));
    log_is_dense(&read("epochs"));
    progress_rises(&read("progress"));
}

/// The outputs, and the books.
pub(super) fn check_outputs(
    shop: &Shop,
    report: &Value,
    scored: &[Record],
    products: &[Record],
    models: &[Record],
    dead: &[Record],
) {
    let inputs = inputs(shop);
    for (topic, key, outputs) in [("scored", "review_id", scored), ("products", "product_id", products)] {
        one_record_a_key_and_epoch(topic, outputs);
        nothing_for_nothing(topic, &lines(key, outputs));
    }
    one_record_a_key_and_epoch("models", models);
    products_follow_from_rows(&lines("review_id", scored), &lines("product_id", products));
    ends_as_the_oracle(&inputs, scored, products);
    refused_once(&inputs, dead);
    books_balance(&inputs, report);
}

/// The records of a table as lines of a file would be, in the order of their epochs.
pub(super) fn lines(key: &str, records: &[Record]) -> Vec<Value> {
    let mut lines: Vec<Value> = records
        .iter()
        .map(|record| {
            let (id, epoch) = (record.key_text(), record.epoch());
            match record.json() {
                Some(line) => {
                    assert_eq!(
                        (line[key].as_str(), line["epoch"].as_u64()),
                        (Some(id.as_str()), Some(epoch))
                    );
                    line
                }
                None => json!({ key: id, "epoch": epoch, "deleted": true }),
            }
        })
        .collect();
    lines.sort_by_key(|line| (line["epoch"].as_u64(), line[key].as_str().unwrap().to_owned()));
    lines
}

/// Each key at most once in an epoch, always in one partition, and in the order of the epochs there.
pub(super) fn one_record_a_key_and_epoch(topic: &str, records: &[Record]) {
    let (mut seen, mut home) = (BTreeMap::new(), BTreeMap::new());
    let mut last: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for record in records {
        let (key, epoch) = (record.key_text(), record.epoch());
        let before = seen.insert((key.clone(), epoch), record);
        assert!(before.is_none(), "{topic}: {key} twice in epoch {epoch}:\n{before:?}\n{record:?}");
        let partition = *home.entry(key.clone()).or_insert(record.partition);
        assert_eq!(partition, record.partition, "{topic}: {key} stands in two partitions");
        let before = last.insert(record.partition, (epoch, record.offset));
        assert!(before.is_none_or(|(before, _)| before <= epoch), "{topic}: {before:?} before {record:?}");
    }
}

/// No line that changes nothing, no tombstone of what is not there.
fn nothing_for_nothing(topic: &str, lines: &[Value]) {
    let key = if topic == "scored" { "review_id" } else { "product_id" };
    let mut state: BTreeMap<&str, Value> = BTreeMap::new();
    for line in lines {
        let id = line[key].as_str().unwrap();
        if line.get("deleted").is_some() {
            assert!(state.remove(id).is_some(), "{topic}: a tombstone for nothing: {line}");
        } else {
            let mut row = line.clone();
            row["epoch"] = Value::Null;
            let before = state.insert(id, row.clone());
            assert_ne!(before, Some(row), "{topic}: changes nothing: {line}");
        }
    }
}

fn micro(value: &Value) -> Option<i64> {
    #[allow(clippy::cast_possible_truncation)]
    value.as_f64().map(|number| (number * 1e6).round() as i64)
}

/// After every epoch, the products are what follows from the rows: no epoch of the one without the other.
fn products_follow_from_rows(scored: &[Value], products: &[Value]) {
    let epochs: BTreeSet<u64> =
        scored.iter().chain(products).map(|line| line["epoch"].as_u64().unwrap()).collect();
    let (mut rows, mut published): (BTreeMap<&str, &Value>, BTreeMap<&str, Value>) = Default::default();
    let (mut scored, mut products) = (scored.iter().peekable(), products.iter().peekable());
    for epoch in epochs {
        let mut touched = BTreeSet::new();
        let of_epoch = |line: &&Value| line["epoch"] == epoch;
        while let Some(line) = scored.next_if(of_epoch) {
            let id = line["review_id"].as_str().unwrap();
            let after = line.get("deleted").is_none().then_some(line);
            let before = match after {
                Some(line) => rows.insert(id, line),
                None => rows.remove(id),
            };
            touched
                .extend([before, after].into_iter().flatten().map(|row| row["product_id"].as_str().unwrap()));
        }
        while let Some(line) = products.next_if(of_epoch) {
            let id = line["product_id"].as_str().unwrap();
            assert!(touched.contains(id), "no row explains {line}");
            if line.get("deleted").is_some() {
                published.remove(id);
            } else {
                published.insert(id, timeless(line));
            }
        }
        for product in touched {
            let of_product =
                rows.values().filter(|row| row["product_id"] == product && row["status"] == "accepted");
            let shares: Vec<Share> = of_product
                .map(|row| Share {
                    rating: micro(&row["rating"]),
                    sentiment: micro(&row["sentiment"]).unwrap(),
                    negative: row["label"] == "negative",
                })
                .collect();
            let expected = (!shares.is_empty()).then(|| timeless(&products::row(product, &shares)));
            assert_eq!(published.get(product), expected.as_ref(), "{product} after epoch {epoch}");
        }
    }
}

/// The compacted content is that of the batch oracle over the whole input.
fn ends_as_the_oracle(inputs: &[Input], scored: &[Record], products: &[Record]) {
    let rows: BTreeMap<String, Value> = {
        let lines = lines("review_id", scored);
        let live = table("review_id", &lines);
        let last = lines.into_iter().map(|line| (line["review_id"].as_str().unwrap().to_owned(), line));
        last.filter(|(id, _)| live.contains_key(id)).collect()
    };
    let expected = expect(inputs, &rows);
    for (name, key, found, expected) in [
        ("scored", "review_id", scored, &expected.scored),
        ("products", "product_id", products, &expected.products),
    ] {
        let (found, expected) = (table(key, &lines(key, found)), table(key, expected));
        assert!(!expected.is_empty(), "{name}: the test wrote nothing");
        for id in found.keys().chain(expected.keys()) {
            assert_eq!(found.get(id), expected.get(id), "{name}: {id}");
        }
    }
}

/// Each record that has to be refused stands among the dead letters once, as it was sent; no other does.
fn refused_once(inputs: &[Input], dead: &[Record]) {
    let mut expected = BTreeMap::new();
    for input in inputs {
        if let Err(code) = input.read {
            let record = &input.record;
            expected.insert((input.topic.clone(), record.partition, record.offset), (code, record));
        }
    }
    for letter in dead {
        let header = |name: &str| letter.header(&format!("__connect.errors.{name}")).unwrap();
        let number = |name: &str| header(name).parse::<u64>().unwrap();
        let place = (header("topic"), number("partition"), number("offset"));
        let Some((code, record)) = expected.remove(&place) else {
            panic!("a dead letter of a record that is none, or twice: {letter:?}")
        };
        assert_eq!(header("exception.class.name"), code, "{letter:?}");
        assert_eq!((&letter.key, &letter.value), (&record.key, &record.value), "{letter:?}");
        assert_eq!(letter.headers[..record.headers.len()], record.headers, "{letter:?}");
    }
    assert!(expected.is_empty(), "not refused: {expected:?}");
}

/// Every record ends once; what was refused is what had to be.
fn books_balance(inputs: &[Input], report: &Value) {
    assert_eq!(report["balanced"], true, "{report}");
    for source in ["reviews", "feedback"] {
        let of_source = inputs.iter().filter(|input| input.source == source);
        let mut codes: BTreeMap<&str, u64> = BTreeMap::new();
        let mut count = 0;
        for input in of_source {
            count += 1;
            if let Err(code) = input.read {
                *codes.entry(code).or_default() += 1;
            }
        }
        let books = &report["sources"][source];
        assert_eq!(books["in"], count, "{source}: {books}");
        for (code, count) in codes {
            assert_eq!(books["dead_letter"][code], count, "{source}, {code}: {books}");
        }
    }
}

/// The log: one sequence without a gap, whose generations and epochs never go back.
pub(super) fn log_is_dense(records: &[Record]) {
    let (mut seq, mut generation, mut epoch) = (0, 0, 0);
    for record in records {
        let value = record.json().unwrap();
        let number = |name: &str| value[name].as_u64().unwrap();
        assert!(seq == 0 || number("seq") == seq + 1, "after {seq}: {value}");
        assert!(number("generation") >= generation, "after generation {generation}: {value}");
        (seq, generation) = (number("seq"), number("generation"));
        if value["kind"] == "generation" {
            assert!(value["nonce"].is_string(), "{value}");
        }
        if value["kind"] == "epoch" {
            assert!(number("epoch") > epoch, "after epoch {epoch}: {value}");
            epoch = number("epoch");
        }
    }
    assert!(epoch > 0, "no epoch is in the log");
}

/// The progress: every sink goes on from where it was, and no older generation writes after a newer one.
pub(super) fn progress_rises(records: &[Record]) {
    let (mut generation, mut epochs): (u64, BTreeMap<String, u64>) = Default::default();
    for record in records {
        let value = record.json().unwrap();
        let of = value["generation"].as_u64().unwrap();
        assert!(of >= generation, "after generation {generation}: {value}");
        generation = of;
        let opens = value["kind"] == "open";
        for (sink, written) in value["sinks"].as_object().unwrap() {
            let epoch = written["epoch"].as_u64().unwrap();
            let before = epochs.insert(sink.clone(), epoch).unwrap_or(0);
            assert!(epoch > before || (opens && epoch == before), "{sink} was at {before}: {value}");
        }
    }
    assert!(!epochs.is_empty(), "no progress");
}
