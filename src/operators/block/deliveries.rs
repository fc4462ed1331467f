//! Rows of outcomes of deliveries.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{case_commands::subject_of, rows::RowDecoder};
use crate::{
    operators::{alerts::Answer, row::Place},
    records::{DeliveryDecoder, DeliveryFields, KeyRule, Refusal},
};

/// What became of a notification, as it flows to the step that keeps cases.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeliveryRow {
    /// xxh3 of the part of the case's id before its opening epoch.
    pub subject_hash: u64,
    /// What became of it.
    pub answer: Answer,
    /// Where it stands.
    pub place: Place,
}

impl DeliveryRow {
    /// The part of the case's id before its opening epoch: `kind:subject`.
    #[must_use]
    pub fn subject(&self) -> &str {
        subject_of(&self.answer.case_id)
    }
}

/// Decodes outcomes; their keys are ids of cases.
pub struct DeliveryRows {
    /// What its records call our fields.
    pub fields: DeliveryFields,
    /// Reused buffers.
    pub decoder: DeliveryDecoder,
}

impl RowDecoder for DeliveryRows {
    type Row = DeliveryRow;

    fn decode(
        &mut self,
        record: &[u8],
        key: KeyRule<'_>,
        place: Place,
    ) -> Result<(Option<i64>, DeliveryRow), Refusal> {
        let decoded = self.decoder.decode(record, key, &self.fields)?;
        let row = DeliveryRow {
            subject_hash: xxh3_64(subject_of(decoded.case_id).as_bytes()),
            answer: Answer {
                case_id: decoded.case_id.to_owned(),
                fired: decoded.fired,
                target: decoded.target.to_owned(),
                event: decoded.event,
                step: decoded.step,
                result: decoded.result,
            },
            place,
        };
        Ok((decoded.ts, row))
    }
}
