//! Connectors: what `type:` means under `sources:` and `sinks:`.
//!
//! [`registry`] lists them, as `operators::registry` lists the steps. [`place`]: where they read and write. [`object_store`]: where
//! checkpoints lie that do not lie on the local disk.

pub mod ends;
pub mod place;
pub mod registry;
pub mod standard_input;

pub mod escalation;
pub mod file;
pub mod kafka;
pub mod object_store;
pub mod receivers;
