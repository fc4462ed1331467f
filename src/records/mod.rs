//! What flows: the records that come in and go out, how a line becomes one, and how one becomes a line.
//!
//! Nothing here knows of time, epochs' order or other records: every function is a function of one record. The
//! structs carry the names, order and types that clients rely on; their JSON Schemas are generated from them into
//! `kafka/schemas/` and a test holds the two equal.
//!
//! # Layout
//! * [`review`], [`feedback`], [`case_command`]: what comes in, as its writer sees it.
//! * [`scored_review`], [`product_score`], [`model_record`], [`case`], [`dead_letter`]: what goes out.
//! * [`decode`]: bytes of a line to a checked record, or the reason why not.
//! * [`text`]: cleaning and the normalised text.
//! * [`lang`], [`timestamp`], [`number`]: language tags, instants, fractions of 1e-6. [`calendar`]: instants as text.
//! * [`content`]: hashes that say whether two versions, or two texts, are equal.
//! * [`render`]: records to JSON lines without allocation. [`message`]: key, value and headers as bytes.
//! * [`schema`]: the JSON Schemas.

pub mod calendar;
pub mod case;
pub mod case_command;
pub mod content;
pub mod dead_letter;
pub mod decode;
pub mod delivery;
pub mod feedback;
pub mod lang;
pub mod message;
pub mod model_record;
pub mod number;
pub mod product_score;
pub mod render;
pub mod review;
pub mod schema;
pub mod scored_review;
pub mod text;
pub mod timestamp;

pub use case::{Case, CaseKind, CaseState, Evidence, Resolution, Severity, ShareFigures};
pub use case_command::{CaseAction, CaseCommand};
pub use dead_letter::{DeadLetter, DeadLetterHeaders};
pub use decode::{
    CaseCommandDecoder, CaseCommandFields, Code, DecodedCaseCommand, DecodedDelivery, DecodedFeedback,
    DecodedReview, DeliveryDecoder, DeliveryFields, FeedbackDecoder, FeedbackFields, KeyRule, Label, Refusal,
    ReviewDecoder, ReviewFields, Stage, Upsert,
};
pub use delivery::{CaseEvent, DeliveryOutcome, DeliveryResult};
pub use feedback::Feedback;
pub use lang::Lang;
pub use model_record::{CountedFigures, Figures, ModelRecord, Quality, Role};
pub use product_score::ProductScore;
pub use review::Review;
pub use scored_review::{Filled, Origin, ScoredReview, Sentiment, Status};
