//! What stands before and behind the run: a producer that sends reviews at a rate, and a reader of what is committed.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use dirigent::connect::kafka::{
    connection::ConnectionSettings,
    topics::{Cluster, TopicToMake},
};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseProducer, BaseRecord, Producer},
};
use serde_json::json;

use crate::{PARTITIONS, yardstick::Outcome};

/// A moment, and the same as milliseconds since 1970.
type Seen = (Instant, f64);

/// When each key of a topic was first seen, by a reader with `isolation.level=read_committed`.
pub(crate) struct Reader {
    seen: Arc<Mutex<BTreeMap<String, Seen>>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    /// Reads what comes from now on under keys that begin so.
    pub(crate) fn start(brokers: &str, topic: &str, prefix: &'static str) -> Outcome<Self> {
        let consumer = consumer(brokers, &[("fetch.wait.max.ms", "5")])?;
        let all = all(topic, Offset::End)?;
        consumer.assign(&all)?;
        let (seen, ends) = (Arc::new(Mutex::new(BTreeMap::new())), Arc::new(AtomicBool::new(false)));
        let (noted, ended) = (Arc::clone(&seen), Arc::clone(&ends));
        let read = move || {
            while !ended.load(Ordering::Relaxed) {
                let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) else { continue };
                let now = (Instant::now(), milliseconds());
                let key = message.key().and_then(|key| std::str::from_utf8(key).ok());
                if let Some(key) = key.filter(|key| key.starts_with(prefix)) {
                    let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
                    noted.entry(key.to_owned()).or_insert(now);
                }
            }
        };
        Ok(Self { seen, ends, thread: Some(thread::spawn(read)) })
    }

    /// When a key was first seen.
    pub(crate) fn seen(&self, key: &str) -> Option<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Milliseconds since 1970.
pub(crate) fn milliseconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64() * 1e3)
}

/// Makes a topic whose records have the time of their append.
pub(crate) fn by_append_time(brokers: &str, topic: &str) -> Outcome<()> {
    let settings: ConnectionSettings = serde_json::from_value(json!({ "bootstrap_servers": brokers }))?;
    let config = vec![("message.timestamp.type", "LogAppendTime".to_owned())];
    let partitions = PARTITIONS.unsigned_abs();
    let topic = TopicToMake { name: topic.to_owned(), partitions, replication: 1, config };
    Cluster::connect(&settings, Duration::from_secs(60))?.create(&[topic])?;
    Ok(())
}

/// When records with keys that begin so were appended, in milliseconds since 1970.
pub(crate) fn append_times(brokers: &str, topic: &str, prefix: &str) -> Outcome<BTreeMap<String, f64>> {
    let consumer = consumer(brokers, &[("enable.partition.eof", "true")])?;
    consumer.assign(&all(topic, Offset::Beginning)?)?;
    let (mut times, mut ended) = (BTreeMap::new(), 0);
    while ended < PARTITIONS {
        let message = match consumer.poll(Duration::from_secs(30)).ok_or("the input cannot be read")? {
            Err(KafkaError::PartitionEOF(_)) => {
                ended += 1;
                continue;
            }
            message => message?,
        };
        let key = message.key().and_then(|key| std::str::from_utf8(key).ok());
        if let Some((key, at)) =
            key.filter(|key| key.starts_with(prefix)).zip(message.timestamp().to_millis())
        {
            times.insert(key.to_owned(), at as f64);
        }
    }
    Ok(times)
}

/// A producer that gathers what comes within 5 ms.
pub(crate) fn producer(brokers: &str) -> Outcome<BaseProducer> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("linger.ms", "5").set("acks", "all");
    Ok(config.create()?)
}

/// Sends a record under a key, and waits where the queue is full.
pub(crate) fn send(producer: &BaseProducer, topic: &str, key: &[u8], value: &[u8]) -> Outcome<()> {
    let mut record = BaseRecord::to(topic).key(key).payload(value);
    while let Err((error, back)) = producer.send(record) {
        if !matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)) {
            return Err(error.into());
        }
        record = back;
        producer.poll(Duration::from_millis(1));
    }
    producer.poll(Duration::ZERO);
    Ok(())
}

/// Waits until everything is there.
pub(crate) fn flush(producer: &BaseProducer) -> Outcome<()> {
    Ok(producer.flush(Duration::from_secs(60))?)
}

/// Reads a topic to its end with nothing but the client: records, bytes, seconds.
pub(crate) fn read_all(brokers: &str, topic: &str, records: u64) -> Outcome<(u64, u64, f64)> {
    let consumer = consumer(brokers, &[])?;
    consumer.assign(&all(topic, Offset::Beginning)?)?;
    let (mut count, mut bytes, started) = (0, 0, Instant::now());
    while count < records {
        if let Some(message) = consumer.poll(Duration::from_secs(30)) {
            count += 1;
            bytes += message?.payload().map_or(0, <[u8]>::len) as u64;
        }
    }
    Ok((count, bytes, started.elapsed().as_secs_f64()))
}

/// A reader of what is committed.
pub(crate) fn consumer(brokers: &str, more: &[(&str, &str)]) -> Outcome<BaseConsumer> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "bench").set("enable.auto.commit", "false");
    config.set("isolation.level", "read_committed");
    for (key, value) in more {
        config.set(*key, *value);
    }
    Ok(config.create()?)
}

/// All partitions of a topic.
pub(crate) fn all(topic: &str, from: Offset) -> Outcome<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(topic, partition, from)?;
    }
    Ok(list)
}
