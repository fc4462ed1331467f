//! Random cases: few ids, few texts, few times, so that everything meets everything; shrunk by `proptest`.
//!
//! What is drawn are small choices; lines are rendered from them, so that a shrunk case is still made of lines.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::batch::Setting;
use super::lines::{
    BASE, FeedbackLine, MALFORMED, MALFORMED_FEEDBACK, ReviewLine, TEXTS, Time, Upsert, given, ratings,
    render, review,
};
use super::log::{Kind, Partition};

/// A whole case.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) setting: Setting,
    pub(crate) partitions: Vec<Partition>,
    /// Two numbers of workers that must write the same bytes.
    pub(crate) workers: (usize, usize),
}

fn conditions() -> Vec<Value> {
    vec![
        json!({"field": "lang", "eq": "en"}),
        json!({"field": "product_id", "in": ["p0", "p1"]}),
        json!({"not": {"field": "lang", "eq": "de"}}),
        json!({"any": [{"field": "lang", "eq": "de"}, {"field": "product_id", "ne": "p0"}]}),
        json!({"all": [{"field": "lang", "eq": "en"}, {"field": "ts", "gt": BASE + 400}]}),
        json!({"not": {"field": "ts", "lt": BASE + 400}}),
        json!({"field": "review_id", "matches": "^r[0-2]$"}),
    ]
}

/// All cases.
pub(crate) fn case() -> impl Strategy<Value = Case> {
    let files = (vec(vec(review_line(), 0..24), 1..4), vec(vec(feedback_line(), 0..12), 1..3));
    (setting(), files, (1..5_usize, 1..4_usize)).prop_map(|(setting, (reviews, feedback), (first, more))| {
        let mut partitions = Vec::new();
        for (index, lines) in (0..).zip(reviews) {
            let (kind, path) = (Kind::Review, format!("reviews-{index}.jsonl"));
            partitions.push(Partition {
                source: "reviews",
                kind,
                index,
                path,
                bytes: render(&lines, review),
            });
        }
        for (index, lines) in (0..).zip(feedback) {
            let (kind, path) = (Kind::Feedback, format!("feedback-{index}.jsonl"));
            partitions.push(Partition {
                source: "feedback",
                kind,
                index,
                path,
                bytes: render(&lines, given),
            });
        }
        Case { setting, partitions, workers: (first, (first + more - 1) % 4 + 1) }
    })
}

fn setting() -> impl Strategy<Value = Setting> {
    let tick = prop_oneof![Just(1_u64), Just(100), 2..700_u64, Just(3_600_000)];
    let epoch_records = prop_oneof![3 => 1..8_u64, 1 => 8..51_u64];
    let label_wait = option::weighted(0.4, prop_oneof![1..900_u64, Just(86_400_000)]);
    let condition = option::weighted(0.3, prop::sample::select(conditions()));
    (tick, epoch_records, label_wait, condition).prop_map(|(tick, epoch_records, label_wait, condition)| {
        Setting { tick, epoch_records, label_wait, condition }
    })
}

fn time() -> impl Strategy<Value = Time> {
    prop_oneof![
        12 => (prop_oneof![0..20_u16, (0..30_u16).prop_map(|n| n * 50), 0..1500_u16], 0..4_u8)
            .prop_map(|(ms, form)| Time::Near(ms, form)),
        2 => Just(Time::Missing),
        1 => (1..3_u8).prop_map(Time::Far),
        1 => (0..3_u8).prop_map(Time::Dawn),
    ]
}

fn review_line() -> impl Strategy<Value = ReviewLine> {
    let upsert = (0..7_u8, 0..3_u8, 0..4_u8, 0..ratings().len(), 0..TEXTS.len(), 0..4_u8, 0..8_usize, time())
        .prop_map(|(review, product, user, rating, text, lang, extra, time)| {
            ReviewLine::Upsert(Box::new(Upsert { review, product, user, rating, text, lang, extra, time }))
        });
    prop_oneof![
        10 => upsert,
        3 => (0..7_u8, time()).prop_map(|(review, time)| ReviewLine::Delete(review, time)),
        3 => any::<prop::sample::Index>().prop_map(ReviewLine::Again),
        1 => (0..MALFORMED.len()).prop_map(ReviewLine::Malformed),
        1 => Just(ReviewLine::Blank),
    ]
}

fn feedback_line() -> impl Strategy<Value = FeedbackLine> {
    prop_oneof![
        8 => (0..9_u8, 0..7_u8, 0..6_usize, time())
            .prop_map(|(id, review, label, time)| FeedbackLine::Given { id, review, label, time }),
        1 => any::<prop::sample::Index>().prop_map(FeedbackLine::Again),
        1 => (0..MALFORMED_FEEDBACK.len()).prop_map(FeedbackLine::Malformed),
    ]
}
