//! One partition on its way: what was claimed, submitted, stamped, and is not committed yet.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Instant,
};

use super::{ClockSettings, IntakeSettings, Position};
use crate::engine::{
    Epoch,
    clock::{ClockState, EventClock, Reading, Stamp},
    log::record::{Command, EpochRecord},
    partition::{Address, Committed, Partition, PartitionEntry},
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

/// Where an epoch of a partition begins.
pub(super) struct Boundary {
    /// The epoch that begins.
    pub(super) epoch: Epoch,
    pub(super) before: Position,
}

/// A record that was handed to the clock and has no stamp yet.
pub(super) struct AtClock {
    /// The offset after it.
    pub(super) next: u64,
    pub(super) bytes: u64,
    pub(super) refused: bool,
    /// Its own time, where it has one.
    pub(super) ts: Option<i64>,
}

pub(super) struct PartitionState {
    /// The rank of its source.
    pub(super) source: usize,
    /// What places call it.
    pub(super) place: u32,
    /// What bindings and positions call it.
    pub(super) key: String,
    pub(super) name: String,
    pub(super) address: Address,
    pub(super) reader: Arc<Mutex<Box<dyn Partition>>>,
    /// Whom to tell what is committed.
    pub(super) committed: Option<Committed>,
    /// Where the epochs end that are logged and not committed; kept where somebody wants to know.
    pub(super) bound: VecDeque<(Epoch, u64)>,
    /// The one that has to be all in before this one is read: the file that had its name before.
    pub(super) after: Option<usize>,
    pub(super) claimed: u64,
    pub(super) submitted: u64,
    /// When each claimed chunk that is not submitted in its turn was read: for the metrics, nothing follows from it.
    pub(super) read: VecDeque<Instant>,
    /// When records were last read; at first, when reading could begin.
    pub(super) last_read: Instant,
    /// Submissions that came before their turn.
    pub(super) early: BTreeMap<u64, Vec<(Reading, u64, u64)>>,
    pub(super) at_clock: VecDeque<AtClock>,
    pub(super) chunks: VecDeque<Submitted>,
    /// The clock that its data drive; `None` where the wall clock cuts.
    pub(super) clock: Option<EventClock>,
    /// With the wall clock: the first epoch that is not cut.
    pub(super) uncut: Epoch,
    /// Where the input ended before, and with which epoch, as far as that has to come again: what it has grown by since
    /// begins after that epoch.
    pub(super) ends: VecDeque<(u64, Epoch)>,
    pub(super) flights: VecDeque<Flight>,
    pub(super) unstamped: (u64, u64),
    pub(super) errors: (u64, u64),
    /// The offset after the last stamped record.
    pub(super) stamped: u64,
    /// Where the epochs begin that are not logged.
    pub(super) boundaries: VecDeque<Boundary>,
    /// Bytes read and bytes in all, as the outside counts them.
    pub(super) progress: (u64, Option<u64>),
    pub(super) read_to_end: bool,
    pub(super) done: bool,
    /// It is done because its input is, not because of a stop.
    pub(super) ended: bool,
}

/// Where the input of a partition ended before, by what has to come again of the log.
pub(super) fn ends(replay: &VecDeque<EpochRecord>, partition: &str, from: u64) -> VecDeque<(u64, Epoch)> {
    let mut offset = from;
    let mut ends = VecDeque::new();
    for record in replay {
        offset = record.bindings.get(partition).copied().unwrap_or(offset);
        if record.commands.contains(&Command::End) {
            ends.push_back((offset, record.epoch));
        }
    }
    ends
}

impl PartitionState {
    /// A partition that is read from a position on; nothing of it falls before `floor`.
    pub(super) fn new(
        entry: PartitionEntry,
        source_id: &str,
        clock: ClockSettings,
        from: Position,
        floor: Epoch,
    ) -> Self {
        Self {
            source: entry.source,
            place: super::partitions::place(entry.source, entry.number),
            key: format!("{source_id}/{}", entry.number),
            name: entry.name,
            address: entry.address,
            committed: entry.partition.committed(),
            bound: VecDeque::new(),
            after: None,
            claimed: 0,
            submitted: 0,
            read: VecDeque::new(),
            last_read: Instant::now(),
            early: BTreeMap::new(),
            at_clock: VecDeque::new(),
            chunks: VecDeque::new(),
            clock: match clock {
                ClockSettings::Event(settings) => Some(EventClock::new(settings, from.clock, floor)),
                ClockSettings::Wall { .. } => None,
            },
            uncut: floor,
            ends: VecDeque::new(),
            flights: VecDeque::new(),
            unstamped: (0, 0),
            errors: from.errors,
            stamped: from.offset,
            boundaries: VecDeque::new(),
            progress: entry.partition.progress(),
            reader: Arc::new(Mutex::new(entry.partition)),
            read_to_end: false,
            done: false,
            ended: false,
        }
    }

    /// Ends the clock where the input ended before, if the record that comes next, up to this offset, lies behind that.
    pub(super) fn end_before(
        &mut self,
        settings: ClockSettings,
        next: u64,
        out: &mut impl FnMut(Stamp, Option<ClockState>),
    ) {
        let (Some(clock), ClockSettings::Event(settings)) = (&mut self.clock, settings) else { return };
        while let Some((_, epoch)) = self.ends.pop_front_if(|(offset, _)| *offset < next) {
            clock.finish(out);
            *clock = EventClock::new(settings, clock.state(), epoch + 1);
        }
    }

    /// No later record falls in a lower epoch.
    pub(super) fn low(&self) -> Epoch {
        self.clock.as_ref().map_or(self.uncut, EventClock::low)
    }

    /// Where it stands after its last record of an epoch, or of one before.
    pub(super) fn position_after(&self, epoch: Epoch) -> Position {
        let next = self.boundaries.iter().find(|boundary| boundary.epoch > epoch);
        next.map_or_else(|| self.position(), |boundary| boundary.before)
    }

    /// Where it stands after the last stamped record.
    pub(super) fn position(&self) -> Position {
        Position { offset: self.stamped, clock: self.clock_state(), errors: self.errors }
    }

    fn clock_state(&self) -> ClockState {
        self.clock.as_ref().map_or_else(ClockState::default, EventClock::state)
    }

    /// Whether everything was read, decoded and handed to the clock.
    pub(super) fn all_in(&self) -> bool {
        self.read_to_end && self.submitted == self.claimed
    }

    /// The lowest epoch that a chunk which is not stamped to its end may hold.
    pub(super) fn unreleased(&self) -> Epoch {
        let begun = self.chunks.front().and_then(|chunk| chunk.stamps.first());
        begun.map_or(self.low(), |stamp| stamp.epoch)
    }

    pub(super) fn bytes_in_flight(&self) -> u64 {
        self.unstamped.1 + self.flights.iter().map(|flight| flight.bytes).sum::<u64>()
    }

    pub(super) fn records_in_flight(&self) -> u64 {
        self.unstamped.0 + self.flights.iter().map(|flight| flight.records).sum::<u64>()
    }

    /// Whether reading on is allowed. What the log says has to come again may need more room than was there when it
    /// came: whole epochs, whatever the workers had claimed beyond the bound.
    pub(super) fn may_read(&self, settings: &IntakeSettings, limit: Epoch, replaying: bool) -> bool {
        if self.read_to_end || self.done || self.low() > limit {
            return false;
        }
        let room = if replaying { 2 * BYTES } else { BYTES };
        if self.clock.is_none() {
            return self.bytes_in_flight() < room;
        }
        let few = self.flights.len() < settings.epochs_in_flight || self.records_in_flight() < RECORDS;
        few && (self.flights.len() <= 1 || self.bytes_in_flight() < room)
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
