//! The JSON Schemas of the records, generated from their structs: what `kafka/schemas/` holds.

use schemars::{Schema, schema_for};

use super::{DeadLetter, Feedback, ModelRecord, ProductScore, Review, ScoredReview};

/// Each record's schema, by the name of its file without ending.
pub fn all() -> Vec<(&'static str, Schema)> {
    vec![
        ("review", schema_for!(Review)),
        ("feedback", schema_for!(Feedback)),
        ("scored_review", schema_for!(ScoredReview)),
        ("product_score", schema_for!(ProductScore)),
        ("dead_letter", schema_for!(DeadLetter)),
        ("model", schema_for!(ModelRecord)),
    ]
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
    fn output_records_require_all_their_fields() {
        for (name, fields) in [("scored_review", 18), ("product_score", 9), ("model", 11)] {
            let schemas = all();
            let (_, schema) = schemas.iter().find(|(known, _)| *known == name).unwrap();
            let required = schema.get("required").and_then(|list| list.as_array()).map_or(0, Vec::len);
            let properties =
                schema.get("properties").and_then(|list| list.as_object()).map_or(0, |map| map.len());
            assert_eq!((required, properties), (fields, fields), "{name}");
        }
    }
}
