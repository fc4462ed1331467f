//! What an intake is told at the start, and what it tells about itself.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::engine::{
    Epoch,
    clock::{ClockState, EventClockSettings},
    log::record::EpochRecord,
};

/// What drives the epochs.
#[derive(Clone, Copy, Debug)]
pub enum ClockSettings {
    /// They follow from the data.
    Event(EventClockSettings),
    /// [`Intake::cut`](super::Intake::cut) is called in time; without records, an epoch is cut this often, in ms.
    Wall {
        /// How often an empty epoch is cut.
        idle: u64,
    },
}

/// Settings of the intake.
#[derive(Clone, Copy, Debug)]
pub struct IntakeSettings {
    /// What drives the epochs.
    pub clock: ClockSettings,
    /// Uncommitted epochs of a partition before it waits.
    pub epochs_in_flight: usize,
    /// The share of refused records, over 10,000 of a partition, that stops the run.
    pub max_error_ratio: f64,
}

/// Where a partition stands between two records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The offset of the next record.
    pub offset: u64,
    /// The clock there.
    pub clock: ClockState,
    /// Records and refused ones of the window that `max_error_ratio` looks at.
    pub errors: (u64, u64),
}

/// Where a run begins: at the very start, or after an epoch that is in the state already.
#[derive(Clone, Debug, Default)]
pub struct Beginning {
    /// The last epoch that is in the state; 0 at the very start.
    pub after: Epoch,
    /// Where each partition stands after it, by source, then number; those that are missing stand at their start.
    pub positions: Vec<Position>,
    /// What the log says came after it: the same must come again.
    pub replay: VecDeque<EpochRecord>,
    /// The last epoch of the log says that all input has ended.
    pub ended: bool,
    /// The last epoch of the run, if it ends before its input does.
    pub limit: Option<Epoch>,
    /// The ranks of the sources that may get partitions while they are read, with the wall clock.
    pub growing: BTreeSet<usize>,
}

/// How far the intake is, for progress and metrics.
#[derive(Clone, Copy, Debug, Default)]
pub struct IntakeProgress {
    /// Records stamped so far.
    pub records: u64,
    /// Bytes read, as the outside counts them.
    pub read: u64,
    /// Of these, bytes that a run before this one had read: plain files are not read again up to where they stand.
    pub before: u64,
    /// Bytes in all, where every partition knows.
    pub total: Option<u64>,
    /// Epochs logged and not committed.
    pub epochs_in_flight: usize,
    /// Bytes read and not committed.
    pub bytes_in_flight: u64,
}
