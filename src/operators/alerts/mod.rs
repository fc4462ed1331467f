//! Cases: from the level of a condition to what people are told.
//!
//! # Layout
//! * [`CaseSettings`]: the times of a case.
//! * [`Machine`]: the case of one kind and subject, driven by epochs. No clock, no dataflow.

mod machine;
mod settings;

pub use machine::{Command, Level, Machine, Outcome, Reading, Subject};
pub use settings::CaseSettings;
