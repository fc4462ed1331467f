//! The steps of a topology: one file a step, with its settings, ports, state and registry entry.
//!
//! [`registry`] lists them; nothing outside this folder names one.

pub mod registry;

mod apply_feedback;
mod clean;
mod current;
mod deduplicate;
mod filter;
mod learn;
mod product_scores;
mod sentiment;
