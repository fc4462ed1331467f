//! Feedback: who says what of which review.
//!
//! After what [`decode`](super) says of every record, the checks come in this order: `feedback_id`, `review_id`, the
//! key, `label`, `by`, `ts`. A missing label is an error; a null one withdraws.

use super::check::Checked;
use super::field_map::FeedbackFields;
use super::json::{Value, read_object};
use super::key::KeyRule;
use super::refusal::Refusal;

/// The fields, in the order in which they are checked.
pub(super) const FIELDS: [&str; 5] = ["feedback_id", "review_id", "label", "by", "ts"];
const FEEDBACK_ID: usize = 0;
const REVIEW_ID: usize = 1;
const LABEL: usize = 2;
const BY: usize = 3;
const TS: usize = 4;

/// What feedback says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Label {
    /// Sentiment: positive.
    Positive,
    /// Sentiment: neither.
    Neutral,
    /// Sentiment: negative.
    Negative,
    /// Spam: it is.
    Spam,
    /// Spam: it is not.
    Ham,
    /// Whatever was said of sentiment and spam, by whomever, is taken back.
    Withdraw,
}

/// A feedback record that is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodedFeedback<'a> {
    /// Names this feedback.
    pub feedback_id: &'a str,
    /// The review it is about.
    pub review_id: &'a str,
    /// What it says.
    pub label: Label,
    /// Who says so; never empty.
    pub by: Option<&'a str>,
    /// Milliseconds since 1970, if the record says.
    pub ts: Option<i64>,
}

/// Decodes feedback records one after the other, in a buffer that it keeps.
#[derive(Debug, Default)]
pub struct FeedbackDecoder {
    arena: String,
}

impl FeedbackDecoder {
    /// Decodes the bytes of one record.
    ///
    /// # Errors
    /// The first refusal that applies. A record beyond `max_record_bytes` is the caller's to refuse.
    pub fn decode<'a>(
        &'a mut self,
        record: &'a [u8],
        key: KeyRule<'_>,
        fields: &FeedbackFields,
    ) -> Result<DecodedFeedback<'a>, Refusal> {
        let arena = &mut self.arena;
        arena.clear();
        let values = read_object(record, fields, arena)?;
        let mut checked = Checked { fields, values, arena };
        let feedback_id = checked.required_id(FEEDBACK_ID)?;
        let review_id = checked.required_id(REVIEW_ID)?;
        key.check("review_id", review_id.get(checked.arena))?;
        let label = label(&checked)?;
        let by = checked.optional_id(BY)?;
        let ts = checked.ts(TS)?;
        let arena: &'a str = arena;
        Ok(DecodedFeedback {
            feedback_id: feedback_id.get(arena),
            review_id: review_id.get(arena),
            label,
            by: by.map(|by| by.get(arena)),
            ts,
        })
    }
}

fn label<const N: usize>(checked: &Checked<'_, '_, N>) -> Result<Label, Refusal> {
    let expected = "\"positive\", \"neutral\", \"negative\", \"spam\", \"ham\" or null";
    match checked.value(LABEL) {
        Value::Missing => Err(checked.missing(LABEL, expected)),
        Value::Null => Ok(Label::Withdraw),
        Value::Text(label) => match label.get(checked.arena) {
            "positive" => Ok(Label::Positive),
            "neutral" => Ok(Label::Neutral),
            "negative" => Ok(Label::Negative),
            "spam" => Ok(Label::Spam),
            "ham" => Ok(Label::Ham),
            _ => Err(checked.invalid(LABEL, expected)),
        },
        _ => Err(checked.invalid(LABEL, expected)),
    }
}
