//! `dlq list`, `show` and `replay` on a real topic: by reason, byte for byte, and back once, whatever happens to a replay.

use std::{collections::BTreeMap, process::Output};

use rdkafka::{
    message::{Header, OwnedHeaders},
    producer::BaseRecord,
};
use serde_json::json;

use super::{
    broker::{Broker, HANG},
    clients::{Writer, flush, writer},
    commands::{dirigent, text},
    history::{Record, records},
    proxy::{END_TXN, Moment},
    running::Running,
    shop::{Shop, Wish},
};

const ATTEMPT: &str = "dirigent.attempt";

/// A record on its way into an input topic.
struct Sent<'a> {
    stem: &'a str,
    key: &'a str,
    value: &'a [u8],
}

fn put(writer: &Writer, topic: &str, key: &str, value: &[u8], headers: &[(&str, &str)]) {
    let all = headers
        .iter()
        .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: Some(*value) }));
    writer.send(BaseRecord::to(topic).key(key).payload(value).headers(all)).unwrap();
}

fn send(shop: &Shop, records: &[Sent<'_>]) {
    let (writer, _) = writer(&shop.settings, None);
    for Sent { stem, key, value } in records {
        put(&writer, &shop.topic(stem), key, value, &[("trace", key)]);
    }
    flush(&writer);
}

fn dlq(shop: &Shop, arguments: &[&str]) -> Output {
    let folder = shop.path("");
    dirigent(&folder, "", &[&["dlq"], arguments].concat(), "")
}

/// What it prints; it has to end well.
fn told(shop: &Shop, arguments: &[&str]) -> String {
    let output = dlq(shop, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Component, code and stage, and how many letters there are.
fn counts(shop: &Shop) -> BTreeMap<(String, String, String), u64> {
    let table = told(shop, &["list", "t.yaml"]);
    let rows = table.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
    let rows = rows.map(|row| {
        let [component, code, stage, letters, ..] = row[..] else { panic!("{table}") };
        ((component.into(), code.into(), stage.into()), letters.parse().unwrap())
    });
    rows.collect()
}

fn expected(rows: &[(&str, &str, &str, u64)]) -> BTreeMap<(String, String, String), u64> {
    let row = |(component, code, stage, letters): &(&str, &str, &str, u64)| {
        (((*component).to_owned(), (*code).to_owned(), (*stage).to_owned()), *letters)
    };
    rows.iter().map(row).collect()
}

/// The records of an input topic that say which attempt they are, by attempt.
fn back(shop: &Shop, stem: &str) -> BTreeMap<String, Vec<Record>> {
    let mut back = BTreeMap::<String, Vec<Record>>::new();
    for record in records(&shop.settings, &shop.topic(stem)) {
        if let Some(attempt) = record.header(ATTEMPT) {
            back.entry(attempt).or_default().push(record);
        }
    }
    back
}

/// What makes two records the same wherever they stand: partition, key, value, headers but for the attempt.
fn content(record: &Record) -> impl Ord + std::fmt::Debug + use<> {
    let headers: Vec<_> = record.headers.iter().filter(|(name, _)| name != ATTEMPT).cloned().collect();
    (record.partition, record.key.clone(), record.value.clone(), headers)
}

fn contents(records: &[Record]) -> Vec<impl Ord + std::fmt::Debug + use<>> {
    let mut contents: Vec<_> = records.iter().map(content).collect();
    contents.sort();
    contents
}

/// Runs until all records are committed; the marker of the transaction that a replay was is none.
fn finish(shop: &Shop, more: &[&str]) {
    let mut running = shop.start_with(1, more);
    let mut ends = vec![0; 3];
    for Record { partition, offset, .. } in records(&shop.settings, &shop.topic("reviews")) {
        ends[partition as usize] = offset + 1;
    }
    shop.wait_until_committed_to("reviews", &ends, &mut running);
    running.stop();
}

#[test]
fn what_was_refused_is_listed_shown_and_sent_back_once() {
    let Some(broker) = Broker::shared() else { return };
    let bootstrap = broker.bootstrap();
    let shop = Shop::make(&broker.settings(&json!({})), &Wish::at(&bootstrap));
    let review = |id: &str, text: &str| {
        format!(r#"{{"review_id":"{id}","product_id":"p1","text":"{text}","lang":"en","ts":1700000000}}"#)
    };
    let values: Vec<String> = (0..4).map(|n| review(&format!("r{n}"), &format!("text {n}"))).collect();
    let good = review("good", "It is fine");
    let mut input = vec![
        Sent { stem: "reviews", key: "good", value: good.as_bytes() },
        Sent { stem: "reviews", key: "a", value: b"{\"review_id\":" },
        Sent { stem: "reviews", key: "b", value: b"{\"review_id\"}" },
        Sent { stem: "reviews", key: "c", value: b"[1, 2]" },
        Sent { stem: "reviews", key: "d", value: b"{\"review_id\":\"\xff\xfe\"}" },
        Sent { stem: "reviews", key: "e", value: br#"{"review_id":"e","text":"no product"}"# },
        Sent {
            stem: "feedback",
            key: "f",
            value: br#"{"feedback_id":"x","review_id":"f","label":"splendid"}"#,
        },
    ];
    let keys: Vec<String> = (0..4).map(|n| format!("k{n}")).collect();
    let other_keys = keys.iter().zip(&values);
    input.extend(other_keys.map(|(key, value)| Sent { stem: "reviews", key, value: value.as_bytes() }));
    send(&shop, &input);
    let originals = records(&shop.settings, &shop.topic("reviews"));
    let is_mismatch = |record: &&Record| record.key_text().starts_with('k');
    let mismatches: Vec<Record> = originals.iter().filter(is_mismatch).cloned().collect();
    assert_eq!(mismatches.len(), 4);
    shop.finish(2);

    let others = [
        ("clean", "invalid_utf8", "decode", 1),
        ("clean", "malformed_json", "decode", 2),
        ("clean", "missing_field", "validate", 1),
        ("clean", "not_an_object", "decode", 1),
        ("corrected", "invalid_field", "validate", 1),
    ];
    let all =
        |mismatches| expected(&[&others[..], &[("clean", "key_mismatch", "validate", mismatches)]].concat());
    assert_eq!(counts(&shop), all(4));

    let shown = told(&shop, &["show", "t.yaml", "--code", "key_mismatch"]);
    for Record { partition, offset, value, .. } in &mismatches {
        let origin =
            format!("{}/{partition}/{offset}  key_mismatch (clean, validate)\n", shop.topic("reviews"));
        let value = format!("  {}\n", text(value.as_ref().unwrap()));
        assert!(shown.contains(&origin) && shown.contains(&value), "{origin}{value}in\n{shown}");
    }
    assert_eq!(shown.matches("  key_mismatch (").count(), 4, "{shown}");
    let shown = told(&shop, &["show", "t.yaml", "--code", "invalid_utf8"]);
    assert!(shown.contains("  base64: eyJyZXZpZXdfaWQiOiL//iJ9\n"), "{shown}");
    let some = told(&shop, &["show", "t.yaml", "--max", "3"]);
    assert_eq!(some.lines().filter(|line| !line.starts_with(' ')).count(), 3, "{some}");

    let replay = ["replay", "t.yaml", "--code", "key_mismatch"];
    assert!(told(&shop, &replay).contains("key_mismatch: 4 sent back, 0 sent back before, 0 left"));
    let again = told(&shop, &replay);
    assert!(again.contains("key_mismatch: 0 sent back, 4 sent back before, 0 left"), "{again}");
    let sent = back(&shop, "reviews");
    assert_eq!(sent.keys().collect::<Vec<_>>(), ["2"]);
    assert_eq!(contents(&sent["2"]), contents(&mismatches), "byte for byte, into the same partitions");
    assert!(back(&shop, "feedback").is_empty());

    // nothing is mended: they are refused once more, and say which attempt it was
    finish(&shop, &[]);
    assert_eq!(counts(&shop), all(8));
    let shown = told(&shop, &["show", "t.yaml", "--code", "key_mismatch"]);
    assert_eq!(shown.matches("(clean, validate, attempt 2)").count(), 4, "{shown}");
    let again = told(&shop, &replay);
    assert!(again.contains("key_mismatch: 4 sent back, 4 sent back before, 0 left"), "{again}");
    let sent = back(&shop, "reviews");
    assert_eq!(sent.keys().collect::<Vec<_>>(), ["2", "3"]);
    assert_eq!(contents(&sent["3"]), contents(&mismatches));

    // keys do not count any more; the group stands at the end already, so the run is one that ends by itself
    let sets =
        ["sources.reviews.key=ignore", "sources.reviews.until=latest", "sources.feedback.until=latest"];
    let sets = sets.iter().flat_map(|set| ["--set", set]);
    let told = shop.start_with(1, &std::iter::once("--from-scratch").chain(sets).collect::<Vec<_>>()).end();
    assert_eq!(told.code, Some(0), "{}", told.err);
    let books = &shop.report()["sources"]["reviews"];
    assert_eq!(books["in"], 10 + 8, "{books}");
    assert_eq!(books["dead_letter"]["key_mismatch"], serde_json::Value::Null, "{books}");
    assert_eq!(books["dead_letter"]["malformed_json"], 2, "{books}");
    let rows = records(&shop.settings, &shop.topic("scored"));
    for value in ["r0", "r1", "r2", "r3", "good"] {
        assert!(rows.iter().any(|row| row.key_text() == value && row.value.is_some()), "{value}");
    }
}

/// A letter of a code, as a run writes it.
fn letter(shop: &Shop, writer: &Writer, code: &str, n: u64) {
    let (topic, partition, offset) = (shop.topic("reviews"), (n % 3).to_string(), n.to_string());
    let headers = [
        ("trace", code),
        ("__connect.errors.topic", &topic),
        ("__connect.errors.partition", &partition),
        ("__connect.errors.offset", &offset),
        ("__connect.errors.connector.name", "clean"),
        ("__connect.errors.stage", "decode"),
        ("__connect.errors.exception.class.name", code),
        ("__connect.errors.exception.message", "x"),
        ("dirigent.epoch", "1"),
    ];
    put(writer, &shop.topic("dead"), &format!("{code}-{n}"), format!("{code} {n}").as_bytes(), &headers);
}

#[test]
fn a_replay_that_is_killed_in_its_middle_sends_nothing_twice() {
    let Some((proxy, broker, through)) = Broker::behind_a_proxy() else { return };
    let shop = Shop::make(&broker.settings(&json!({})), &Wish::at(&through));
    let (writer, _) = writer(&shop.settings, None);
    for (code, count) in [("empty_text", 7), ("invalid_field", 30), ("too_large", 5)] {
        (0..count).for_each(|n| letter(&shop, &writer, code, n));
    }
    flush(&writer);
    let replay = ["replay", "t.yaml"];
    let first = told(&shop, &[&replay[..], &["--code", "empty_text"]].concat());
    assert!(first.contains("empty_text: 7 sent back, 0 sent back before, 0 left"), "{first}");
    let at_once = || contents(&back(&shop, "reviews")["2"]).len();
    assert_eq!(at_once(), 7);
    for kill in 1..=2 {
        // its records are with the broker, and the commit never comes there
        proxy.cut_at(END_TXN, Moment::Silence);
        let arguments: Vec<String> = ["dlq"].iter().chain(&replay).map(|word| (*word).to_owned()).collect();
        let mut running = Running::start(&shop.path(""), &arguments);
        let started = std::time::Instant::now();
        while proxy.caught() < kill {
            assert!(running.alive() && started.elapsed() < HANG, "no commit:\n{}", running.said());
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        running.kill();
        proxy.heal();
    }
    let done = told(&shop, &replay);
    for line in [
        "empty_text: 0 sent back, 7 sent back before, 0 left",
        "invalid_field: 30 sent back, 0 sent back before, 0 left",
        "too_large: 5 sent back, 0 sent back before, 0 left",
    ] {
        assert!(done.contains(line), "{done}");
    }
    let sent = back(&shop, "reviews");
    assert_eq!(sent.keys().collect::<Vec<_>>(), ["2"]);
    let mut keys: Vec<String> = sent["2"].iter().map(Record::key_text).collect();
    keys.sort();
    let count = keys.len();
    keys.dedup();
    assert_eq!((count, keys.len()), (42, 42), "{keys:?}");
    for record in &sent["2"] {
        let names: Vec<&str> = record.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["trace", ATTEMPT], "{record:?}");
        let (_, n) =
            record.key_text().rsplit_once('-').map(|(code, n)| (code.to_owned(), n.to_owned())).unwrap();
        assert_eq!(record.partition, n.parse::<u64>().unwrap() % 3);
    }
}
