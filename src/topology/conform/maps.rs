//! Maps: known keys, required ones, and what a key may be called.

use regex::Regex;
use serde_json::Value;

use super::{Place, Walker};
use crate::topology::{
    diagnostics::suggest,
    document::{Entry, Node},
    words::{about, expectation},
};

impl<'a> Walker<'a> {
    pub(super) fn map(&mut self, node: &Node, schema: &'a Value, place: &Place) {
        let entries = node.entries();
        self.size(node, entries.len(), ("minProperties", "maxProperties", "entries"), schema, place);
        let properties = schema.get("properties").and_then(Value::as_object);
        for entry in entries {
            let below = place.child(&entry.key, entry.key_span);
            if let Some(names) = schema.get("propertyNames") {
                self.name(entry, names, place, &below);
            }
            let property = properties.and_then(|properties| properties.get(&entry.key));
            match (property, schema.get("additionalProperties")) {
                (Some(property), _) => self.node(&entry.value, property, &below),
                (None, Some(Value::Bool(false))) => {
                    let known: Vec<&str> =
                        properties.into_iter().flatten().map(|(key, _)| key.as_str()).collect();
                    let message = format!("unknown key `{}` in {}", entry.key, place.path());
                    self.fault(entry.key_span, &below, message, "not known here".into());
                    if let Some(fault) = self.faults.last_mut() {
                        fault.help = Some(suggest(&entry.key, &known));
                    }
                }
                (None, Some(rest)) => self.node(&entry.value, rest, &below),
                (None, None) => {}
            }
        }
        for key in
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
        {
            if node.get(key).is_none() {
                let message = format!("{} has no `{key}`", place.path());
                self.fault(place.name, place, message, format!("`{key}` is required"));
                let about =
                    properties.and_then(|p| p.get(key)).and_then(|property| about(property, self.schema));
                if let (Some(about), Some(fault)) = (about, self.faults.last_mut()) {
                    fault.help = Some(format!("`{key}`: {about}"));
                }
            }
        }
    }

    /// `propertyNames`: a pattern or a list of names.
    fn name(&mut self, entry: &Entry, names: &Value, place: &Place, below: &Place) {
        let pattern =
            names.get("pattern").and_then(Value::as_str).and_then(|pattern| Regex::new(pattern).ok());
        if pattern.is_some_and(|pattern| !pattern.is_match(&entry.key)) {
            let message = format!("`{}` cannot be a name in {}", entry.key, place.path());
            self.fault(
                entry.key_span,
                below,
                message,
                format!("expected {}", expectation(names).unwrap_or_default()),
            );
        }
        if let Some(known) = names.get("enum").and_then(Value::as_array) {
            let known: Vec<&str> = known.iter().filter_map(Value::as_str).collect();
            if !known.contains(&entry.key.as_str()) {
                let message = format!("unknown name `{}` in {}", entry.key, place.path());
                self.fault(entry.key_span, below, message, "not known here".into());
                if let Some(fault) = self.faults.last_mut() {
                    fault.help = Some(suggest(&entry.key, &known));
                }
            }
        }
    }
}
