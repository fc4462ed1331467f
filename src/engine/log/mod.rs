//! The epoch log: which records of which partition each epoch covers, in which generation, and with which commands.
//!
//! Everything a run gives is a function of this log and the inputs. An epoch is appended once every partition is past
//! it, before any worker's frontier is; a sink commits an epoch only when the log says that it is durable.
//!
//! # Layout
//! * [`record`]: what is written down. [`contents`]: what a run finds. [`writing`]: the thread that writes. [`mod@file`]: in a
//!   file. [`memory`]: nowhere, for a run that leaves no trace.

pub mod contents;
pub mod file;
pub mod memory;
pub mod record;
pub mod writing;

use std::sync::Arc;

use thiserror::Error;

use super::{Epoch, journal::JournalError, threads::ThreadError};
use contents::LogContents;
use record::{Body, EpochRecord};

/// Why a log cannot be written any more.
#[derive(Clone, Debug, Error)]
pub enum LogError {
    /// The outside world failed.
    #[error("{0}")]
    Write(String),
    /// A newer start of the run has the log.
    #[error("start {generation} of this run has taken over")]
    Superseded {
        /// The newer start.
        generation: u64,
    },
}

/// Why a run cannot begin with a log.
#[derive(Debug, Error)]
pub enum LogStoreError {
    /// It is damaged or foreign, or the disk failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What it lies on cannot be used.
    #[error("cannot use {target}: {reason}")]
    Outside {
        /// Where it lies.
        target: String,
        /// What went wrong.
        reason: String,
        /// What to do about it.
        hint: String,
    },
    /// A newer start of the run has the log.
    #[error("start {generation} of this run has taken over")]
    Superseded {
        /// The newer start.
        generation: u64,
    },
    /// It was told to end while it waited for another run to end.
    #[error("told to end while another run was going on")]
    Interrupted,
}

/// Where the log of a run lies, before the run has begun.
pub trait LogStore: Send {
    /// What is in it. Nobody else writes there from then on, or nothing that they write counts. Where the run begins from
    /// scratch, what is there does not count.
    ///
    /// # Errors
    /// It cannot be read, or belongs to somebody else.
    fn open(&mut self, from_scratch: bool) -> Result<LogContents, LogStoreError>;

    /// The number of the start that has opened it.
    fn generation(&self, contents: &LogContents) -> u64 {
        contents.generation() + 1
    }

    /// Writes the first records of a new generation, and comes back when they are durable.
    ///
    /// # Errors
    /// They are not.
    fn begin(
        self: Box<Self>,
        contents: LogContents,
        generation: u64,
        begin: Vec<Body>,
    ) -> Result<Arc<dyn EpochLog>, LogStoreError>;
}

/// What a log tells those who wait for it.
pub struct LogEvents {
    /// All epochs up to this one are durable.
    pub durable: Box<dyn Fn(Epoch) + Send>,
    /// The log failed; the run has to end.
    pub failed: Box<dyn Fn(LogError) + Send>,
}

/// Where epochs are written down.
pub trait EpochLog: Send + Sync {
    /// Whether it waits for the outside right now.
    fn waiting(&self) -> bool {
        false
    }

    /// Begins to write; called once, before anything is appended.
    ///
    /// # Errors
    /// Its thread cannot be started.
    fn start(&self, events: LogEvents) -> Result<(), ThreadError>;

    /// Where the records of this generation begin, in terms of the place where the log lies.
    fn begins_at(&self) -> u64 {
        0
    }

    /// Appends the next epoch; epochs rise strictly. It comes back at once: events say when it is durable.
    fn append(&self, record: EpochRecord);

    /// Appends something else and waits until it is durable.
    ///
    /// # Errors
    /// It is not, and never will be in this run.
    fn append_and_wait(&self, body: Body) -> Result<(), LogError>;

    /// Forgets epochs up to this one, and waits until that is done or has failed: two checkpoints are past them.
    fn truncate(&self, through: Epoch);
}
