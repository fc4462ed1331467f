//! Output records as JSON lines, written by hand: the hot path knows its keys, and allocates nothing here.
//!
//! A view holds what a record's fields borrow; each line is byte for byte what serde_json makes of the record's
//! struct, which tests hold, and ends without a newline. Micro numbers are written by
//! [`write_micro`](super::number::write_micro).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::decode::{Code, Stage};
use super::lang::Lang;
use super::number::write_micro;
use super::scored_review::{Filled, Sentiment, Status};

/// The fields of a [`ScoredReview`](super::ScoredReview). Fractions are in units of 1e-6.
#[derive(Clone, Copy, Debug)]
pub struct ScoredView<'a> {
    /// Names the review.
    pub review_id: &'a str,
    /// The product it is about.
    pub product_id: &'a str,
    /// Who wrote it.
    pub user_id: Option<&'a str>,
    /// Stars.
    pub rating: Option<u32>,
    /// Language.
    pub lang: Lang,
    /// Milliseconds since 1970.
    pub ts: i64,
    /// Probability of positive.
    pub sentiment: Option<u32>,
    /// What it counts as.
    pub label: Option<Sentiment>,
    /// The feedback that set the label.
    pub labelled_by: Option<&'a str>,
    /// Probability of spam.
    pub spam: Option<u32>,
    /// Why spam.
    pub spam_reasons: Option<&'a [&'a str]>,
    /// Whether the model could not decide.
    pub unsure: Option<bool>,
    /// What the review counts as.
    pub status: Status,
    /// The review that it duplicates.
    pub of: Option<&'a str>,
    /// What was scored by which model and version, by name of the score: `("sentiment", "sentiment", 17)`.
    pub model: &'a [(&'a str, &'a str, u64)],
    /// Which of `lang` and `ts` were filled in.
    pub filled: Filled,
    /// What else was filled in, by name.
    pub also_filled: &'a [&'a str],
    /// The epoch that publishes this.
    pub epoch: u64,
    /// The source component's id.
    pub source: &'a str,
    /// Partition of the source.
    pub partition: u32,
    /// Offset in the partition.
    pub offset: u64,
}

/// The fields of a [`ProductScore`](super::ProductScore). Fractions are in units of 1e-6.
#[derive(Clone, Copy, Debug)]
pub struct ProductView<'a> {
    /// Names the product.
    pub product_id: &'a str,
    /// Accepted reviews.
    pub reviews: u64,
    /// Those with stars.
    pub ratings: u64,
    /// Mean of the stars.
    pub rating_mean: Option<i64>,
    /// How many have 1 to 5 stars.
    pub rating_histogram: [u64; 5],
    /// Mean probability of positive.
    pub sentiment_mean: Option<i64>,
    /// Share of negative labels.
    pub negative_share: Option<i64>,
    /// Bayesian mean.
    pub score: i64,
    /// The epoch that publishes this.
    pub epoch: u64,
}

/// The parts of a [`DeadLetter`](super::DeadLetter).
#[derive(Clone, Copy, Debug)]
pub struct DeadLetterView<'a> {
    /// The record's key.
    pub key: Option<&'a [u8]>,
    /// The record's bytes, or their start.
    pub value: Option<&'a [u8]>,
    /// Topic, or the path of the file.
    pub topic: &'a str,
    /// Partition.
    pub partition: u32,
    /// Offset.
    pub offset: u64,
    /// The component that refused it.
    pub component: &'a str,
    /// Where it was refused.
    pub stage: Stage,
    /// What is wrong.
    pub code: Code,
    /// What was found and what was expected.
    pub message: &'a str,
    /// Length of the whole record in bytes, if `value` is its start.
    pub truncated: Option<u64>,
}

/// Appends a scored review.
pub fn scored_review(view: &ScoredView<'_>, out: &mut Vec<u8>) {
    put(out, "{\"review_id\":");
    string(out, view.review_id);
    put(out, ",\"product_id\":");
    string(out, view.product_id);
    put(out, ",\"user_id\":");
    optional(out, view.user_id, string);
    put(out, ",\"rating\":");
    optional(out, view.rating, micro);
    put(out, ",\"lang\":\"");
    put(out, view.lang.as_str());
    put(out, "\",\"ts\":");
    integer(out, view.ts);
    put(out, ",\"sentiment\":");
    optional(out, view.sentiment, micro);
    put(out, ",\"label\":");
    optional(out, view.label.map(Sentiment::as_str), string);
    put(out, ",\"labelled_by\":");
    optional(out, view.labelled_by, string);
    put(out, ",\"spam\":");
    optional(out, view.spam, micro);
    put(out, ",\"spam_reasons\":");
    optional(out, view.spam_reasons, |out, reasons| list(out, reasons.iter().copied()));
    put(out, ",\"unsure\":");
    optional(out, view.unsure, |out, unsure| put(out, if unsure { "true" } else { "false" }));
    put(out, ",\"status\":\"");
    put(out, view.status.as_str());
    put(out, "\",\"of\":");
    optional(out, view.of, string);
    put(out, ",\"model\":{");
    for (index, (score, model, version)) in view.model.iter().enumerate() {
        put(out, if index == 0 { "" } else { "," });
        string(out, score);
        put(out, ":\"");
        escape(out, model);
        put(out, "@");
        integer(out, *version);
        put(out, "\"");
    }
    put(out, "},\"filled\":");
    let filled = [view.filled.lang.then_some("lang"), view.filled.ts.then_some("ts")];
    list(out, filled.into_iter().flatten().chain(view.also_filled.iter().copied()));
    put(out, ",\"epoch\":");
    integer(out, view.epoch);
    put(out, ",\"origin\":{\"source\":");
    string(out, view.source);
    put(out, ",\"partition\":");
    integer(out, view.partition);
    put(out, ",\"offset\":");
    integer(out, view.offset);
    put(out, "}}");
}

/// Appends a product score.
pub fn product_score(view: &ProductView<'_>, out: &mut Vec<u8>) {
    put(out, "{\"product_id\":");
    string(out, view.product_id);
    put(out, ",\"reviews\":");
    integer(out, view.reviews);
    put(out, ",\"ratings\":");
    integer(out, view.ratings);
    put(out, ",\"rating_mean\":");
    optional(out, view.rating_mean, micro);
    put(out, ",\"rating_histogram\":[");
    for (index, count) in view.rating_histogram.into_iter().enumerate() {
        put(out, if index == 0 { "" } else { "," });
        integer(out, count);
    }
    put(out, "],\"sentiment_mean\":");
    optional(out, view.sentiment_mean, micro);
    put(out, ",\"negative_share\":");
    optional(out, view.negative_share, micro);
    put(out, ",\"score\":");
    micro(out, view.score);
    put(out, ",\"epoch\":");
    integer(out, view.epoch);
    put(out, "}");
}

/// Appends what a file has for a key that is gone; `key_field` is `review_id`, `product_id`, ...
pub fn tombstone(key_field: &str, key: &str, epoch: u64, out: &mut Vec<u8>) {
    put(out, "{");
    string(out, key_field);
    put(out, ":");
    string(out, key);
    put(out, ",\"epoch\":");
    integer(out, epoch);
    put(out, ",\"deleted\":true}");
}

/// Appends a dead letter.
pub fn dead_letter(view: &DeadLetterView<'_>, out: &mut Vec<u8>) {
    put(out, "{\"key\":");
    match view.key.map(std::str::from_utf8) {
        None => put(out, "null"),
        Some(Ok(key)) => string(out, key),
        Some(Err(_)) => {
            put(out, "null,\"key_base64\":");
            base64(out, view.key.unwrap_or_default());
        }
    }
    match view.value.map(std::str::from_utf8) {
        None => {}
        Some(Ok(value)) => {
            put(out, ",\"value\":");
            string(out, value);
        }
        Some(Err(_)) => {
            put(out, ",\"value_base64\":");
            base64(out, view.value.unwrap_or_default());
        }
    }
    put(out, ",\"headers\":{\"__connect.errors.topic\":");
    string(out, view.topic);
    put(out, ",\"__connect.errors.partition\":\"");
    integer(out, view.partition);
    put(out, "\",\"__connect.errors.offset\":\"");
    integer(out, view.offset);
    put(out, "\",\"__connect.errors.connector.name\":");
    string(out, view.component);
    put(out, ",\"__connect.errors.stage\":");
    string(out, view.stage.as_str());
    put(out, ",\"__connect.errors.exception.class.name\":");
    string(out, view.code.as_str());
    put(out, ",\"__connect.errors.exception.message\":");
    string(out, view.message);
    if let Some(length) = view.truncated {
        put(out, ",\"dirigent.truncated\":\"");
        integer(out, length);
        put(out, "\"");
    }
    put(out, "}}");
}

fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn integer(out: &mut Vec<u8>, number: impl itoa::Integer) {
    put(out, itoa::Buffer::new().format(number));
}

fn micro(out: &mut Vec<u8>, units: impl Into<i64>) {
    write_micro(units.into(), out);
}

fn optional<T>(out: &mut Vec<u8>, value: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) {
    match value {
        Some(value) => write(out, value),
        None => put(out, "null"),
    }
}

fn list<'a>(out: &mut Vec<u8>, items: impl Iterator<Item = &'a str>) {
    put(out, "[");
    for (index, item) in items.enumerate() {
        put(out, if index == 0 { "" } else { "," });
        string(out, item);
    }
    put(out, "]");
}

fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, "\"");
    let from = out.len();
    out.resize(from + bytes.len().div_ceil(3) * 4, 0);
    // The space is exactly what the standard alphabet with padding takes.
    let written = STANDARD.encode_slice(bytes, &mut out[from..]).unwrap_or(0);
    out.truncate(from + written);
    put(out, "\"");
}

fn string(out: &mut Vec<u8>, text: &str) {
    put(out, "\"");
    escape(out, text);
    put(out, "\"");
}

/// Escapes as serde_json does: short forms where JSON has them, else `\u00xx`, and nothing beyond ASCII's controls.
fn escape(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&text.as_bytes()[from..at]);
        from = at + 1;
        let short = match byte {
            b'"' | b'\\' => byte,
            0x08 => b'b',
            0x09 => b't',
            0x0a => b'n',
            0x0c => b'f',
            0x0d => b'r',
            _ => {
                put(out, "\\u00");
                out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
                continue;
            }
        };
        out.extend([b'\\', short]);
    }
    out.extend_from_slice(&text.as_bytes()[from..]);
}
