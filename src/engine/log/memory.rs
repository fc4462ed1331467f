//! A log that keeps nothing: everything is durable at once. For a run that starts anew each time and leaves no trace.

use std::sync::Mutex;

use super::{
    super::{Epoch, threads::ThreadError},
    EpochLog, LogError, LogEvents,
    record::{Body, EpochRecord},
};

/// The log that keeps nothing.
#[derive(Default)]
pub struct MemoryLog(Mutex<State>);

#[derive(Default)]
struct State {
    events: Option<LogEvents>,
    last: Option<Epoch>,
}

impl EpochLog for MemoryLog {
    fn start(&self, events: LogEvents) -> Result<(), ThreadError> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).events = Some(events);
        Ok(())
    }

    fn append(&self, record: EpochRecord) {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        assert!(
            state.last < Some(record.epoch),
            "epoch {} after {:?}: epochs rise strictly",
            record.epoch,
            state.last
        );
        state.last = Some(record.epoch);
        if let Some(events) = &state.events {
            (events.durable)(record.epoch);
        }
    }

    fn append_and_wait(&self, _: Body) -> Result<(), LogError> {
        Ok(())
    }

    fn truncate(&self, _: Epoch) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "rise strictly")]
    fn refuses_an_epoch_twice() {
        let log = MemoryLog::default();
        for _ in 0..2 {
            log.append(EpochRecord { epoch: 3, ..EpochRecord::default() });
        }
    }
}
