//! Dirigent reads product reviews and feedback, keeps every product's score right through edits and deletes,
//! and learns inside the same stream.
//!
//! # Layout
//! Arrows point down only: a folder may use those below it that its line names, and `telemetry` always.
//!
//! * [`cli`]: one file a subcommand; uses everything.
//! * [`serve`]: HTTP: health and metrics; uses `records`, `learning`.
//! * [`topology`]: the configuration: parse, resolve, type-check, draw, assemble; uses `operators`, `connect`, `engine`.
//! * [`operators`]: one file a step, each with its registry entry; uses `engine`, `records`, `learning`.
//! * [`connect`]: sources and sinks; uses `engine`, `records`.
//! * [`engine`]: epochs, the epoch log, keyed steps, workers; the only place that names timely and differential internals.
//! * [`learning`]: features, the online model, quality; uses `records`.
//! * [`records`]: what flows, its serde and JSON Schema.
//! * [`telemetry`]: metrics and logs.

pub mod cli;
pub mod connect;
pub mod engine;
pub mod learning;
pub mod operators;
pub mod records;
pub mod serve;
pub mod telemetry;
pub mod topology;
