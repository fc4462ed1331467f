//! The books: every input record ends in exactly one place, and they balance.
//!
//! A source's records are judged by one step, the first on their way that turns versions into a table; on a second
//! branch they are judged again, but not booked again. The steps before it book what they refuse or drop.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

/// Where a record ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It was decoded: it is in.
    In,
    /// It changed its key.
    Applied,
    /// A later record of its epoch replaced it.
    Superseded,
    /// It deleted its key.
    Deleted,
    /// It changed nothing, for this reason.
    Dropped(&'static str),
    /// It was refused, with this code.
    DeadLetter(&'static str),
    /// It waits for its review.
    Waiting,
    /// Its epoch was still open when the run was stopped.
    LeftBehind,
}

/// Counts of outcomes, by source.
#[derive(Debug)]
pub struct Books {
    sources: Vec<String>,
    /// For each source, the steps that book its records.
    booking: Vec<Vec<usize>>,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    by_end: BTreeMap<(usize, Outcome), u64>,
    /// What each step has dropped.
    dropped_by: BTreeMap<usize, u64>,
}

/// The books of one source, or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Balance {
    /// Records read.
    #[serde(rename = "in")]
    pub read: u64,
    /// They changed their key.
    pub applied: u64,
    /// A later record of the same epoch replaced them.
    pub superseded: u64,
    /// They deleted their key.
    pub deleted: u64,
    /// They changed nothing, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// They were refused, by code.
    pub dead_letter: BTreeMap<String, u64>,
    /// They wait for their review, or their epoch is open.
    pub pending: u64,
}

impl Balance {
    /// The ends with their counts, in the order in which they are told.
    #[must_use]
    pub fn ends(&self) -> [(&'static str, u64); 6] {
        [
            ("applied", self.applied),
            ("superseded", self.superseded),
            ("deleted", self.deleted),
            ("dropped", self.dropped.values().sum()),
            ("dead letters", self.dead_letter.values().sum()),
            ("pending", self.pending),
        ]
    }

    /// The parts of an end by reason or code; nothing for an end without parts.
    pub fn parts(&self, end: &str) -> impl Iterator<Item = (&str, u64)> {
        let parts = match end {
            "dropped" => Some(&self.dropped),
            "dead letters" => Some(&self.dead_letter),
            _ => None,
        };
        parts.into_iter().flatten().map(|(part, &count)| (part.as_str(), count))
    }

    /// Records told minus records read: 0 when the books balance.
    #[must_use]
    pub fn difference(&self) -> i128 {
        self.ends().iter().map(|&(_, count)| i128::from(count)).sum::<i128>() - i128::from(self.read)
    }

    /// in = out + dropped + dead letters + pending.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.difference() == 0
    }
}

impl Books {
    /// Books over sources; `booking` names, for each, the steps that may book its records.
    #[must_use]
    pub fn new(sources: Vec<String>, booking: Vec<Vec<usize>>) -> Self {
        Self { sources, booking, counts: Mutex::default() }
    }

    /// Books `n` records of a source at a step, unless another step books them.
    pub fn book(&self, step: usize, source: usize, outcome: Outcome, n: u64) {
        if n > 0 && self.booking[source].contains(&step) {
            self.book_anyway(source, outcome, n);
            if matches!(outcome, Outcome::Dropped(_)) {
                *self.counts().dropped_by.entry(step).or_default() += n;
            }
        }
    }

    /// Books records whichever step it is: reading and refusing happen once a source.
    pub fn book_anyway(&self, source: usize, outcome: Outcome, n: u64) {
        if n > 0 {
            *self.counts().by_end.entry((source, outcome)).or_default() += n;
        }
    }

    /// Closes the books of a run that has ended: `left_behind` says how many records of a source a stop has left in open
    /// epochs. What no step has booked is not pending: it is missing, and the books do not balance.
    pub fn close(&self, left_behind: impl Fn(usize) -> u64) {
        for source in 0..self.sources.len() {
            self.book_anyway(source, Outcome::LeftBehind, left_behind(source));
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
    pub fn book(&mut self, books: &Books, step: usize) {
        for ((source, outcome), n) in self.0.drain(..) {
            books.book(step, source, outcome, n);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_judging_step_books() {
        let books = Books::new(vec!["a".into()], vec![vec![3]]);
        books.book_anyway(0, Outcome::In, 3);
        for step in [3, 4] {
            let mut ledger = Ledger::default();
            ledger.count(0, Outcome::Applied);
            ledger.count(0, Outcome::Applied);
            ledger.count(0, Outcome::Dropped("unknown"));
            ledger.book(&books, step);
        }
        let total = books.total();
        assert_eq!((total.read, total.applied, total.dropped["unknown"]), (3, 2, 1));
        assert!(total.balances());
        assert_eq!(books.dropped_by_step(), BTreeMap::from([(3, 1)]));
    }

    #[test]
    fn what_nobody_booked_is_missing_and_not_pending() {
        let books = || {
            let books = Books::new(vec!["a".into(), "b".into()], vec![vec![3], vec![3]]);
            books.book_anyway(0, Outcome::In, 5);
            books.book_anyway(1, Outcome::In, 1);
            books.book(3, 0, Outcome::Applied, 3);
            books.book(3, 1, Outcome::Waiting, 1);
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
}
