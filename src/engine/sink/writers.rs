//! What the writers of a run share with those who wait for them: how far each shard is, and the first fault.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::{
    super::{Epoch, sink_meter::SinkMeter},
    chain::Chain,
    writer::SinkError,
};

/// What all shards of a run share with whoever waits for them.
#[derive(Debug, Default)]
pub struct Writers {
    pub(super) writing: AtomicU64,
    pub(super) written_bytes: AtomicU64,
    failed: AtomicBool,
    failure: Mutex<Option<SinkError>>,
    shards: Mutex<Vec<ShardState>>,
    moved: Condvar,
    meters: Mutex<BTreeMap<String, Arc<SinkMeter>>>,
}

#[derive(Debug)]
struct ShardState {
    sink: String,
    written: Epoch,
    /// Values of the chain that a checkpoint will ask for.
    chains: VecDeque<(Epoch, Chain)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Writers {
    /// Whether some writer waits for the outside right now.
    #[must_use]
    pub fn waiting(&self) -> bool {
        self.writing.load(Ordering::Acquire) > 0
    }

    /// Bytes written by all sinks.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes.load(Ordering::Relaxed)
    }

    /// How far each sink is, by name.
    #[must_use]
    pub fn meters(&self) -> BTreeMap<String, Arc<SinkMeter>> {
        lock(&self.meters).clone()
    }

    pub(super) fn meter(&self, sink: &str) -> Arc<SinkMeter> {
        Arc::clone(lock(&self.meters).entry(sink.to_owned()).or_default())
    }

    /// The first fault of a writer.
    pub fn take_failure(&self) -> Option<SinkError> {
        lock(&self.failure).take()
    }

    /// Nothing will be written any more: who waits here need not.
    pub fn give_up(&self) {
        self.failed.store(true, Ordering::Release);
        drop(lock(&self.shards));
        self.moved.notify_all();
    }

    /// Says which shards there will be, so that nobody takes those that have not started for none.
    pub fn expect(&self, sinks: impl IntoIterator<Item = String>) {
        let shards = sinks.into_iter().map(|sink| ShardState { sink, written: 0, chains: VecDeque::new() });
        *lock(&self.shards) = shards.collect();
    }

    /// Waits until every shard has written an epoch that was marked for a checkpoint; the chain of each after it, by
    /// sink. `None` when the run fails before.
    pub fn wait_for(&self, epoch: Epoch) -> Option<Vec<(String, Chain)>> {
        let mut shards = lock(&self.shards);
        loop {
            if self.failed.load(Ordering::Acquire) {
                return None;
            }
            if shards.iter().all(|shard| shard.written >= epoch) {
                break;
            }
            shards = self.moved.wait(shards).unwrap_or_else(PoisonError::into_inner);
        }
        let mut chains = Vec::new();
        for shard in shards.iter_mut() {
            while shard.chains.front().is_some_and(|(at, _)| *at < epoch) {
                shard.chains.pop_front();
            }
            let (at, chain) = shard.chains.front().copied().unwrap_or_default();
            assert_eq!(at, epoch, "the sink {} kept no chain for the checkpoint", shard.sink);
            chains.push((shard.sink.clone(), chain));
        }
        Some(chains)
    }

    pub(super) fn advance(&self, shard: usize, written: Epoch, chains: &mut Vec<(Epoch, Chain)>) {
        if let Some(state) = lock(&self.shards).get_mut(shard) {
            state.written = written;
            state.chains.extend(chains.drain(..));
        }
        self.moved.notify_all();
    }

    pub(super) fn fail(&self, error: SinkError) {
        lock(&self.failure).get_or_insert(error);
        self.give_up();
    }
}
