//! Random cases of severe reviews: few ids, few texts, seconds, so that edits, moves, deletes, labels, age and people all
//! meet; shrunk by `proptest`.
//!
//! A few reviews of another product stand before all others, so that the model can tell good from bad.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::json;

use super::super::lines::{BASE, MALFORMED, MALFORMED_FEEDBACK};
use super::super::log::{Kind, Partition};
use super::setting::{EscalationStep, Setting, TARGETS, Times, Words};
use super::spoken::{self, Answered, Spoken};

/// A whole case.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) setting: Setting,
    pub(crate) partitions: Vec<Partition>,
    pub(crate) commands: Vec<Spoken>,
    pub(crate) answers: Vec<Answered>,
    /// Two numbers of workers.
    pub(crate) workers: (usize, usize),
    /// Where the input is cut in two.
    pub(crate) cut: prop::sample::Index,
}

impl Case {
    /// The case as files; what is said depends on a run, and is told with what is wrong.
    pub(crate) fn show(&self) -> String {
        let mut text = format!("workers {:?}, cut {:?}\n{}", self.workers, self.cut, self.setting.topology());
        for partition in &self.partitions {
            let _ = writeln!(text, "--- {}\n{}", partition.path, String::from_utf8_lossy(&partition.bytes));
        }
        text
    }
}

const SECOND: u64 = 1_000;
const DAY: u64 = 86_400_000;

/// Title and text. Of each lexicon some have words, and the last one has what only looks like them.
pub(crate) const TEXTS: [(Option<&str>, &str); 7] = [
    (None, "Awful, broken after a day"),
    (Some("Short circuit"), "The lamp was awful and caught fire"),
    (None, "Great product, works well"),
    (None, "Great, no short circuit, works well"),
    (Some("Schlecht"), "Gefährliche Lampe, Hand verbrüht"),
    (None, "awful broken broken awful refund"),
    (Some("Broken, awfully so"), "unsparksed shortcircuit clamp"),
];

#[derive(Clone, Debug)]
enum Line {
    Upsert { review: u8, product: u8, user: u8, rating: usize, text: usize, gap: u64, age: u64 },
    Delete { review: u8, gap: u64 },
    Again(prop::sample::Index),
    Malformed(usize),
}

#[derive(Clone, Debug)]
enum Label {
    Given { review: u8, label: usize, id: u8, gap: u64 },
    Malformed(usize),
}

/// All cases.
pub(crate) fn case() -> impl Strategy<Value = Case> {
    let files = (vec(vec(line(), 1..30), 1..3), vec(label(), 0..10));
    let said = (spoken::commands(), spoken::answers());
    (setting(), files, said, workers(), any::<prop::sample::Index>()).prop_map(
        |(setting, (reviews, labels), (commands, answers), workers, cut)| {
            let mut partitions: Vec<Partition> = (0..)
                .zip(&reviews)
                .map(|(index, lines)| partition(Kind::Review, index, self::reviews(lines)))
                .collect();
            partitions.push(partition(Kind::Feedback, 0, feedback(&labels)));
            Case { setting, partitions, commands, answers, workers, cut }
        },
    )
}

/// Two different numbers of workers.
pub(crate) fn workers() -> impl Strategy<Value = (usize, usize)> {
    (1..5_usize, 1..4_usize).prop_map(|(first, more)| (first, (first + more - 1) % 4 + 1))
}

pub(crate) fn partition(kind: Kind, index: u64, bytes: Vec<u8>) -> Partition {
    let source = if kind == Kind::Review { "reviews" } else { "feedback" };
    Partition { source, kind, index, path: format!("{source}-{index}.jsonl"), bytes }
}

/// The times of cases, in so many ms.
pub(crate) fn times(unit: u64) -> impl Strategy<Value = Times> {
    let wait =
        move |zero: u32, most: u64| prop_oneof![zero => Just(0), 6 => (1..most).prop_map(move |n| n * unit)];
    let expires = option::weighted(0.7, wait(1, 12));
    (wait(3, 9), wait(2, 8), wait(2, 16), expires, wait(1, 40)).prop_map(
        |(hold, keep_firing_for, cooldown, ack_expires, reopen_within)| Times {
            hold,
            keep_firing_for,
            cooldown,
            ack_expires,
            reopen_within,
        },
    )
}

/// Up to three steps of an escalation, the later ones later.
pub(crate) fn steps(unit: u64) -> impl Strategy<Value = Vec<EscalationStep>> {
    vec((0..6_u64, 1..4_usize), 0..4).prop_map(move |steps| {
        let mut after = 0;
        let step = |(n, (wait, who)): (usize, (u64, usize))| {
            after += (wait + u64::from(n > 0)) * unit;
            let targets = (0..TARGETS.len()).filter(|n| who >> n & 1 == 1).map(|n| TARGETS[n]).collect();
            EscalationStep { after, targets }
        };
        steps.into_iter().enumerate().map(step).collect()
    })
}

fn setting() -> impl Strategy<Value = Setting> {
    let epochs =
        (prop_oneof![Just(SECOND), Just(2 * SECOND), Just(250)], prop_oneof![1 => 2..6_u64, 3 => Just(1000)]);
    let max_age = prop_oneof![Just(0), (0..40_u64).prop_map(|n| n * SECOND), Just(3 * DAY)];
    let limits = (
        prop_oneof![Just(1_000_000), Just(450_000), Just(200_000)],
        prop_oneof![Just(1_000_000), Just(2_000_000), Just(5_000_000)],
    );
    let words = prop_oneof![Just(Words::Standard), Just(Words::None), Just(Words::Own)];
    (epochs, max_age, limits, words, times(SECOND), steps(SECOND)).prop_map(
        |((tick, epoch_records), max_age, (sentiment, rating), words, severe_times, steps)| Setting {
            tick,
            epoch_records,
            max_age,
            sentiment,
            rating,
            words,
            drop_times: severe_times.clone(),
            severe_times,
            test: json!({}),
            steps,
            learns: true,
        },
    )
}

fn line() -> impl Strategy<Value = Line> {
    let gap = || prop_oneof![Just(0), 0..4000_u64, 0..12_000_u64];
    let age = prop_oneof![6 => Just(0), 2 => (0..40_u64).prop_map(|n| n * SECOND), 1 => Just(5 * DAY)];
    let what = (0..5_u8, 0..3_u8, 0..5_u8);
    let upsert = (what, 0..6_usize, 0..TEXTS.len(), gap(), age).prop_map(
        |((review, product, user), rating, text, gap, age)| Line::Upsert {
            review,
            product,
            user,
            rating,
            text,
            gap,
            age,
        },
    );
    prop_oneof![
        14 => upsert,
        3 => (0..5_u8, gap()).prop_map(|(review, gap)| Line::Delete { review, gap }),
        1 => any::<prop::sample::Index>().prop_map(Line::Again),
        1 => (0..MALFORMED.len()).prop_map(Line::Malformed),
    ]
}

fn label() -> impl Strategy<Value = Label> {
    prop_oneof![
        9 => (0..5_u8, 0..7_usize, 0..8_u8, 0..20_000_u64)
            .prop_map(|(review, label, id, gap)| Label::Given { review, label, id, gap }),
        1 => (0..MALFORMED_FEEDBACK.len()).prop_map(Label::Malformed),
    ]
}

fn start() -> u64 {
    u64::try_from(BASE).expect("after 1970")
}

/// A file of reviews: those that the model learns from first.
fn reviews(lines: &[Line]) -> Vec<u8> {
    let mut rendered: Vec<Vec<u8>> = Vec::new();
    for n in 0..6 {
        let (text, rating) = [("awful broken refund", 1), ("great product works well", 5)][n % 2];
        let ts = start() - 9 * SECOND;
        let line = json!({
            "review_id": format!("w{n}"), "product_id": "other", "user_id": format!("w{n}"), "rating": rating,
            "text": text, "lang": "en", "ts": ts,
        });
        rendered.push(line.to_string().into_bytes());
    }
    let mut now = start();
    for line in lines {
        let bytes = match line {
            Line::Upsert { review, product, user, rating, text, gap, age } => {
                now += gap;
                let (title, text) = TEXTS[*text];
                json!({
                    "review_id": format!("r{review}"), "product_id": format!("p{product}"),
                    "user_id": (*user < 4).then(|| format!("u{user}")), "title": title, "text": text, "lang": "en",
                    "rating": ([1, 1, 2, 3, 5].get(*rating)),
                    "ts": now - age,
                })
                .to_string()
                .into_bytes()
            }
            Line::Delete { review, gap } => {
                now += gap;
                json!({ "review_id": format!("r{review}"), "op": "delete", "ts": now })
                    .to_string()
                    .into_bytes()
            }
            Line::Again(index) => rendered[index.index(rendered.len())].clone(),
            Line::Malformed(n) => MALFORMED[*n].to_vec(),
        };
        rendered.push(bytes);
    }
    rendered.join(&b'\n')
}

fn feedback(labels: &[Label]) -> Vec<u8> {
    let (mut rendered, mut now) = (Vec::new(), start());
    for label in labels {
        rendered.push(match label {
            Label::Given { review, label, id, gap } => {
                now += gap;
                let labels = ["negative", "negative", "positive", "neutral", "spam", "ham"];
                json!({
                    "feedback_id": format!("f{id}"), "review_id": format!("r{review}"), "label": labels.get(*label),
                    "ts": now,
                })
                .to_string()
                .into_bytes()
            }
            Label::Malformed(n) => MALFORMED_FEEDBACK[*n].to_vec(),
        });
    }
    rendered.join(&b'\n')
}
