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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::records::number::micro_to_f64;
    use crate::records::{DeadLetter, DeadLetterHeaders, Origin, ProductScore, ScoredReview};

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = b"before ".to_vec();
        write(&mut out);
        String::from_utf8(out).unwrap().strip_prefix("before ").unwrap().to_owned()
    }

    fn stars(units: Option<u32>) -> Option<f64> {
        units.map(|units| micro_to_f64(units.into()))
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    fn scored_struct(view: &ScoredView<'_>) -> ScoredReview {
        let model =
            |(score, model, version): &(&str, &str, u64)| ((*score).to_owned(), format!("{model}@{version}"));
        let mut filled = Vec::new();
        if view.filled.lang {
            filled.push("lang");
        }
        if view.filled.ts {
            filled.push("ts");
        }
        filled.extend(view.also_filled);
        ScoredReview {
            review_id: view.review_id.to_owned(),
            product_id: view.product_id.to_owned(),
            user_id: view.user_id.map(str::to_owned),
            rating: stars(view.rating),
            lang: view.lang.to_string(),
            ts: view.ts,
            sentiment: stars(view.sentiment),
            label: view.label,
            labelled_by: view.labelled_by.map(str::to_owned),
            spam: stars(view.spam),
            spam_reasons: view.spam_reasons.map(owned),
            unsure: view.unsure,
            status: view.status,
            of: view.of.map(str::to_owned),
            model: view.model.iter().map(model).collect(),
            filled: owned(&filled),
            epoch: view.epoch,
            origin: Origin { source: view.source.to_owned(), partition: view.partition, offset: view.offset },
        }
    }

    fn dead_struct(view: &DeadLetterView<'_>) -> DeadLetter {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let encoded = |bytes: &[u8]| text(bytes).is_none().then(|| STANDARD.encode(bytes));
        DeadLetter {
            key: view.key.and_then(text),
            key_base64: view.key.and_then(encoded),
            value: view.value.and_then(text),
            value_base64: view.value.and_then(encoded),
            headers: DeadLetterHeaders {
                topic: view.topic.to_owned(),
                partition: view.partition.to_string(),
                offset: view.offset.to_string(),
                component: view.component.to_owned(),
                stage: view.stage.as_str().to_owned(),
                code: view.code.as_str().to_owned(),
                message: view.message.to_owned(),
                truncated: view.truncated.map(|length| length.to_string()),
            },
        }
    }

    const BARE: ScoredView<'_> = ScoredView {
        review_id: "r1",
        product_id: "p1",
        user_id: None,
        rating: None,
        lang: Lang::UND,
        ts: 0,
        sentiment: None,
        label: None,
        labelled_by: None,
        spam: None,
        spam_reasons: None,
        unsure: None,
        status: Status::Accepted,
        of: None,
        model: &[],
        filled: Filled { lang: false, ts: false },
        also_filled: &[],
        epoch: 1,
        source: "reviews",
        partition: 0,
        offset: 0,
    };

    #[test]
    fn a_scored_review_has_every_field_in_order() {
        let line = written(|out| scored_review(&BARE, out));
        assert_eq!(
            line,
            "{\"review_id\":\"r1\",\"product_id\":\"p1\",\"user_id\":null,\"rating\":null,\"lang\":\"und\",\"ts\":0,\
             \"sentiment\":null,\"label\":null,\"labelled_by\":null,\"spam\":null,\"spam_reasons\":null,\"unsure\":null,\
             \"status\":\"accepted\",\"of\":null,\"model\":{},\"filled\":[],\"epoch\":1,\
             \"origin\":{\"source\":\"reviews\",\"partition\":0,\"offset\":0}}"
        );
        assert_eq!(line, serde_json::to_string(&scored_struct(&BARE)).unwrap());
    }

    #[test]
    fn a_tombstone_names_its_key() {
        let line = written(|out| tombstone("product_id", "a\"b", 7, out));
        assert_eq!(line, r#"{"product_id":"a\"b","epoch":7,"deleted":true}"#);
        let parsed: BTreeMap<String, serde_json::Value> = serde_json::from_str(&line).unwrap();
        assert_eq!(parsed.len(), 3);
    }

    #[test]
    fn a_dead_letter_has_one_value_at_most() {
        let view = DeadLetterView {
            key: Some(b"k"),
            value: Some(b"{\"a\":1"),
            topic: "in/reviews.jsonl",
            partition: 0,
            offset: 12,
            component: "clean",
            stage: Stage::Decode,
            code: Code::MalformedJson,
            message: "no",
            truncated: None,
        };
        let views = [
            view,
            DeadLetterView { key: None, value: None, ..view },
            DeadLetterView { key: Some(b"\xff"), value: Some(b"\xc3"), truncated: Some(1_000_001), ..view },
            DeadLetterView { key: Some(b""), value: Some(b""), ..view },
        ];
        for view in views {
            let line = written(|out| dead_letter(&view, out));
            assert_eq!(line, serde_json::to_string(&dead_struct(&view)).unwrap());
        }
        let line = written(|out| dead_letter(&views[2], out));
        assert!(
            line.starts_with(
                r#"{"key":null,"key_base64":"/w==","value_base64":"ww==","headers":{"__connect"#
            ),
            "{line}"
        );
    }

    proptest! {
        #[test]
        fn scored_reviews_are_as_serde_writes_them(
            texts in proptest::collection::vec(any::<String>(), 6),
            numbers in proptest::collection::vec(proptest::option::of(0_u32..=5_000_000), 3),
            flags in 0_u8..64,
            places in (any::<i64>(), any::<u64>(), any::<u32>(), any::<u64>()),
        ) {
            let flag = |bit: u8| flags & (1 << bit) != 0;
            let reasons = [texts[3].as_str(), "burst"];
            let model = [("sentiment", texts[4].as_str(), places.1), ("spam", "s", 0)];
            let view = ScoredView {
                review_id: &texts[0],
                product_id: &texts[1],
                user_id: flag(0).then_some(texts[2].as_str()),
                rating: numbers[0],
                lang: Lang::from_tag("de-AT").unwrap(),
                ts: places.0,
                sentiment: numbers[1],
                label: flag(1).then_some(Sentiment::Negative),
                labelled_by: flag(1).then_some(texts[3].as_str()),
                spam: numbers[2],
                spam_reasons: flag(2).then_some(&reasons[..]),
                unsure: flag(2).then_some(flag(3)),
                status: if flag(4) { Status::NearDuplicate } else { Status::Spam },
                of: flag(4).then_some(texts[5].as_str()),
                model: &model[..usize::from(flags % 3)],
                filled: Filled { lang: flag(3), ts: flag(5) },
                also_filled: &reasons[..usize::from(flag(4))],
                epoch: places.1,
                source: &texts[4],
                partition: places.2,
                offset: places.3,
            };
            prop_assert_eq!(
                written(|out| scored_review(&view, out)),
                serde_json::to_string(&scored_struct(&view)).unwrap()
            );
        }

        #[test]
        fn product_scores_are_as_serde_writes_them(
            product_id in any::<String>(),
            counts in any::<[u64; 8]>(),
            means in proptest::collection::vec(proptest::option::of(0_i64..=5_000_000), 3),
            score in 0_i64..=5_000_000,
        ) {
            let view = ProductView {
                product_id: &product_id,
                reviews: counts[0],
                ratings: counts[1],
                rating_mean: means[0],
                rating_histogram: [counts[2], counts[3], counts[4], counts[5], counts[6]],
                sentiment_mean: means[1],
                negative_share: means[2],
                score,
                epoch: counts[7],
            };
            let record = ProductScore {
                product_id: product_id.clone(),
                reviews: view.reviews,
                ratings: view.ratings,
                rating_mean: view.rating_mean.map(micro_to_f64),
                rating_histogram: view.rating_histogram,
                sentiment_mean: view.sentiment_mean.map(micro_to_f64),
                negative_share: view.negative_share.map(micro_to_f64),
                score: micro_to_f64(score),
                epoch: view.epoch,
            };
            prop_assert_eq!(written(|out| product_score(&view, out)), serde_json::to_string(&record).unwrap());
        }

        #[test]
        fn dead_letters_are_as_serde_writes_them(
            key in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..6)),
            value in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..12)),
            text in any::<String>(),
        ) {
            let view = DeadLetterView {
                key: key.as_deref(),
                value: value.as_deref(),
                topic: &text,
                partition: 3,
                offset: u64::MAX,
                component: &text,
                stage: Stage::Validate,
                code: Code::KeyMismatch,
                message: &text,
                truncated: None,
            };
            prop_assert_eq!(
                written(|out| dead_letter(&view, out)),
                serde_json::to_string(&dead_struct(&view)).unwrap()
            );
        }
    }
}
