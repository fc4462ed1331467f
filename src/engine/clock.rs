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

use serde::{Deserialize, Serialize};

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

/// What the epochs of all later records follow from: where a clock stands between two records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockState {
    /// The epoch of the record before.
    pub epoch: Epoch,
    /// How many records of the partition have it.
    pub records: u64,
    /// M, the largest `ts` that was believed, in ms.
    pub largest: Option<i64>,
    /// The `ts` of the last record that was not refused, in ms.
    pub last: Option<i64>,
}

impl Default for ClockState {
    fn default() -> Self {
        Self { epoch: 1, records: 0, largest: None, last: None }
    }
}

/// The clock of one partition.
#[derive(Debug)]
pub struct EventClock {
    settings: EventClockSettings,
    /// After the last record that was stamped.
    state: ClockState,
    /// No record falls before it.
    floor: Epoch,
    /// The `ts` of the last record that was not refused, stamped or waiting.
    last: Option<i64>,
    /// A record past the bound and the refused ones behind it.
    waiting: VecDeque<(i64, bool)>,
}

impl EventClock {
    /// A clock that stands there. Epochs before `floor` are closed already: what a file has grown by since its end was
    /// reached begins there.
    #[must_use]
    pub fn new(settings: EventClockSettings, state: ClockState, floor: Epoch) -> Self {
        Self { settings, state, floor, last: state.last, waiting: VecDeque::new() }
    }

    /// No later record falls in a lower epoch.
    #[must_use]
    pub fn low(&self) -> Epoch {
        self.state.epoch.max(self.floor)
    }

    /// Where it stands after the last stamped record.
    #[must_use]
    pub fn state(&self) -> ClockState {
        self.state
    }

    /// Takes the next record and gives the stamps that are decided now, in order; with each that begins an epoch, where
    /// the clock stood before it.
    pub fn push(&mut self, reading: Reading, out: &mut impl FnMut(Stamp, Option<ClockState>)) {
        if reading.refused {
            if self.waiting.is_empty() {
                let (stamp, before) = self.refused();
                out(stamp, before);
            } else {
                self.waiting.push_back((0, true));
            }
            return;
        }
        let ts = reading.ts.unwrap_or_else(|| self.last.map_or(0, |last| last + 1));
        self.last = Some(ts);
        if !self.waiting.is_empty() {
            let agrees = self.past_bound(ts);
            self.release(agrees, out);
        }
        if self.past_bound(ts) {
            self.waiting.push_back((ts, false));
        } else {
            let (stamp, before) = self.accepted(ts, true);
            out(stamp, before);
        }
    }

    /// The partition has ended: what waited is stamped without moving M.
    pub fn finish(&mut self, out: &mut impl FnMut(Stamp, Option<ClockState>)) {
        self.release(false, out);
    }

    fn past_bound(&self, ts: i64) -> bool {
        let largest = self.state.largest;
        largest.is_some_and(|largest| ts > largest.saturating_add_unsigned(self.settings.max_ts_jump))
    }

    /// Stamps what waited: the first of it, which the others are refused records behind, moves M if it is `believed`.
    fn release(&mut self, believed: bool, out: &mut impl FnMut(Stamp, Option<ClockState>)) {
        while let Some((ts, refused)) = self.waiting.pop_front() {
            let (stamp, before) = if refused { self.refused() } else { self.accepted(ts, believed) };
            out(stamp, before);
        }
    }

    fn refused(&mut self) -> (Stamp, Option<ClockState>) {
        let before = self.state;
        if self.state.epoch < self.floor {
            (self.state.epoch, self.state.records) = (self.floor, 0);
        }
        self.state.records += 1;
        (Stamp { epoch: self.state.epoch, ts: 0 }, (self.state.epoch != before.epoch).then_some(before))
    }

    fn accepted(&mut self, ts: i64, moves: bool) -> (Stamp, Option<ClockState>) {
        let before = self.state;
        let state = &mut self.state;
        if moves {
            state.largest = state.largest.max(Some(ts));
        }
        state.last = Some(ts);
        let largest = state.largest.unwrap_or(0).max(0).unsigned_abs();
        let due = (largest.div_ceil(self.settings.tick) * self.settings.tick).max(self.floor);
        if due > state.epoch {
            (state.epoch, state.records) = (due, 0);
        } else if state.records >= self.settings.epoch_records {
            (state.epoch, state.records) = (state.epoch + 1, 0);
        }
        state.records += 1;
        (Stamp { epoch: state.epoch, ts }, (state.epoch != before.epoch).then_some(before))
    }
}

#[cfg(test)]
mod tests {
    use proptest::strategy::Strategy;

    use super::*;

    const BAD: Reading = Reading { ts: None, refused: true };

    fn at(ts: i64) -> Reading {
        Reading { ts: Some(ts), refused: false }
    }

    fn epochs(epoch_records: u64, readings: &[Reading]) -> Vec<(u64, i64)> {
        stamps(epoch_records, readings, ClockState::default())
            .into_iter()
            .map(|(epoch, ts, _)| (epoch, ts))
            .collect()
    }

    fn stamps(
        epoch_records: u64,
        readings: &[Reading],
        from: ClockState,
    ) -> Vec<(u64, i64, Option<ClockState>)> {
        let settings = EventClockSettings { tick: 100, epoch_records, max_ts_jump: 1_000 };
        let mut clock = EventClock::new(settings, from, 0);
        let mut stamps = Vec::new();
        for reading in readings {
            clock.push(*reading, &mut |s, before| stamps.push((s.epoch, s.ts, before)));
        }
        clock.finish(&mut |s, before| stamps.push((s.epoch, s.ts, before)));
        stamps
    }

    proptest::proptest! {
        /// From the state at the beginning of any epoch, everything after it is stamped as it was.
        #[test]
        fn a_clock_goes_on_from_where_an_epoch_began(
            readings in proptest::collection::vec(
                (proptest::option::weighted(0.8, 0_i64..8_000), proptest::bool::weighted(0.2))
                    .prop_map(|(ts, refused)| Reading { ts: ts.filter(|_| !refused), refused }),
                0..40,
            ),
            epoch_records in 1_u64..6,
        ) {
            let all = stamps(epoch_records, &readings, ClockState::default());
            for (n, (_, _, before)) in all.iter().enumerate() {
                if let Some(before) = before {
                    let again = stamps(epoch_records, &readings[n..], *before);
                    let marks = |stamps: &[(u64, i64, Option<ClockState>)]| -> Vec<(u64, i64)> {
                        stamps.iter().map(|(epoch, ts, _)| (*epoch, *ts)).collect()
                    };
                    proptest::prop_assert_eq!(marks(&all[n..]), marks(&again), "from record {}", n);
                }
            }
        }
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
