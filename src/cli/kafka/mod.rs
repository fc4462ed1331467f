//! Commands that speak with Kafka without running a topology: `topics`, `produce`, `consume`. What they share: how the brokers are
//! named on the command line, and how far they are.

mod arguments;
pub mod consume;
pub mod produce;
mod rate;
pub mod topics;

use std::{process::ExitCode, time::Duration};

use super::validate::EXIT_CONFIG;
use crate::connect::kafka::error::ClusterError;

/// How long a command waits for brokers.
const WITHIN: Duration = Duration::from_secs(30);

/// Says what went wrong; the exit code.
fn refuse(error: &ClusterError) -> ExitCode {
    eprintln!("{error}");
    match error {
        ClusterError::Settings { .. } | ClusterError::File { .. } => ExitCode::from(EXIT_CONFIG),
        _ => ExitCode::FAILURE,
    }
}
