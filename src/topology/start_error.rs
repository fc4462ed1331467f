//! Why a run cannot start where another one left off, and what can be done about it.

use std::path::PathBuf;

use thiserror::Error;

use crate::{
    connect::registry::OpenError,
    engine::{Epoch, journal::JournalError, log::LogStoreError},
};

/// Why a run cannot start where another one left off.
#[derive(Debug, Error)]
pub enum StartError {
    /// Another run has the state.
    #[error(
        "the state folder {0} is in use by another run: end it first, or give this one a `state` of its own"
    )]
    Locked(PathBuf),
    /// The state folder lies where a lock is worth nothing.
    #[error(
        "the state folder {folder} lies on a network file system ({kind}), where its lock may be had twice: use a local disk"
    )]
    Network {
        /// The folder.
        folder: PathBuf,
        /// The kind of file system.
        kind: String,
    },
    /// The log was kept in the folder, and is to lie elsewhere now.
    #[error(
        "the state folder {0} has an epoch log of its own, and that of this topology lies on the cluster of its sinks: they were \
         files before, or written at least once. Take that change back, give the topology another `state` and `name`, or begin \
         anew with `dirigent run --from-scratch`"
    )]
    LogIsHere(PathBuf),
    /// The system refused.
    #[error("cannot use the state folder {folder}: {reason}")]
    State {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The log is damaged or foreign.
    #[error("the epoch log cannot be used: {0}")]
    Log(#[from] JournalError),
    /// The log lies outside, and cannot be used from here.
    #[error(transparent)]
    Place(#[from] OpenError),
    /// It cannot be begun.
    #[error(transparent)]
    Store(LogStoreError),
    /// The state is another topology's.
    #[error(
        "the state folder {folder} is that of the topology `{found}`, not of `{expected}`: use another `state`, or the old `name`"
    )]
    Name {
        /// The folder.
        folder: PathBuf,
        /// Whose it is.
        found: String,
        /// Who wants it.
        expected: String,
    },
    /// The checkpoints in the store belong to another local folder.
    #[error(
        "{url} has the checkpoints of the topology `{name}` that another folder than {folder} goes on with: log and checkpoints \
         are one state. Bring that folder here, or give this topology another `state`; `dirigent run --from-scratch` removes \
         what a topology of the same name has there"
    )]
    Owned {
        /// The store.
        url: String,
        /// Whose they are.
        name: String,
        /// The local folder.
        folder: PathBuf,
    },
    /// The topology or the binary is another one, and there are epochs to replay.
    #[error(
        "{what} since the last run, and the epochs after {checkpoint} up to {end} were logged but are not in a checkpoint: \
         only what logged them may replay them. Run `dirigent drain` with the old one, then this \
         one; or begin anew with `dirigent run --from-scratch`"
    )]
    Replay {
        /// What is different.
        what: &'static str,
        /// The last epoch of the checkpoint.
        checkpoint: Epoch,
        /// The last epoch of the log.
        end: Epoch,
    },
    /// The sources or transforms are others than those that made the state.
    #[error(
        "the sources or transforms of the topology have changed, and its state was made by the old ones: begin anew with \
         `dirigent run --from-scratch`, or give the new topology another `name` and other outputs"
    )]
    Steps,
    /// No checkpoint can be used, and the epochs before the log's beginning are gone.
    #[error(
        "no checkpoint can be used ({reasons}), and the log was truncated up to epoch {truncated}: restore the state folder from a copy, or begin anew with `dirigent run --from-scratch`"
    )]
    NoCheckpoint {
        /// What is wrong with each.
        reasons: String,
        /// Up to where the log is gone.
        truncated: Epoch,
    },
    /// A file is not the one that was read.
    #[error(
        "{name} is not the file that was read before: its first {bytes} bytes have changed. Put the old one back, or begin anew with `dirigent run --from-scratch`"
    )]
    Replaced {
        /// The file.
        name: String,
        /// How many bytes identify it.
        bytes: u64,
    },
    /// The files of a source are others.
    #[error(
        "source {source_id} had {logged} as its file {number}, and has {found} now: with `clock: event` the files of a source stay as they were. Put the old ones back, or begin anew with `dirigent run --from-scratch`"
    )]
    Files {
        /// The source.
        source_id: String,
        /// The file's number.
        number: u32,
        /// What the log says.
        logged: String,
        /// What is there.
        found: String,
    },
}

impl From<LogStoreError> for StartError {
    fn from(error: LogStoreError) -> Self {
        match error {
            LogStoreError::Journal(error) => Self::Log(error),
            LogStoreError::Outside { target, reason, hint } => {
                Self::Place(OpenError { target, reason, hint })
            }
            error => Self::Store(error),
        }
    }
}
