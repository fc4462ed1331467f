//! A reader beside a run: whenever it sees a product score of an epoch, the rows of that epoch are there.
//!
//! Markers of one transaction reach its partitions one after the other, so that a score is seen says that the transaction is
//! committed, and no more. The reader then takes where the rows end, open transactions included, and reads what is committed up to
//! there: what it does not find now was not in that transaction.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use super::{
    history::{Record, Tail},
    shop::Shop,
};

/// A thread that reads.
pub(super) struct Watcher {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<usize>>,
}

impl Watcher {
    /// Begins to read the outputs of a shop.
    pub(super) fn begin(shop: &Shop) -> Self {
        let mut products = Tail::of(&shop.settings, &shop.topic("products"));
        let mut scored = Tail::of(&shop.settings, &shop.topic("scored"));
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let body = move || {
            let (mut rows, mut scores) = (BTreeSet::new(), BTreeSet::new());
            while !ended.load(Ordering::Acquire) {
                let seen: BTreeSet<u64> = products.rest().iter().map(Record::epoch).collect();
                if !seen.is_empty() {
                    rows.extend(scored.until_end().iter().map(Record::epoch));
                    let alone: Vec<&u64> = seen.iter().filter(|epoch| !rows.contains(*epoch)).collect();
                    assert!(alone.is_empty(), "scores without the rows of their epochs: {alone:?}");
                }
                scores.extend(seen);
                std::thread::sleep(Duration::from_millis(200));
            }
            scores.len()
        };
        Self { over, thread: Some(std::thread::spawn(body)) }
    }

    /// Stops; how many epochs it has seen scores of.
    pub(super) fn end(mut self) -> usize {
        self.over.store(true, Ordering::Release);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
    }
}
