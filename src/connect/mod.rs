//! Connectors: what `type:` means under `sources:` and `sinks:`.
//!
//! [`registry`] lists them, as `operators::registry` lists the steps.

pub mod registry;

pub mod file;
