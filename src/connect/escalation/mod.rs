//! Escalation: who is told what of a case, when, and what became of it.
//!
//! What is committed in the output of cases, and what has become of earlier notifications, says what is due ([`planner`]). Each
//! target has a [`queue`] with its quiet hours, rate limit, grouping and retries. Both are functions of what they are told and of
//! the time that is handed in; threads of their own do the waiting ([`threads`]), and the stream never waits for them. What
//! became of a notification is appended to a source of the topology, and so is an input again.
//!
//! * A target gets `firing` before anything else of a firing, and nothing else without it; of one case, one delivery at a time is
//!   under way to a target. What is over before it goes out is dropped as obsolete.
//! * At least once: an outcome is appended after the attempt, so what was under way at a crash is sent again, under its old key.
//!
//! # Layout
//! [`settings`]: what can be set. [`quiet`]: quiet hours. `jitter`: chance. `dispatch`: planner and queues together.

mod dispatch;
mod jitter;
pub mod planner;
pub mod queue;
pub mod quiet;
pub mod settings;
pub mod threads;

#[cfg(test)]
mod tests;

pub use settings::TargetSettings;
pub use threads::{Escalation, Setup, Target, start};
