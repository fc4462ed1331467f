//! The command line.

pub mod generate;
pub mod report;
mod timestamp;

/// Runs the command line.
#[must_use]
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
