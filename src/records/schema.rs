//! The JSON Schemas of the records, generated from their structs: what `kafka/schemas/` holds.
//!
//! They describe records as they are written: a field that is always written is required, null or not.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

use super::{
    Case, CaseCommand, DeadLetter, DeliveryOutcome, Feedback, ModelRecord, ProductScore, Review, ScoredReview,
};

/// Each record's schema, by the name of its file without ending.
pub fn all() -> Vec<(&'static str, Schema)> {
    vec![
        ("review", of::<Review>()),
        ("feedback", of::<Feedback>()),
        ("scored_review", of::<ScoredReview>()),
        ("product_score", of::<ProductScore>()),
        ("dead_letter", of::<DeadLetter>()),
        ("model", of::<ModelRecord>()),
        ("case", of::<Case>()),
        ("case_command", of::<CaseCommand>()),
        ("delivery", of::<DeliveryOutcome>()),
    ]
}

fn of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::{env, fs};

    use super::*;

    #[test]
    fn the_folder_holds_these_schemas() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("kafka/schemas");
        let files: Vec<_> = all()
            .into_iter()
            .map(|(name, schema)| (format!("{name}.json"), format!("{:#}\n", schema.to_value())))
            .collect();
        if env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::create_dir_all(&folder).unwrap();
            for (name, text) in &files {
                fs::write(folder.join(name), text).unwrap();
            }
        }
        let again = "run `UPDATE_SCHEMAS=1 cargo test --lib schema` and commit kafka/schemas";
        for (name, text) in &files {
            let found = fs::read_to_string(folder.join(name)).unwrap_or_default();
            assert!(found == *text, "kafka/schemas/{name} is not the schema of its record: {again}");
        }
        let named: BTreeSet<_> = files.iter().map(|(name, _)| name.clone()).collect();
        for entry in fs::read_dir(&folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(named.contains(&name), "kafka/schemas/{name} is the schema of no record: remove it");
        }
    }

    #[test]
    fn output_records_require_all_their_fields_null_or_not() {
        let schemas: serde_json::Map<_, _> =
            all().into_iter().map(|(name, schema)| (name.to_owned(), schema.to_value())).collect();
        for (name, fields) in [("scored_review", 18), ("product_score", 9), ("model", 11), ("case", 11)] {
            let required = schemas[name]["required"].as_array().map(Vec::len);
            let properties = schemas[name]["properties"].as_object().map(serde_json::Map::len);
            assert_eq!((required, properties), (Some(fields), Some(fields)), "{name}");
        }
        let evidence = &schemas["case"]["$defs"]["Evidence"];
        let required = evidence["required"].as_array().map(Vec::len);
        assert_eq!(required, evidence["properties"].as_object().map(serde_json::Map::len));
        let nullable = serde_json::json!(["string", "null"]);
        assert_eq!(schemas["scored_review"]["properties"]["user_id"]["type"], nullable);
        assert_eq!(schemas["feedback"]["required"], serde_json::json!(["feedback_id", "review_id", "label"]));
        let command = serde_json::json!(["command_id", "case_id", "action"]);
        assert_eq!(schemas["case_command"]["required"], command);
        assert_eq!(schemas["review"]["required"], serde_json::json!(["review_id"]));
    }
}
