//! What a topology is to its log and its checkpoints: the resolved text, and a hash of what affects output.
//!
//! Not covered by the hash: how many workers, how often a checkpoint, how much in flight, where the state lies, what is
//! listened on, and the sinks: each sink has progress of its own.

use serde_json::{Value, json};

use super::plan::{From, Plan, SourceNode};
use crate::connect::kafka::secrets::redacted;

/// Version of what this binary makes of a log and its inputs. It rises with every change that alters an output of
/// the same topology from the same log; epochs are replayed only by the version that logged them.
pub(super) const SEMANTICS_VERSION: u32 = 1;

impl Plan {
    /// The resolved topology, as the log keeps it.
    #[must_use]
    pub fn resolved(&self) -> Value {
        let sinks = self.sinks.iter().map(|sink| {
            json!({
                "id": sink.id,
                "type": sink.kind.name,
                "inputs": self.references(&sink.inputs),
                "settings": redacted(&sink.settings),
            })
        });
        json!({
            "name": self.name,
            "options": self.options,
            "steps": self.steps_resolved(|source| redacted(&source.settings)),
            "sinks": sinks.collect::<Vec<_>>(),
        })
    }

    /// BLAKE3 of everything that affects output.
    #[must_use]
    pub fn configuration(&self) -> String {
        let options = &self.options;
        let clock = json!({
            "clock": options.clock,
            "epoch": options.epoch,
            "epoch_records": options.epoch_records,
            "max_ts_jump": options.max_ts_jump,
            "idle_epoch": options.idle_epoch,
            "languages": options.languages,
            "max_record_bytes": options.max_record_bytes,
        });
        hash(&json!([self.name, clock, self.steps_resolved(decides)]))
    }

    /// BLAKE3 of the sources and steps alone: what stands in a checkpoint follows from them.
    #[must_use]
    pub fn steps_hash(&self) -> String {
        hash(&self.steps_resolved(decides))
    }

    fn steps_resolved(&self, settings: impl Fn(&SourceNode) -> Value) -> Value {
        let sources = self.sources.iter().map(|source| {
            json!({
                "id": source.id,
                "type": source.kind.name,
                "record": source.record,
                "fields": source.fields,
                "settings": settings(source),
            })
        });
        let steps = self.steps.iter().map(|step| {
            let inputs: Vec<_> = step.inputs.iter().map(|port| self.references(port)).collect();
            let state = step.operator.state.map(|state| json!({"id": state.id, "version": state.version}));
            json!({
                "id": step.id,
                "type": step.operator.name,
                "inputs": inputs,
                "settings": step.settings,
                "state": state,
            })
        });
        json!({"sources": sources.collect::<Vec<_>>(), "transforms": steps.collect::<Vec<_>>()})
    }

    fn references(&self, froms: &[From]) -> Vec<String> {
        froms.iter().map(|from| self.reference(from)).collect()
    }
}

/// The settings of a source that its records follow from.
fn decides(source: &SourceNode) -> Value {
    (source.kind.decides)(&source.settings)
}

fn hash(value: &Value) -> String {
    blake3::hash(value.to_string().as_bytes()).to_hex().to_string()
}
