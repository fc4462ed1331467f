//! Rows of feedback.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::rows::RowDecoder;
use crate::{
    operators::row::Place,
    records::{FeedbackDecoder, FeedbackFields, KeyRule, Label, Refusal},
};

/// Feedback as it flows to the step that applies it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FeedbackRow {
    /// xxh3 of the review id.
    pub id_hash: u64,
    /// The review it is about.
    pub review_id: Box<str>,
    /// Its own id.
    pub feedback_id: Box<str>,
    /// What it says.
    pub label: Label,
    /// Where it stands.
    pub place: Place,
}

/// Decodes feedback; its keys are review ids.
pub struct FeedbackRows {
    /// What its records call our fields.
    pub fields: FeedbackFields,
    /// Reused buffers.
    pub decoder: FeedbackDecoder,
}

impl RowDecoder for FeedbackRows {
    type Row = FeedbackRow;

    fn decode(
        &mut self,
        record: &[u8],
        key: KeyRule<'_>,
        place: Place,
    ) -> Result<(Option<i64>, FeedbackRow), Refusal> {
        let feedback = self.decoder.decode(record, key, &self.fields)?;
        let row = FeedbackRow {
            id_hash: xxh3_64(feedback.review_id.as_bytes()),
            review_id: feedback.review_id.into(),
            feedback_id: feedback.feedback_id.into(),
            label: feedback.label,
            place,
        };
        Ok((feedback.ts, row))
    }
}
