//! Walks a document along a JSON Schema and collects every fault, with its place and words for people.
//!
//! It knows the keywords that our schemas use (a test holds that there are no others). Two are our own reading:
//! `x-expected` says in words what a `pattern` takes, and a `description` behind a `$ref` does so for a named type such as a duration.

use regex::Regex;
use serde_json::Value;

use super::{
    diagnostics::{Fault, list, suggest},
    document::{Entry, Kind, Node, Span},
    words::{about, expectation, found, told},
};

/// All faults of a document.
pub(super) fn conform(root: &Node, schema: &Value) -> Vec<Fault> {
    let mut walker = Walker { schema, faults: Vec::new(), strict: false };
    walker.node(root, schema, &Place { pointer: String::new(), name: root.span });
    walker.faults
}

/// Where a node is: its pointer, and the place of its name, which stands for it when something in it is missing.
struct Place {
    pointer: String,
    name: Span,
}

impl Place {
    fn child(&self, key: &str, name: Span) -> Self {
        let key = key.replace('~', "~0").replace('/', "~1");
        Self { pointer: format!("{}/{key}", self.pointer), name }
    }

    /// As people write it: `sources.reviews.path`.
    fn path(&self) -> String {
        if self.pointer.is_empty() {
            return "the topology".into();
        }
        format!("`{}`", self.pointer[1..].replace('/', ".").replace("~1", "/").replace("~0", "~"))
    }
}

struct Walker<'a> {
    /// The whole schema, for references into it.
    schema: &'a Value,
    faults: Vec<Fault>,
    /// Whether a broken value is a fault: it must not decide which kind a component has.
    strict: bool,
}

impl<'a> Walker<'a> {
    fn node(&mut self, node: &Node, schema: &'a Value, place: &Place) {
        if node.kind == Kind::Broken {
            if self.strict {
                self.fault(node.span, place, String::new(), String::new());
            }
            return;
        }
        let Some(keywords) = schema.as_object() else { return };
        if let Some(target) = keywords.get("$ref").and_then(Value::as_str) {
            // Every reference has its definition: a test of the schema holds that.
            if let Some(target) = self.schema.pointer(target.trim_start_matches('#')) {
                self.node(node, target, place);
            }
        }
        if let Some(types) = keywords.get("type")
            && !self.has_type(node, types, schema, place)
        {
            return;
        }
        self.choices(node, schema, place);
        match &node.kind {
            Kind::Text(text) => self.text(node, text, schema, place),
            Kind::Number(number) => self.number(node, number.as_f64().unwrap_or(f64::NAN), schema, place),
            Kind::List(items) => {
                self.size(node, items.len(), ("minItems", "maxItems", "items"), schema, place);
                if let Some(of) = keywords.get("items") {
                    for (index, item) in items.iter().enumerate() {
                        self.node(item, of, &place.child(&index.to_string(), item.span));
                    }
                }
            }
            Kind::Map(_) => self.map(node, schema, place),
            _ => {}
        }
        for part in keywords.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.node(node, part, place);
        }
        if let Some(condition) = keywords.get("if") {
            let branch = if self.matches(node, condition, place) { "then" } else { "else" };
            if let Some(branch) = keywords.get(branch) {
                self.node(node, branch, place);
            }
        }
    }

    fn has_type(&mut self, node: &Node, types: &Value, schema: &Value, place: &Place) -> bool {
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

    /// `enum`, `const`, `oneOf`, `anyOf`.
    fn choices(&mut self, node: &Node, schema: &'a Value, place: &Place) {
        let value = node.to_value();
        if let Some(only) = schema.get("const")
            && *only != value
        {
            self.not_among(node, &[only], place);
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array)
            && !values.contains(&value)
        {
            self.not_among(node, &values.iter().collect::<Vec<_>>(), place);
        }
        for branches in
            ["oneOf", "anyOf"].iter().filter_map(|key| schema.get(*key)).filter_map(Value::as_array)
        {
            if branches.iter().any(|branch| self.matches(node, branch, place)) {
                continue;
            }
            let constants: Vec<&Value> = branches.iter().filter_map(|branch| branch.get("const")).collect();
            if constants.len() == branches.len() {
                self.not_among(node, &constants, place);
                continue;
            }
            // Of several forms, the faults of the one that comes nearest; absence is no form that people mean.
            let forms = branches.iter().filter(|branch| branch.get("type") != Some(&Value::from("null")));
            let nearest = forms.min_by_key(|branch| self.faults_of(node, branch, place, self.strict).len());
            if let Some(nearest) = nearest {
                self.node(node, nearest, place);
            }
        }
    }

    fn not_among(&mut self, node: &Node, values: &[&Value], place: &Place) {
        let names: Vec<String> = values
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let message = format!("{} cannot be {}", place.path(), told(node));
        self.fault(node.span, place, message, format!("expected {}", list(&names)));
        if let (Some(text), Some(fault)) = (node.as_text(), self.faults.last_mut())
            && let Some(nearest) = super::diagnostics::nearest(text, names)
        {
            fault.help = Some(format!("did you mean `{nearest}`?"));
        }
    }

    fn text(&mut self, node: &Node, text: &str, schema: &Value, place: &Place) {
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

    fn number(&mut self, node: &Node, number: f64, schema: &Value, place: &Place) {
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

    fn size(&mut self, node: &Node, size: usize, keys: (&str, &str, &str), schema: &Value, place: &Place) {
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

    fn map(&mut self, node: &Node, schema: &'a Value, place: &Place) {
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

    fn matches(&self, node: &Node, schema: &'a Value, place: &Place) -> bool {
        self.faults_of(node, schema, place, true).is_empty()
    }

    fn faults_of(&self, node: &Node, schema: &'a Value, place: &Place, strict: bool) -> Vec<Fault> {
        let mut walker = Walker { schema: self.schema, faults: Vec::new(), strict };
        walker.node(node, schema, place);
        walker.faults
    }

    fn fault(&mut self, span: Span, place: &Place, message: String, label: String) {
        self.faults.push(Fault::new(span, message, label).at(place.pointer.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::schema;

    /// A keyword that the walker does not know would be a rule that `validate` does not hold.
    #[test]
    fn knows_every_keyword_of_the_schema() {
        const KNOWN: &[&str] = &[
            "$ref",
            "type",
            "enum",
            "const",
            "oneOf",
            "anyOf",
            "allOf",
            "if",
            "then",
            "else",
            "properties",
            "required",
            "additionalProperties",
            "propertyNames",
            "minProperties",
            "maxProperties",
            "items",
            "minItems",
            "maxItems",
            "minLength",
            "maxLength",
            "pattern",
            "minimum",
            "maximum",
            "x-expected",
        ];
        const WORDS: &[&str] = &["$schema", "$defs", "title", "description", "default", "format"];
        fn walk(schema: &Value) {
            let Some(keywords) = schema.as_object() else { return };
            for (keyword, value) in keywords {
                assert!(KNOWN.contains(&keyword.as_str()) || WORDS.contains(&keyword.as_str()), "{keyword}");
                match keyword.as_str() {
                    "properties" | "$defs" => value.as_object().unwrap().values().for_each(walk),
                    "allOf" | "anyOf" | "oneOf" => value.as_array().unwrap().iter().for_each(walk),
                    "if" | "then" | "else" | "items" | "additionalProperties" | "propertyNames" => {
                        walk(value);
                    }
                    "pattern" => assert!(Regex::new(value.as_str().unwrap()).is_ok()),
                    _ => {}
                }
            }
        }
        walk(&schema::topology());
    }
}
