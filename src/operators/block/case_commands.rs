//! Rows of commands on cases.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::rows::RowDecoder;
use crate::{
    operators::{alerts::Command, row::Place},
    records::{CaseCommandDecoder, CaseCommandFields, KeyRule, Refusal},
};

/// A command as it flows to the step that keeps cases.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CommandRow {
    /// xxh3 of the part of the case's id before its opening epoch.
    pub subject_hash: u64,
    /// What it wants.
    pub command: Command,
    /// Where it stands.
    pub place: Place,
}

impl CommandRow {
    /// The part of the case's id before its opening epoch: `kind:subject`. A subject may have colons.
    #[must_use]
    pub fn subject(&self) -> &str {
        subject_of(&self.command.case_id)
    }
}

pub(super) fn subject_of(case_id: &str) -> &str {
    case_id.rsplit_once(':').map_or(case_id, |(subject, _)| subject)
}

/// Decodes commands; their keys are ids of cases.
pub struct CommandRows {
    /// What its records call our fields.
    pub fields: CaseCommandFields,
    /// Reused buffers.
    pub decoder: CaseCommandDecoder,
}

impl RowDecoder for CommandRows {
    type Row = CommandRow;

    fn decode(
        &mut self,
        record: &[u8],
        key: KeyRule<'_>,
        place: Place,
    ) -> Result<(Option<i64>, CommandRow), Refusal> {
        let decoded = self.decoder.decode(record, key, &self.fields)?;
        let row = CommandRow {
            subject_hash: xxh3_64(subject_of(decoded.case_id).as_bytes()),
            command: Command {
                command_id: decoded.command_id.to_owned(),
                case_id: decoded.case_id.to_owned(),
                action: decoded.action,
                by: decoded.by.map(str::to_owned),
                note: decoded.note.map(str::to_owned),
            },
            place,
        };
        Ok((decoded.ts, row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_may_have_colons() {
        assert_eq!(subject_of("product_drop:a:b:7"), "product_drop:a:b");
        assert_eq!(subject_of("nothing"), "nothing");
    }
}
