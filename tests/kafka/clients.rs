//! Clients of the tests: producers and consumers with the settings that the program uses, and topics of their own.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use dirigent::connect::kafka::{
    client::ClientState,
    connection::{ConnectionSettings, Role},
    topics::{Cluster, TopicToMake},
};
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer},
};

use super::broker::HANG;

pub(super) type Writer = BaseProducer<ClientState>;
pub(super) type Reader = BaseConsumer<ClientState>;

/// A cluster to ask.
pub(super) fn cluster(settings: &ConnectionSettings) -> Cluster {
    Cluster::connect(settings, Duration::from_secs(60)).unwrap()
}

/// A name that no other test has.
pub(super) fn unique(stem: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{stem}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A topic to make.
pub(super) fn topic(name: &str, partitions: u32) -> TopicToMake {
    TopicToMake { name: name.to_owned(), partitions, replication: 1, config: Vec::new() }
}

/// Makes a topic of one partition that no other test has.
pub(super) fn fresh_topic(settings: &ConnectionSettings, stem: &str) -> String {
    let name = unique(stem);
    assert_eq!(cluster(settings).create(&[topic(&name, 1)]).unwrap(), [true]);
    name
}

/// A producer, transactional where it has an id.
pub(super) fn writer(settings: &ConnectionSettings, transactional_id: Option<&str>) -> (Writer, ClientState) {
    let (config, state) = settings.client(Role::Producer { transactional_id }).unwrap();
    (config.create_with_context(state.clone()).unwrap(), state)
}

/// Sends a record with a header; it is on its way.
pub(super) fn send(writer: &Writer, topic: &str, key: &str, value: &str) {
    let headers = OwnedHeaders::new().insert(Header { key: "test", value: Some("yes") });
    writer.send(BaseRecord::to(topic).key(key).payload(value).headers(headers)).unwrap();
}

/// Waits until nothing is on its way.
pub(super) fn flush(writer: &Writer) {
    writer.flush(HANG).unwrap();
}

/// A consumer of partition 0 of a topic, from its beginning; what is not committed is read only on request.
pub(super) fn reader(settings: &ConnectionSettings, topic: &str, uncommitted: bool) -> Reader {
    let (mut config, state) = settings.client(Role::Consumer { group: "tests" }).unwrap();
    if uncommitted {
        config.set("isolation.level", "read_uncommitted");
    }
    let reader: Reader = config.create_with_context(state).unwrap();
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
    reader.assign(&partitions).unwrap();
    reader
}

/// Reads partition 0 of a topic up to an offset: the values of what is there.
pub(super) fn read_to(
    settings: &ConnectionSettings,
    topic: &str,
    end: u64,
    uncommitted: bool,
) -> Vec<String> {
    let reader = reader(settings, topic, uncommitted);
    let mut values = Vec::new();
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < HANG, "the end of {topic} ({end}) does not come: {values:?}");
        if let Some(record) = reader.poll(Duration::from_millis(20)) {
            let record = record.unwrap();
            values.push(String::from_utf8_lossy(record.payload().unwrap_or(b"(null)")).into_owned());
        }
        // control records have offsets, too, and are never handed out: only the position tells the end
        let position = reader.position().unwrap().find_partition(topic, 0).unwrap().offset();
        if matches!(position, Offset::Offset(at) if u64::try_from(at).unwrap() >= end) {
            return values;
        }
    }
}
