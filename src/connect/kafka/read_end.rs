//! Reading a partition to an end that was found before: everything that was committed by then, and nothing that may still be
//! aborted.
//!
//! First the high watermark is taken, open transactions included; then it is waited for until none of them is open below it; then
//! what is committed is read up to there. Whoever fences a writer before has read all that it ever wrote (READ-END of
//! `docs/protocol.md`). A position closes a range, not the offset of a record that was seen: markers of transactions take
//! offsets, too.

use std::time::{Duration, Instant};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
};

use super::{
    client::ClientState,
    connection::{ConnectionSettings, Role},
    error::{ClusterError, code_of, lacks_a_leader},
    native::each_header,
    topics::{Cluster, Watermarks},
};
use crate::records::message::push_header;

/// How often it is asked whether a transaction is still open.
const ASK: Duration = Duration::from_millis(10);

/// A record that was committed.
#[derive(Clone, Copy)]
pub(super) struct Committed<'r> {
    pub(super) offset: u64,
    pub(super) key: Option<&'r [u8]>,
    pub(super) value: Option<&'r [u8]>,
    /// Encodes its headers.
    pub(super) headers: &'r dyn Fn() -> Vec<u8>,
}

/// A partition that is read to its end.
pub(super) struct ReadEnd<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) connection: &'a ConnectionSettings,
    pub(super) group: &'a str,
    pub(super) topic: &'a str,
    pub(super) partition: u32,
    /// How long all of it may take.
    pub(super) within: Duration,
}

impl ReadEnd<'_> {
    /// Gives every committed record from an offset to the end, with its offset; where the end is. Transactions that are open
    /// there are waited for: who has fenced their writer has not to wait for long.
    ///
    /// # Errors
    /// The brokers do not answer or do not allow it, or a transaction stays open.
    pub(super) fn read(&self, from: u64, each: impl FnMut(Committed<'_>)) -> Result<u64, ClusterError> {
        let Watermarks { low, high } = self.cluster.watermarks(self.topic, self.partition)?;
        self.read_to(Some(high), from.max(low), each)
    }

    /// The same up to where no transaction is open now.
    ///
    /// # Errors
    /// The brokers do not answer or do not allow it.
    pub(super) fn look(&self, from: u64, each: impl FnMut(Committed<'_>)) -> Result<u64, ClusterError> {
        let Watermarks { low, .. } = self.cluster.watermarks(self.topic, self.partition)?;
        self.read_to(None, from.max(low), each)
    }

    fn read_to(
        &self,
        high: Option<u64>,
        from: u64,
        mut each: impl FnMut(Committed<'_>),
    ) -> Result<u64, ClusterError> {
        if let Some(high) = high.filter(|high| from >= *high) {
            return Ok(high);
        }
        let started = Instant::now();
        let (mut config, state) = self.connection.client(Role::Consumer { group: self.group })?;
        config.set("enable.partition.eof", "true");
        // that the end is reached is told by an empty answer, which is waited for that long
        config.set("fetch.wait.max.ms", "10");
        let doing = format!("read partition {} of `{}`", self.partition, self.topic);
        let fault = |error: &KafkaError| state.explain(&doing, error);
        let consumer: BaseConsumer<ClientState> =
            config.create_with_context(state.clone()).map_err(|error| fault(&error))?;
        let number = i32::try_from(self.partition).unwrap_or(i32::MAX);
        let late = || fault(&KafkaError::Global(RDKafkaErrorCode::OperationTimedOut));
        let high = loop {
            match stable_offset(&consumer, self.topic, self.partition, self.within) {
                Ok(stable) if stable >= high.unwrap_or(0) => break high.unwrap_or(stable),
                Ok(_) if started.elapsed() < self.within => std::thread::sleep(ASK),
                Ok(_) => return Err(late()),
                Err(error) if lacks_a_leader(&error) && started.elapsed() < self.within => {
                    std::thread::sleep(ASK);
                }
                Err(error) => return Err(fault(&error)),
            }
        };
        if from >= high {
            return Ok(high);
        }
        let mut assignment = TopicPartitionList::new();
        let offset = Offset::Offset(i64::try_from(from).unwrap_or(i64::MAX));
        assignment
            .add_partition_offset(self.topic, number, offset)
            .and_then(|()| consumer.assign(&assignment))
            .map_err(|error| fault(&error))?;
        loop {
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(record)) => {
                    let at = u64::try_from(record.offset()).unwrap_or(0);
                    if at >= high {
                        return Ok(high);
                    }
                    let headers = || {
                        let mut block = Vec::new();
                        each_header(&record, |name, value| push_header(&mut block, name, value));
                        block
                    };
                    each(Committed {
                        offset: at,
                        key: record.key(),
                        value: record.payload(),
                        headers: &headers,
                    });
                }
                // everything below the stable offset has been given, which is past the end
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(high),
                Some(Err(error)) if is_final(&error) => return Err(fault(&error)),
                Some(Err(_)) | None if started.elapsed() < self.within => {}
                Some(Err(_)) | None => return Err(late()),
            }
        }
    }
}

/// Up to where no transaction is open, as a reader of what is committed sees it.
pub(super) fn stable_offset(
    reader: &BaseConsumer<ClientState>,
    topic: &str,
    partition: u32,
    within: Duration,
) -> Result<u64, KafkaError> {
    let partition = i32::try_from(partition).unwrap_or(i32::MAX);
    // to such a reader it is the end
    let (_, stable) = reader.fetch_watermarks(topic, partition, within)?;
    Ok(u64::try_from(stable).unwrap_or(0))
}

/// Whether an error is no mere sign that a broker is away for a moment.
fn is_final(error: &KafkaError) -> bool {
    !lacks_a_leader(error)
        && !matches!(
            code_of(error),
            Some(
                RDKafkaErrorCode::BrokerTransportFailure
                    | RDKafkaErrorCode::AllBrokersDown
                    | RDKafkaErrorCode::OperationTimedOut
                    | RDKafkaErrorCode::Resolve
            )
        )
}
