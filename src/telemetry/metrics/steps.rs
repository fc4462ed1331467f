//! What goes into each step and out of it, and what it keeps, by worker: a few relaxed stores a chunk or an epoch.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use super::{Counter, Labels};

/// The counters of one step on one worker.
#[derive(Clone, Debug, Default)]
pub struct StepMeter {
    received: Counter,
    sent: Counter,
    kept: Arc<Kept>,
}

/// What a step keeps on one worker.
#[derive(Debug, Default)]
struct Kept {
    rows: AtomicU64,
    bytes: AtomicU64,
}

impl StepMeter {
    /// Says what the step keeps now: rows, and the bytes of memory that it has taken for them.
    pub fn keeps(&self, rows: u64, bytes: u64) {
        self.kept.rows.store(rows, Relaxed);
        self.kept.bytes.store(bytes, Relaxed);
    }

    /// Counts what came in.
    pub fn received(&self, n: usize) {
        self.received.inc_by(n as u64);
    }

    /// Counts what went on.
    pub fn sent(&self, n: usize) {
        self.sent.inc_by(n as u64);
    }
}

/// All steps, by name and worker.
#[derive(Debug, Default)]
pub(super) struct Steps(Mutex<BTreeMap<(String, usize), StepMeter>>);

impl Steps {
    /// The counters of a step on a worker; an operator that reads several edges has them several times.
    pub(super) fn meter(&self, step: &str, worker: usize) -> StepMeter {
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        steps.entry((step.to_owned(), worker)).or_default().clone()
    }

    /// Records handled by a step on a worker.
    pub(super) fn records(&self) -> Vec<(Labels, f64)> {
        let steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let labels = |step: &String, worker: &usize| {
            vec![("step".to_owned(), step.clone()), ("worker".to_owned(), worker.to_string())]
        };
        steps.iter().map(|((step, w), meter)| (labels(step, w), meter.received.get() as f64)).collect()
    }

    /// Rows that all workers together keep at a step, and their bytes; `None` if it keeps none.
    pub(super) fn kept(&self, step: &str) -> Option<(u64, u64)> {
        let steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_step = steps.range((step.to_owned(), 0)..=(step.to_owned(), usize::MAX));
        let sum = of_step.fold((0, 0), |(rows, bytes), (_, meter)| {
            (rows + meter.kept.rows.load(Relaxed), bytes + meter.kept.bytes.load(Relaxed))
        });
        (sum.1 > 0).then_some(sum)
    }

    /// What all workers together received and sent at a step.
    pub(super) fn flow(&self, step: &str) -> (u64, u64) {
        let steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_step = steps.range((step.to_owned(), 0)..=(step.to_owned(), usize::MAX));
        of_step.fold((0, 0), |(received, sent), (_, meter)| {
            (received + meter.received.get(), sent + meter.sent.get())
        })
    }
}
