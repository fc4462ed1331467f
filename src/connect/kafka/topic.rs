//! A topic: as it is, as it is to be made, and where its partitions begin and end.

use std::collections::BTreeMap;

/// A topic as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its name.
    pub name: String,
    /// Its id, as base64: a topic that was deleted and made again has another.
    pub id: String,
    /// How many partitions it has.
    pub partitions: u32,
    /// How many replicas the partition with the fewest has.
    pub replication: u32,
    /// Its settings in effect, those of the brokers included.
    pub config: BTreeMap<String, String>,
}

impl TopicDescription {
    /// A setting in effect; empty where the brokers do not tell it.
    #[must_use]
    pub fn setting(&self, name: &str) -> &str {
        self.config.get(name).map_or("", String::as_str)
    }
}

/// Where a partition begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermarks {
    /// The first offset that is still there.
    pub low: u64,
    /// The offset that the next record gets, open transactions included.
    pub high: u64,
}

/// A topic that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicToMake {
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: u32,
    /// How many replicas each.
    pub replication: u32,
    /// Settings that differ from those of the brokers.
    pub config: Vec<(&'static str, String)>,
}
