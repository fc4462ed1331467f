//! What topics hold, read as anyone would read it: what is committed, from the first record to the last.

use std::{collections::BTreeMap, time::Duration, time::Instant};

use dirigent::connect::kafka::{
    client::ClientState,
    connection::{ConnectionSettings, Role},
    error::ClusterError,
    topics::Cluster,
};
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::{BorrowedMessage, Headers},
};

use super::{broker::HANG, clients::cluster};

/// A record of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) partition: u64,
    pub(super) offset: u64,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Record {
    fn of(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().into_iter().flat_map(Headers::iter);
        Self {
            partition: u64::try_from(message.partition()).unwrap(),
            offset: u64::try_from(message.offset()).unwrap(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers
                .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
                .collect(),
        }
    }

    /// The text of a header that is there once.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let mut found = self.headers.iter().filter(|(header, _)| header == name);
        let (_, value) = found.next()?;
        assert!(found.next().is_none(), "{name} twice: {self:?}");
        Some(String::from_utf8(value.clone().unwrap()).unwrap())
    }

    /// Its key as text.
    pub(super) fn key_text(&self) -> String {
        String::from_utf8(self.key.clone().unwrap()).unwrap()
    }

    /// Its value as JSON.
    pub(super) fn json(&self) -> Option<serde_json::Value> {
        self.value.as_ref().map(|value| serde_json::from_slice(value).unwrap())
    }

    /// The epoch that wrote it.
    pub(super) fn epoch(&self) -> u64 {
        self.header("dirigent.epoch").unwrap().parse().unwrap()
    }
}

type Client = BaseConsumer<ClientState>;

fn partitions_of(settings: &ConnectionSettings, topic: &str) -> u32 {
    cluster(settings).describe(&[topic]).unwrap().remove(0).unwrap().partitions
}

/// Where the partitions of a topic end, open transactions included; brokers that are away are waited for.
pub(super) fn ends(settings: &ConnectionSettings, topic: &str) -> Vec<u64> {
    let started = Instant::now();
    loop {
        match try_ends(settings, topic) {
            Ok(ends) => return ends,
            Err(error) => assert!(started.elapsed() < HANG, "{error}"),
        }
    }
}

fn try_ends(settings: &ConnectionSettings, topic: &str) -> Result<Vec<u64>, ClusterError> {
    let cluster = Cluster::connect(settings, Duration::from_secs(20))?;
    let partitions = cluster.describe(&[topic])?.remove(0).map_or(0, |topic| topic.partitions);
    (0..partitions).map(|partition| Ok(cluster.watermarks(topic, partition)?.high)).collect()
}

/// What a group has committed of a topic, 0 where it has nothing.
pub(super) fn group_offsets(settings: &ConnectionSettings, group: &str, topic: &str) -> Vec<u64> {
    let (config, state) = settings.client(Role::Consumer { group }).unwrap();
    let client: Client = config.create_with_context(state).unwrap();
    let mut asked = TopicPartitionList::new();
    let partitions = i32::try_from(partitions_of(settings, topic)).unwrap();
    asked.add_partition_range(topic, 0, partitions - 1);
    let started = Instant::now();
    let found = loop {
        match client.committed_offsets(asked.clone(), Duration::from_secs(10)) {
            Ok(found) => break found,
            // the coordinator of a broker that has just come up is not there at once
            Err(error) => assert!(started.elapsed() < HANG, "{error}"),
        }
    };
    let offset = |offset| match offset {
        Offset::Offset(at) => u64::try_from(at).unwrap(),
        _ => 0,
    };
    found.elements().iter().map(|element| offset(element.offset())).collect()
}

/// A reader of what is committed, which can be read to the end again and again.
pub(super) struct Tail {
    settings: ConnectionSettings,
    client: Client,
    topic: String,
    positions: BTreeMap<u64, u64>,
}

impl Tail {
    pub(super) fn of(settings: &ConnectionSettings, topic: &str) -> Self {
        let (config, state) = settings.client(Role::Consumer { group: "tests" }).unwrap();
        let client: Client = config.create_with_context(state).unwrap();
        let mut assignment = TopicPartitionList::new();
        let mut positions = BTreeMap::new();
        let cluster = cluster(settings);
        for partition in 0..partitions_of(settings, topic) {
            let low = cluster.watermarks(topic, partition).unwrap().low;
            let number = i32::try_from(partition).unwrap();
            let offset = Offset::Offset(i64::try_from(low).unwrap());
            assignment.add_partition_offset(topic, number, offset).unwrap();
            positions.insert(u64::from(partition), low);
        }
        client.assign(&assignment).unwrap();
        Self { settings: settings.clone(), client, topic: topic.to_owned(), positions }
    }

    /// The next record within a moment.
    fn next(&mut self) -> Option<Record> {
        match self.client.poll(Duration::from_millis(20))? {
            Ok(message) => {
                let record = Record::of(&message);
                self.positions.insert(record.partition, record.offset + 1);
                Some(record)
            }
            Err(KafkaError::MessageConsumption(code)) => {
                // a broker that is away
                eprintln!("{}: {code}", self.topic);
                None
            }
            Err(error) => panic!("{}: {error}", self.topic),
        }
    }

    /// What can be read now.
    pub(super) fn rest(&mut self) -> Vec<Record> {
        std::iter::from_fn(|| self.next()).collect()
    }

    /// Whether everything below these ends was read: markers of transactions have offsets, too, and only the position tells.
    fn is_at(&self, ends: &[u64]) -> bool {
        let position = self.client.position().unwrap();
        ends.iter().enumerate().all(|(partition, end)| {
            let found = position.find_partition(&self.topic, i32::try_from(partition).unwrap());
            let read = match found.map(|found| found.offset()) {
                Some(Offset::Offset(at)) => u64::try_from(at).unwrap(),
                _ => 0,
            };
            read.max(self.positions[&(partition as u64)]) >= *end
        })
    }

    /// Everything up to where the topic ends now, open transactions included: they are waited for.
    pub(super) fn until_end(&mut self) -> Vec<Record> {
        let ends = ends(&self.settings, &self.topic);
        self.until(&ends)
    }

    /// Everything up to these offsets.
    pub(super) fn until(&mut self, ends: &[u64]) -> Vec<Record> {
        let (mut records, started) = (Vec::new(), Instant::now());
        while !self.is_at(ends) {
            records.extend(self.next());
            assert!(started.elapsed() < HANG, "the end of {} does not come: {ends:?}", self.topic);
        }
        records
    }
}

/// All records of a topic, each partition in order.
pub(super) fn records(settings: &ConnectionSettings, topic: &str) -> Vec<Record> {
    let mut records = Tail::of(settings, topic).until_end();
    records.sort_by_key(|record| (record.partition, record.offset));
    let twice =
        records.windows(2).find(|two| (two[0].partition, two[0].offset) == (two[1].partition, two[1].offset));
    assert_eq!(twice, None, "{topic}: read twice");
    records
}
