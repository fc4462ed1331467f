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
