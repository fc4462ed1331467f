//! The reference of topology files as Markdown, printed from the registries and the schema.

use serde_json::{Map, Value};

use super::{edges::SINK_TAKES, schema};
use crate::{
    connect::{
        receivers::registry::RECEIVERS,
        registry::{SINKS, SOURCES},
    },
    operators::registry::{EdgeType, OPERATORS, Operator, OutputType, RECORDS, fields},
};

/// The reference.
#[must_use]
pub fn markdown() -> String {
    let schema = schema::topology();
    let mut text = String::from(
        "# Reference of topology files\n\n\
         Made by `dirigent schema --reference` from the code; a test holds it equal. Types of edges are written as `dirigent graph` shows them.\n\n",
    );
    text += "## The whole\n\n";
    text += &table(&schema, &schema, &["sources", "transforms", "sinks"]);
    text += "## Sources\n\nA source hands out records of one kind, and `fields` renames its fields:\n\n";
    for &record in RECORDS {
        text += &format!("- `record: {}`: {}\n", record.name(), names(fields(record)));
    }
    text += "\n";
    for kind in SOURCES {
        text += &format!("### `type: {}`\n\n{}\n\n", kind.name, kind.summary);
        text += &component(&schema, &format!("source.{}", kind.name));
    }
    text +=
        "## Transforms\n\nAn edge of `inputs` goes to the first input of the step that takes its type.\n\n";
    for operator in OPERATORS {
        text += &format!("### `type: {}`\n\n{}\n\n{}", operator.name, operator.summary, ports(operator));
        text += &component(&schema, &format!("transform.{}", operator.name));
    }
    text += &format!("## Sinks\n\nA sink reads {}.\n\n", types(SINK_TAKES));
    for kind in SINKS {
        text += &format!("### `type: {}`\n\n{}\n\n", kind.name, kind.summary);
        text += &component(&schema, &format!("sink.{}", kind.name));
    }
    text += "## Targets\n\nWho is told of cases: what stands under `targets` of `escalation`.\n\n";
    for kind in RECEIVERS {
        text += &format!("### `type: {}`\n\n{}\n\n", kind.name, kind.summary);
        text += &component(&schema, &format!("target.{}", kind.name));
    }
    text += "## Types of settings\n\n";
    for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
        // Components have their sections; names of choices stand in the tables.
        let component =
            name.contains('.') || ["source", "transform", "sink", "target"].contains(&name.as_str());
        if component || definition.get("oneOf").is_some() || definition.get("enum").is_some() {
            continue;
        }
        let about = definition["description"].as_str().unwrap_or_default();
        text += &format!("### {}\n\n{about}\n\n", name.to_lowercase());
        if definition.get("properties").is_some() {
            text += &table(definition, &schema, &[]);
        }
    }
    format!("{}\n", text.trim_end())
}

fn ports(operator: &Operator) -> String {
    let mut text = String::new();
    for port in operator.ports {
        let many = match (port.many, port.optional) {
            (true, true) => "any number of edges",
            (true, false) => "one edge or more",
            (false, true) => "one edge or none",
            (false, false) => "one edge",
        };
        text += &format!("- reads `{}`: {}; {many}\n", port.name, types(port.accepts));
    }
    for output in operator.outputs {
        let name = output.name.map_or_else(|| "`ID`".to_owned(), |name| format!("`ID.{name}`"));
        match output.edge {
            OutputType::Fixed(edge) => text += &format!("- gives {name}: `{edge}`\n"),
            OutputType::SameAsInput => text += &format!("- gives {name}: the type of what it reads\n"),
        }
    }
    if let Some(state) = operator.state {
        text += &format!("- keeps state `{}`, version {}\n", state.id, state.version);
    }
    if operator.inserts {
        text += "- is put in by itself where a step or sink needs its output and gets what it reads\n";
    }
    text + "\n"
}

/// The settings of a component; `type` is in its heading.
fn component(schema: &Value, definition: &str) -> String {
    table(&schema["$defs"][definition], schema, &["type"])
}

fn table(object: &Value, root: &Value, without: &[&str]) -> String {
    let empty = Map::new();
    let properties = object["properties"].as_object().unwrap_or(&empty);
    let required =
        |key: &str| object["required"].as_array().is_some_and(|keys| keys.iter().any(|k| k == key));
    let mut text = String::from("| setting | type | default | |\n| --- | --- | --- | --- |\n");
    for (key, property) in properties.iter().filter(|(key, _)| !without.contains(&key.as_str())) {
        let default = match property.get("default") {
            _ if required(key) => "required".to_owned(),
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => format!("`{text}`"),
            Some(value) => format!("`{value}`"),
        };
        let about =
            property["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
        text += &format!("| `{key}` | {} | {default} | {about} |\n", kind(property, root));
    }
    text + "\n"
}

/// The type of a setting in words.
fn kind(property: &Value, root: &Value) -> String {
    if let Some(target) = property["$ref"].as_str() {
        let definition = root.pointer(target.trim_start_matches('#')).unwrap_or(&Value::Null);
        let name = target.rsplit('/').next().unwrap_or_default().to_lowercase();
        return if definition.get("enum").is_some() || definition.get("oneOf").is_some() {
            kind(definition, root)
        } else {
            name
        };
    }
    let branches = property["anyOf"].as_array().or(property["oneOf"].as_array());
    if let Some(branches) = branches {
        let words: Vec<String> = branches
            .iter()
            .filter(|branch| branch["type"] != "null")
            .map(|branch| kind(branch, root))
            .collect();
        return words.join(" or ");
    }
    if let Some(values) = property["enum"].as_array() {
        return names(&values.iter().filter_map(Value::as_str).collect::<Vec<_>>()).replace(", ", " or ");
    }
    if let Some(only) = property["const"].as_str() {
        return format!("`{only}`");
    }
    let one = match &property["type"] {
        Value::Array(types) => types.iter().find(|name| *name != "null").and_then(Value::as_str),
        one => one.as_str(),
    };
    let range = match (property["minimum"].as_f64(), property["maximum"].as_f64()) {
        (Some(low), Some(high)) => format!(", {low} to {high}"),
        (Some(low), None) if low > 0.0 => format!(", {low} or more"),
        _ => String::new(),
    };
    let word = match one {
        Some("string") => "text".to_owned(),
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("integer") => "whole number".to_owned(),
        Some("number") => "number".to_owned(),
        Some("array") => format!("list of {}", kind(&property["items"], root)),
        Some("object") => "map".to_owned(),
        _ => "any value".to_owned(),
    };
    word + &range
}

fn types(edges: &[EdgeType]) -> String {
    let edges: Vec<String> = edges.iter().map(|edge| format!("`{edge}`")).collect();
    edges.join(" or ")
}

fn names(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
