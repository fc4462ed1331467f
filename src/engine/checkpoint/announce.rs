//! Announcing a checkpoint, and gathering its parts.
//!
//! A checkpoint is announced when its epoch is logged, before any step can have closed it. Each step that keeps state
//! gives its part when it has closed that epoch and nothing after it; the stream goes on meanwhile, because a part is
//! only what has changed, handed over. Nobody reads a clock but the announcement, and it changes no output.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{super::Epoch, parts::Part};
use crate::engine::intake::Position;

/// A checkpoint on its way.
pub struct Announced {
    /// The last epoch that it holds.
    pub epoch: Epoch,
    /// Where each partition that is read by then stands after it, by what bindings call it.
    pub positions: BTreeMap<String, Position>,
    /// What the steps gave.
    pub parts: Vec<Part>,
    /// No epoch comes after it.
    pub last: bool,
    given: usize,
}

impl fmt::Debug for Announced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "checkpoint {} with {} parts", self.epoch, self.parts.len())
    }
}

#[derive(Debug)]
struct State {
    last: Instant,
    /// Some checkpoint is announced and not complete.
    busy: bool,
    keepers: usize,
    /// Workers whose dataflow is still being built: not all keepers are known.
    building: usize,
    open: VecDeque<Announced>,
    closed: bool,
}

/// The checkpoints of a run, as its steps see them.
#[derive(Debug)]
pub struct Announcements {
    /// `None`: never.
    every: Option<Duration>,
    state: Mutex<State>,
    newest: AtomicU64,
    moved: Condvar,
}

fn lock(mutex: &Mutex<State>) -> MutexGuard<'_, State> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Announcements {
    /// A checkpoint so often, and one at the end; or none at all. So many workers are going to build the dataflow.
    #[must_use]
    pub fn new(every: Option<Duration>, workers: usize) -> Arc<Self> {
        let state = State {
            last: Instant::now(),
            busy: false,
            keepers: 0,
            building: workers,
            open: VecDeque::new(),
            closed: false,
        };
        Arc::new(Self { every, state: Mutex::new(state), newest: AtomicU64::new(0), moved: Condvar::new() })
    }

    /// Whether a checkpoint has to be taken after the epoch that is being logged; the `last` one of a run has one.
    pub(in crate::engine) fn due(&self, last: bool) -> bool {
        let Some(every) = self.every else { return false };
        let state = lock(&self.state);
        last || (!state.busy && state.last.elapsed() >= every)
    }

    /// Announces a checkpoint after an epoch that is being logged, maybe the `last` one.
    pub(in crate::engine) fn announce(
        &self,
        epoch: Epoch,
        last: bool,
        positions: BTreeMap<String, Position>,
    ) {
        let mut state = lock(&self.state);
        state.busy = true;
        state.open.push_back(Announced { epoch, positions, parts: Vec::new(), last, given: 0 });
        self.newest.store(epoch, Ordering::Release);
    }

    /// A step that keeps state, on one worker; it has to be asked for while the dataflow is built.
    #[must_use]
    pub fn keeper(self: &Arc<Self>) -> Keeper {
        lock(&self.state).keepers += 1;
        Keeper { announcements: Arc::clone(self), given: 0 }
    }

    /// A worker has built its dataflow: all its keepers are known.
    pub fn built(&self) {
        let mut state = lock(&self.state);
        state.building = state.building.saturating_sub(1);
        drop(state);
        self.moved.notify_all();
    }

    /// The run is over, and no more will be announced: who waits gets what is complete, then nothing.
    pub fn close(&self) {
        lock(&self.state).closed = true;
        self.moved.notify_all();
    }

    /// Waits for the next checkpoint whose parts are all there; `None` when there will be none.
    ///
    /// One may be announced before the dataflow is built (by the wall clock, empty epochs are cut from the start): until
    /// every worker has built it, nobody knows how many parts there are.
    pub fn next_complete(&self) -> Option<Announced> {
        let mut state = lock(&self.state);
        loop {
            let complete = |open: &Announced| state.building == 0 && open.given == state.keepers;
            if state.open.front().is_some_and(complete) {
                return state.open.pop_front();
            }
            if state.closed {
                return None;
            }
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The checkpoint that was taken last is stored, or given up.
    pub fn finished(&self) {
        let mut state = lock(&self.state);
        state.busy = !state.open.is_empty();
        state.last = Instant::now();
    }

    fn after(&self, epoch: Epoch) -> Option<Epoch> {
        if self.newest.load(Ordering::Acquire) <= epoch {
            return None;
        }
        lock(&self.state).open.iter().map(|open| open.epoch).find(|&open| open > epoch)
    }

    fn give(&self, epoch: Epoch, part: Part) {
        let mut state = lock(&self.state);
        if let Some(open) = state.open.iter_mut().find(|open| open.epoch == epoch) {
            open.parts.push(part);
            open.given += 1;
        }
        self.moved.notify_all();
    }
}

/// A step that keeps state, on one worker.
#[derive(Debug)]
pub struct Keeper {
    announcements: Arc<Announcements>,
    /// The last checkpoint that it gave a part to.
    given: Epoch,
}

impl Keeper {
    /// Gives the parts of the checkpoints before `open`, the first epoch that is not closed.
    pub(in crate::engine) fn give(&mut self, open: Epoch, mut part: impl FnMut(Epoch) -> Part) {
        while let Some(epoch) = self.announcements.after(self.given).filter(|&epoch| epoch < open) {
            self.given = epoch;
            self.announcements.give(epoch, part(epoch));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::checkpoint::parts::FilesPart;

    #[test]
    fn a_checkpoint_that_is_announced_while_steps_are_built_waits_for_all_of_them() {
        let announcements = Announcements::new(Some(Duration::ZERO), 2);
        announcements.announce(7, false, BTreeMap::new());
        let part = |_| Part::Files(FilesPart { step: "learn".into(), make: Box::new(|| Ok(Vec::new())) });
        let mut first = announcements.keeper();
        announcements.built();
        first.give(8, part);
        // the other worker has not built yet: what there is may not be all. (Closed, so that nobody waits for more.)
        announcements.close();
        assert!(announcements.next_complete().is_none());
        let mut second = announcements.keeper();
        announcements.built();
        assert!(announcements.next_complete().is_none());
        second.give(8, part);
        assert_eq!(announcements.next_complete().map(|open| open.parts.len()), Some(2));
    }
}
