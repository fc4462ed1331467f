//! What is told of cases, and how many there are: deliveries by target and result, cases by kind and state.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    histogram::{Distribution, Histogram},
    sampled::Labels,
};

/// Upper bounds of the time that a notification takes, in seconds: at once, or after quiet hours.
const DELIVERY: &[f64] = &[
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 43_200.0,
];
/// Upper bounds of the time until somebody takes a case on, in seconds.
const ACKNOWLEDGED: &[f64] = &[
    1.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 43_200.0,
    86_400.0,
];

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What is counted of deliveries.
#[derive(Debug, Default)]
pub struct DeliveryMeter {
    pending: Mutex<BTreeMap<String, usize>>,
    /// By target and result.
    ended: Mutex<BTreeMap<(String, &'static str), u64>>,
    took: Mutex<BTreeMap<String, Histogram>>,
}

impl DeliveryMeter {
    /// How many notifications wait or are under way, by target.
    pub fn pending(&self, pending: impl IntoIterator<Item = (String, usize)>) {
        lock(&self.pending).extend(pending);
    }

    /// A notification has ended; how long it was due, in ms, if it has arrived.
    pub fn ended(&self, target: &str, result: &'static str, arrived_after: Option<u64>) {
        *lock(&self.ended).entry((target.to_owned(), result)).or_default() += 1;
        if let Some(ms) = arrived_after {
            let mut took = lock(&self.took);
            let histogram = took.entry(target.to_owned()).or_insert_with(|| Histogram::new(DELIVERY));
            let mut tally = histogram.tally();
            tally.observe(ms as f64 / 1e3, 1);
            histogram.add(&mut tally);
        }
    }

    pub(super) fn pending_now(&self) -> Vec<(Labels, f64)> {
        lock(&self.pending).iter().map(|(target, n)| (labels(&[("target", target)]), *n as f64)).collect()
    }

    pub(super) fn results(&self) -> Vec<(Labels, f64)> {
        let ended = lock(&self.ended);
        let of = |((target, result), n): (&(String, &'static str), &u64)| {
            (labels(&[("target", target), ("result", result)]), *n as f64)
        };
        ended.iter().map(of).collect()
    }

    pub(super) fn took(&self) -> Vec<(Labels, Distribution)> {
        let took = lock(&self.took);
        took.iter().map(|(target, h)| (labels(&[("target", target)]), h.distribution())).collect()
    }
}

/// What is counted of cases.
#[derive(Debug, Default)]
pub struct CaseMeter {
    /// Open ones, by kind and state.
    open: Mutex<BTreeMap<(&'static str, &'static str), i64>>,
    acknowledged: Mutex<BTreeMap<&'static str, Histogram>>,
}

impl CaseMeter {
    /// Of a kind, so many cases more are in a state.
    pub fn count(&self, kind: &'static str, state: &'static str, more: i64) {
        *lock(&self.open).entry((kind, state)).or_default() += more;
    }

    /// Somebody has taken on a case that fired so long ago, in ms.
    pub fn acknowledged(&self, kind: &'static str, after: u64) {
        let mut all = lock(&self.acknowledged);
        let histogram = all.entry(kind).or_insert_with(|| Histogram::new(ACKNOWLEDGED));
        let mut tally = histogram.tally();
        tally.observe(after as f64 / 1e3, 1);
        histogram.add(&mut tally);
    }

    pub(super) fn open(&self) -> Vec<(Labels, f64)> {
        let open = lock(&self.open);
        open.iter()
            .map(|((kind, state), n)| (labels(&[("kind", kind), ("state", state)]), *n as f64))
            .collect()
    }

    pub(super) fn acknowledged_after(&self) -> Vec<(Labels, Distribution)> {
        let all = lock(&self.acknowledged);
        all.iter().map(|(kind, h)| (labels(&[("kind", kind)]), h.distribution())).collect()
    }
}
