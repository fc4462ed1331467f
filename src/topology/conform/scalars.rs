//! Values by themselves: their type, their form, their bounds, and what they may be instead.

use regex::Regex;
use serde_json::Value;

use super::{Place, Walker};
use crate::topology::{
    diagnostics::{list, nearest},
    document::{Kind, Node},
    words::{expectation, found, told},
};

impl Walker<'_> {
    pub(super) fn has_type(&mut self, node: &Node, types: &Value, schema: &Value, place: &Place) -> bool {
        let names: Vec<&str> = match types {
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        };
        let is = |name: &str| match (name, &node.kind) {
            ("null", Kind::Null)
            | ("boolean", Kind::Bool(_))
            | ("string", Kind::Text(_))
            | ("array", Kind::List(_))
            | ("object", Kind::Map(_))
            | ("number", Kind::Number(_)) => true,
            ("integer", Kind::Number(number)) => !number.is_f64(),
            _ => false,
        };
        if names.iter().any(|name| is(name)) {
            return true;
        }
        let expected = names.iter().filter(|name| **name != "null").map(|name| match *name {
            "boolean" => "`true` or `false`",
            "string" => "text",
            "array" => "a list",
            "object" => "a map",
            "number" => "a number",
            "integer" => "a whole number",
            other => other,
        });
        let expected = expected.collect::<Vec<_>>().join(" or ");
        let help = match &node.kind {
            Kind::Number(_) | Kind::Bool(_) if expected == "text" => {
                if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
                    && !Regex::new(pattern)
                        .is_ok_and(|pattern| pattern.is_match(&node.to_value().to_string()))
                {
                    // Quotes would not make it right.
                    self.not_matching(node, pattern, schema, place);
                    return false;
                }
                Some("put it in quotes".into())
            }
            Kind::Text(text) if expected == "a list" && !node.secret => Some(format!("write `[{text}]`")),
            Kind::Text(_) if !node.plain && expected != "text" => Some("remove the quotes".into()),
            _ => None,
        };
        // Nothing there: the place of the name says more than an empty place.
        let span = if node.kind == Kind::Null { place.name } else { node.span };
        self.fault(
            span,
            place,
            format!("{} must be {expected}", place.path()),
            format!("found {}", found(node)),
        );
        if let (Some(help), Some(fault)) = (help, self.faults.last_mut()) {
            fault.help = Some(help);
        }
        false
    }

    pub(super) fn not_among(&mut self, node: &Node, values: &[&Value], place: &Place) {
        let names: Vec<String> = values
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let message = format!("{} cannot be {}", place.path(), told(node));
        self.fault(node.span, place, message, format!("expected {}", list(&names)));
        if let (Some(text), Some(fault)) = (node.as_text(), self.faults.last_mut())
            && let Some(near) = nearest(text, names)
        {
            fault.help = Some(format!("did you mean `{near}`?"));
        }
    }

    pub(super) fn text(&mut self, node: &Node, text: &str, schema: &Value, place: &Place) {
        self.size(node, text.chars().count(), ("minLength", "maxLength", "characters"), schema, place);
        let Some(pattern) = schema.get("pattern").and_then(Value::as_str) else { return };
        // The patterns are ours: a test compiles them all.
        if Regex::new(pattern).is_ok_and(|regex| !regex.is_match(text)) {
            self.not_matching(node, pattern, schema, place);
        }
    }

    fn not_matching(&mut self, node: &Node, pattern: &str, schema: &Value, place: &Place) {
        let expected = expectation(schema).unwrap_or_else(|| format!("text that matches {pattern}"));
        let message = format!("{} cannot be {}", place.path(), told(node));
        self.fault(node.span, place, message, format!("expected {expected}"));
    }

    pub(super) fn number(&mut self, node: &Node, number: f64, schema: &Value, place: &Place) {
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        let (low, high) = (bound("minimum"), bound("maximum"));
        if low.is_none_or(|low| number >= low) && high.is_none_or(|high| number <= high) {
            return;
        }
        let expected = match (low, high) {
            (Some(low), Some(high)) => format!("expected {low} to {high}"),
            (Some(low), None) => format!("expected {low} or more"),
            (_, high) => format!("expected {} or less", high.unwrap_or_default()),
        };
        self.fault(node.span, place, format!("{} cannot be {}", place.path(), told(node)), expected);
    }

    pub(super) fn size(
        &mut self,
        node: &Node,
        size: usize,
        keys: (&str, &str, &str),
        schema: &Value,
        place: &Place,
    ) {
        let bound =
            |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|bound| usize::try_from(bound).ok());
        let (low, high) = (bound(keys.0).unwrap_or(0), bound(keys.1).unwrap_or(usize::MAX));
        if size < low || size > high {
            let (bound, word) = if size < low { (low, "at least") } else { (high, "at most") };
            let what = if bound == 1 { keys.2.trim_end_matches('s') } else { keys.2 };
            let what = if what == "entrie" { "entry" } else { what };
            let (message, label) = if size == 0 {
                (format!("{} is empty", place.path()), format!("expected {word} {bound} {what}"))
            } else {
                (format!("{} has {size} {}", place.path(), keys.2), format!("expected {word} {bound} {what}"))
            };
            self.fault(node.span, place, message, label);
            if let (Some(about), Some(fault)) =
                (schema.get("description").and_then(Value::as_str), self.faults.last_mut())
            {
                fault.help = Some(about.to_owned());
            }
        }
    }
}
