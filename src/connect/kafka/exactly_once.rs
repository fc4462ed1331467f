//! Kafka sinks with transactions: what they have of an epoch, and how far they have written with it, in one act. Nobody who
//! reads what is committed sees one of them without the others.
//!
//! On opening, whoever wrote before is fenced, then the log is read again (a newer start ends this one), then the progress; an
//! `open` record is committed and read back. After a commit whose outcome is not known the same is done, and writing goes on
//! after what the progress says. "Fenced" is no verdict either: a transaction that took too long looks the same.

use std::collections::BTreeMap;

use super::{
    error::ClusterError,
    fence::fence,
    log_topic::{LogTopic, Placed, ReadError, last_generation},
    opening::{HINT, Opening},
    outputs::{Member, fault_of, outgoing},
    patience::Patience,
    progress::{Kind, ProgressRecord, ProgressTopic, Written},
    standby::make_topic,
    transaction::{Outgoing, Transactions},
    wanted::WantedTopic,
};
use crate::{
    connect::registry::OpenSinkError,
    engine::sink::{OpenSink, Output, Progress, Sink, SinkError},
};

/// What stands in the log since this start began, and the last record of the progress.
type Fenced = (Vec<Placed>, Option<ProgressRecord>);

/// So many records of the progress may stand before the last one, which alone counts.
const OUTDATED: u64 = 10_000;

/// The sinks that are written in transactions: the shard that they share.
pub(super) struct TransactionalSinks {
    log: LogTopic,
    /// Where the records of this generation begin in the log.
    log_at: u64,
    generation: u64,
    progress: ProgressTopic,
    transactions: Transactions,
    members: Vec<Member>,
    /// How far the sinks have written.
    written: BTreeMap<String, Written>,
    /// What the last record of the progress says: the same, but for a run that begins from scratch.
    stands: BTreeMap<String, Written>,
    /// Where the progress began when it was last cut.
    cut: u64,
    patience: Patience,
}

/// Opens sinks that are written exactly once: fences whoever wrote before, and finds out how far they have written.
pub(super) fn open(opening: &Opening<'_>) -> Result<OpenSink, OpenSinkError> {
    let Opening { connection, context, names, .. } = opening;
    let cluster_fault = |error| opening.cluster_fault(&error);
    let log = LogTopic::connect(connection.clone(), context.name).map_err(cluster_fault)?;
    make_topic(&log.cluster, &WantedTopic::progress(context.name, 1))
        .map_err(|reason| opening.fault(reason, HINT))?;
    let (members, topics) = opening.members(&log.cluster)?;
    let id = format!("dirigent.{}.0", context.name);
    let transactions =
        Transactions::new(&log.connection, id, ("sinks", context.metrics)).map_err(cluster_fault)?;
    let mut sink = TransactionalSinks {
        log,
        log_at: context.log_at,
        generation: context.generation,
        progress: ProgressTopic::new(context.name, 0),
        transactions,
        members,
        written: BTreeMap::new(),
        stands: BTreeMap::new(),
        cut: 0,
        patience: Patience::new(context.interrupt, context.metrics),
    };
    let refused = |error: SinkError| match error {
        SinkError::Superseded { .. } => OpenSinkError::Sink(error),
        error => OpenSinkError::Open(opening.fault(error.to_string(), HINT)),
    };
    let found = sink.fence().map_err(refused)?;
    sink.stands = found.as_ref().map(|found| found.sinks.clone()).unwrap_or_default();
    if let Some(found) = found.filter(|_| !context.from_scratch) {
        opening.same_partitions(&sink.members, &found)?;
        sink.written = found.sinks;
    }
    let emptied =
        opening.emptied((&sink.log.cluster, &sink.log.connection, &sink.progress.group), &topics)?;
    let outputs: Vec<Output<'_>> =
        emptied.iter().map(|text| Output { text, progress: Progress::default() }).collect();
    let opened = sink.record(Kind::Open, sink.written.clone());
    sink.settle(&outputs, opened).map_err(refused)?;
    let written = names.iter().map(|id| sink.written.get(*id).map(|written| (*written).into())).collect();
    Ok(OpenSink { sink: Box::new(sink), written })
}

impl TransactionalSinks {
    /// Fences whoever wrote before; the last record of the progress then.
    fn fence(&mut self) -> Result<Option<ProgressRecord>, SinkError> {
        loop {
            match self.try_to_fence() {
                Ok((records, progress)) => match last_generation(&records) {
                    Some(generation) if generation > self.generation => {
                        return Err(SinkError::Superseded { generation });
                    }
                    _ => return Ok(progress),
                },
                Err(error) => self.patience.wait(&error).map_err(|reason| self.fault(reason))?,
            }
        }
    }

    fn try_to_fence(&mut self) -> Result<Fenced, ReadError> {
        let outputs = self
            .members
            .iter()
            .flat_map(|member| (0..member.partitions).map(|partition| (&*member.topic, partition)));
        let progress = (&*self.progress.topic, self.progress.shard);
        let at = (&self.log.cluster, &self.log.connection, &*self.log.group);
        fence(at, &mut self.transactions, outputs.chain(std::iter::once(progress)))?;
        let (records, _) = self.log.read(self.log_at)?;
        Ok((records, self.progress.read(&self.log.cluster, &self.log.connection)?))
    }

    fn fault(&self, reason: String) -> SinkError {
        fault_of(&self.members, reason)
    }

    fn record(&self, kind: Kind, sinks: BTreeMap<String, Written>) -> ProgressRecord {
        let partitions =
            self.members.iter().map(|member| (member.topic.clone(), member.partitions)).collect();
        ProgressRecord { kind, generation: self.generation, sinks, partitions }
    }

    /// Writes outputs with a record of the progress, once.
    fn write(&mut self, outputs: &[Output<'_>], record: &ProgressRecord) -> Result<(), ClusterError> {
        let progress = serde_json::to_vec(record).unwrap_or_default();
        let last = Outgoing {
            topic: &self.progress.topic,
            partition: self.progress.shard,
            key: None,
            value: Some(&progress),
            headers: b"",
            told: true,
        };
        let offsets =
            self.transactions.write(outgoing(&self.members, outputs).chain(std::iter::once(last)))?;
        self.progress.last = offsets.last().copied().unwrap_or(self.progress.last);
        Ok(())
    }

    /// Forgets records of the progress that newer ones have replaced, now and then: each start reads what is there.
    fn cut_progress(&mut self) {
        let last = self.progress.last;
        if last < self.cut + OUTDATED {
            return;
        }
        self.cut = last;
        let ProgressTopic { topic, shard, .. } = &self.progress;
        if let Err(error) = self.log.cluster.delete_records(topic, *shard, last) {
            // nothing depends on it
            tracing::warn!("old progress is not removed: {error}");
        }
    }

    /// Writes outputs and progress until it is known that they are there.
    fn settle(&mut self, outputs: &[Output<'_>], record: ProgressRecord) -> Result<(), SinkError> {
        while let Err(error) = self.write(outputs, &record) {
            tracing::warn!("{error}; what became of it is looked up");
            self.patience.pause(&error.into()).map_err(|reason| self.fault(reason))?;
            let found = self.fence()?;
            let there = found.as_ref().map(|found| &found.sinks);
            if found.as_ref().is_some_and(|found| *found == record) {
                break;
            }
            if there.is_some_and(|there| *there != self.stands) {
                return Err(self.fault(
                    "its progress is neither what this run has written nor what it was about to write: somebody else writes there"
                        .into(),
                ));
            }
        }
        self.patience.calm();
        self.stands.clone_from(&record.sinks);
        self.written = record.sinks;
        self.cut_progress();
        Ok(())
    }
}

impl Sink for TransactionalSinks {
    fn commit(&mut self, outputs: &[Output<'_>]) -> Result<(), SinkError> {
        let mut sinks = self.written.clone();
        sinks.extend(
            self.members
                .iter()
                .zip(outputs)
                .map(|(member, output)| (member.id.clone(), output.progress.into())),
        );
        let record = self.record(Kind::Progress, sinks);
        self.settle(outputs, record)
    }
}
