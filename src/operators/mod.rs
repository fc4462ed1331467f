//! The steps of a topology: one file a step, with its settings, ports, state and registry entry.
//!
//! [`registry`] lists them; nothing outside this folder names one.

pub mod registry;

pub mod apply_feedback;
pub mod clean;
pub mod current;
pub mod deduplicate;
pub mod filter;
pub mod learn;
pub mod product_scores;
pub mod sentiment;
