//! The bytes that a sink takes for one record: a line of JSON, or a message with a key, headers and JSON as its value.
//!
//! Headers of a message: the epoch, where the one input record stands that it comes from, and the version of the model in
//! it. Buffers are kept from one record to the next.

use std::{collections::BTreeMap, sync::Arc};

use super::rows::Published;
use crate::{
    engine::{Epoch, partition::Address},
    operators::{row::Place, wiring::Run},
    records::{
        message::{push_header, push_message_with},
        render::Form,
    },
};

/// The epoch that published a record, in decimal.
const EPOCH: &str = "dirigent.epoch";
/// `topic/partition/offset` of the input record.
const ORIGIN: &str = "dirigent.origin";
/// The model's name and version.
pub(super) const MODEL: &str = "dirigent.model";

/// How one sink wants its records.
pub(super) struct Shape {
    run: Arc<Run>,
    form: Form,
    /// The id of the step that scores.
    scored_by: String,
    /// What partitions are called outside, those that were asked for.
    addresses: BTreeMap<u32, Address>,
    headers: Vec<u8>,
    text: String,
}

impl Shape {
    pub(super) fn new(run: &Arc<Run>, form: Form, scored_by: &str) -> Self {
        Self {
            run: Arc::clone(run),
            form,
            scored_by: scored_by.to_owned(),
            addresses: BTreeMap::new(),
            headers: Vec::new(),
            text: String::new(),
        }
    }

    pub(super) fn run(&self) -> &Run {
        &self.run
    }

    pub(super) fn form(&self) -> Form {
        self.form
    }

    pub(super) fn scored_by(&self) -> &str {
        &self.scored_by
    }

    /// What a partition is called outside.
    pub(super) fn address(&mut self, partition: u32) -> Address {
        self.addresses.entry(partition).or_insert_with(|| self.run.intake.address(partition)).clone()
    }

    /// Appends a live row.
    pub(super) fn live<R: Published>(&mut self, row: &R, epoch: Epoch, out: &mut Vec<u8>) {
        match self.form {
            Form::Line => {
                row.json(self, epoch, out);
                out.push(b'\n');
            }
            Form::Message => {
                self.tell(epoch, row.origin().map(|(place, version)| (place, Some(version))));
                push_message_with(out, Some(row.key()), &self.headers, |out| {
                    row.json(self, epoch, out);
                    true
                });
            }
        }
    }

    /// Appends that a key is gone.
    pub(super) fn gone<R: Published>(&mut self, row: &R, epoch: Epoch, out: &mut Vec<u8>) {
        match self.form {
            Form::Line => {
                row.tombstone(epoch, out);
                out.push(b'\n');
            }
            Form::Message => {
                self.tell(epoch, None);
                push_message_with(out, Some(row.key()), &self.headers, |_| false);
            }
        }
    }

    /// Appends a message with headers of its own before ours; `value` says whether it has written one.
    pub(super) fn message(
        &mut self,
        (key, headers): (Option<&[u8]>, &[u8]),
        (epoch, origin): (Epoch, Option<Place>),
        out: &mut Vec<u8>,
        value: impl FnOnce(&mut Vec<u8>) -> bool,
    ) {
        self.tell(epoch, origin.map(|place| (place, None)));
        let ours = self.headers.len();
        self.headers.extend_from_slice(headers);
        self.headers.rotate_left(ours);
        push_message_with(out, key, &self.headers, value);
    }

    /// What the headers of the next message say.
    fn tell(&mut self, epoch: Epoch, origin: Option<(Place, Option<u64>)>) {
        use std::fmt::Write;
        self.headers.clear();
        let mut header = |name, arguments: std::fmt::Arguments<'_>| {
            self.text.clear();
            // writing to a string does not fail
            let _ = self.text.write_fmt(arguments);
            push_header(&mut self.headers, name, Some(self.text.as_bytes()));
        };
        header(EPOCH, format_args!("{epoch}"));
        let Some((place, version)) = origin else { return };
        let address =
            self.addresses.entry(place.partition).or_insert_with(|| self.run.intake.address(place.partition));
        header(ORIGIN, format_args!("{}/{}/{}", address.topic, address.partition, place.offset));
        if let Some(version) = version {
            header(MODEL, format_args!("{}@{version}", self.scored_by));
        }
    }
}
