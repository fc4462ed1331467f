//! One partition on its way: what was claimed, submitted, stamped, and is not committed yet.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use super::IntakeSettings;
use crate::engine::{
    Epoch,
    clock::{EventClock, EventClockSettings, Reading, Stamp},
};

/// Uncommitted records a partition may always have.
pub(super) const RECORDS: u64 = 4_096;
/// Uncommitted bytes a partition may have beyond its open epoch.
const BYTES: u64 = 32 << 20;
/// Over how many records of a partition the share of refused ones is taken.
pub(super) const ERROR_WINDOW: u64 = 10_000;

/// One epoch of a partition on its way.
pub(super) struct Flight {
    pub(super) epoch: Epoch,
    pub(super) records: u64,
    pub(super) bytes: u64,
    /// How many of its records were read when.
    pub(super) read: Vec<(Instant, u64)>,
}

/// A submitted chunk whose records are not all stamped.
pub(super) struct Submitted {
    pub(super) sequence: u64,
    pub(super) records: usize,
    pub(super) stamps: Vec<Stamp>,
    pub(super) read: Instant,
}

pub(super) struct PartitionState {
    pub(super) claimed: u64,
    pub(super) submitted: u64,
    /// When each claimed chunk that is not submitted in its turn was read: for the metrics, nothing follows from it.
    pub(super) read: VecDeque<Instant>,
    /// When records were last read; at first, when reading could begin.
    pub(super) last_read: Instant,
    /// Submissions that came before their turn.
    pub(super) early: BTreeMap<u64, Vec<(Reading, u64, u64)>>,
    /// Records handed to the clock and not stamped yet: (next offset, bytes).
    pub(super) at_clock: VecDeque<(u64, u64)>,
    pub(super) chunks: VecDeque<Submitted>,
    pub(super) clock: EventClock,
    pub(super) flights: VecDeque<Flight>,
    pub(super) unstamped: (u64, u64),
    pub(super) errors: (u64, u64),
    /// Bytes read and bytes in all, as the outside counts them.
    pub(super) progress: (u64, Option<u64>),
    pub(super) read_to_end: bool,
    pub(super) done: bool,
}

impl PartitionState {
    pub(super) fn new(clock: EventClockSettings, progress: (u64, Option<u64>)) -> Self {
        Self {
            claimed: 0,
            submitted: 0,
            read: VecDeque::new(),
            last_read: Instant::now(),
            early: BTreeMap::new(),
            at_clock: VecDeque::new(),
            chunks: VecDeque::new(),
            clock: EventClock::new(clock),
            flights: VecDeque::new(),
            unstamped: (0, 0),
            errors: (0, 0),
            progress,
            read_to_end: false,
            done: false,
        }
    }

    /// The lowest epoch that a chunk which is not stamped to its end may hold.
    pub(super) fn unreleased(&self) -> Epoch {
        let begun = self.chunks.front().and_then(|chunk| chunk.stamps.first());
        begun.map_or(self.clock.low(), |stamp| stamp.epoch)
    }

    pub(super) fn bytes_in_flight(&self) -> u64 {
        self.unstamped.1 + self.flights.iter().map(|flight| flight.bytes).sum::<u64>()
    }

    pub(super) fn records_in_flight(&self) -> u64 {
        self.unstamped.0 + self.flights.iter().map(|flight| flight.records).sum::<u64>()
    }

    pub(super) fn may_read(&self, settings: &IntakeSettings, limit: Epoch) -> bool {
        if self.read_to_end || self.done || self.clock.low() > limit {
            return false;
        }
        let records = self.records_in_flight();
        let few = self.flights.len() < settings.epochs_in_flight || records < RECORDS;
        few && (self.flights.len() <= 1 || self.bytes_in_flight() < BYTES)
    }

    pub(super) fn fly(&mut self, epoch: Epoch, bytes: u64, read: Instant) {
        self.unstamped.0 = self.unstamped.0.saturating_sub(1);
        self.unstamped.1 = self.unstamped.1.saturating_sub(bytes);
        match self.flights.back_mut() {
            Some(flight) if flight.epoch == epoch => {
                flight.records += 1;
                flight.bytes += bytes;
                match flight.read.last_mut() {
                    Some((at, records)) if *at == read => *records += 1,
                    _ => flight.read.push((read, 1)),
                }
            }
            _ => self.flights.push_back(Flight { epoch, records: 1, bytes, read: vec![(read, 1)] }),
        }
    }

    /// Counts a record; the refused ones among the last 10,000 when a window is full.
    pub(super) fn count_error(&mut self, refused: bool) -> Option<u64> {
        self.errors.0 += 1;
        self.errors.1 += u64::from(refused);
        (self.errors.0 == ERROR_WINDOW).then(|| std::mem::take(&mut self.errors).1)
    }
}
