//! Why the intake cannot go on: the first fault ends the run.

use super::partition_state::ERROR_WINDOW;
use crate::engine::{Epoch, log::LogError, partition::SourceError};

/// Why the intake cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// A partition could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The input is plainly of another kind.
    #[error(
        "{refused} of {ERROR_WINDOW} records of {partition} up to offset {offset} were refused, more than max_error_ratio allows: \
         is this the right input for its source? (its `record:` and `fields:` say how it is read)"
    )]
    TooManyErrors {
        /// The partition's name.
        partition: String,
        /// Where the last of them ends.
        offset: u64,
        /// How many were refused.
        refused: u64,
    },
    /// The input is not what it was when the epoch was logged.
    #[error(
        "epoch {epoch} of the log covers {logged}, and the input gives {found} now: it was changed since. Put the old \
         input back, or begin anew with `dirigent run --from-scratch`"
    )]
    Changed {
        /// The epoch.
        epoch: Epoch,
        /// What the log says.
        logged: String,
        /// What was read.
        found: String,
    },
    /// The log cannot be written.
    #[error("the epoch log: {0}")]
    Log(LogError),
    /// The checkpoint that the run goes on from cannot be read.
    #[error("cannot restore: {0}")]
    Restore(String),
    /// A checkpoint cannot be stored.
    #[error("cannot store a checkpoint: {0}")]
    Checkpoint(String),
}
