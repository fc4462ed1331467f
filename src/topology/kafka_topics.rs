//! The topics of a topology, by cluster: those that its sources read and its sinks write, the epoch log and the progress records.
//!
//! Log and progress lie on the cluster of the sinks, unless those are written at least once; there is at most one. What
//! a topic has to be like follows from what flows there: of a table the last record of a key is its state, of
//! everything else each record counts.

use serde_json::Value;

use super::plan::Plan;
use crate::{
    connect::kafka::{
        self,
        connection::ConnectionSettings,
        wanted::{Use, WantedTopic},
    },
    operators::registry::EdgeType,
};

/// Into how many shards the sinks of a topology are split: each has its producer and its progress.
const SHARDS: u32 = 1;

/// A cluster, and the topics on it.
pub struct ClusterTopics {
    /// How it is reached.
    pub connection: ConnectionSettings,
    /// The topics, in the order of the topology, each name once for each use.
    pub topics: Vec<WantedTopic>,
    /// What cannot be known beforehand: sources that read topics by a pattern, in words.
    pub patterns: Vec<String>,
    /// The settings that tell this cluster from another, secrets included.
    key: Value,
}

impl Plan {
    /// The topics of this topology, by cluster.
    #[must_use]
    pub fn kafka_topics(&self) -> Vec<ClusterTopics> {
        let mut clusters: Vec<ClusterTopics> = Vec::new();
        for source in self.sources.iter().filter(|source| source.kind.name == kafka::NAME) {
            let Some(cluster) = cluster_of(&mut clusters, &source.settings) else { continue };
            let user = format!("source `{}`", source.id);
            for name in names(&source.settings) {
                if name.starts_with('^') {
                    cluster.patterns.push(format!("{user} reads the topics that match {name}"));
                } else {
                    cluster.add(WantedTopic { name, used_as: Use::Input, user: user.clone() });
                }
            }
        }
        let sinks: Vec<_> = self.sinks.iter().filter(|sink| sink.kind.name == kafka::NAME).collect();
        for sink in &sinks {
            let Some(cluster) = cluster_of(&mut clusters, &sink.settings) else { continue };
            let is_table = sink.inputs.iter().all(|from| is_table(self.edge_type(from)));
            let used_as = if is_table { Use::Table } else { Use::Stream };
            for name in names(&sink.settings) {
                cluster.add(WantedTopic { name, used_as, user: format!("sink `{}`", sink.id) });
            }
        }
        let log = self.log_elsewhere().map(|(_, settings)| settings);
        if let Some(cluster) = log.and_then(|settings| cluster_of(&mut clusters, settings)) {
            cluster.add(WantedTopic::log(&self.name));
            cluster.add(WantedTopic::progress(&self.name, SHARDS));
        }
        clusters
    }
}

impl ClusterTopics {
    fn add(&mut self, topic: WantedTopic) {
        if !self.topics.iter().any(|known| known.name == topic.name && known.used_as == topic.used_as) {
            self.topics.push(topic);
        }
    }
}

/// Whether the last record of a key is its state.
fn is_table(edge: EdgeType) -> bool {
    matches!(edge, EdgeType::ScoredTable | EdgeType::ProductTable | EdgeType::CaseTable | EdgeType::Models)
}

/// The topics that settings name.
fn names(settings: &Value) -> Vec<String> {
    let one = settings.get("topic").and_then(Value::as_str);
    let several =
        settings.get("topics").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    one.into_iter().chain(several).map(str::to_owned).collect()
}

/// The cluster of a component.
fn cluster_of<'a>(clusters: &'a mut Vec<ClusterTopics>, settings: &Value) -> Option<&'a mut ClusterTopics> {
    let of = |name: &str| settings.get(name).cloned().unwrap_or_default();
    let key = Value::Array(["bootstrap_servers", "tls", "sasl", "librdkafka"].map(of).to_vec());
    let at = match clusters.iter().position(|cluster| cluster.key == key) {
        Some(at) => at,
        None => {
            let connection = serde_json::from_value(settings.clone()).ok()?;
            clusters.push(ClusterTopics { connection, topics: Vec::new(), patterns: Vec::new(), key });
            clusters.len() - 1
        }
    };
    clusters.get_mut(at)
}
