//! The JSON Schema (draft 2020-12) of topology files, built from the registries and the option structs.
//!
//! The one description of what a topology may say: `validate` walks files with it, editors complete with it, the
//! reference is printed from it. A component's schema is picked by its `type` with `if`/`then`, so that an error names the settings
//! of the one kind that was meant.

use schemars::{Schema, schema_for};
use serde_json::{Map, Value, json};

use super::{
    component::{ReaderCommon, SourceCommon},
    escalation::{EscalationSettings, SECTION},
    options::Options,
};
use crate::{
    connect::{
        escalation::TargetSettings,
        receivers::registry::RECEIVERS,
        registry::{SINKS, SOURCES},
    },
    operators::registry::{OPERATORS, RECORDS, Record, fields},
};

/// The schema of topology files.
#[must_use]
pub fn topology() -> Value {
    let mut defs = Map::new();
    let source = kinds(
        &mut defs,
        "source",
        &schema_for!(SourceCommon),
        SOURCES.iter().map(|kind| (kind.name, kind.summary, (kind.schema)())),
    );
    let transform = kinds(
        &mut defs,
        "transform",
        &schema_for!(ReaderCommon),
        OPERATORS.iter().map(|kind| (kind.name, kind.summary, (kind.settings.schema)())),
    );
    let sink = kinds(
        &mut defs,
        "sink",
        &schema_for!(ReaderCommon),
        SINKS.iter().map(|kind| (kind.name, kind.summary, (kind.schema)())),
    );
    let source = with_fields_of_records(source);
    let target = kinds(
        &mut defs,
        "target",
        &schema_for!(TargetSettings),
        RECEIVERS.iter().map(|kind| (kind.name, kind.summary, (kind.schema)())),
    );
    let mut escalation = hoist(&schema_for!(EscalationSettings), &mut defs);
    escalation["properties"]["targets"] = json!({
        "description": "Who can be told, by id.",
        "type": "object",
        "minProperties": 1,
        "propertyNames": ids(),
        "additionalProperties": {"$ref": "#/$defs/target"},
    });
    let components = [
        ("source", source),
        ("transform", transform),
        ("sink", sink),
        ("target", target),
        ("escalation", escalation),
    ];
    for (name, schema) in components {
        defs.insert(name.into(), schema);
    }

    let mut root = hoist(&schema_for!(Options), &mut defs);
    for (section, item, about) in [
        ("sources", "source", "Where records come from, by id."),
        ("transforms", "transform", "The steps between sources and sinks, by id, composed by `inputs`."),
        ("sinks", "sink", "Where results go, by id."),
    ] {
        let mut schema = json!({
            "description": about,
            "type": "object",
            "propertyNames": ids(),
            "additionalProperties": {"$ref": format!("#/$defs/{item}")},
        });
        if section != "transforms" {
            schema["minProperties"] = json!(1);
            push(&mut root, "required", json!(section));
        }
        root["properties"][section] = schema;
    }
    root["properties"][SECTION] =
        json!({"$ref": "#/$defs/escalation", "description": "Who is told of a case, and when."});
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("Dirigent topology");
    root["description"] = json!("Sources, steps and sinks of one dataflow, and the settings of the whole.");
    root["$defs"] = Value::Object(defs);
    root
}

/// What an id looks like.
fn ids() -> Value {
    json!({"pattern": "^[a-z][a-z0-9_-]*$", "x-expected": "a lower-case letter, then lower-case letters, digits, `-` and `_`"})
}

/// The schema of one section's components: an object whose `type` picks one of the kinds.
fn kinds<'a>(
    defs: &mut Map<String, Value>,
    section: &str,
    common: &Schema,
    kinds: impl Iterator<Item = (&'a str, &'a str, Schema)>,
) -> Value {
    let common = hoist(common, defs);
    let (mut names, mut picks) = (Vec::new(), Vec::new());
    for (name, summary, own) in kinds {
        let own = hoist(&own, defs);
        let mut properties = Map::new();
        properties.insert("type".into(), json!({"const": name, "description": summary}));
        for part in [&common, &own] {
            properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
        }
        let mut schema = json!({"title": format!("{section} {name}"), "description": summary, "type": "object",
            "properties": properties, "required": ["type"], "additionalProperties": false});
        for required in [&common, &own].iter().filter_map(|part| part["required"].as_array()).flatten() {
            push(&mut schema, "required", required.clone());
        }
        let id = format!("{section}.{name}");
        picks.push(json!({
            "if": {"type": "object", "properties": {"type": {"const": name}}, "required": ["type"]},
            "then": {"$ref": format!("#/$defs/{id}")},
        }));
        defs.insert(id, schema);
        names.push(name);
    }
    json!({"type": "object", "properties": {"type": {"description": "Its kind.", "enum": names}}, "required": ["type"], "allOf": picks})
}

/// `fields:` renames the fields of the record that the source hands out, and no others.
fn with_fields_of_records(mut source: Value) -> Value {
    for &record in RECORDS {
        // A source without `record` hands out reviews.
        let required = if record == Record::Review { json!([]) } else { json!(["record"]) };
        let pick = json!({
            "if": {"type": "object", "properties": {"record": {"const": record.name()}}, "required": required},
            "then": {"properties": {"fields": {"propertyNames": {"enum": fields(record)}}}},
        });
        push(&mut source, "allOf", pick);
    }
    source
}

/// Takes a struct's schema apart: its definitions go to the common ones, which all schemas refer to alike.
fn hoist(schema: &Schema, defs: &mut Map<String, Value>) -> Value {
    let mut value = schema.as_value().clone();
    if let Some(object) = value.as_object_mut() {
        object.shift_remove("$schema");
        if let Some(Value::Object(own)) = object.shift_remove("$defs") {
            defs.extend(own);
        }
    }
    value
}

fn push(schema: &mut Value, key: &str, item: Value) {
    match &mut schema[key] {
        Value::Array(items) => items.push(item),
        other => *other = json!([item]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two structs of one name with different content would overwrite each other in `$defs`.
    #[test]
    fn no_two_definitions_share_a_name() {
        let mut schemas: Vec<Schema> = OPERATORS.iter().map(|kind| (kind.settings.schema)()).collect();
        schemas.extend(SOURCES.iter().map(|kind| (kind.schema)()));
        schemas.extend(SINKS.iter().map(|kind| (kind.schema)()));
        schemas.extend(RECEIVERS.iter().map(|kind| (kind.schema)()));
        schemas.extend([schema_for!(Options), schema_for!(SourceCommon), schema_for!(ReaderCommon)]);
        schemas.extend([schema_for!(TargetSettings), schema_for!(EscalationSettings)]);
        let mut seen = Map::new();
        for schema in schemas {
            let defs = schema.as_value().get("$defs").and_then(Value::as_object).cloned().unwrap_or_default();
            for (name, definition) in defs {
                assert_eq!(seen.entry(name.clone()).or_insert(definition.clone()), &definition, "{name}");
            }
            assert!(
                !schema.as_value().to_string().contains(r##""$ref":"#""##),
                "a struct that contains itself"
            );
        }
    }

    #[test]
    fn every_reference_has_its_definition() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(object) => {
                    found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    object.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let schema = topology();
        let mut found = Vec::new();
        references(&schema, &mut found);
        assert!(found.len() > 10);
        for reference in found {
            assert!(schema.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }
}
