//! The books: every input record ends in exactly one place, and they balance.
//!
//! A source's records are judged by one step, the first on their way that turns versions into a table; on a second
//! branch they are judged again, but not booked again. The steps before it book what they refuse or drop.
//!
//! Every booking says in which epoch, so that a checkpoint holds the books as they are at its epoch, though later ones
//! are on their way already.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};

pub use super::balance::{Balance, Outcome};
use crate::engine::Epoch;

/// Counts of outcomes, by source.
#[derive(Debug)]
pub struct Books {
    sources: Vec<String>,
    /// For each source, the steps that book its records.
    booking: Vec<Vec<usize>>,
    counts: Mutex<Counts>,
    /// Whether checkpoints will ask.
    by_epoch: bool,
}

#[derive(Debug, Default)]
struct Counts {
    by_end: BTreeMap<(usize, Outcome), u64>,
    /// Of these counts, those of the epochs after the last checkpoint.
    by_epoch: BTreeMap<(Epoch, usize, Outcome), u64>,
    /// What each step has dropped.
    dropped_by: BTreeMap<usize, u64>,
}

impl Books {
    /// Books over sources; `booking` names, for each, the steps that may book its records.
    #[must_use]
    pub fn new(sources: Vec<String>, booking: Vec<Vec<usize>>, by_epoch: bool) -> Self {
        Self { sources, booking, counts: Mutex::default(), by_epoch }
    }

    /// Books `n` records of a source at a step in an epoch, unless another step books them.
    pub fn book(&self, epoch: Epoch, step: usize, source: usize, outcome: Outcome, n: u64) {
        if n > 0 && self.booking[source].contains(&step) {
            self.book_anyway(epoch, source, outcome, n);
            if matches!(outcome, Outcome::Dropped(_)) {
                *self.counts().dropped_by.entry(step).or_default() += n;
            }
        }
    }

    /// Books records whichever step it is: reading and refusing happen once a source.
    pub fn book_anyway(&self, epoch: Epoch, source: usize, outcome: Outcome, n: u64) {
        if n > 0 {
            let mut counts = self.counts();
            *counts.by_end.entry((source, outcome)).or_default() += n;
            if self.by_epoch {
                *counts.by_epoch.entry((epoch, source, outcome)).or_default() += n;
            }
        }
    }

    /// The books as they are after an epoch that every step has closed. What waits or was left behind is not in them:
    /// it is counted at the end of a run.
    #[must_use]
    pub fn after(&self, epoch: Epoch) -> Value {
        let mut counts = self.counts();
        let later = counts.by_epoch.split_off(&(epoch + 1, 0, Outcome::In));
        counts.by_epoch = later;
        let mut settled = counts.by_end.clone();
        for ((_, source, outcome), n) in &counts.by_epoch {
            if let Some(sum) = settled.get_mut(&(*source, *outcome)) {
                *sum -= n;
            }
        }
        let entries = settled.iter().filter(|(_, n)| **n > 0).filter_map(|((source, outcome), n)| {
            let (kind, detail) = outcome.stored()?;
            Some(json!({"source": self.sources[*source], "outcome": kind, "detail": detail, "records": n}))
        });
        Value::Array(entries.collect())
    }

    /// Goes on with books as [`Books::after`] gave them.
    pub fn restore(&self, books: &Value) {
        let mut counts = self.counts();
        for entry in books.as_array().into_iter().flatten() {
            let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
            let source = self.sources.iter().position(|id| id == text("source"));
            let outcome = Outcome::of_stored(text("outcome"), text("detail"));
            if let (Some(source), Some(outcome)) = (source, outcome) {
                let n = entry.get("records").and_then(Value::as_u64).unwrap_or_default();
                *counts.by_end.entry((source, outcome)).or_default() += n;
            }
        }
    }

    /// Closes the books of a run that has ended: `left_behind` says how many records of a source a stop has left in open
    /// epochs. What no step has booked is not pending: it is missing, and the books do not balance.
    pub fn close(&self, left_behind: impl Fn(usize) -> u64) {
        for source in 0..self.sources.len() {
            self.book_anyway(Epoch::MAX, source, Outcome::LeftBehind, left_behind(source));
        }
    }

    /// How many records each step has dropped, by its index in the plan.
    #[must_use]
    pub fn dropped_by_step(&self) -> BTreeMap<usize, u64> {
        self.counts().dropped_by.clone()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The books by source id, in the order of their ids.
    #[must_use]
    pub fn by_source(&self) -> BTreeMap<String, Balance> {
        let mut all: BTreeMap<String, Balance> =
            self.sources.iter().map(|id| (id.clone(), Balance::default())).collect();
        for (&(source, outcome), &n) in &self.counts().by_end {
            let balance = all.entry(self.sources[source].clone()).or_default();
            match outcome {
                Outcome::In => balance.read += n,
                Outcome::Applied => balance.applied += n,
                Outcome::Superseded => balance.superseded += n,
                Outcome::Deleted => balance.deleted += n,
                Outcome::Dropped(reason) => *balance.dropped.entry(reason.to_owned()).or_default() += n,
                Outcome::DeadLetter(code) => *balance.dead_letter.entry(code.to_owned()).or_default() += n,
                Outcome::Waiting | Outcome::LeftBehind => balance.pending += n,
            }
        }
        all
    }

    /// The books of all sources together.
    #[must_use]
    pub fn total(&self) -> Balance {
        let mut total = Balance::default();
        for balance in self.by_source().into_values() {
            total.read += balance.read;
            total.applied += balance.applied;
            total.superseded += balance.superseded;
            total.deleted += balance.deleted;
            total.pending += balance.pending;
            for (reason, n) in balance.dropped {
                *total.dropped.entry(reason).or_default() += n;
            }
            for (code, n) in balance.dead_letter {
                *total.dead_letter.entry(code).or_default() += n;
            }
        }
        total
    }
}

/// Outcomes counted up by one step on one worker, booked once an epoch.
#[derive(Debug, Default)]
pub struct Ledger(Vec<((usize, Outcome), u64)>);

impl Ledger {
    /// Counts an outcome.
    pub fn count(&mut self, source: usize, outcome: Outcome) {
        match self.0.iter_mut().find(|(key, _)| *key == (source, outcome)) {
            Some((_, n)) => *n += 1,
            None => self.0.push(((source, outcome), 1)),
        }
    }

    /// Books what was counted.
    pub fn book(&mut self, books: &Books, epoch: Epoch, step: usize) {
        for ((source, outcome), n) in self.0.drain(..) {
            books.book(epoch, step, source, outcome, n);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_judging_step_books() {
        let books = Books::new(vec!["a".into()], vec![vec![3]], true);
        books.book_anyway(1, 0, Outcome::In, 3);
        for step in [3, 4] {
            let mut ledger = Ledger::default();
            ledger.count(0, Outcome::Applied);
            ledger.count(0, Outcome::Applied);
            ledger.count(0, Outcome::Dropped("unknown"));
            ledger.book(&books, 1, step);
        }
        let total = books.total();
        assert_eq!((total.read, total.applied, total.dropped["unknown"]), (3, 2, 1));
        assert!(total.balances());
        assert_eq!(books.dropped_by_step(), BTreeMap::from([(3, 1)]));
    }

    #[test]
    fn what_nobody_booked_is_missing_and_not_pending() {
        let books = || {
            let books = Books::new(vec!["a".into(), "b".into()], vec![vec![3], vec![3]], false);
            books.book_anyway(1, 0, Outcome::In, 5);
            books.book_anyway(1, 1, Outcome::In, 1);
            books.book(1, 3, 0, Outcome::Applied, 3);
            books.book(1, 3, 1, Outcome::Waiting, 1);
            books
        };
        let forgotten = books();
        forgotten.close(|_| 0);
        assert_eq!(forgotten.by_source()["a"].pending, 0);
        assert!(!forgotten.by_source()["a"].balances() && !forgotten.total().balances());
        assert!(forgotten.by_source()["b"].balances());
        let stopped = books();
        stopped.close(|source| if source == 0 { 2 } else { 0 });
        assert_eq!((stopped.by_source()["a"].pending, stopped.total().pending), (2, 3));
        assert!(stopped.by_source()["a"].balances() && stopped.total().balances());
    }

    #[test]
    fn a_checkpoint_has_the_books_of_its_epoch() {
        let books = || Books::new(vec!["a".into()], vec![vec![3]], true);
        let before = books();
        for (epoch, n) in [(1, 1), (2, 10), (3, 100), (4, 1_000)] {
            before.book_anyway(epoch, 0, Outcome::In, n);
            before.book(epoch, 3, 0, Outcome::Dropped("unknown"), n);
        }
        before.book(Epoch::MAX, 3, 0, Outcome::Waiting, 7);
        for (epoch, n) in [(2, 11), (3, 111)] {
            let after = books();
            after.restore(&before.after(epoch));
            let total = after.total();
            assert_eq!((total.read, total.dropped["unknown"], total.pending), (n, n, 0));
        }
    }
}
