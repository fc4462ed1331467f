//! Outcomes of deliveries: what became of which notification.
//!
//! After what [`decode`](super) says of every record, the checks come in this order: `delivery_id`, `case_id`, the key,
//! `fired`, `target`, `event`, `step`, `result`, `attempts`, `reason`, `ts`. A reason has at most 4,096 bytes (`too_large`). The
//! case of a failed one is not read.

use super::case_command::MAX_CASE_ID_BYTES;
use super::check::Checked;
use super::field_map::DeliveryFields;
use super::json::{Value, read_object};
use super::key::{KeyRule, MAX_ID_BYTES};
use super::refusal::{Code, Refusal};
use crate::records::delivery::{CaseEvent, DeliveryResult};

/// The fields, in the order in which they are checked.
pub(super) const FIELDS: [&str; 10] =
    ["delivery_id", "case_id", "fired", "target", "event", "step", "result", "attempts", "reason", "ts"];
const DELIVERY_ID: usize = 0;
const CASE_ID: usize = 1;
const FIRED: usize = 2;
const TARGET: usize = 3;
const EVENT: usize = 4;
const STEP: usize = 5;
const RESULT: usize = 6;
const ATTEMPTS: usize = 7;
const REASON: usize = 8;
const TS: usize = 9;

/// Longest id of a notification in bytes: the case's, the longest epoch, event and step, the longest target.
const MAX_DELIVERY_ID_BYTES: usize = MAX_CASE_ID_BYTES + "//acknowledged//".len() + 20 + 10 + MAX_ID_BYTES;
/// Longest reason in bytes.
const MAX_REASON_BYTES: usize = 4_096;

/// An outcome that is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodedDelivery<'a> {
    /// Names the notification.
    pub delivery_id: &'a str,
    /// The case it is about.
    pub case_id: &'a str,
    /// When the case had fired.
    pub fired: u64,
    /// Whom it was for.
    pub target: &'a str,
    /// What it says of the case.
    pub event: CaseEvent,
    /// The step that was due.
    pub step: u32,
    /// What has become of it.
    pub result: DeliveryResult,
    /// Milliseconds since 1970, if the record says.
    pub ts: Option<i64>,
}

/// Decodes outcomes one after the other, in a buffer that it keeps.
#[derive(Debug, Default)]
pub struct DeliveryDecoder {
    arena: String,
}

impl DeliveryDecoder {
    /// Decodes the bytes of one record.
    ///
    /// # Errors
    /// The first refusal that applies. A record beyond `max_record_bytes` is the caller's to refuse.
    pub fn decode<'a>(
        &'a mut self,
        record: &'a [u8],
        key: KeyRule<'_>,
        fields: &DeliveryFields,
    ) -> Result<DecodedDelivery<'a>, Refusal> {
        let arena = &mut self.arena;
        arena.clear();
        let values = read_object(record, fields, arena)?;
        let mut checked = Checked { fields, values, arena };
        let delivery_id = checked.required_id_within(DELIVERY_ID, MAX_DELIVERY_ID_BYTES)?;
        let case_id = checked.required_id_within(CASE_ID, MAX_CASE_ID_BYTES)?;
        key.check("case_id", case_id.get(checked.arena))?;
        let fired = required_count(&checked, FIRED)?;
        let target = checked.required_id(TARGET)?;
        let event = one_of(&checked, EVENT, &CaseEvent::ALL, CaseEvent::as_str)?;
        let step = required_count(&checked, STEP)?;
        let step = u32::try_from(step).map_err(|_| checked.invalid(STEP, "an integer below 2^32"))?;
        let result = one_of(&checked, RESULT, &DeliveryResult::ALL, DeliveryResult::as_str)?;
        checked.count(ATTEMPTS)?;
        let reason = checked.text(REASON)?.map_or(0, |reason| reason.get(checked.arena).len());
        if reason > MAX_REASON_BYTES {
            let message = format!("reason has {reason} bytes; expected at most {MAX_REASON_BYTES}");
            return Err(Refusal::validate(Code::TooLarge, message));
        }
        let ts = checked.ts(TS)?;
        let arena: &'a str = arena;
        Ok(DecodedDelivery {
            delivery_id: delivery_id.get(arena),
            case_id: case_id.get(arena),
            fired,
            target: target.get(arena),
            event,
            step,
            result,
            ts,
        })
    }
}

fn required_count<const N: usize>(checked: &Checked<'_, '_, N>, field: usize) -> Result<u64, Refusal> {
    checked.count(field)?.ok_or_else(|| checked.missing(field, "an integer from 0 to below 2^64"))
}

/// One of a few names.
fn one_of<const N: usize, T: Copy>(
    checked: &Checked<'_, '_, N>,
    field: usize,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<T, Refusal> {
    let names: Vec<String> = all.iter().map(|one| format!("\"{}\"", name(*one))).collect();
    let expected = format!("one of {}", names.join(", "));
    match checked.value(field) {
        Value::Missing | Value::Null => Err(checked.missing(field, &expected)),
        Value::Text(text) => {
            let text = text.get(checked.arena);
            let found = all.iter().copied().find(|one| name(*one) == text);
            found.ok_or_else(|| checked.invalid(field, &expected))
        }
        _ => Err(checked.invalid(field, &expected)),
    }
}
