//! `clock: event`: the epoch of a record is a function of its partition's data alone.
//!
//! Record i gets `e(i) = max(e(i-1), M rounded up to the tick, 1)`, M the largest `ts` so far; when `epoch_records`
//! records of the partition have that epoch already, it is one more. A `ts` more than `max_ts_jump` past M moves M only
//! if the next record that is not refused is past that bound too, so one wrong clock cannot end all epochs; the first
//! `ts` always moves M. Refused records take `e(i-1)` and count. A missing `ts` is the one of the last record that was
//! not refused, plus 1 ms (the first: 0).
//!
//! Limits: a record past the bound waits until its successor is known, or the partition ends; then it does not move M.

use std::collections::VecDeque;

use super::Epoch;

/// What decoding says of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Its own time in ms, where it has one.
    pub ts: Option<i64>,
    /// Whether it was refused.
    pub refused: bool,
}

/// Where a record falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Its epoch.
    pub epoch: Epoch,
    /// Its time in ms, filled in where it was missing; meaningless when refused.
    pub ts: i64,
}

/// Settings of the clock.
#[derive(Clone, Copy, Debug)]
pub struct EventClockSettings {
    /// Epochs are multiples of this, in ms, but for those that `epoch_records` adds.
    pub tick: u64,
    /// Records of a partition an epoch takes.
    pub epoch_records: u64,
    /// How far past M a `ts` may lie and be believed at once, in ms.
    pub max_ts_jump: u64,
}

/// The clock of one partition.
#[derive(Debug)]
pub struct EventClock {
    settings: EventClockSettings,
    epoch: Epoch,
    records: u64,
    largest: Option<i64>,
    last: Option<i64>,
    /// A record past the bound and the refused ones behind it.
    waiting: VecDeque<(i64, bool)>,
}

impl EventClock {
    /// A clock that has seen nothing.
    #[must_use]
    pub fn new(settings: EventClockSettings) -> Self {
        Self { settings, epoch: 1, records: 0, largest: None, last: None, waiting: VecDeque::new() }
    }

    /// The epoch of the last stamped record; no later one is smaller.
    #[must_use]
    pub fn low(&self) -> Epoch {
        self.epoch
    }

    /// Takes the next record and gives the stamps that are decided now, in order.
    pub fn push(&mut self, reading: Reading, out: &mut impl FnMut(Stamp)) {
        if reading.refused {
            if self.waiting.is_empty() {
                let stamp = self.refused();
                out(stamp);
            } else {
                self.waiting.push_back((0, true));
            }
            return;
        }
        let ts = reading.ts.unwrap_or_else(|| self.last.map_or(0, |last| last + 1));
        self.last = Some(ts);
        if let Some(&(first, _)) = self.waiting.front() {
            if self.past_bound(ts) {
                self.largest = self.largest.max(Some(first));
            }
            self.release(out);
        }
        if self.past_bound(ts) {
            self.waiting.push_back((ts, false));
        } else {
            self.largest = self.largest.max(Some(ts));
            let stamp = self.accepted(ts);
            out(stamp);
        }
    }

    /// The partition has ended: what waited is stamped without moving M.
    pub fn finish(&mut self, out: &mut impl FnMut(Stamp)) {
        self.release(out);
    }

    fn past_bound(&self, ts: i64) -> bool {
        self.largest.is_some_and(|largest| ts > largest.saturating_add_unsigned(self.settings.max_ts_jump))
    }

    fn release(&mut self, out: &mut impl FnMut(Stamp)) {
        while let Some((ts, refused)) = self.waiting.pop_front() {
            let stamp = if refused { self.refused() } else { self.accepted(ts) };
            out(stamp);
        }
    }

    fn refused(&mut self) -> Stamp {
        self.records += 1;
        Stamp { epoch: self.epoch, ts: 0 }
    }

    fn accepted(&mut self, ts: i64) -> Stamp {
        let largest = self.largest.unwrap_or(0).max(0).unsigned_abs();
        let due = largest.div_ceil(self.settings.tick) * self.settings.tick;
        if due > self.epoch {
            (self.epoch, self.records) = (due, 0);
        } else if self.records >= self.settings.epoch_records {
            (self.epoch, self.records) = (self.epoch + 1, 0);
        }
        self.records += 1;
        Stamp { epoch: self.epoch, ts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD: Reading = Reading { ts: None, refused: true };

    fn at(ts: i64) -> Reading {
        Reading { ts: Some(ts), refused: false }
    }

    fn epochs(epoch_records: u64, readings: &[Reading]) -> Vec<(u64, i64)> {
        let mut clock = EventClock::new(EventClockSettings { tick: 100, epoch_records, max_ts_jump: 1_000 });
        let mut stamps = Vec::new();
        for reading in readings {
            clock.push(*reading, &mut |s| stamps.push((s.epoch, s.ts)));
        }
        clock.finish(&mut |s| stamps.push((s.epoch, s.ts)));
        stamps
    }

    #[test]
    fn rounds_up_to_the_tick_and_never_goes_back() {
        assert_eq!(
            epochs(9, &[at(0), at(1), at(100), at(101), at(50)]),
            [(1, 0), (100, 1), (100, 100), (200, 101), (200, 50)]
        );
    }

    #[test]
    fn a_full_epoch_is_followed_by_the_next_number() {
        assert_eq!(
            epochs(2, &[at(0), BAD, at(0), at(0), at(0)]).iter().map(|s| s.0).collect::<Vec<_>>(),
            [1, 1, 2, 2, 3]
        );
    }

    #[test]
    fn refused_records_take_the_epoch_before_even_when_it_is_full() {
        assert_eq!(
            epochs(1, &[BAD, BAD, at(250), BAD, at(250)]).iter().map(|s| s.0).collect::<Vec<_>>(),
            [1, 1, 300, 300, 301]
        );
    }

    #[test]
    fn a_missing_time_is_one_past_the_last() {
        let none = Reading { ts: None, refused: false };
        assert_eq!(
            epochs(9, &[none, none, at(500), BAD, none]),
            [(1, 0), (100, 1), (500, 500), (500, 0), (600, 501)]
        );
    }

    #[test]
    fn a_jump_is_believed_only_when_the_next_record_agrees() {
        assert_eq!(
            epochs(9, &[at(5_000), at(90_000), BAD, at(5_100)]).iter().map(|s| s.0).collect::<Vec<_>>(),
            [5_000, 5_000, 5_000, 5_100]
        );
        assert_eq!(
            epochs(9, &[at(5_000), at(90_000), BAD, at(80_000)]).iter().map(|s| s.0).collect::<Vec<_>>(),
            [5_000, 90_000, 90_000, 90_000]
        );
        assert_eq!(
            epochs(9, &[at(5_000), at(90_000)]).iter().map(|s| s.0).collect::<Vec<_>>(),
            [5_000, 5_000]
        );
        // the record that confirms a jump may itself be the next jump
        assert_eq!(
            epochs(9, &[at(5_000), at(9_000), at(90_000), at(91_000)])
                .iter()
                .map(|s| s.0)
                .collect::<Vec<_>>(),
            [5_000, 9_000, 90_000, 91_000]
        );
    }
}
