//! Topics as they are, and making them: a [`Cluster`] is asked, and answers within a time that was given.
//!
//! It is two clients: an observer, which is told where partitions end whatever is committed, and an administrator. Both are polled
//! only while a call is made, so a cluster that is kept asks for a token of its own at each call.

mod changes;

use std::{
    collections::BTreeMap,
    future::Future,
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    admin::{AdminClient, AdminOptions, ResourceSpecifier},
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    metadata::Metadata,
};

use super::{
    client::ClientState,
    connection::{ConnectionSettings, Role},
    error::{ClusterError, code_of, is_absence, lacks_a_leader},
    native,
};

pub use super::topic::{TopicDescription, TopicToMake, Watermarks};

/// How long one attempt to reach a broker takes.
const ATTEMPT: Duration = Duration::from_millis(500);

/// How long a partition may be without a leader, and still be there.
const LEADERLESS: Duration = Duration::from_secs(10);

/// How long after its making a topic may be unknown to some of the brokers.
const UNHEARD_OF: Duration = Duration::from_secs(5);

/// The longest wait for what one leader says: where it is gone, another one takes its place.
const ANSWER: Duration = Duration::from_secs(4);

/// How long an error may mean no more than that brokers have not found together yet.
fn may_pass(error: &KafkaError) -> Duration {
    match code_of(error) {
        _ if lacks_a_leader(error) => LEADERLESS,
        Some(RDKafkaErrorCode::OperationTimedOut) => Duration::MAX,
        Some(code) if is_absence(code) => UNHEARD_OF,
        _ => Duration::ZERO,
    }
}

/// How long until the brokers are asked again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A cluster to ask.
pub struct Cluster {
    observer: BaseConsumer<ClientState>,
    admin: AdminClient<ClientState>,
    state: ClientState,
    within: Duration,
}

impl Cluster {
    /// Reaches a cluster. This, and every call afterwards, takes at most about `within`; a login or a certificate that is
    /// refused is told at once.
    ///
    /// # Errors
    /// The settings are refused, or no broker was reached.
    pub fn connect(settings: &ConnectionSettings, within: Duration) -> Result<Self, ClusterError> {
        let doing = "reach Kafka";
        let (config, state) = settings.client(Role::Observer)?;
        let made = |error: KafkaError| state.explain(doing, &error);
        let observer: BaseConsumer<ClientState> = config.create_with_context(state.clone()).map_err(made)?;
        let (config, _) = settings.client(Role::Admin)?;
        let admin: AdminClient<ClientState> = config.create_with_context(state.clone()).map_err(made)?;
        let cluster = Self { observer, admin, state, within };
        let started = Instant::now();
        loop {
            cluster.give_tokens()?;
            // the first thing that a client learns from any broker
            if cluster.observer.client().fetch_cluster_id(ATTEMPT.min(within)).is_some() {
                return Ok(cluster);
            }
            let error = KafkaError::MetadataFetch(RDKafkaErrorCode::OperationTimedOut);
            match cluster.explain(doing, &error) {
                // brokers may still be starting
                ClusterError::Unreachable { .. } if started.elapsed() < within => {}
                other => return Err(other),
            }
        }
    }

    /// Where the brokers are, as the settings say.
    #[must_use]
    pub fn brokers_named(&self) -> &str {
        self.state.brokers()
    }

    /// How many brokers the cluster has.
    ///
    /// # Errors
    /// The brokers do not answer.
    pub fn brokers(&self) -> Result<usize, ClusterError> {
        Ok(self.metadata("count the brokers")?.brokers().len())
    }

    /// The names of all topics that this login may see, in order; those of Kafka itself are left out.
    ///
    /// # Errors
    /// The brokers do not answer.
    pub fn names(&self) -> Result<Vec<String>, ClusterError> {
        let metadata = self.metadata("list the topics")?;
        let mut names: Vec<String> = metadata.topics().iter().map(|topic| topic.name().to_owned()).collect();
        names.retain(|name| !name.starts_with("__"));
        names.sort();
        Ok(names)
    }

    fn metadata(&self, doing: &str) -> Result<Metadata, ClusterError> {
        self.give_tokens()?;
        self.observer.fetch_metadata(None, self.within).map_err(|error| self.explain(doing, &error))
    }

    /// Describes topics, in the order of the names; `None` for one that is not there.
    ///
    /// # Errors
    /// The brokers do not answer, or do not allow it.
    pub fn describe(&self, names: &[&str]) -> Result<Vec<Option<TopicDescription>>, ClusterError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        self.give_tokens()?;
        let doing = format!("describe {}", list(names));
        let described = native::describe_topics(self.observer.client(), names, self.within)
            .map_err(|error| self.explain(&doing, &error))?;
        let mut found = BTreeMap::new();
        for (name, answer) in described {
            match answer {
                Ok(topic) => drop(found.insert(name, topic)),
                Err(code) if is_absence(code) => {}
                Err(code) => {
                    return Err(self.explain(&format!("describe `{name}`"), &KafkaError::AdminOp(code)));
                }
            }
        }
        let mut configs = self.configs(&found.keys().map(String::as_str).collect::<Vec<_>>())?;
        let describe = |name: &&str| {
            let topic = found.remove(*name)?;
            Some(TopicDescription {
                name: topic.name,
                id: topic.id,
                partitions: u32::try_from(topic.replicas.len()).unwrap_or(u32::MAX),
                replication: topic.replicas.iter().min().map_or(0, |n| u32::try_from(*n).unwrap_or(u32::MAX)),
                config: configs.remove(*name).unwrap_or_default(),
            })
        };
        Ok(names.iter().map(describe).collect())
    }

    /// The settings in effect of topics that are there.
    fn configs(&self, names: &[&str]) -> Result<BTreeMap<String, BTreeMap<String, String>>, ClusterError> {
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let doing = format!("ask for the settings of {}", list(names));
        let wanted: Vec<_> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        let answers = self.wait(&doing, self.admin.describe_configs(&wanted, &self.options()))?;
        let mut configs = BTreeMap::new();
        for (name, answer) in names.iter().zip(answers) {
            let settings = match answer {
                Ok(resource) => resource.entries,
                // gone since, or its settings are not for this login: nothing is known of them
                Err(_) => Vec::new(),
            };
            let settings = settings.into_iter().filter_map(|entry| Some((entry.name, entry.value?)));
            configs.insert((*name).to_owned(), settings.collect());
        }
        Ok(configs)
    }

    /// Where a partition begins and ends. One that is without a leader for a while, which looks like none, is waited for.
    ///
    /// # Errors
    /// The brokers do not answer, do not allow it, or have no such partition.
    pub fn watermarks(&self, topic: &str, partition: u32) -> Result<Watermarks, ClusterError> {
        self.give_tokens()?;
        let number = i32::try_from(partition).unwrap_or(i32::MAX);
        let started = Instant::now();
        let (low, high) = loop {
            match self.observer.fetch_watermarks(topic, number, self.within.min(ANSWER)) {
                Ok(found) => break found,
                Err(error) if started.elapsed() < may_pass(&error).min(self.within) => {
                    // the client goes on asking the leader that it knows; its error is that of the next try
                    let _ = self.observer.fetch_metadata(Some(topic), self.within.min(ANSWER));
                    thread::sleep(LOOK_AGAIN);
                }
                Err(error) => {
                    let doing = format!("find the end of partition {partition} of `{topic}`");
                    return Err(self.explain(&doing, &error));
                }
            }
        };
        let offset = |offset: i64| u64::try_from(offset).unwrap_or(0);
        Ok(Watermarks { low: offset(low), high: offset(high) })
    }

    fn options(&self) -> AdminOptions {
        AdminOptions::new().request_timeout(Some(self.within)).operation_timeout(Some(self.within))
    }

    /// Waits for the answer to a request of the administrator.
    fn wait<T>(
        &self,
        doing: &str,
        answer: impl Future<Output = Result<T, KafkaError>>,
    ) -> Result<T, ClusterError> {
        // the answer comes from a thread of librdkafka: a runtime without anything in it waits well enough
        let refused = |error: std::io::Error| ClusterError::Settings { reason: error.to_string() };
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(refused)?;
        runtime.block_on(answer).map_err(|error| self.explain(doing, &error))
    }

    /// Gives both clients a token, where they log in with one.
    fn give_tokens(&self) -> Result<(), ClusterError> {
        self.drain();
        let refused = |reason: String| {
            let error = KafkaError::Global(RDKafkaErrorCode::Authentication);
            match self.state.explain("reach Kafka", &error) {
                ClusterError::Login { doing, brokers, login, .. } => {
                    ClusterError::Login { doing, brokers, login, reason }
                }
                other => other,
            }
        };
        if let Some(token) = self.state.token().map_err(|error| refused(error.to_string()))? {
            native::set_token(self.observer.client(), &token).map_err(refused)?;
            native::set_token(self.admin.inner(), &token).map_err(refused)?;
        }
        Ok(())
    }

    /// Takes what has been reported.
    fn drain(&self) {
        while self.observer.poll(Duration::ZERO).is_some() {}
    }

    /// What is said of a topic that [`Cluster::describe`] has not found.
    #[must_use]
    pub fn no_topic(&self, doing: &str) -> ClusterError {
        self.explain(doing, &KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition))
    }

    /// Why a call failed, by what it answered and what was reported meanwhile.
    #[must_use]
    pub fn explain(&self, doing: &str, error: &KafkaError) -> ClusterError {
        self.drain();
        self.state.explain(doing, error)
    }
}

/// Names for a message.
fn list(names: &[&str]) -> String {
    match names {
        [name] => format!("`{name}`"),
        _ => format!("{} topics (`{}`, …)", names.len(), names.first().unwrap_or(&"")),
    }
}
