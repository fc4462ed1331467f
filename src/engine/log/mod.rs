//! The epoch log: which records of which partition each epoch covers, in which generation, and with which commands.
//!
//! Everything a run gives is a function of this log and the inputs. An epoch is appended once every partition is past
//! it, before any worker's frontier is; a sink commits an epoch only when the log says that it is durable.
//!
//! # Layout
//! * [`record`]: what is written down. [`contents`]: what a run finds. [`mod@file`]: in a file, by a thread of its own.
//!   [`memory`]: nowhere, for a run that leaves no trace.

pub mod contents;
pub mod file;
pub mod memory;
pub mod record;

use super::{Epoch, threads::ThreadError};
use record::{Body, EpochRecord};

/// What a log tells those who wait for it.
pub struct LogEvents {
    /// All epochs up to this one are durable.
    pub durable: Box<dyn Fn(Epoch) + Send>,
    /// The log failed; the run has to end.
    pub failed: Box<dyn Fn(String) + Send>,
}

/// Where epochs are written down.
pub trait EpochLog: Send + Sync {
    /// Begins to write; called once, before anything is appended.
    ///
    /// # Errors
    /// Its thread cannot be started.
    fn start(&self, events: LogEvents) -> Result<(), ThreadError>;

    /// Appends the next epoch; epochs rise strictly. It comes back at once: events say when it is durable.
    fn append(&self, record: EpochRecord);

    /// Appends something else and waits until it is durable.
    ///
    /// # Errors
    /// It is not, and never will be in this run.
    fn append_and_wait(&self, body: Body) -> Result<(), String>;

    /// Forgets epochs up to this one, and waits until that is done: two checkpoints are past them.
    fn truncate(&self, through: Epoch);
}
