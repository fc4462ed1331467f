//! Topology files: read, checked, resolved into a [`plan::Plan`], drawn and described.
//!
//! A file becomes a tree with places (`yaml`, `document`), takes `--set` options (`set`) and variables (`variables`),
//! is held against the schema (`schema`, `conform`), and what the schema cannot say is resolved: references, edge
//! types, steps put in (`declared`, `references`, `edges`, `models`, `places`, `resolve`). No step is known by its name
//! here: all that is known of it is its registry entry.

pub mod assemble;
pub mod diagnostics;
pub mod graph;
pub mod kafka_topics;
pub mod load;
pub mod options;
pub mod plan;
pub mod reference;
pub mod replay;
pub mod schema;
pub mod start;
pub mod start_figures;
pub mod stored;

mod build;
mod checkpointing;
mod component;
mod configuration;
mod conform;
mod declared;
mod deliveries;
mod document;
mod edges;
mod escalation;
mod execute;
mod mismatch;
mod models;
mod needed_offsets;
mod newest_checkpoint;
mod open;
mod owner;
mod parts;
mod places;
mod references;
mod resolve;
mod run_error;
mod scalar;
mod set;
mod start_error;
mod unchanged;
mod variables;
mod words;
mod yaml;

pub use load::{load, load_str};
