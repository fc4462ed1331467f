//! Kafka sinks without transactions (`delivery: at_least_once`): for brokers that have none.
//!
//! Nobody can be fenced without them, so that only one run writes is left to the lock of the state folder: the epoch log lies
//! there, as with sinks that are files, and so does the progress. All records of an epoch are acknowledged before the progress says
//! so. After a crash, what was written behind the progress is written once more, with the same bytes and headers: a reader may
//! see records twice and epochs apart, and misses none; the last record of a key is the same as with transactions.
//!
//! The producer is idempotent and never gives a record up while its brokers are away, so nothing overtakes anything. Limit: a
//! request of a killed run that the network delivers after its successor has written would come last.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseProducer, Producer},
};

use super::{
    client::ClientState,
    connection::{ConnectionSettings, Role},
    error::{ClusterError, code_of},
    outputs::{Member, fault_of, outgoing},
    patience::Patience,
    progress::{Kind, ProgressRecord, Written},
    transaction::{message, serve},
};
use crate::{
    connect::registry::{SinkContext, WrittenElsewhere},
    engine::{
        disk::{Disk, folder_of},
        journal::{Format, Journal, JournalError, read},
        sink::{Output, Sink, SinkError},
    },
    telemetry::ClusterMeter,
};

/// The journal of the progress, below the state.
const JOURNAL: &str = "progress/topics.journal";
/// So many records are in the journal before it is written anew with the last one.
const OUTDATED: usize = 10_000;
/// How long nothing may be acknowledged until the brokers count as away.
const AWAY: Duration = Duration::from_secs(10);
/// librdkafka's property for how long a record is tried.
const TRIED_FOR: &str = "message.timeout.ms";

/// The journal of a topology whose sinks are written at least once.
fn journal_of(state: &Path) -> PathBuf {
    state.join(JOURNAL)
}

fn format() -> Format {
    Format { format: "dirigent topic progress".into(), version: 1 }
}

fn last(disk: &dyn Disk, state: &Path) -> Result<Option<ProgressRecord>, JournalError> {
    let contents = read::<ProgressRecord>(disk, &journal_of(state), &format())?;
    Ok(contents.and_then(|mut contents| contents.records.pop()))
}

/// How far the sinks of a state folder have written at least once, and which start wrote last.
///
/// # Errors
/// The journal cannot be read.
pub(super) fn written(disk: &dyn Disk, state: &Path) -> Result<Option<WrittenElsewhere>, JournalError> {
    let sinks = |last: ProgressRecord| {
        (last.generation, last.sinks.into_iter().map(|(id, written)| (id, written.into())).collect())
    };
    Ok(last(disk, state)?.map(sinks))
}

/// Sinks that are written at least once.
pub(super) struct AcknowledgedSinks {
    connection: ConnectionSettings,
    producer: Option<(BaseProducer<ClientState>, ClientState)>,
    members: Vec<Member>,
    generation: u64,
    patience: Patience,
    meter: Arc<ClusterMeter>,
    disk: Arc<dyn Disk>,
    path: PathBuf,
    journal: Option<(Journal, usize)>,
    /// How far the sinks have written.
    written: BTreeMap<String, Written>,
}

impl AcknowledgedSinks {
    /// The sinks as they were left; what the last record of the progress says.
    pub(super) fn open(
        connection: &ConnectionSettings,
        members: Vec<Member>,
        context: &SinkContext<'_>,
    ) -> Result<(Self, Option<ProgressRecord>), JournalError> {
        let before = last(&**context.disk, context.state)?.filter(|_| !context.from_scratch);
        let sinks = Self {
            connection: connection.clone(),
            producer: None,
            members,
            generation: context.generation,
            patience: Patience::new(context.interrupt, context.metrics),
            meter: Arc::clone(context.metrics.cluster()),
            disk: Arc::clone(context.disk),
            path: journal_of(context.state),
            journal: None,
            written: before.as_ref().map(|before| before.sinks.clone()).unwrap_or_default(),
        };
        Ok((sinks, before))
    }

    /// How far a sink has written.
    pub(super) fn written(&self, id: &str) -> Option<Written> {
        self.written.get(id).copied()
    }

    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// Writes what has to stand there before anything else, and the first record of this start.
    pub(super) fn begin(&mut self, emptied: &[Vec<u8>]) -> Result<(), SinkError> {
        let outputs: Vec<Output<'_>> =
            emptied.iter().map(|text| Output { text, progress: Default::default() }).collect();
        self.write(&outputs)?;
        self.record(Kind::Open)
    }

    fn fault(&self, reason: String) -> SinkError {
        fault_of(&self.members, reason)
    }

    /// Writes records until all of them are acknowledged; after an error, all of them again.
    fn write(&mut self, outputs: &[Output<'_>]) -> Result<(), SinkError> {
        while let Err(error) = self.try_to_write(outputs) {
            self.producer = None;
            self.patience.wait(&error.into()).map_err(|reason| self.fault(reason))?;
        }
        self.patience.calm();
        Ok(())
    }

    fn try_to_write(&mut self, outputs: &[Output<'_>]) -> Result<(), ClusterError> {
        let (producer, state) = match self.producer.take() {
            Some(producer) => producer,
            None => self.make_producer()?,
        };
        let (doing, mut heard) = ("write records", Heard::new(&state));
        for record in outgoing(&self.members, outputs) {
            let mut record = message(&record, ());
            while let Err((error, back)) = producer.send(record) {
                if code_of(&error) != Some(RDKafkaErrorCode::QueueFull) {
                    return Err(state.explain(doing, &error));
                }
                record = back;
                serve(&producer);
                heard.within(&state, &mut self.patience)?;
            }
        }
        while producer.in_flight_count() > 0 {
            serve(&producer);
            heard.within(&state, &mut self.patience)?;
        }
        // the reports of the last records may still be with the producer's events
        producer.poll(Duration::ZERO);
        if let Some((_, error)) = state.undelivered() {
            return Err(state.explain(doing, &error));
        }
        self.producer = Some((producer, state));
        Ok(())
    }

    fn make_producer(&self) -> Result<(BaseProducer<ClientState>, ClientState), ClusterError> {
        let (mut config, state) = self.connection.client(Role::Producer { transactional_id: None })?;
        if !self.connection.librdkafka.contains_key(TRIED_FOR) {
            // one that is given up and written again would come twice, the first time maybe after newer ones
            config.set(TRIED_FOR, "0");
        }
        let producer = config
            .create_with_context(state.clone())
            .map_err(|error| state.explain("begin to write", &error))?;
        self.meter.made_producer("sinks");
        Ok((producer, state))
    }

    /// Records how far the sinks have written: durably.
    fn record(&mut self, kind: Kind) -> Result<(), SinkError> {
        let partitions =
            self.members.iter().map(|member| (member.topic.clone(), member.partitions)).collect();
        let record =
            ProgressRecord { kind, generation: self.generation, sinks: self.written.clone(), partitions };
        self.try_to_record(&record).map_err(|error| self.fault(error.to_string()))
    }

    fn try_to_record(&mut self, record: &ProgressRecord) -> Result<(), JournalError> {
        if let Some((journal, records)) = self.journal.as_mut().filter(|(_, records)| *records < OUTDATED) {
            journal.append(record)?;
            *records += 1;
            return journal.sync();
        }
        let io = |error| JournalError::Io { path: self.path.clone(), error };
        self.disk.make_folder(folder_of(&self.path)).map_err(io)?;
        let journal =
            Journal::open(Arc::clone(&self.disk), &self.path, &format(), std::slice::from_ref(record))?;
        self.journal = Some((journal, 1));
        Ok(())
    }
}

impl Sink for AcknowledgedSinks {
    fn commit(&mut self, outputs: &[Output<'_>]) -> Result<(), SinkError> {
        self.write(outputs)?;
        for (member, output) in self.members.iter().zip(outputs) {
            self.written.insert(member.id.clone(), output.progress.into());
        }
        self.record(Kind::Progress)
    }
}

/// When something was acknowledged last.
struct Heard {
    delivered: u64,
    at: Instant,
}

impl Heard {
    fn new(state: &ClientState) -> Self {
        Self { delivered: state.delivered().0, at: Instant::now() }
    }

    /// Says so where the brokers have acknowledged nothing for long, and goes on waiting.
    ///
    /// # Errors
    /// A record was given up, or the run was told to end and the brokers are still away.
    fn within(&mut self, state: &ClientState, patience: &mut Patience) -> Result<(), ClusterError> {
        if let Some((_, error)) = state.undelivered() {
            return Err(state.explain("write records", &error));
        }
        let delivered = state.delivered().0;
        if delivered > self.delivered {
            *self = Self { delivered, at: Instant::now() };
            patience.calm();
        } else if self.at.elapsed() > AWAY {
            let late = KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut);
            let error = state.explain("write records", &late);
            patience.pause(&error.clone().into()).map_err(|_| error)?;
        }
        Ok(())
    }
}
