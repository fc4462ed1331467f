//! Counts what goes into a keyed step, what it gives and what it keeps, at the close of each epoch.

use super::wiring::{Step, Wiring};
use crate::{
    engine::{
        Epoch,
        checkpoint::parts::Part,
        keyed::{EpochStep, Keeps, KeptStep},
    },
    telemetry::StepMeter,
};

/// A step whose records are counted.
pub(super) struct Counted<S> {
    step: S,
    meter: StepMeter,
}

/// Counts the records of a step on this worker.
pub(super) fn counted<S>(wiring: &Wiring<'_>, step: &Step<'_>, inner: S) -> Counted<S> {
    Counted { step: inner, meter: wiring.meter(step) }
}

impl<I, O, S: EpochStep<I, O>> EpochStep<I, O> for Counted<S> {
    fn close(&mut self, epoch: Epoch, records: &mut Vec<I>, give: &mut dyn FnMut(O)) {
        self.meter.received(records.len());
        let mut given = 0;
        self.step.close(epoch, records, &mut |record| {
            given += 1;
            give(record);
        });
        self.meter.sent(given);
        if let Some(Keeps { rows, bytes }) = self.step.keeps() {
            self.meter.keeps(rows as u64, bytes as u64);
        }
    }

    fn end(&mut self) {
        self.step.end();
    }
}

impl<S: KeptStep> KeptStep for Counted<S> {
    fn part(&mut self, epoch: Epoch) -> Part {
        self.step.part(epoch)
    }
}
