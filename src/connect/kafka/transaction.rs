//! One transactional producer: an id that fences whoever had it, and transactions that are committed or not known to be.
//!
//! After any error the producer is dropped and a new one of the same id is made (`init`): librdkafka's client knows no
//! way to tell a commit that is late from one that failed, and a late one could hit the next transaction (KIP-890).
//! What became of it, only a reader knows. The client also sends a commit again by itself when its connection breaks,
//! and says that all is well: the first one may still be in the network, and would commit the first half of the next
//! transaction. So after a commit that took long enough to have been sent twice the producer is dropped, too.
//! Everything here waits for brokers, so nothing of it runs on a worker.
//!
//! The binding polls in steps of 100 ms where it waits for deliveries: a commit that is asked for when all of them are in
//! takes a twentieth of that, so they are waited for here, in steps of half a millisecond.

mod outgoing;
mod reports;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, TopicPartitionList,
    consumer::ConsumerGroupMetadata,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseProducer, Producer, ProducerContext},
};

use reports::Reports;

pub(super) use outgoing::{Outgoing, message};

use super::{
    connection::{ConnectionSettings, Role},
    error::{ClusterError, code_of, is_fencing, says_why},
    properties::RESENT_AFTER_MS,
};
use crate::telemetry::{ClusterMeter, Metrics};

/// How long a transaction may take where the settings do not say.
const WITHIN: Duration = Duration::from_secs(60);
/// A commit that took longer may have been sent twice.
const SENT_ONCE: Duration = Duration::from_millis(RESENT_AFTER_MS / 2);
/// One attempt of `init_transactions`.
const ATTEMPT: Duration = Duration::from_secs(5);
/// How long the reports of a transaction that failed are waited for.
const HEARING: Duration = Duration::from_millis(200);
/// How long a full queue, or a delivery, is waited for at a time.
const STEP: Duration = Duration::from_micros(500);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The offsets of the records that asked for them, and how long the end of the transaction took.
type Written = (Vec<u64>, Duration);

/// A transactional producer of one id.
pub(super) struct Transactions {
    config: ClientConfig,
    reports: Reports,
    /// How long a transaction may take: after that, the brokers give it up.
    within: Duration,
    id: String,
    producer: Option<BaseProducer<Reports>>,
    /// Why there is no producer, where nothing has failed.
    dropped: Option<&'static str>,
    /// The last error said that somebody else has the id.
    pub(super) fenced: bool,
    /// What it is called in metrics, and where they are.
    meter: (&'static str, Arc<ClusterMeter>),
}

impl Transactions {
    /// One that has no producer yet.
    ///
    /// # Errors
    /// The settings are refused.
    pub(super) fn new(
        connection: &ConnectionSettings,
        id: String,
        (writer, metrics): (&'static str, &Metrics),
    ) -> Result<Self, ClusterError> {
        let (config, state) = connection.client(Role::Producer { transactional_id: Some(&id) })?;
        let reports = Reports { state, offsets: Arc::default(), untaken: Arc::default() };
        let meter = (writer, Arc::clone(metrics.cluster()));
        let within = config.get("transaction.timeout.ms").and_then(|within| within.parse().ok());
        let within = within.map_or(WITHIN, Duration::from_millis);
        Ok(Self { config, reports, within, id, producer: None, dropped: None, fenced: false, meter })
    }

    /// Lets go of the producer: whatever it has under way is not ours to judge any more.
    pub(super) fn drop_producer(&mut self) {
        self.producer = None;
    }

    /// Makes a new producer, which ends the transaction that the one before may have left open and fences it.
    ///
    /// # Errors
    /// The brokers do not answer, or do not allow it. It may be tried again.
    pub(super) fn init(&mut self) -> Result<(), ClusterError> {
        self.drop_producer();
        let made = |error: &KafkaError| {
            self.reports.state.explain(&format!("begin to write as `{}`", self.id), error)
        };
        let producer: BaseProducer<Reports> =
            self.config.create_with_context(self.reports.clone()).map_err(|error| made(&error))?;
        let started = Instant::now();
        // the client asks for the id's coordinator at once if it knows a broker by then, and else in half a second
        let _ = producer.client().fetch_cluster_id(ATTEMPT);
        loop {
            match producer.init_transactions(ATTEMPT) {
                Ok(()) => break,
                Err(error) if started.elapsed() < WITHIN && may_be_tried_again(&error) => {
                    // serves what it reports, which says why it takes so long
                    serve(&producer);
                    let told = made(&error);
                    if !matches!(told, ClusterError::Unreachable { .. } | ClusterError::Refused { .. }) {
                        return Err(told);
                    }
                }
                Err(error) => return Err(made(&error)),
            }
        }
        (self.producer, self.dropped) = (Some(producer), None);
        self.meter.1.made_producer(self.meter.0);
        Ok(())
    }

    /// Writes a record into each of these partitions and aborts it, and with it all that is open there of this id.
    ///
    /// # Errors
    /// The brokers do not answer, or do not allow it. It may be tried again, with a new producer.
    pub(super) fn abort_in(&mut self, partitions: &[(&str, u32)]) -> Result<(), ClusterError> {
        self.try_to_abort_in(partitions).map_err(|error| {
            self.drop_producer();
            self.reports.state.explain(&format!("abort a transaction of `{}`", self.id), &error)
        })
    }

    fn try_to_abort_in(&self, partitions: &[(&str, u32)]) -> Result<(), KafkaError> {
        let late = || KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut);
        let Some(producer) = &self.producer else { return Err(late()) };
        producer.begin_transaction()?;
        for (topic, partition) in partitions {
            let (key, value) = (Some(&b"aborted"[..]), Some(&b"aborted"[..]));
            let record = Outgoing { topic, partition: *partition, key, value, headers: b"", told: false };
            producer.send(message(&record, 0)).map_err(|(error, _)| error)?;
        }
        self.deliver(producer, Instant::now())?;
        producer.abort_transaction(self.within)
    }

    /// Waits until nothing is on its way.
    fn deliver(&self, producer: &BaseProducer<Reports>, started: Instant) -> Result<(), KafkaError> {
        while producer.in_flight_count() > 0 {
            if started.elapsed() > self.within {
                return Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut));
            }
            serve(producer);
        }
        Ok(())
    }

    /// Writes records in one transaction; the offsets of those that asked for it. After an error it is not known whether it
    /// was committed, and the producer is gone.
    ///
    /// # Errors
    /// The commit did not come to its end, or failed.
    pub(super) fn write<'r>(
        &mut self,
        records: impl Iterator<Item = Outgoing<'r>>,
    ) -> Result<Vec<u64>, ClusterError> {
        self.counted(|transactions| transactions.try_to_write(records, |_| Ok(())))
    }

    /// The same, with the offsets of a group in the transaction.
    ///
    /// # Errors
    /// The commit did not come to its end, or failed.
    pub(super) fn write_with_offsets<'r>(
        &mut self,
        records: impl Iterator<Item = Outgoing<'r>>,
        offsets: &TopicPartitionList,
        group: &ConsumerGroupMetadata,
    ) -> Result<(), ClusterError> {
        if self.producer.is_none() {
            // whoever keeps its place in the transaction itself has nothing else to look up
            self.init()?;
        }
        let send =
            |producer: &BaseProducer<Reports>| producer.send_offsets_to_transaction(offsets, group, WITHIN);
        self.counted(|transactions| transactions.try_to_write(records, send)).map(drop)
    }

    fn counted(
        &mut self,
        write: impl FnOnce(&Self) -> Result<Written, KafkaError>,
    ) -> Result<Vec<u64>, ClusterError> {
        let doing = format!("commit a transaction of `{}`", self.id);
        self.fenced = false;
        if let Some(reason) = self.dropped.take() {
            let brokers = self.reports.state.brokers().to_owned();
            return Err(ClusterError::Refused { doing, brokers, reason: reason.into() });
        }
        let started = Instant::now();
        match write(self) {
            Ok((offsets, committing)) => {
                self.meter.1.committed(self.meter.0, started.elapsed());
                if committing > SENT_ONCE {
                    // it is not made anew here: who has been asleep may not fence without looking at the log
                    self.drop_producer();
                    self.dropped = Some("the one before took so long that its end may come twice");
                }
                Ok(offsets)
            }
            Err(error) => Err({
                self.meter.1.unclear(self.meter.0);
                self.hear_why();
                let untaken = lock(&self.reports.untaken).take();
                self.drop_producer();
                let cause = untaken.filter(says_why);
                self.fenced = code_of(&error).is_some_and(is_fencing);
                self.reports.state.explain(&doing, &cause.unwrap_or(error))
            }),
        }
    }

    /// Serves reports for a moment: the transaction may be said to have failed before the record is that made it fail.
    fn hear_why(&self) {
        let Some(producer) = &self.producer else { return };
        let started = Instant::now();
        while producer.in_flight_count() > 0
            && started.elapsed() < HEARING
            && !lock(&self.reports.untaken).as_ref().is_some_and(says_why)
        {
            serve(producer);
        }
    }

    fn try_to_write<'r>(
        &self,
        records: impl Iterator<Item = Outgoing<'r>>,
        last: impl FnOnce(&BaseProducer<Reports>) -> Result<(), KafkaError>,
    ) -> Result<Written, KafkaError> {
        let late = || KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut);
        let Some(producer) = &self.producer else { return Err(late()) };
        lock(&self.reports.offsets).clear();
        *lock(&self.reports.untaken) = None;
        let started = Instant::now();
        producer.begin_transaction()?;
        for record in records {
            let mut record = message(&record, usize::from(record.told));
            while let Err((error, back)) = producer.send(record) {
                let full = code_of(&error) == Some(RDKafkaErrorCode::QueueFull);
                if !full || started.elapsed() > self.within {
                    return Err(error);
                }
                record = back;
                serve(producer);
            }
        }
        let sent = started.elapsed();
        self.deliver(producer, started)?;
        let delivered = started.elapsed();
        last(producer)?;
        let committing = Instant::now();
        producer.commit_transaction(self.within)?;
        tracing::debug!(id = self.id, ?sent, ?delivered, committed = ?started.elapsed(), "transaction");
        Ok((std::mem::take(&mut *lock(&self.reports.offsets)), committing.elapsed()))
    }
}

/// Serves a report, or waits a moment where there is none. The binding waits by itself, but spins through the last millisecond.
pub(super) fn serve<C: ProducerContext>(producer: &BaseProducer<C>) {
    let before = producer.in_flight_count();
    producer.poll(Duration::ZERO);
    if producer.in_flight_count() == before {
        thread::sleep(STEP);
    }
}

fn may_be_tried_again(error: &KafkaError) -> bool {
    match error {
        KafkaError::Transaction(error) => error.is_retriable(),
        _ => false,
    }
}
