//! Records as they are handed to a producer.

use rdkafka::{
    IntoOpaque,
    message::{Header, OwnedHeaders},
    producer::BaseRecord,
};

use crate::records::message::headers;

/// A record on its way into a transaction.
#[derive(Clone, Copy, Debug)]
pub(in crate::connect::kafka) struct Outgoing<'a> {
    pub(in crate::connect::kafka) topic: &'a str,
    pub(in crate::connect::kafka) partition: u32,
    pub(in crate::connect::kafka) key: Option<&'a [u8]>,
    pub(in crate::connect::kafka) value: Option<&'a [u8]>,
    /// Encoded headers.
    pub(in crate::connect::kafka) headers: &'a [u8],
    /// Its offset is asked for afterwards.
    pub(in crate::connect::kafka) told: bool,
}

/// A record as the client takes it, with what comes back when it is delivered.
pub(in crate::connect::kafka) fn message<'a, O: IntoOpaque>(
    record: &Outgoing<'a>,
    opaque: O,
) -> BaseRecord<'a, [u8], [u8], O> {
    let mut message = BaseRecord::with_opaque_to(record.topic, opaque);
    message.partition = Some(i32::try_from(record.partition).unwrap_or(i32::MAX));
    (message.key, message.payload) = (record.key, record.value);
    if !record.headers.is_empty() {
        let all = headers(record.headers)
            .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value }));
        message.headers = Some(all);
    }
    message
}
