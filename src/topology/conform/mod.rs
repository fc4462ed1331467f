//! Walks a document along a JSON Schema and collects every fault, with its place and words for people.
//!
//! It knows the keywords that our schemas use (a test holds that there are no others). Two are our own reading:
//! `x-expected` says in words what a `pattern` takes, and a `description` behind a `$ref` does so for a named type such
//! as a duration.
//!
//! # Layout
//! This file: the walk, and which of several forms a value has. `scalars`: values by themselves. `maps`: keys.

mod maps;
mod scalars;

use serde_json::Value;

use super::{
    diagnostics::Fault,
    document::{Kind, Node, Span},
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
    use regex::Regex;

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
