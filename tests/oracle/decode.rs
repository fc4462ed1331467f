//! A plain, slow reading of one line: a review, a delete or a feedback, or the code that refuses it.
//!
//! The checks stand in the order in which their codes count. Limits, which the generated cases keep: JSON is what
//! `serde_json` takes (depth is not counted), and a missing `lang` only on texts of under 20 letters, since no
//! detector is rebuilt here.

use serde_json::Value;

use super::json::object;
use super::{fraction, text, time};

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Read {
    Upsert(Box<Review>),
    Delete { review_id: String, ts: Option<i64> },
    Feedback(Feedback),
}

/// A cleaned version of a review; `ts` is `None` until the log has filled it in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Review {
    pub(crate) review_id: String,
    pub(crate) product_id: String,
    pub(crate) user_id: Option<String>,
    /// In units of 1e-6.
    pub(crate) rating: Option<i64>,
    pub(crate) title: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) lang: String,
    pub(crate) ts: Option<i64>,
    pub(crate) verified: Option<bool>,
    pub(crate) helpful_votes: Option<u64>,
    pub(crate) source: Option<String>,
}

/// A label that someone gave to a review; `label: None` withdraws.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Feedback {
    pub(crate) feedback_id: String,
    pub(crate) review_id: String,
    pub(crate) label: Option<String>,
    pub(crate) ts: Option<i64>,
}

/// A read line, and which of `lang` and `ts` it left to be filled in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) read: Read,
    pub(crate) filled: Vec<&'static str>,
}

/// The code of a dead letter.
pub(crate) type Code = &'static str;

impl Line {
    pub(crate) fn ts_mut(&mut self) -> &mut Option<i64> {
        match &mut self.read {
            Read::Upsert(review) => &mut review.ts,
            Read::Delete { ts, .. } => ts,
            Read::Feedback(feedback) => &mut feedback.ts,
        }
    }
}

const REVIEW_FIELDS: [&str; 12] = [
    "review_id",
    "product_id",
    "user_id",
    "rating",
    "title",
    "text",
    "lang",
    "ts",
    "op",
    "verified",
    "helpful_votes",
    "source",
];
const FEEDBACK_FIELDS: [&str; 5] = ["feedback_id", "review_id", "label", "by", "ts"];
const LABELS: [&str; 5] = ["positive", "neutral", "negative", "spam", "ham"];

/// Reads a line of a review source.
pub(crate) fn review(line: &[u8]) -> Result<Line, Code> {
    let fields = object(line, &REVIEW_FIELDS)?;
    let review_id = required_id(fields.get("review_id"))?;
    let delete = match fields.get("op") {
        None | Some(Value::Null) => false,
        Some(Value::String(op)) if op == "upsert" => false,
        Some(Value::String(op)) if op == "delete" => true,
        Some(_) => return Err("invalid_field"),
    };
    let ts = ts(fields.get("ts"))?;
    let mut filled = Vec::new();
    if delete {
        return Ok(Line { read: Read::Delete { review_id, ts }, filled });
    }
    let product_id = required_id(fields.get("product_id"))?;
    let user_id = match fields.get("user_id") {
        Some(Value::String(user)) if user.is_empty() => None,
        None | Some(Value::Null) => None,
        Some(user) => Some(id(user)?),
    };
    let rating = rating(fields.get("rating"))?;
    let (title, body) = (string(fields.get("title"))?, string(fields.get("text"))?);
    if title.as_deref().map_or(0, str::len) + body.as_deref().map_or(0, str::len) > 64 * 1024 {
        return Err("too_large");
    }
    let verified = match fields.get("verified") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(verified)) => Some(*verified),
        Some(_) => return Err("invalid_field"),
    };
    let source = string(fields.get("source"))?.filter(|s| !s.trim().is_empty());
    let given = string(fields.get("lang"))?.filter(|s| !s.trim().is_empty());
    let helpful_votes = match fields.get("helpful_votes") {
        None | Some(Value::Null) => None,
        Some(votes) => Some(votes.as_u64().ok_or("invalid_field")?),
    };
    let (title, body) = (title.as_deref().and_then(text::clean), body.as_deref().and_then(text::clean));
    if title.is_none() && body.is_none() {
        return Err("empty_text");
    }
    let lang = match given {
        Some(tag) => primary_subtag(&tag),
        None => {
            let letters = [&title, &body].into_iter().flatten().flat_map(|s| s.chars());
            assert!(letters.filter(|c| c.is_alphabetic()).count() < 20, "the oracle detects no language");
            filled.push("lang");
            "und".to_owned()
        }
    };
    let review = Review {
        review_id,
        product_id,
        user_id,
        rating,
        title,
        text: body,
        lang,
        ts,
        verified,
        helpful_votes,
        source,
    };
    Ok(Line { read: Read::Upsert(Box::new(review)), filled })
}

/// Reads a line of a feedback source.
pub(crate) fn feedback(line: &[u8]) -> Result<Line, Code> {
    let fields = object(line, &FEEDBACK_FIELDS)?;
    let feedback_id = required_id(fields.get("feedback_id"))?;
    let review_id = required_id(fields.get("review_id"))?;
    let ts = ts(fields.get("ts"))?;
    let label = match fields.get("label") {
        None => return Err("missing_field"),
        Some(Value::Null) => None,
        Some(Value::String(label)) if LABELS.contains(&label.as_str()) => Some(label.clone()),
        Some(_) => return Err("invalid_field"),
    };
    string(fields.get("by"))?;
    Ok(Line { read: Read::Feedback(Feedback { feedback_id, review_id, label, ts }), filled: Vec::new() })
}

pub(crate) fn required_id(value: Option<&Value>) -> Result<String, Code> {
    match value {
        None | Some(Value::Null) => Err("missing_field"),
        Some(value) => id(value),
    }
}

fn id(value: &Value) -> Result<String, Code> {
    match value {
        Value::String(s) if (1..=256).contains(&s.len()) => Ok(s.clone()),
        Value::Number(n) if n.as_i64().is_some_and(|n| n >= 0) => Ok(n.to_string()),
        _ => Err("invalid_field"),
    }
}

pub(crate) fn ts(value: Option<&Value>) -> Result<Option<i64>, Code> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => time::milliseconds(value).map(Some).ok_or("invalid_field"),
    }
}

fn rating(value: Option<&Value>) -> Result<Option<i64>, Code> {
    let text = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(s)) if s.trim().is_empty() => return Ok(None),
        Some(Value::String(s)) => s.trim().to_owned(),
        Some(Value::Number(n)) => fraction::shortest(n),
        Some(_) => return Err("invalid_field"),
    };
    let (numerator, denominator) = fraction::decimal(&text).ok_or("invalid_field")?;
    if numerator < denominator || numerator > 5 * denominator {
        return Err("invalid_field");
    }
    Ok(Some(fraction::divide(numerator * i128::from(fraction::ONE), denominator)))
}

pub(crate) fn string(value: Option<&Value>) -> Result<Option<String>, Code> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(s)) => Ok(Some(s.clone())),
        Some(_) => Err("invalid_field"),
    }
}

fn primary_subtag(tag: &str) -> String {
    let primary = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    let plausible = (2..=3).contains(&primary.len()) && primary.bytes().all(|b| b.is_ascii_lowercase());
    assert!(plausible, "the oracle knows plain language tags only, not {tag:?}");
    primary
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(line: &str) -> Code {
        review(line.as_bytes()).expect_err(line)
    }

    #[test]
    fn the_first_code_that_applies_counts() {
        assert_eq!(review(b"{\"review_id\":\"\xff\"}"), Err("invalid_utf8"));
        assert_eq!(code(r#"{"review_id":"r1""#), "malformed_json");
        assert_eq!(code(r#"{"review_id":"r1"} x"#), "malformed_json");
        assert_eq!(code("null"), "not_an_object");
        assert_eq!(code(r#"{"review_id":"r1","review_id":"r1"}"#), "invalid_field");
        assert_eq!(code(r#"{"review_id":null,"op":7}"#), "missing_field");
        assert_eq!(code(r#"{"review_id":"","op":"delete"}"#), "invalid_field");
        assert_eq!(code(r#"{"review_id":"r1","ts":"1"}"#), "invalid_field");
        assert_eq!(code(r#"{"review_id":"r1","rating":9}"#), "missing_field");
        assert_eq!(code(r#"{"review_id":"r1","product_id":1,"rating":9,"text":7}"#), "invalid_field");
        assert_eq!(code(r#"{"review_id":"r1","product_id":1,"text":" <br> "}"#), "empty_text");
        let large = format!(r#"{{"review_id":"r1","product_id":1,"text":"{}"}}"#, "a".repeat(65_537));
        assert_eq!(code(&large), "too_large");
    }

    #[test]
    fn ratings_are_kept_to_six_decimals() {
        for (given, kept) in [
            ("3", Some(3_000_000)),
            ("4.5", Some(4_500_000)),
            ("\" 2.50 \"", Some(2_500_000)),
            ("3.3333335", Some(3_333_334)),
            ("2.0000005", Some(2_000_000)),
            ("\" \"", None),
            ("null", None),
        ] {
            let line =
                format!(r#"{{"review_id":"r","product_id":1,"text":"ok","lang":"en","rating":{given}}}"#);
            let Ok(Line { read: Read::Upsert(review), .. }) = review(line.as_bytes()) else {
                panic!("{line}")
            };
            assert_eq!(review.rating, kept, "{given}");
        }
        for wrong in ["0", "5.0000001", "0.9999999", "\"4,0\"", "\"4/5\"", "true", "\"1e0\""] {
            assert_eq!(
                code(&format!(r#"{{"review_id":"r","product_id":1,"rating":{wrong}}}"#)),
                "invalid_field"
            );
        }
    }

    #[test]
    fn integers_and_blanks() {
        let line = br#"{"review_id":7,"product_id":"p","user_id":"","text":"<i>Gut</i>","lang":" ","x":{}}"#;
        let Ok(Line { read: Read::Upsert(review), filled }) = review(line) else { panic!("refused") };
        assert_eq!((review.review_id.as_str(), review.user_id, review.lang.as_str()), ("7", None, "und"));
        assert_eq!((review.text.as_deref(), filled), (Some("Gut"), vec!["lang"]));
        assert_eq!(code(r#"{"review_id":7.0,"product_id":"p"}"#), "invalid_field");
        assert_eq!(code(r#"{"review_id":7e0,"product_id":"p"}"#), "invalid_field");
    }

    #[test]
    fn of_a_delete_little_is_read() {
        let line = br#"{"review_id":"r","op":"delete","ts":5000,"rating":99}"#;
        let read = Read::Delete { review_id: "r".to_owned(), ts: Some(5_000_000) };
        assert_eq!(review(line), Ok(Line { read, filled: vec![] }));
        assert_eq!(code(r#"{"review_id":"r","op":"delete","ts":"x"}"#), "invalid_field");
    }

    #[test]
    fn a_label_must_be_there_and_may_be_null() {
        assert_eq!(feedback(br#"{"feedback_id":"f","review_id":"r"}"#), Err("missing_field"));
        assert_eq!(feedback(br#"{"review_id":"r","label":null}"#), Err("missing_field"));
        assert_eq!(feedback(br#"{"feedback_id":"f","review_id":"r","label":"good"}"#), Err("invalid_field"));
        assert!(feedback(br#"{"feedback_id":"f","review_id":"r","label":null}"#).is_ok());
    }
}
