//! From the bytes of a record to its checked fields, or to the one reason why it is refused.
//!
//! The first code that applies counts, in this order: the bytes are not UTF-8, not JSON, no object, or name a known
//! field twice at the top level; then each field, in the order that `review.rs`, `feedback.rs` or `case_command.rs` states. So the whole
//! line is read before any field is judged: a visitor keeps what it finds and never objects to a type. What is ignored
//! is read as strictly as the rest. The usual record is decoded without an allocation: strings without escapes stay
//! where they are in the line, others go to buffers that the decoder keeps.
//!
//! ```
//! use std::collections::BTreeMap;
//! use dirigent::records::{DecodedReview, KeyRule, ReviewDecoder, ReviewFields};
//!
//! let fields = ReviewFields::review(&BTreeMap::new())?;
//! let line = br#"{"review_id": 7, "product_id": "p", "rating": "4.5", "text": "Sch\u00f6n &amp; gut"}"#;
//! let mut decoder = ReviewDecoder::default();
//! match decoder.decode(line, KeyRule::Ignore, &fields) {
//!     Ok(DecodedReview::Upsert(review)) => {
//!         assert_eq!((review.review_id, review.rating, review.text), ("7", Some(4_500_000), "Schön & gut"));
//!     }
//!     other => panic!("{other:?}"),
//! }
//! # Ok::<(), dirigent::records::decode::UnknownField>(())
//! ```

mod case_command;
mod check;
mod delivery;
mod feedback;
mod field_map;
mod json;
mod key;
mod refusal;
mod review;
mod skipped;

pub use case_command::{CaseCommandDecoder, DecodedCaseCommand};
pub use delivery::{DecodedDelivery, DeliveryDecoder};
pub use feedback::{DecodedFeedback, FeedbackDecoder, Label};
pub use field_map::{
    CaseCommandFields, DeliveryFields, FeedbackFields, FieldMap, ReviewFields, UnknownField,
};
pub use key::KeyRule;
pub use refusal::{Code, Refusal, Stage};
pub use review::{DecodedReview, MAX_TEXT_BYTES, ReviewDecoder, Upsert};
