//! The steps of a topology: one file a step, with its settings, ports, state, registry entry and build function.
//!
//! # Layout
//! * [`registry`] lists the steps; nothing outside this folder names one.
//! * [`wiring`]: what a build function sees. [`block`], [`row`]: what flows. [`books`], [`balance`]: where records ended.
//! * [`publish`]: from rows to the lines of a sink. `examples`: what a row teaches.
//! * `stored_review`, [`stored_feedback`], `kept_learner`: what checkpoints hold. [`stored`]: the same for who looks on.
//! * [`condition`]: what `filter` tests. `feedback_change`, `held_feedback`: what comes to `apply_feedback`, and what it
//!   holds of a review. [`quality_log`]: a learner's figures by epoch.

pub mod balance;
pub mod block;
pub mod books;
pub mod condition;
mod counted;
mod examples;
mod feedback_change;
mod held_feedback;
mod kept_learner;
pub mod publish;
pub mod quality_log;
pub mod registry;
pub mod row;
pub mod stored;
pub mod stored_feedback;
mod stored_review;
pub mod wiring;

pub mod alerts;
pub mod apply_feedback;
pub mod clean;
pub mod current;
pub mod deduplicate;
pub mod filter;
pub mod learn;
pub mod product_scores;
pub mod sentiment;
