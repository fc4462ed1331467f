//! What a run is about at the moment, in one word. Parts of it that wait for the outside make it `degraded` as long as they do.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

/// What a run is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// It finds out what there is.
    #[default]
    Starting,
    /// It waits until another run of its name has ended.
    Standby,
    /// It computes again what the log has beyond the checkpoint.
    Restoring,
    /// It is under way.
    Running,
    /// It is under way, and something outside does not answer.
    Degraded,
    /// It brings what it has to an end.
    Stopping,
}

impl Status {
    const ALL: [Self; 6] =
        [Self::Starting, Self::Standby, Self::Restoring, Self::Running, Self::Degraded, Self::Stopping];

    /// The word that is shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Standby => "standby",
            Self::Restoring => "restoring",
            Self::Running => "running",
            Self::Degraded => "degraded",
            Self::Stopping => "stopping",
        }
    }
}

/// The status of a run, set by whoever knows.
#[derive(Debug, Default)]
pub struct StatusMeter {
    status: AtomicU8,
    waiting: AtomicUsize,
    started: AtomicBool,
}

impl StatusMeter {
    /// The run has come to this.
    pub fn set(&self, status: Status) {
        if matches!(status, Status::Standby | Status::Running) {
            self.started.store(true, Ordering::Relaxed);
        }
        self.status.store(status as u8, Ordering::Relaxed);
    }

    /// A part begins to wait for something outside that does not answer.
    pub fn begin_to_wait(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// It has been answered.
    pub fn end_to_wait(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether it was under way once, or stood by: how long that lasts depends on another run, not on this one's health.
    #[must_use]
    pub fn started(&self) -> bool {
        self.started.load(Ordering::Relaxed)
    }

    /// What the run is about.
    #[must_use]
    pub fn status(&self) -> Status {
        let set = self.status.load(Ordering::Relaxed);
        let status = Status::ALL.into_iter().find(|status| *status as u8 == set).unwrap_or_default();
        let waits = self.waiting.load(Ordering::Relaxed) > 0;
        if waits && status == Status::Running { Status::Degraded } else { status }
    }

    /// Each word with 1 or 0.
    pub(super) fn states(&self) -> Vec<(&'static str, f64)> {
        let now = self.status();
        Status::ALL.into_iter().map(|status| (status.as_str(), f64::from(status == now))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_degrades_a_run_that_is_under_way() {
        let meter = StatusMeter::default();
        assert_eq!(meter.status(), Status::Starting);
        meter.begin_to_wait();
        assert_eq!(meter.status(), Status::Starting);
        meter.set(Status::Running);
        assert_eq!(meter.status(), Status::Degraded);
        assert_eq!(meter.states().iter().filter(|(_, on)| *on > 0.0).count(), 1);
        meter.end_to_wait();
        assert_eq!(meter.status(), Status::Running);
    }

    #[test]
    fn a_run_has_started_when_it_was_under_way_or_stood_by_and_that_stays() {
        for (before, then) in [(Status::Restoring, Status::Running), (Status::Starting, Status::Standby)] {
            let meter = StatusMeter::default();
            meter.set(before);
            meter.begin_to_wait();
            assert!(!meter.started(), "{before:?}");
            meter.set(then);
            for later in [then, Status::Starting, Status::Restoring, Status::Stopping] {
                meter.set(later);
                assert!(meter.started(), "{later:?} after {then:?}");
            }
        }
        let stopped = StatusMeter::default();
        stopped.set(Status::Stopping);
        assert!(!stopped.started());
    }
}
