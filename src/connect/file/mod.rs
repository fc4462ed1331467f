//! Files as sources and sinks: JSON lines, plain or compressed.

mod appended;
mod committed;
mod followed;
mod growing;
mod identity;
mod input;
mod lines;
pub mod progress;
pub mod sink;
mod source;
mod spool;
mod watch;

pub use sink::{FileSinkSettings, MESSAGES, SINK};
pub use source::{FileSourceSettings, SOURCE};
pub use spool::{SPOOL, copy_spools};

/// Whether a path can only be a folder, or is one now.
fn names_a_folder(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    ["", ".", ".."].contains(&last) || std::path::Path::new(path).is_dir()
}
