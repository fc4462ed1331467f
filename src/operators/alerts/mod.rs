//! Cases: from the level of a condition to what people are told.
//!
//! # Layout
//! * [`OPERATOR`]: the step. `products`: what changes in the history of each product, and which reviews are severe. `verdicts`:
//!   how these products stand, given how many there are. `cases`: what becomes of it, keyed by kind and subject.
//! * `readings`: how a condition is told to its case, and the evidence. `stored`: cases in a checkpoint.
//! * [`AlertsSettings`], [`CaseSettings`]: conditions and the times of a case.
//! * [`Machine`]: the case of one kind and subject, driven by epochs. No clock, no dataflow.

mod cases;
mod machine;
mod products;
mod readings;
mod settings;
mod step;
mod stored;
mod verdicts;

pub use cases::CaseRow;
pub use machine::{Answer, Command, Level, Machine, Outcome, Reading, Subject};
pub use settings::{AlertsSettings, CaseSettings, ProductDrop, SevereReview};
pub use step::OPERATOR;
pub use stored::StoredCase;
