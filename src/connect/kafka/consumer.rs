//! Reading: one client a source, a queue for each of its partitions.
//!
//! A partition is assigned when it is first read, at the offset where it then stands, and its records are led into a queue of
//! its own before any is fetched: it is paused meanwhile, so none can come by another way. A thread serves what the
//! client reports; that a record comes to it would mean a lost one, and ends the run.
//!
//! Only what is committed is read, so the end of a bounded partition is the last stable offset that it had at the start. Markers
//! of transactions take offsets: where the client says that it has come to the end, everything before that offset was given.

mod topic_reader;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer, base_consumer::PartitionQueue},
    error::KafkaError,
};

pub(super) use topic_reader::TopicReader;

use super::{
    client::ClientState,
    connection::{ConnectionSettings, Role},
    error::ClusterError,
    log_topic::WITHIN,
    standing::Standings,
};
use crate::{
    engine::{partition::Address, threads::spawn},
    telemetry::{ClusterMeter, Metrics},
};

/// How often the thread looks whether it is to end.
const SERVE: Duration = Duration::from_millis(100);
/// How often offsets are committed to the group, at most.
const COMMIT: Duration = Duration::from_secs(1);

type Client = BaseConsumer<ClientState>;
/// Whom to tell that records have come.
type Wake = Arc<dyn Fn() + Send + Sync>;

/// The client of a source.
pub(super) struct Consumption {
    client: Arc<Client>,
    state: ClientState,
    over: Arc<AtomicBool>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// Why the client cannot go on.
    failed: Mutex<Option<String>>,
    /// Where it stands.
    standings: Standings,
    /// What is committed and was not told to the group.
    committed: Mutex<BTreeMap<Address, u64>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn number(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

impl Consumption {
    /// Makes the client and the thread that serves it.
    pub(super) fn start(
        connection: &ConnectionSettings,
        group: &str,
        (source, metrics): (&str, &Metrics),
        bounded: bool,
    ) -> Result<Arc<Self>, ClusterError> {
        let (mut config, state) = connection.client(Role::Consumer { group })?;
        config.set("enable.partition.eof", if bounded { "true" } else { "false" });
        let client: Client =
            config.create_with_context(state.clone()).map_err(|error| state.explain("read", &error))?;
        let (client, over, shared) =
            (Arc::new(client), Arc::new(AtomicBool::new(false)), Arc::<Shared>::default());
        let (served, ended, told) = (Arc::clone(&client), Arc::clone(&over), Arc::clone(&shared));
        let reports =
            Reports { source: source.to_owned(), state: state.clone(), meter: Arc::clone(metrics.cluster()) };
        let body = move || serve(&served, &ended, &told, &reports);
        let thread = spawn(&format!("source {source}"), body)
            .map_err(|error| ClusterError::Settings { reason: error.to_string() })?;
        Ok(Arc::new(Self { client, state, over, shared, thread: Some(thread) }))
    }

    /// The offset below which every transaction of a partition is over.
    pub(super) fn stable_end(&self, address: &Address) -> Result<u64, ClusterError> {
        let doing = format!("find the end of {}/{}", address.topic, address.partition);
        let found = self.client.fetch_watermarks(&address.topic, number(address.partition), WITHIN);
        let (_, stable) = found.map_err(|error| self.state.explain(&doing, &error))?;
        Ok(u64::try_from(stable).unwrap_or(0))
    }

    /// Begins to fetch a partition; its records come by the queue that is given back.
    fn assign(&self, address: &Address, offset: u64) -> Result<PartitionQueue<ClientState>, KafkaError> {
        let mut partition = TopicPartitionList::new();
        let offset = Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
        partition.add_partition_offset(&address.topic, number(address.partition), offset)?;
        self.client.incremental_assign(&partition)?;
        self.client.pause(&partition)?;
        let queue = self
            .client
            .split_partition_queue(&address.topic, number(address.partition))
            .ok_or(KafkaError::Subscription("there is no queue for the partition".into()))?;
        self.client.resume(&partition)?;
        Ok(queue)
    }
}

impl Drop for Consumption {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the thread shows.
struct Reports {
    source: String,
    state: ClientState,
    meter: Arc<ClusterMeter>,
}

impl Reports {
    /// How far each partition is behind, by the client's last statistics.
    fn show(&self, shared: &Shared) {
        let statistics = self.state.statistics();
        if let Some(statistics) = &statistics {
            self.meter.received(&self.source, u64::try_from(statistics.rxmsg_bytes).unwrap_or(0));
        }
        shared.standings.show(&self.source, statistics.as_deref(), &self.meter);
    }
}

fn serve(client: &Client, over: &AtomicBool, shared: &Shared, reports: &Reports) {
    let mut told = std::time::Instant::now();
    while !over.load(Ordering::Acquire) {
        // what is wrong with a partition comes by its queue, the rest has been reported
        if let Some(Ok(record)) = client.poll(SERVE) {
            let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
            let failed = format!(
                "the record {topic}/{partition}/{offset} came out of its turn (a bug: please report it)"
            );
            lock(&shared.failed).get_or_insert(failed);
        }
        if told.elapsed() >= COMMIT {
            tell_the_group(client, shared);
            reports.show(shared);
            told = std::time::Instant::now();
        }
    }
    tell_the_group(client, shared);
}

/// Commits offsets to the group, for tools that show the lag: nothing depends on it.
fn tell_the_group(client: &Client, shared: &Shared) {
    let mut committed = TopicPartitionList::new();
    for (address, offset) in std::mem::take(&mut *lock(&shared.committed)) {
        let offset = Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
        // only a name with a zero byte is refused
        let _ = committed.add_partition_offset(&address.topic, number(address.partition), offset);
    }
    if committed.count() > 0
        && let Err(error) = client.commit(&committed, CommitMode::Async)
    {
        tracing::debug!("offsets were not committed to the group: {error}");
    }
}
