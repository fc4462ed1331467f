//! Files as sources and sinks: JSON lines, plain or compressed.

pub mod sink;
mod source;

pub use sink::{FileSinkSettings, SINK};
pub use source::{FileSourceSettings, SOURCE};
