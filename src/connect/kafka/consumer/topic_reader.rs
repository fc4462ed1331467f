//! A partition of a topic as the engine reads it: records from its queue, in chunks, up to its end.

use std::{sync::Arc, time::Duration};

use rdkafka::{
    Message,
    consumer::base_consumer::PartitionQueue,
    error::{KafkaError, RDKafkaErrorCode as Code},
    message::BorrowedMessage,
};

use super::{
    super::{client::ClientState, error::code_of, native::each_header},
    Consumption, Wake, lock,
};
use crate::{
    engine::partition::{Address, Committed, Envelope, Partition, RawChunk, RawRecord, SourceError},
    records::message::push_header,
};

/// A partition that is read.
pub(in crate::connect::kafka) struct TopicReader {
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
    pub(in crate::connect::kafka) fn new(
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
