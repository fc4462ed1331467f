//! Which reviews are severe, and what an epoch tells of them.
//!
//! A row that comes and is severe opens a case where it is young; where it is old, it changes nothing, and ends nothing
//! either. One that was severe and is so no longer, or is no row any more, is gone. Limit: an entry of the lexicon is looked for in the words of a title
//! or text by itself, whose signs are plain ASCII or German letters.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::log::Origin;
use super::rows::{Change, Level, Reading, Row};
use super::setting::{OWN_WORDS, Setting, Words};

/// Title and text of each version, by where it stands.
pub(crate) type Texts = BTreeMap<Origin, [Option<String>; 2]>;

/// What an epoch tells of reviews, by id.
pub(crate) fn readings(setting: &Setting, texts: &Texts, change: &Change<'_>) -> BTreeMap<String, Reading> {
    let mut readings = BTreeMap::new();
    for row in change.went().filter(|row| is_severe(setting, texts, row)) {
        if !change.after.get(&row.review_id).is_some_and(|now| is_severe(setting, texts, now)) {
            readings.insert(row.review_id.clone(), Reading::quiet(Level::Gone, &row.product_id));
        }
    }
    for row in change.came().filter(|row| is_severe(setting, texts, row)) {
        let young = change.is_young(row, setting.max_age);
        let between = || Reading::quiet(Level::Between, &row.product_id);
        let reading = if young { firing(setting, texts, row) } else { between() };
        readings.insert(row.review_id.clone(), reading);
    }
    readings
}

fn is_severe(setting: &Setting, texts: &Texts, row: &Row) -> bool {
    let few_stars = row.rating.is_some_and(|stars| stars <= setting.rating);
    row.negative
        && row.sentiment <= setting.sentiment
        && (few_stars || !sections(setting, &texts[&row.origin]).is_empty())
}

fn firing(setting: &Setting, texts: &Texts, row: &Row) -> Reading {
    let sections = sections(setting, &texts[&row.origin]);
    let grave = !sections.is_empty();
    let evidence = json!({
        "method": if grave { "lexicon" } else { "sentiment" },
        "before": null, "after": null, "since": null, "z": null, "surprise": null, "ewma": null, "cusum": null,
        "sentiment": row.line["sentiment"],
        "rating": row.line["rating"],
        "sections": sections,
        "reviews": [row.review_id],
        "model": row.line["model"],
    });
    let severity = if grave { "critical" } else { "warning" };
    Reading { level: Level::Firing, product_id: row.product_id.clone(), severity, evidence }
}

/// The sections that a title or text has words of, sorted.
fn sections(setting: &Setting, texts: &[Option<String>; 2]) -> Vec<String> {
    let lexicon = match setting.words {
        Words::None => return Vec::new(),
        Words::Own => OWN_WORDS,
        Words::Standard => include_str!("../../../topologies/severity.txt"),
    };
    let (mut found, mut section) = (Vec::new(), "");
    for line in lexicon.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if !line.is_empty() && texts.iter().flatten().any(|text| says(text, line)) {
            found.push(section.to_owned());
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Whether the words of an entry stand in a text one after the other.
fn says(text: &str, entry: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let text = text.to_lowercase().replace('ß', "ss");
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (text, wanted) = (words(text), words(entry));
    let stem = entry.ends_with('*');
    text.windows(wanted.len()).any(|window| {
        window.iter().zip(&wanted).enumerate().all(|(n, (word, wanted))| {
            word == wanted || stem && n + 1 == window.len() && word.starts_with(wanted.as_str())
        })
    })
}
