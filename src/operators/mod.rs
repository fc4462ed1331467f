//! The steps of a topology: one file a step, with its settings, ports, state, registry entry and build function.
//!
//! # Layout
//! * [`registry`] lists the steps; nothing outside this folder names one.
//! * [`wiring`]: what a build function sees. [`block`], [`row`]: what flows. [`books`]: where records ended.
//! * [`publish`]: from rows to the lines of a sink.
//! * [`condition`]: what `filter` tests. `held_feedback`: what `apply_feedback` holds of a review. [`quality_log`]: a
//!   learner's figures by epoch.

pub mod block;
pub mod books;
pub mod condition;
mod counted;
mod held_feedback;
pub mod publish;
pub mod quality_log;
pub mod registry;
pub mod row;
pub mod wiring;

pub mod apply_feedback;
pub mod clean;
pub mod current;
pub mod deduplicate;
pub mod filter;
pub mod learn;
pub mod product_scores;
pub mod sentiment;
