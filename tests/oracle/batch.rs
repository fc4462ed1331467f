//! From the log to everything that must have been written.
//!
//! At each close of an epoch the live set is folded on, and statuses, labels, product scores and lines are worked out
//! from the whole of it. Sentiment comes from the caller, by (`review_id`, origin); [`Expected::arrived`] says which
//! versions were asked for, and which model version must have scored each.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use serde_json::{Value, json};

use super::books::Ledger;
use super::condition;
use super::decode::{Read, Review};
use super::feedback::Places;
use super::fraction;
use super::log::{self, Entry, Kind, Origin, Partition};
use super::products::{self, Share};
use super::table::Table;
use super::text;
use super::training::{self, Versions};

/// The settings of a topology that act on its output.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// `epoch`, in milliseconds.
    pub(crate) tick: u64,
    pub(crate) epoch_records: u64,
    /// In milliseconds; `None` waits for ever.
    pub(crate) label_wait: Option<u64>,
    /// The condition of a filter between `clean` and `sentiment`, if there is one.
    pub(crate) condition: Option<Value>,
}

/// The sentiment of a version in units of 1e-6, and the `model` field that it was published with.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Score {
    pub(crate) sentiment: i64,
    pub(crate) model: Value,
}

/// Scores by review and version.
pub(crate) type Scores = BTreeMap<(String, Origin), Score>;

/// What the binary must have written.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) scored: Vec<Value>,
    pub(crate) products: Vec<Value>,
    pub(crate) dead: Vec<Value>,
    pub(crate) ledger: Ledger,
    /// The newest model version at the end, where it can be told.
    pub(crate) version: Option<u64>,
    /// Every version that was applied, with the model version that was the newest, where it can be told.
    pub(crate) arrived: BTreeMap<(String, Origin), Option<u64>>,
    /// The contract does not decide this case: a wait ended at the very epoch of something else.
    pub(crate) tied: bool,
}

#[derive(Clone, Debug)]
struct Live {
    review: Review,
    origin: Origin,
    filled: Vec<&'static str>,
    score: Score,
}

/// Works out everything.
pub(crate) fn expect(setting: &Setting, partitions: &[Partition], scores: &Scores) -> Expected {
    fold(setting, &log::entries(partitions, setting.tick, setting.epoch_records), scores)
}

/// Works out everything from a log.
pub(crate) fn fold(setting: &Setting, log: &[Entry], scores: &Scores) -> Expected {
    let epochs: BTreeSet<u64> = log.iter().map(|entry| entry.epoch).collect();
    let mut live: BTreeMap<String, Live> = BTreeMap::new();
    let (mut scored, mut products) = (Table::new("review_id"), Table::new("product_id"));
    let (mut places, mut ledger, mut versions) = (Places::default(), Ledger::default(), Versions::new());
    let (mut dead, mut arrived) = (Vec::new(), BTreeMap::new());
    for &epoch in &epochs {
        let entries: Vec<&Entry> = log.iter().filter(|entry| entry.epoch == epoch).collect();
        places.expire(epoch, setting.label_wait, &mut ledger);
        let mut last: BTreeMap<String, &Entry> = BTreeMap::new();
        for entry in entries {
            match &entry.read {
                Err(code) => {
                    ledger.book(&entry.origin, &format!("dead_letter.{code}"));
                    dead.push(dead_letter(entry, code));
                }
                Ok(line) => match &line.read {
                    Read::Feedback(feedback) => places.put(epoch, &entry.origin, feedback, &mut ledger),
                    Read::Upsert(review) => {
                        let before = last.insert(review.review_id.clone(), entry);
                        supersede(before, &mut ledger);
                        if !passes(setting, review) {
                            ledger.book(&entry.origin, "dropped.filtered");
                        }
                    }
                    Read::Delete { review_id, .. } => {
                        supersede(last.insert(review_id.clone(), entry), &mut ledger);
                    }
                },
            }
        }
        for (review_id, entry) in last {
            let line = entry.read.as_ref().expect("refused records are no versions");
            let end = match &line.read {
                Read::Upsert(review) if passes(setting, review) => {
                    if live.get(&review_id).is_some_and(|before| before.review == **review) {
                        "dropped.unchanged"
                    } else {
                        let version = (review_id.clone(), entry.origin.clone());
                        let score = scores.get(&version).cloned().unwrap_or_default();
                        arrived.insert(version, versions.newest);
                        let (origin, filled) = (entry.origin.clone(), line.filled.clone());
                        live.insert(review_id, Live { review: (**review).clone(), origin, filled, score });
                        "applied"
                    }
                }
                Read::Upsert(_) => {
                    live.remove(&review_id);
                    continue;
                }
                _ if live.remove(&review_id).is_some() => "deleted",
                _ => "dropped.unknown",
            };
            ledger.book(&entry.origin, end);
        }
        places.close(epoch, |review_id| live.contains_key(review_id), &mut ledger);

        let first = first_of_group(&live);
        let accepted = |live: &Live| first[&live.review.review_id] == live.review.review_id;
        scored.close(epoch, live.iter().map(|(id, l)| (id.clone(), row(l, &first[id], &places))).collect());
        let mut shares: BTreeMap<String, Vec<Share>> = BTreeMap::new();
        let mut examples = BTreeMap::new();
        for (id, l) in live.iter().filter(|(_, l)| accepted(l)) {
            let (rating, sentiment) = (l.review.rating, l.score.sentiment);
            let negative = label(l, &places) == "negative";
            shares.entry(l.review.product_id.clone()).or_default().push(Share {
                rating,
                sentiment,
                negative,
            });
            let feedback = places.sentiment(id).map(|(label, _)| label);
            examples.extend(training::example(&l.review, feedback).map(|example| (id.clone(), example)));
        }
        products
            .close(epoch, shares.into_iter().map(|(id, s)| (id.clone(), products::row(&id, &s))).collect());
        versions.close(examples);
    }
    places.end(&mut ledger);
    let (scored, products, tied) = (scored.into_lines(), products.into_lines(), places.tied);
    Expected { scored, products, dead, ledger, version: versions.newest, arrived, tied }
}

fn passes(setting: &Setting, review: &Review) -> bool {
    setting.condition.as_ref().is_none_or(|condition| condition::passes(condition, review))
}

/// A version that another of its key follows in its epoch is superseded, unless a filter has booked it already.
fn supersede(before: Option<&Entry>, ledger: &mut Ledger) {
    if let Some(entry) = before.filter(|entry| !ledger.is_booked(&entry.origin)) {
        ledger.book(&entry.origin, "superseded");
    }
}

/// For each live review the first of its group: same product, same user that is not null, same normalised text, in
/// the order of (`ts`, `review_id` as bytes). A review of no one is its own first.
fn first_of_group(live: &BTreeMap<String, Live>) -> BTreeMap<String, String> {
    let group = |l: &Live| {
        let review = &l.review;
        let text = text::normalised(review.title.as_deref(), review.text.as_deref());
        (review.product_id.clone(), review.user_id.clone(), text)
    };
    let groups: BTreeMap<&String, _> = live.iter().map(|(id, l)| (id, group(l))).collect();
    let first = |id: &String, l: &Live| {
        if l.review.user_id.is_none() {
            return id.clone();
        }
        let same = live.iter().filter(|(other, _)| groups[other] == groups[id]);
        same.min_by_key(|(other, l)| (l.review.ts, (*other).clone())).expect("itself").0.clone()
    };
    live.iter().map(|(id, l)| (id.clone(), first(id, l))).collect()
}

fn label<'a>(live: &Live, places: &'a Places) -> &'a str {
    match places.sentiment(&live.review.review_id) {
        Some((label, _)) => label,
        None if live.score.sentiment >= 600_000 => "positive",
        None if live.score.sentiment <= 400_000 => "negative",
        None => "neutral",
    }
}

fn row(live: &Live, first: &str, places: &Places) -> Value {
    let review = &live.review;
    let duplicate = first != review.review_id;
    json!({
        "review_id": review.review_id,
        "product_id": review.product_id,
        "user_id": review.user_id,
        "rating": review.rating.map(fraction::json),
        "lang": review.lang,
        "ts": review.ts,
        "sentiment": fraction::json(live.score.sentiment),
        "label": label(live, places),
        "labelled_by": places.sentiment(&review.review_id).map(|(_, by)| by),
        "spam": null,
        "spam_reasons": null,
        "unsure": null,
        "status": if duplicate { "duplicate" } else { "accepted" },
        "of": duplicate.then_some(first),
        "model": live.score.model,
        "filled": live.filled,
        "origin": { "source": live.origin.0, "partition": live.origin.1, "offset": live.origin.2 },
    })
}

/// A dead letter as its file has it, but for the message, which is free.
fn dead_letter(entry: &Entry, code: &str) -> Value {
    let component = match entry.kind {
        Kind::Review => "clean",
        Kind::Feedback => "corrected",
    };
    let stage = match code {
        "invalid_utf8" | "malformed_json" | "not_an_object" => "decode",
        _ => "validate",
    };
    let mut letter = json!({
        "key": null,
        "headers": {
            "__connect.errors.topic": entry.path,
            "__connect.errors.partition": "0",
            "__connect.errors.offset": entry.origin.2.to_string(),
            "__connect.errors.connector.name": component,
            "__connect.errors.stage": stage,
            "__connect.errors.exception.class.name": code,
        },
    });
    match std::str::from_utf8(&entry.raw) {
        Ok(text) => letter["value"] = json!(text),
        Err(_) => {
            letter["value_base64"] = json!(base64::engine::general_purpose::STANDARD.encode(&entry.raw));
        }
    }
    letter
}
