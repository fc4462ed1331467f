//! What a generated stream must have: shares, words, languages, a product that falls, and something to learn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::Value;

use super::{GenerateSettings, Summary, generate};

struct Generated {
    summary: Summary,
    reviews: Vec<u8>,
    feedback: Vec<u8>,
}

fn generated(settings: &GenerateSettings) -> Generated {
    let (mut reviews, mut feedback) = (Vec::new(), Vec::new());
    let summary = generate(settings, &mut reviews, &mut feedback).unwrap();
    Generated { summary, reviews, feedback }
}

const EVENTS: u64 = 40_000;

/// A run that several tests look at, large enough for its rare words.
static LARGE: LazyLock<Generated> = LazyLock::new(|| {
    generated(&GenerateSettings { events: EVENTS, seed: 11, ..GenerateSettings::default() })
});

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty())
}

fn objects(bytes: &[u8]) -> impl Iterator<Item = Value> {
    lines(bytes).filter_map(|line| serde_json::from_slice::<Value>(line).ok()).filter(Value::is_object)
}

fn text_of(review: &Value) -> &str {
    review["text"].as_str().unwrap_or_default()
}

#[test]
fn one_seed_gives_one_stream() {
    let settings = GenerateSettings { events: 3_000, ..GenerateSettings::default() };
    let (first, second) = (generated(&settings), generated(&settings));
    assert!(first.reviews == second.reviews && first.feedback == second.feedback);
    assert_ne!(first.reviews, generated(&GenerateSettings { seed: 2, ..settings }).reviews);
}

#[test]
fn the_bytes_of_a_seed_never_change() {
    let settings = GenerateSettings { events: 2_000, feedback: 0.1, ..GenerateSettings::default() };
    let all = generated(&settings);
    let hashes = [&all.reviews, &all.feedback].map(|bytes| blake3::hash(bytes).to_hex()[..16].to_owned());
    assert_eq!(hashes, ["ca6b08ca62a72d74", "dbf57ab233ce0f49"]);
}

#[test]
fn shares_are_as_asked_for() {
    let summary = &LARGE.summary;
    let near = |count: u64, share: f64| {
        let expected = share * EVENTS as f64;
        assert!((count as f64 - expected).abs() < 5.0 * expected.sqrt(), "{count}, expected {expected}");
    };
    near(summary.edits, 0.05);
    near(summary.deletes, 0.01);
    near(summary.redelivered, 0.015);
    near(summary.copies, 0.015);
    near(summary.feedback, 0.02);
    let refused: u64 = summary.malformed.values().sum();
    near(refused, 0.005);
    let others = summary.fresh + summary.edits + summary.deletes + summary.redelivered + summary.copies;
    let refused_feedback = objects(&LARGE.feedback).filter(|line| line["label"] == "great").count() as u64;
    assert_eq!(others + refused - refused_feedback, summary.events);
    assert_eq!(lines(&LARGE.reviews).count() as u64, EVENTS);
    assert_eq!(lines(&LARGE.feedback).count() as u64, summary.feedback);
    assert_eq!(summary.bytes, [LARGE.reviews.len() as u64, LARGE.feedback.len() as u64]);
    let deletes = objects(&LARGE.reviews).filter(|line| line["op"] == "delete").count() as u64;
    assert_eq!(deletes, summary.deletes);
}

#[test]
fn faulty_lines_have_the_fault_that_is_told() {
    let all = generated(&GenerateSettings {
        events: 6_000,
        malformed: 1.0,
        edits: 0.0,
        deletes: 0.0,
        duplicates: 0.0,
        feedback: 0.0,
        ..GenerateSettings::default()
    });
    let mut seen = BTreeMap::new();
    for line in lines(&all.reviews) {
        *seen.entry(code(line)).or_insert(0_u64) += 1;
    }
    assert_eq!(seen, all.summary.malformed);
    assert_eq!(seen.len(), 7, "{seen:?}");
}

/// The code of a faulty line, for the faults that occur here.
fn code(line: &[u8]) -> &'static str {
    let Ok(line) = std::str::from_utf8(line) else { return "invalid_utf8" };
    let Ok(value) = serde_json::from_str::<Value>(line) else { return "malformed_json" };
    if !value.is_object() {
        return "not_an_object";
    }
    if line.matches("\"product_id\":").count() > 1 {
        return "invalid_field";
    }
    let missing =
        ["review_id", "product_id"].iter().any(|&field| value.get(field).is_none_or(Value::is_null));
    if missing {
        return "missing_field";
    }
    let bad_time = value["ts"].as_str().is_some_and(|time| !time.ends_with('Z'));
    let bad_rating =
        value["rating"] == 0 || value["rating"].as_str().is_some_and(|rating| rating.ends_with("/5"));
    if bad_time
        || bad_rating
        || value["product_id"] == ""
        || value["op"] == "replace"
        || value["title"].is_number()
    {
        return "invalid_field";
    }
    if text_of(&value).len() > 65_536 {
        return "too_large";
    }
    assert!(text_of(&value).trim().starts_with('<'), "{line}");
    "empty_text"
}

#[test]
fn only_faulty_lines_are_not_json() {
    let unreadable = lines(&LARGE.reviews).count() - objects(&LARGE.reviews).count();
    let told: u64 = ["malformed_json", "not_an_object", "invalid_utf8"]
        .iter()
        .map(|code| LARGE.summary.malformed[code])
        .sum();
    assert_eq!(unreadable as u64, told);
    assert_eq!(objects(&LARGE.feedback).count() as u64, LARGE.summary.feedback);
}

#[test]
fn texts_are_of_the_length_the_languages_and_the_many_words_asked_for() {
    let mut words = BTreeSet::new();
    let (mut total, mut texts, mut german, mut tagged, mut kept) = (0, 0, 0, 0, 0);
    for review in objects(&LARGE.reviews) {
        if review["op"] == "delete" {
            continue;
        }
        texts += 1;
        let text = text_of(&review);
        assert!(!text.contains(['{', '}']), "{text}");
        for word in text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
            total += 1;
            if !words.contains(word) {
                words.insert(word.to_owned());
            }
        }
        if let Some(lang) = review["lang"].as_str() {
            tagged += 1;
            german += usize::from(lang.to_lowercase().starts_with("de"));
        }
        kept += usize::from(text.contains("&uuml;") || text.contains("<br />") || text.contains("u\u{308}"));
    }
    let average = f64::from(total) / f64::from(texts);
    assert!((36.0..46.0).contains(&average), "{average} words a text");
    assert!(words.len() >= 20_000, "{} words", words.len());
    let share = german as f64 / tagged as f64;
    assert!((0.36..0.44).contains(&share), "{share} German");
    assert!(tagged * 10 < texts as usize * 9, "some have no language");
    assert!(kept > 300, "{kept} texts in a dress");
}

#[test]
fn times_rise_and_the_product_turns_bad() {
    let (mut last, mut sums) = (0, [(0.0, 0.0); 2]);
    let (product, turn) = LARGE.summary.turned_bad.clone().unwrap();
    let mut seen = BTreeSet::new();
    for review in objects(&LARGE.reviews) {
        let ts = review["ts"].as_i64().or_else(|| crate::records::calendar::parse(review["ts"].as_str()?));
        let (Some(ts), Some(id)) = (ts, review["review_id"].as_str()) else { continue };
        if seen.insert(id.to_owned()) && review["op"] != "delete" {
            assert!(ts > last, "{review}");
            last = ts;
        }
        if review["product_id"] == product.as_str()
            && let Some(stars) = review["rating"].as_f64().filter(|&stars| stars >= 1.0)
        {
            let (count, sum) = &mut sums[usize::from(ts >= turn)];
            *count += 1.0;
            *sum += stars;
        }
    }
    let means = sums.map(|(count, sum)| sum / count);
    assert!(sums[1].0 > 200.0 && means[0] > 4.1 && means[1] < 2.2, "{sums:?} {means:?}");
}

#[test]
fn copies_say_the_same_and_redeliveries_are_the_same_line() {
    let all = generated(&GenerateSettings { events: 5_000, duplicates: 0.3, ..GenerateSettings::default() });
    let distinct: BTreeSet<&[u8]> = lines(&all.reviews).collect();
    let twice = lines(&all.reviews).count() - distinct.len();
    assert_eq!(twice as u64, all.summary.redelivered);
    let texts: BTreeSet<String> =
        objects(&all.reviews).map(|review| format!("{} {}", review["user_id"], text_of(&review))).collect();
    let others = all.summary.fresh + all.summary.edits;
    assert!((texts.len() as u64) < others + all.summary.copies / 2, "{} texts of {others}", texts.len());
}

/// Naive Bayes of words and word pairs, in one pass: what a simple learner reaches in the second half. (A
/// logistic regression that knows the scope of a negation reaches 0.92.)
#[test]
fn there_is_something_to_learn_and_something_that_cannot_be() {
    let mut counts: BTreeMap<String, [f64; 2]> = BTreeMap::new();
    let mut classes = [1.0_f64; 2];
    let (mut right, mut judged) = (0.0, 0.0);
    for (place, review) in objects(&LARGE.reviews).take(16_000).enumerate() {
        let Some(stars) = review["rating"].as_u64().filter(|stars| [1, 2, 4, 5].contains(stars)) else {
            continue;
        };
        let words: Vec<&str> = text_of(&review).split_whitespace().collect();
        let features: BTreeSet<String> = words
            .iter()
            .map(|&word| word.to_owned())
            .chain(words.windows(2).map(|pair| pair.join(" ")))
            .collect();
        let label = usize::from(stars > 3);
        let mut odds = (classes[1] / classes[0]).ln();
        for feature in &features {
            let [negative, positive] = counts.get(feature).copied().unwrap_or_default();
            odds +=
                ((positive + 0.5) / (classes[1] + 1.0)).ln() - ((negative + 0.5) / (classes[0] + 1.0)).ln();
        }
        if place > 8_000 {
            judged += 1.0;
            right += f64::from(u8::from((odds > 0.0) == (label == 1)));
        }
        classes[label] += 1.0;
        for feature in features {
            counts.entry(feature).or_default()[label] += 1.0;
        }
    }
    let positive = classes[1] / (classes[0] + classes[1]);
    assert!((0.55..0.75).contains(&positive), "{positive} positive");
    let accuracy = right / judged;
    assert!((0.80..0.93).contains(&accuracy), "accuracy {accuracy}");
}

#[test]
fn contradictions_are_refused() {
    let wrong = GenerateSettings { edits: 0.9, duplicates: 0.3, ..GenerateSettings::default() };
    assert!(wrong.complaint().unwrap().contains("exceed 1"));
    assert!(generate(&wrong, &mut Vec::new(), &mut Vec::new()).is_err());
    assert!(GenerateSettings { german: f64::NAN, ..GenerateSettings::default() }.complaint().is_some());
    assert!(GenerateSettings { products: 0, ..GenerateSettings::default() }.complaint().is_some());
    assert_eq!(GenerateSettings::default().complaint(), None);
}
