//! Commands: who wants what of which case.
//!
//! After what [`decode`](super) says of every record, the checks come in this order: `command_id`, `case_id`, the key,
//! `action`, `by`, `note`, `ts`. A note has at most 4,096 bytes (`too_large`), and a blank one is none.

use super::check::Checked;
use super::field_map::CaseCommandFields;
use super::json::{Value, read_object};
use super::key::{KeyRule, MAX_ID_BYTES};
use super::refusal::{Code, Refusal};
use crate::records::case_command::CaseAction;

/// The fields, in the order in which they are checked.
pub(super) const FIELDS: [&str; 6] = ["command_id", "case_id", "action", "by", "note", "ts"];
const COMMAND_ID: usize = 0;
const CASE_ID: usize = 1;
const ACTION: usize = 2;
const BY: usize = 3;
const NOTE: usize = 4;
const TS: usize = 5;

/// Longest id of a case in bytes: the longest kind, the longest id of a review or product, the longest epoch.
pub(super) const MAX_CASE_ID_BYTES: usize = "severe_review::".len() + MAX_ID_BYTES + 20;
/// Longest note in bytes.
const MAX_NOTE_BYTES: usize = 4_096;

/// A command that is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodedCaseCommand<'a> {
    /// Names this command.
    pub command_id: &'a str,
    /// The case it is about.
    pub case_id: &'a str,
    /// What it wants.
    pub action: CaseAction,
    /// Who says so; never empty.
    pub by: Option<&'a str>,
    /// What is to be remembered; never blank.
    pub note: Option<&'a str>,
    /// Milliseconds since 1970, if the record says.
    pub ts: Option<i64>,
}

/// Decodes commands one after the other, in a buffer that it keeps.
#[derive(Debug, Default)]
pub struct CaseCommandDecoder {
    arena: String,
}

impl CaseCommandDecoder {
    /// Decodes the bytes of one record.
    ///
    /// # Errors
    /// The first refusal that applies. A record beyond `max_record_bytes` is the caller's to refuse.
    pub fn decode<'a>(
        &'a mut self,
        record: &'a [u8],
        key: KeyRule<'_>,
        fields: &CaseCommandFields,
    ) -> Result<DecodedCaseCommand<'a>, Refusal> {
        let arena = &mut self.arena;
        arena.clear();
        let values = read_object(record, fields, arena)?;
        let mut checked = Checked { fields, values, arena };
        let command_id = checked.required_id(COMMAND_ID)?;
        let case_id = checked.required_id_within(CASE_ID, MAX_CASE_ID_BYTES)?;
        key.check("case_id", case_id.get(checked.arena))?;
        let action = action(&checked)?;
        let by = checked.optional_id(BY)?;
        let note = checked.text(NOTE)?.filter(|note| !note.get(checked.arena).trim().is_empty());
        if let Some(note) = note {
            let length = note.get(checked.arena).len();
            if length > MAX_NOTE_BYTES {
                let message = format!("note has {length} bytes; expected at most {MAX_NOTE_BYTES}");
                return Err(Refusal::validate(Code::TooLarge, message));
            }
        } else if action == CaseAction::Note {
            return Err(match checked.value(NOTE) {
                Value::Text(_) => checked.invalid(NOTE, "a note that is not blank"),
                _ => checked.missing(NOTE, "what is to be noted"),
            });
        }
        let ts = checked.ts(TS)?;
        let arena: &'a str = arena;
        Ok(DecodedCaseCommand {
            command_id: command_id.get(arena),
            case_id: case_id.get(arena),
            action,
            by: by.map(|by| by.get(arena)),
            note: note.map(|note| note.get(arena)),
            ts,
        })
    }
}

fn action<const N: usize>(checked: &Checked<'_, '_, N>) -> Result<CaseAction, Refusal> {
    let expected = "\"ack\", \"resolve\", \"note\" or \"reopen\"";
    match checked.value(ACTION) {
        Value::Missing | Value::Null => Err(checked.missing(ACTION, expected)),
        Value::Text(action) => match action.get(checked.arena) {
            "ack" => Ok(CaseAction::Ack),
            "resolve" => Ok(CaseAction::Resolve),
            "note" => Ok(CaseAction::Note),
            "reopen" => Ok(CaseAction::Reopen),
            _ => Err(checked.invalid(ACTION, expected)),
        },
        _ => Err(checked.invalid(ACTION, expected)),
    }
}
