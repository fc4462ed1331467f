//! Why a run could not start, or ended early.

use thiserror::Error;

use super::start_error::StartError;
use crate::{
    connect::{
        object_store::StoreError,
        registry::{OpenError, OpenSinkError},
    },
    engine::{
        intake::IntakeError,
        log::{LogError, LogStoreError},
        sink::SinkError,
        threads::ThreadError,
    },
};

/// Why a run could not start, or ended early.
#[derive(Debug, Error)]
pub enum RunError {
    /// A source or sink could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The state folder could not be made.
    #[error("cannot make the state folder {folder}: {reason}")]
    State {
        /// The folder.
        folder: String,
        /// What the system said.
        reason: String,
    },
    /// The store of checkpoints and models could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The run cannot go on where the last one left off.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The languages cannot be told apart.
    #[error("{0}")]
    Languages(String),
    /// Reading failed.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// A thread of its own could not be started.
    #[error(transparent)]
    Thread(#[from] ThreadError),
    /// Writing failed.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The engine could not start, or a worker ended early.
    #[error("the engine failed: {0}")]
    Engine(String),
    /// Something else that has been logged.
    #[error("the run was aborted; the log says why")]
    Aborted,
}

impl From<OpenSinkError> for RunError {
    fn from(error: OpenSinkError) -> Self {
        match error {
            OpenSinkError::Open(error) => Self::Open(error),
            OpenSinkError::Sink(error) => Self::Sink(error),
        }
    }
}

impl RunError {
    /// Whether a newer start of the same run, elsewhere, ended this one.
    #[must_use]
    pub fn superseded(&self) -> bool {
        matches!(
            self,
            Self::Start(StartError::Store(LogStoreError::Superseded { .. }))
                | Self::Intake(IntakeError::Log(LogError::Superseded { .. }))
                | Self::Sink(SinkError::Superseded { .. })
        )
    }
}
