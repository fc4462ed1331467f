//! What has to hold of the cases of a run, whatever was done to it: each severe review has had one, none is open twice or for a review
//! that is none any more, and states follow one another.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{checks::one_record_a_key_and_epoch, history::Record};

/// The cases of a shop whose reviews are severe where they are negative and have stars.
pub(super) fn cases_follow_from_rows(scored: &[Value], cases: &[Record]) {
    one_record_a_key_and_epoch("cases", cases);
    let mut rows: BTreeMap<&str, &Value> = BTreeMap::new();
    for line in scored {
        let id = line["review_id"].as_str().unwrap();
        match line.get("deleted") {
            Some(_) => rows.remove(id),
            None => rows.insert(id, line),
        };
    }
    let severe =
        |row: &&&Value| row["status"] == "accepted" && row["label"] == "negative" && !row["rating"].is_null();
    let severe: BTreeSet<&str> =
        rows.values().filter(severe).map(|row| row["review_id"].as_str().unwrap()).collect();
    let mut by_epoch: Vec<&Record> = cases.iter().collect();
    by_epoch.sort_by_key(|record| record.epoch());
    // of each cause its open case; and all that ever had one
    let (mut open, mut told): (BTreeMap<String, String>, BTreeSet<String>) = Default::default();
    for record in by_epoch {
        let (id, case) = (record.key_text(), record.json().unwrap());
        assert_eq!(case["case_id"], id.as_str());
        if case["kind"] != "severe_review" {
            continue;
        }
        let review = case["review_id"].as_str().unwrap().to_owned();
        told.insert(review.clone());
        if case["state"] == "resolved" {
            assert_eq!(open.remove(&review), Some(id), "resolved, and was not open: {case}");
        } else {
            let before = open.insert(review, id.clone());
            assert!(before.is_none_or(|before| before == id), "two open cases: {case}");
        }
    }
    assert!(!told.is_empty() || rows.len() < 100, "no case was ever open: the test shows nothing");
    for review in &severe {
        assert!(told.contains(*review), "severe, and nobody knows: {:?}", rows[review]);
    }
    for (review, case) in open {
        assert!(severe.contains(&*review), "{case} is open, and its review is {:?}", rows.get(&*review));
    }
}
