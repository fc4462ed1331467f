//! Reading: one client a source, a queue for each of its partitions.
//!
//! A partition is assigned when it is first read, at the offset where it then stands, and its records are led into a queue of
//! its own before any is fetched: it is paused meanwhile, so none can come by another way. A thread serves what the
//! client reports; that a record comes to it would mean a lost one, and ends the run.
//!
//! Only what is committed is read, so the end of a bounded partition is the last stable offset that it had at the start. Markers
//! of transactions take offsets: where the client says that it has come to the end, everything before that offset was given.

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
    error::{KafkaError, RDKafkaErrorCode as Code},
    message::BorrowedMessage,
};

use super::{
    client::ClientState,
    connection::{ConnectionSettings, Role},
    error::{ClusterError, code_of},
    log_topic::WITHIN,
    native::each_header,
    standing::Standings,
};
use crate::{
    engine::{
        partition::{Address, Committed, Envelope, Partition, RawChunk, RawRecord, SourceError},
        threads::spawn,
    },
    records::message::push_header,
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

/// A partition that is read.
pub(super) struct TopicReader {
    consumption: Arc<Consumption>,
    name: String,
    address: Address,
    position: u64,
    /// Where it ends, if it does.
    end: Option<u64>,
    over: bool,
    queue: Option<PartitionQueue<ClientState>>,
    wake: Option<Wake>,
    max_record_bytes: usize,
    read: u64,
}

impl TopicReader {
    /// One that begins at an offset and ends where it is told, if it ends; `high` is where the partition ends now, where that is
    /// known.
    pub(super) fn new(
        consumption: &Arc<Consumption>,
        (name, address): (String, Address),
        start: u64,
        end: Option<u64>,
        high: Option<u64>,
        max_record_bytes: usize,
    ) -> Self {
        consumption.shared.standings.open(&address, start, high);
        Self {
            consumption: Arc::clone(consumption),
            name,
            address,
            position: start,
            end,
            over: end.is_some_and(|end| start >= end),
            queue: None,
            wake: None,
            max_record_bytes,
            read: 0,
        }
    }

    fn fault(&self, reason: String) -> SourceError {
        SourceError { partition: self.name.clone(), offset: self.position, reason }
    }

    fn open(&mut self) -> Result<(), SourceError> {
        if self.queue.is_some() {
            return Ok(());
        }
        let queue = self.consumption.assign(&self.address, self.position);
        let mut queue = queue
            .map_err(|error| self.fault(self.consumption.state.explain("read it", &error).to_string()))?;
        if let Some(wake) = self.wake.clone() {
            queue.set_nonempty_callback(move || wake());
        }
        self.queue = Some(queue);
        Ok(())
    }

    /// What an error of the partition means: an end of the run, or a broker that is away for a while.
    fn judge(&self, error: &KafkaError) -> Result<(), SourceError> {
        let reason = match code_of(error) {
            Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => format!(
                "the topic has no record at this offset any more: retention has removed what was not read yet, or the topic was \
                 deleted and made again ({error}). Give it a longer retention, and begin anew with `dirigent run --from-scratch`"
            ),
            Some(
                Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::BadMessage
                | Code::Fatal,
            ) => self.consumption.state.explain("read it", error).to_string(),
            _ => {
                tracing::warn!(partition = self.name, %error, "reading is tried again");
                return Ok(());
            }
        };
        Err(self.fault(reason))
    }
}

/// Appends a record.
fn push(chunk: &mut RawChunk, message: &BorrowedMessage<'_>, offset: u64, max_record_bytes: usize) {
    let mut put = |bytes: &[u8]| {
        let start = chunk.bytes.len();
        chunk.bytes.extend_from_slice(bytes);
        (start, chunk.bytes.len())
    };
    let key = message.key().map(&mut put);
    let value = message.payload();
    let whole = value.unwrap_or_default();
    let (start, end) = put(&whole[..whole.len().min(max_record_bytes)]);
    let headers_start = chunk.bytes.len();
    each_header(message, |name, value| push_header(&mut chunk.bytes, name, value));
    let envelope = Envelope {
        key,
        headers: (headers_start, chunk.bytes.len()),
        timestamp: message.timestamp().to_millis(),
        null: value.is_none(),
    };
    let length = whole.len() as u64;
    chunk.records.push(RawRecord { start, end, offset, next: offset + 1, length, envelope });
}

impl Partition for TopicReader {
    fn read(&mut self, chunk: &mut RawChunk, records: usize, bytes: usize) -> Result<bool, SourceError> {
        if self.over {
            return Ok(false);
        }
        if let Some(reason) = lock(&self.consumption.shared.failed).clone() {
            return Err(self.fault(reason));
        }
        self.open()?;
        let Some(queue) = self.queue.take() else { return Ok(true) };
        let before = chunk.records.len();
        let (records, bytes) = (before + records, chunk.bytes.len() + bytes);
        let mut outcome = Ok(());
        while chunk.records.len() < records && chunk.bytes.len() < bytes {
            match queue.poll(Duration::ZERO) {
                None => break,
                Some(Ok(message)) => {
                    let offset = u64::try_from(message.offset()).unwrap_or(0);
                    if self.end.is_some_and(|end| offset >= end) {
                        self.over = true;
                        break;
                    }
                    let length = chunk.bytes.len();
                    push(chunk, &message, offset, self.max_record_bytes);
                    self.read += (chunk.bytes.len() - length) as u64;
                    self.position = offset + 1;
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    self.over = self.end.is_some();
                    break;
                }
                Some(Err(error)) => {
                    outcome = self.judge(&error);
                    break;
                }
            }
        }
        if chunk.records.len() > before {
            let newest = chunk.records.last().and_then(|record| record.envelope.timestamp);
            self.consumption.shared.standings.read(&self.address, self.position, newest);
        }
        self.over |= self.end.is_some_and(|end| self.position >= end);
        self.queue = Some(queue);
        outcome.map(|()| !self.over)
    }

    fn seek(&mut self, offset: u64) -> Result<(), SourceError> {
        self.position = offset;
        self.consumption.shared.standings.seek(&self.address, offset);
        self.over = self.end.is_some_and(|end| offset >= end);
        Ok(())
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (self.read, None)
    }

    fn when_records_come(&mut self, wake: Wake) {
        self.wake = Some(wake);
    }

    fn committed(&self) -> Option<Committed> {
        let (shared, address) = (Arc::clone(&self.consumption.shared), self.address.clone());
        Some(Box::new(move |offset| {
            lock(&shared.committed).insert(address.clone(), offset);
        }))
    }
}
