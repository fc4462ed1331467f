//! The lines of random cases: what is chosen for one, and how it is written out.

use proptest::prelude::*;
use serde_json::{Value, json};

/// The time of a record.
#[derive(Clone, Debug)]
pub(crate) enum Time {
    Missing,
    /// Milliseconds after [`BASE`], in one of the forms of `ts`.
    Near(u16, u8),
    /// Far after [`BASE`]: so many times 401 days.
    Far(u8),
    /// A few milliseconds after 1970.
    Dawn(u8),
}

#[derive(Clone, Debug)]
pub(crate) enum ReviewLine {
    Upsert(Box<Upsert>),
    Delete(u8, Time),
    /// An earlier line of the file again, byte for byte.
    Again(prop::sample::Index),
    Malformed(usize),
    Blank,
}

#[derive(Clone, Debug)]
pub(crate) struct Upsert {
    pub(crate) review: u8,
    pub(crate) product: u8,
    pub(crate) user: u8,
    pub(crate) rating: usize,
    pub(crate) text: usize,
    pub(crate) lang: u8,
    pub(crate) extra: usize,
    pub(crate) time: Time,
}

#[derive(Clone, Debug)]
pub(crate) enum FeedbackLine {
    Given { id: u8, review: u8, label: usize, time: Time },
    Again(prop::sample::Index),
    Malformed(usize),
}

/// 2023-11-14T22:13:20Z.
pub(crate) const BASE: i64 = 1_700_000_000_000;

/// Title and text. The first four mean the same to a reader of normalised text, the first three to `unchanged` too
/// or nearly so; other pairs differ by case, composition or a ligature.
pub(crate) const TEXTS: [(Option<&str>, Option<&str>); 13] = [
    (None, Some("Great product, works well")),
    (None, Some("<b>Great</b> product,\t works&nbsp;well ")),
    (None, Some("great PRODUCT, works well")),
    (Some("Great product, works well"), None),
    (Some("Broken"), Some("Smells & does not work at all")),
    (Some(" BROKEN "), Some("smells &amp; does not work<br/>at all")),
    (None, Some("Straße")),
    (Some(" "), Some("STRASSE")),
    (None, Some("Schlecht, &uuml;bel")),
    (None, Some("schlecht, u\u{308}bel")),
    (Some("So fine"), Some("I would buy it again and again")),
    (Some("Refund"), Some("terrible quality, never again")),
    (None, Some("ok")),
];

pub(crate) fn ratings() -> Vec<Value> {
    vec![
        Value::Null,
        json!(1),
        json!(2),
        json!(3),
        json!(4),
        json!(5),
        json!(4.5),
        json!(2.5),
        json!("3.7"),
        json!(3.333_333_5),
        json!(" "),
    ]
}

pub(crate) const MALFORMED: [&[u8]; 16] = [
    br#"{"review_id":"r1","product_id""#,
    br#"{"review_id":"r1"} {}"#,
    br#"{"review_id":"r1","rating":NaN}"#,
    b"{\"review_id\":\"r1\",\"product_id\":\"p\",\"text\":\"\xff\xfe\"}",
    b"null",
    b"[1]",
    br#"{"product_id":"p0","text":"no id"}"#,
    br#"{"review_id":"","product_id":"p0","text":"x"}"#,
    br#"{"review_id":"r0","product_id":"p0","text":" <br> "}"#,
    br#"{"review_id":"r0","product_id":"p0","text":"x","rating":"4,0","ts":1700000000500}"#,
    br#"{"review_id":"r0","product_id":"p0","text":"x","rating":0}"#,
    br#"{"review_id":"r1","product_id":"p0","text":"x","ts":"2023-11-14T22:13:20"}"#,
    br#"{"review_id":"r1","product_id":"p0","text":"x","verified":"yes"}"#,
    br#"{"review_id":"r1","review_id":"r2","product_id":"p0","text":"x"}"#,
    br#"{"review_id":"r1","op":"remove"}"#,
    br#"{"review_id":"r2","text":"no product","lang":"en"}"#,
];

pub(crate) const MALFORMED_FEEDBACK: [&[u8]; 6] = [
    br#"{"feedback_id":"f1","review_id":"r1","label":"good"}"#,
    br#"{"feedback_id":"f1","review_id":"r1"}"#,
    br#"{"review_id":"r1","label":"positive"}"#,
    br#"{"feedback_id":"f1","review_id":"r1","label":"spam","ts":-1}"#,
    br#"{"feedback_id":"f1","#,
    b"7",
];

/// Renders lines one after the other, each with those before it at hand; every second file ends without a newline.
pub(crate) fn render<L>(lines: &[L], one: impl Fn(&L, &[Vec<u8>]) -> Vec<u8>) -> Vec<u8> {
    let mut rendered: Vec<Vec<u8>> = Vec::new();
    for line in lines {
        let next = one(line, &rendered);
        rendered.push(next);
    }
    let mut bytes = rendered.join(&b'\n');
    if lines.len().is_multiple_of(2) && !lines.is_empty() {
        bytes.push(b'\n');
    }
    bytes
}

pub(crate) fn review(line: &ReviewLine, before: &[Vec<u8>]) -> Vec<u8> {
    match line {
        ReviewLine::Upsert(upsert) => self::upsert(upsert),
        ReviewLine::Delete(review, time) => {
            let mut fields = json!({ "review_id": review_id(*review), "op": "delete" });
            put_time(&mut fields, time);
            fields.to_string().into_bytes()
        }
        ReviewLine::Again(index) => again(index, before),
        ReviewLine::Malformed(i) => MALFORMED[*i].to_vec(),
        ReviewLine::Blank => Vec::new(),
    }
}

fn upsert(upsert: &Upsert) -> Vec<u8> {
    let (title, text) = TEXTS[upsert.text];
    let letters = [title, text].into_iter().flatten().flat_map(str::chars).filter(|c| c.is_alphabetic());
    let lang = match upsert.lang {
        0 => json!("en"),
        1 => json!("de"),
        2 => json!("en-US"),
        _ if letters.count() < 20 => Value::Null,
        _ => json!("DE"),
    };
    let user = [json!("u0"), json!("u1"), Value::Null, json!("")][usize::from(upsert.user)].clone();
    let mut fields = json!({
        "review_id": review_id(upsert.review), "product_id": format!("p{}", upsert.product), "user_id": user,
        "rating": ratings()[upsert.rating], "title": title, "text": text, "lang": lang, "unknown": {"a": [1]},
    });
    match upsert.extra {
        0 => fields["verified"] = json!(true),
        1 => fields["helpful_votes"] = json!(3),
        2 => fields["source"] = json!("shop"),
        3 => fields["op"] = json!("upsert"),
        _ => {}
    }
    put_time(&mut fields, &upsert.time);
    fields.to_string().into_bytes()
}

pub(crate) fn given(line: &FeedbackLine, before: &[Vec<u8>]) -> Vec<u8> {
    match line {
        FeedbackLine::Given { id, review, label, time } => {
            let labels =
                [Some("positive"), Some("neutral"), Some("negative"), Some("spam"), Some("ham"), None];
            let mut fields = json!({
                "feedback_id": format!("f{id}"), "review_id": review_id(*review), "label": labels[*label],
                "by": "someone",
            });
            put_time(&mut fields, time);
            fields.to_string().into_bytes()
        }
        FeedbackLine::Again(index) => again(index, before),
        FeedbackLine::Malformed(i) => MALFORMED_FEEDBACK[*i].to_vec(),
    }
}

fn again(index: &prop::sample::Index, before: &[Vec<u8>]) -> Vec<u8> {
    if before.is_empty() { Vec::new() } else { before[index.index(before.len())].clone() }
}

/// Text and integers: 5 is `"5"` or `5`, the same key.
fn review_id(review: u8) -> Value {
    match review {
        5 => json!(5),
        6 => json!("5"),
        other => json!(format!("r{other}")),
    }
}

fn put_time(fields: &mut Value, time: &Time) {
    let far = 401 * 24 * 60 * 60 * 1000;
    fields["ts"] = match time {
        Time::Missing => return,
        Time::Near(ms, 0) => json!(BASE + i64::from(*ms)),
        Time::Near(ms, 1) => json!(format!("2023-11-14T23:13:{:02}.{:03}+01:00", 20 + ms / 1000, ms % 1000)),
        Time::Near(ms, 2) => {
            let text = format!("{}.{:03}9", BASE / 1000 + i64::from(ms / 1000), ms % 1000);
            json!(text.parse::<f64>().expect("a number"))
        }
        Time::Near(ms, _) => json!(BASE / 1000 + i64::from(ms / 1000)),
        Time::Far(times) => json!(BASE + far * i64::from(*times)),
        Time::Dawn(ms) => json!(f64::from(*ms) / 1000.0),
    };
}
