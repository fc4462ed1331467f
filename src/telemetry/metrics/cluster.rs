//! What a run has to do with a cluster: its transactions, and how far it is behind the partitions that it reads.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{
    histogram::{Distribution, Histogram},
    sampled::Labels,
};

/// Upper bounds of the time that a transaction takes, in seconds.
const TRANSACTION: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// A partition that is read: source, topic, partition.
type Read = (String, String, u32);

/// How far a run is behind a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lag {
    /// Records that are committed there and not read.
    pub records: u64,
    /// The time of the newest record that was read, or, before any was, when reading began; in ms since 1970.
    pub newest: Option<i64>,
}

/// The transactions of one writer.
#[derive(Debug)]
struct Transactions {
    took: Histogram,
    unclear: AtomicU64,
    /// Producers made, the first one included.
    producers: AtomicU64,
}

/// What is counted of a cluster.
#[derive(Debug, Default)]
pub struct ClusterMeter {
    lags: Mutex<BTreeMap<Read, Lag>>,
    /// The first offset that may still have to be read.
    needed: Mutex<BTreeMap<Read, u64>>,
    /// By source and bytes received.
    received: Mutex<BTreeMap<String, u64>>,
    writers: Mutex<BTreeMap<&'static str, Transactions>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn of_partition((source, topic, partition): &Read) -> Labels {
    labels(&[("source", source), ("topic", topic), ("partition", &partition.to_string())])
}

impl ClusterMeter {
    fn of<T>(&self, writer: &'static str, count: impl FnOnce(&Transactions) -> T) -> T {
        let mut writers = lock(&self.writers);
        count(writers.entry(writer).or_insert_with(|| Transactions {
            took: Histogram::new(TRANSACTION),
            unclear: AtomicU64::new(0),
            producers: AtomicU64::new(0),
        }))
    }

    /// A transaction of a writer was committed.
    pub fn committed(&self, writer: &'static str, took: Duration) {
        self.of(writer, |transactions| {
            let mut tally = transactions.took.tally();
            tally.observe(took.as_secs_f64(), 1);
            transactions.took.add(&mut tally);
        });
    }

    /// What became of a transaction had to be looked up.
    pub fn unclear(&self, writer: &'static str) {
        self.of(writer, |transactions| transactions.unclear.fetch_add(1, Ordering::Relaxed));
    }

    /// A producer was made.
    pub fn made_producer(&self, writer: &'static str) {
        self.of(writer, |transactions| transactions.producers.fetch_add(1, Ordering::Relaxed));
    }

    /// How far a source is behind a partition of a topic.
    pub fn lag(&self, source: &str, topic: &str, partition: u32, lag: Lag) {
        lock(&self.lags).insert((source.to_owned(), topic.to_owned(), partition), lag);
    }

    /// The first offset of a partition that a source may have to read once more.
    pub fn needed(&self, source: &str, topic: &str, partition: u32, offset: u64) {
        lock(&self.needed).insert((source.to_owned(), topic.to_owned(), partition), offset);
    }

    /// Bytes that a source has received from its brokers so far.
    pub fn received(&self, source: &str, bytes: u64) {
        lock(&self.received).insert(source.to_owned(), bytes);
    }

    fn lags(&self, value: impl Fn(&Lag) -> f64) -> Vec<(Labels, f64)> {
        lock(&self.lags).iter().map(|(read, lag)| (of_partition(read), value(lag))).collect()
    }

    /// By partition, the first offset that may have to be read once more.
    #[must_use]
    pub fn needed_offsets(&self) -> Vec<(Labels, f64)> {
        lock(&self.needed).iter().map(|(read, offset)| (of_partition(read), *offset as f64)).collect()
    }

    pub(super) fn lag_records(&self) -> Vec<(Labels, f64)> {
        self.lags(|lag| lag.records as f64)
    }

    /// Where there is a lag, how long ago the newest record that was read was written.
    pub(super) fn lag_seconds(&self) -> Vec<(Labels, f64)> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as f64;
        self.lags(|lag| match lag.newest {
            Some(newest) if lag.records > 0 => ((now - newest as f64) / 1e3).max(0.0),
            _ => 0.0,
        })
    }

    pub(super) fn received_bytes(&self) -> Vec<(Labels, f64)> {
        lock(&self.received).iter().map(|(source, n)| (labels(&[("source", source)]), *n as f64)).collect()
    }

    fn writers(&self, value: impl Fn(&Transactions) -> u64) -> Vec<(Labels, f64)> {
        let value =
            |(writer, t): (&&'static str, &Transactions)| (labels(&[("writer", writer)]), value(t) as f64);
        lock(&self.writers).iter().map(value).collect()
    }

    pub(super) fn unclear_transactions(&self) -> Vec<(Labels, f64)> {
        self.writers(|transactions| transactions.unclear.load(Ordering::Relaxed))
    }

    pub(super) fn recreated_producers(&self) -> Vec<(Labels, f64)> {
        self.writers(|transactions| transactions.producers.load(Ordering::Relaxed).saturating_sub(1))
    }

    pub(super) fn transactions(&self) -> Vec<(Labels, Distribution)> {
        lock(&self.writers)
            .iter()
            .map(|(writer, t)| (labels(&[("writer", writer)]), t.took.distribution()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers_and_partitions_are_counted_apart() {
        let meter = ClusterMeter::default();
        meter.made_producer("log");
        meter.committed("log", Duration::from_millis(6));
        for _ in 0..3 {
            meter.made_producer("sinks");
        }
        meter.unclear("sinks");
        let numbers = |found: Vec<(Labels, f64)>| found.into_iter().map(|(_, n)| n).collect::<Vec<_>>();
        assert_eq!(numbers(meter.recreated_producers()), [0.0, 2.0]);
        assert_eq!(numbers(meter.unclear_transactions()), [0.0, 1.0]);
        assert_eq!(meter.transactions()[0].1.count, 1);
        meter.lag("reviews", "t", 0, Lag { records: 0, newest: Some(1) });
        meter.lag("reviews", "t", 1, Lag { records: 7, newest: Some(1) });
        assert_eq!(numbers(meter.lag_records()), [0.0, 7.0]);
        let seconds = numbers(meter.lag_seconds());
        assert!(seconds[0] == 0.0 && seconds[1] > 1e9, "{seconds:?}");
    }
}
