//! The real binary and the shipped topologies on real reviews: nothing refused, books that balance, the same bytes with
//! any number of workers, duplicates and product scores worked out anew from the rows, edits that leave no trace.
//!
//! Reads `DIRIGENT_DATA`, or `../shared/data` beside the crate; skips, with a line that says so, where neither is there,
//! but fails with `CI=true`. Lines are read by the oracle's decoder, which shares no code with the crate.

#[allow(dead_code)] // the oracle asks more of these than this test does
mod oracle {
    pub(crate) mod decode;
    pub(crate) mod fraction;
    pub(crate) mod json;
    pub(crate) mod products;
    pub(crate) mod text;
    pub(crate) mod time;
}

#[path = "held_to_data/checks.rs"]
mod checks;
#[path = "held_to_data/run.rs"]
mod run;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use checks::{check_live, check_products, last_versions};
use run::{data, lines, nothing_lost, run};

fn rows_below(folder: &Path, keep: impl Fn(&str) -> bool) -> (usize, BTreeSet<String>) {
    let (mut rows, mut ids) = (0, BTreeSet::new());
    for entry in fs::read_dir(folder).expect("a folder of the data").flatten() {
        if !keep(&entry.file_name().to_string_lossy()) {
            continue;
        }
        for line in lines(&entry.path()) {
            rows += 1;
            let value: Value = serde_json::from_str(&line).expect("JSON");
            ids.insert(value["review_id"].as_str().expect("an id").to_owned());
        }
    }
    (rows, ids)
}

#[test]
fn every_real_review_is_read() {
    let Some(folder) = data() else { return };
    let globs = ["reviews", "feedback"].map(|kind| format!("{}/{kind}/*.jsonl.gz", folder.display()));
    let variables = [("REVIEWS", globs[0].as_str()), ("FEEDBACK", &globs[1])];
    let outcome = run("reviews-files.yaml", 2, &variables, &[]);
    let (rows, ids) = rows_below(&folder.join("reviews"), |_| true);
    nothing_lost(&outcome, "reviews", rows);
    nothing_lost(&outcome, "feedback", rows_below(&folder.join("feedback"), |_| true).0);
    assert!(outcome.files["dead-letters.jsonl"].is_empty());
    assert!(
        outcome.state("scored.jsonl", "review_id").keys().eq(&ids),
        "live reviews are not those of the files"
    );
    check_products(&outcome);
}

#[test]
fn workers_change_no_byte() {
    let Some(folder) = data() else { return };
    // eight partitions of very different lengths and times, with and without labels
    let small = |name: &str| !name.contains("75k") && !name.contains("clothing") && !name.contains("mobasa");
    let copies = tempfile::tempdir().expect("a directory");
    for kind in ["reviews", "feedback"] {
        fs::create_dir(copies.path().join(kind)).expect("a folder");
        for entry in fs::read_dir(folder.join(kind)).expect("a folder of the data").flatten() {
            if small(&entry.file_name().to_string_lossy()) {
                let bytes = fs::read(entry.path()).expect("a file of the data");
                fs::write(copies.path().join(kind).join(entry.file_name()), bytes).expect("a copy");
            }
        }
    }
    let globs = ["reviews", "feedback"].map(|kind| format!("{}/{kind}/*.jsonl.gz", copies.path().display()));
    let variables = [("REVIEWS", globs[0].as_str()), ("FEEDBACK", &globs[1])];
    let one = run("reviews-files.yaml", 1, &variables, &[]);
    nothing_lost(&one, "reviews", rows_below(&folder.join("reviews"), small).0);
    for workers in 2..=4 {
        let more = run("reviews-files.yaml", workers, &variables, &[]);
        assert!(one.files.keys().eq(more.files.keys()));
        for (name, bytes) in &one.files {
            assert!(*bytes == more.files[name], "{name} differs with {workers} workers");
        }
    }
}

#[test]
fn repeated_reviews_count_once() {
    let Some(folder) = data() else { return };
    let file = folder.join("reviews/en_amazon2018_5core.jsonl.gz");
    let none = tempfile::NamedTempFile::with_suffix(".jsonl").expect("a file");
    let variables =
        [("REVIEWS", file.to_str().expect("a path")), ("FEEDBACK", none.path().to_str().expect("a path"))];
    let outcome = run("reviews-files.yaml", 2, &variables, &[]);
    let rows = lines(&file);
    nothing_lost(&outcome, "reviews", rows.len());
    let duplicates = check_live(&outcome, &last_versions(&rows));
    // 3,265 rows repeat the product, user and text of another, some of them under another title
    assert!((3_000..=3_265).contains(&duplicates), "{duplicates} duplicates");
    check_products(&outcome);
}

#[test]
fn messages_need_no_change_of_code() {
    let Some(folder) = data() else { return };
    for set in ["spam_sms", "de_mobasa"] {
        let [messages, labels] =
            ["reviews", "feedback"].map(|kind| format!("{}/{kind}/{set}.jsonl.gz", folder.display()));
        let variables = [("MESSAGES", messages.as_str()), ("LABELS", labels.as_str())];
        let outcome = run("messages.yaml", 2, &variables, &[]);
        let rows = lines(Path::new(&messages)).len();
        nothing_lost(&outcome, "messages", rows);
        nothing_lost(&outcome, "labels", lines(Path::new(&labels)).len());
        let scored = outcome.state("scored.jsonl", "review_id");
        assert_eq!(scored.len(), rows);
        let channels = outcome.state("channels.jsonl", "product_id");
        let reviews: u64 =
            channels.values().map(|channel| channel["reviews"].as_u64().expect("a count")).sum();
        assert_eq!(reviews, rows as u64, "nobody signed a message, so none is a duplicate");
        let models: Vec<Value> = outcome.files["models.jsonl"]
            .split(|&b| b == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect();
        if set == "spam_sms" {
            // spam and ham are stored, and teach no sentiment
            assert!(scored.values().all(|row| row["sentiment"] == 0.5 && row["label"] == "neutral"));
        } else {
            let judged = &models.last().expect("a model")["prequential"];
            let accuracy = judged["accuracy"].as_f64().expect("an accuracy");
            assert!(accuracy > 0.85 && judged["feedback"]["labels"] == judged["labels"], "{judged}");
            let labelled = scored.values().filter(|row| row["labelled_by"].is_string()).count();
            assert_eq!(labelled, lines(Path::new(&labels)).len(), "each label is of a post of its own");
        }
    }
}

/// A history of real rows (early versions, moves, deletes for good, deletes that are taken back) and where it ends.
fn history(rows: &[String]) -> (Vec<String>, Vec<String>) {
    let parsed: Vec<Value> = rows.iter().map(|row| serde_json::from_str(row).expect("JSON")).collect();
    let (mut history, mut end) = (Vec::new(), Vec::new());
    for (i, row) in parsed.iter().enumerate() {
        let delete = |at: usize| {
            (at, serde_json::json!({ "review_id": row["review_id"], "op": "delete" }).to_string())
        };
        let other = &parsed[(i * 31 + 7) % parsed.len()];
        let late = i + 400 * (i % 4);
        if i % 5 == 0 {
            // another one's product, user and words first, under this id
            let mut early = other.clone();
            early["review_id"] = row["review_id"].clone();
            history.push((i, early.to_string()));
        }
        if i % 7 == 0 {
            history.extend([(i, row.to_string()), delete(i + 150)]);
        }
        if i % 11 == 0 {
            history.extend([(late, row.to_string()), delete(late + 600)]);
        } else {
            history.push((late + 200, row.to_string()));
            end.push(row.to_string());
        }
    }
    history.sort_by_key(|(at, _)| *at);
    (history.into_iter().map(|(_, line)| line).collect(), end)
}

#[test]
fn edits_and_deletes_leave_no_trace() {
    let Some(folder) = data() else { return };
    let rows = lines(&folder.join("reviews/en_amazon2018_5core.jsonl.gz"));
    let (history, end) = history(&rows[2_500..5_500]);
    let directory = tempfile::tempdir().expect("a directory");
    let outcomes = [("history", &history), ("end", &end)].map(|(name, lines)| {
        let path = directory.path().join(format!("{name}.jsonl"));
        fs::write(&path, lines.join("\n")).expect("a file");
        let none = directory.path().join("none.jsonl");
        fs::write(&none, "").expect("a file");
        let variables =
            [("REVIEWS", path.to_str().expect("a path")), ("FEEDBACK", none.to_str().expect("a path"))];
        run("reviews-files.yaml", 2, &variables, &["epoch_records=100"])
    });
    let live = last_versions(&history);
    assert!(live == last_versions(&end), "the history ends elsewhere");
    for outcome in &outcomes {
        assert!(check_live(outcome, &live) > 100, "too few duplicates to prove anything");
        check_products(outcome);
    }
    assert!(outcomes[0].booked("reviews", "deleted") > 300, "{}", outcomes[0].report["books"]);
    let [history, end] = outcomes.map(|outcome| {
        let mut products = outcome.state("products.jsonl", "product_id");
        for product in products.values_mut() {
            // what depends on when a review was scored
            for field in ["sentiment_mean", "negative_share", "epoch"] {
                product[field] = Value::Null;
            }
        }
        products
    });
    assert!(history == end, "the history has left a trace in the product scores");
}
