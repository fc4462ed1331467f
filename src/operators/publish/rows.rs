//! What there is to say of a row that is published: its key, its JSON, and what headers say of it.

use super::shape::{MODEL, Shape};
use crate::{
    engine::{Epoch, sink::Lines},
    operators::{
        alerts::CaseRow,
        block::RefusedRecord,
        product_scores::ProductRow,
        row::{LANG_FILLED, Place, Review, Scored, TS_FILLED},
        wiring::Refused,
    },
    records::{
        Filled, ModelRecord, Status,
        message::push_header,
        render::{self, DeadLetterView, Form, ProductView, ScoredView},
    },
};

/// A row that a sink publishes under a key.
pub(super) trait Published: Ord {
    /// The key as bytes, which orders the records of an epoch.
    fn key(&self) -> &[u8];

    /// A hash of the key.
    fn key_hash(&self) -> u64;

    /// Whether another row of this key would be printed alike but for the epoch.
    fn prints_like(&self, other: &Self) -> bool;

    /// Appends the JSON of a live row.
    fn json(&self, shape: &Shape, epoch: Epoch, out: &mut Vec<u8>);

    /// Appends the JSON that says that the key is gone.
    fn tombstone(&self, epoch: Epoch, out: &mut Vec<u8>);

    /// Where the one input record stands that it comes from, and the version of the model in it; neither of a row that many
    /// records make.
    fn origin(&self) -> Option<(Place, u64)>;
}

impl Published for Scored {
    fn key(&self) -> &[u8] {
        self.review.id_bytes()
    }

    fn key_hash(&self) -> u64 {
        self.review.head().id_hash
    }

    fn prints_like(&self, other: &Self) -> bool {
        self == other
    }

    fn json(&self, shape: &Shape, epoch: Epoch, out: &mut Vec<u8>) {
        let head = self.review.head();
        let run = shape.run();
        let model = [("sentiment", shape.scored_by(), head.version)];
        let view = ScoredView {
            review_id: self.review.id(),
            product_id: self.review.product(),
            user_id: self.review.user(),
            rating: self.review.rating(),
            lang: self.review.lang(),
            ts: head.ts,
            sentiment: Some(head.sentiment),
            label: Some(self.effective_label()),
            labelled_by: self.label.as_ref().map(|label| &*label.feedback_id),
            spam: None,
            spam_reasons: None,
            unsure: None,
            status: if self.accepted() { Status::Accepted } else { Status::Duplicate },
            of: self.of.as_ref().map(Review::id),
            model: &model,
            filled: Filled { lang: head.flags & LANG_FILLED != 0, ts: head.flags & TS_FILLED != 0 },
            also_filled: &[],
            epoch,
            source: &run.source_ids[run.source_of(head.place)],
            partition: run.intake.number(head.place.partition),
            offset: head.place.offset,
        };
        render::scored_review(&view, out);
    }

    fn tombstone(&self, epoch: Epoch, out: &mut Vec<u8>) {
        render::tombstone("review_id", self.review.id(), epoch, out);
    }

    fn origin(&self) -> Option<(Place, u64)> {
        let head = self.review.head();
        Some((head.place, head.version))
    }
}

impl Published for ProductRow {
    fn key(&self) -> &[u8] {
        self.product_id.as_bytes()
    }

    fn key_hash(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(self.product_id.as_bytes())
    }

    fn prints_like(&self, other: &Self) -> bool {
        self.figures == other.figures
    }

    fn json(&self, _: &Shape, epoch: Epoch, out: &mut Vec<u8>) {
        let view = ProductView { product_id: &self.product_id, figures: self.figures, epoch };
        render::product_score(&view, out);
    }

    fn tombstone(&self, epoch: Epoch, out: &mut Vec<u8>) {
        render::tombstone("product_id", &self.product_id, epoch, out);
    }

    fn origin(&self) -> Option<(Place, u64)> {
        None
    }
}

impl Published for CaseRow {
    fn key(&self) -> &[u8] {
        self.0.case_id.as_bytes()
    }

    fn key_hash(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(self.0.case_id.as_bytes())
    }

    fn prints_like(&self, other: &Self) -> bool {
        self == other
    }

    fn json(&self, _: &Shape, _: Epoch, out: &mut Vec<u8>) {
        self.0.write(out);
    }

    fn tombstone(&self, epoch: Epoch, out: &mut Vec<u8>) {
        render::tombstone("case_id", &self.0.case_id, epoch, out);
    }

    fn origin(&self) -> Option<(Place, u64)> {
        None
    }
}

/// Log order within an epoch, as bytes; one record refused by two components has two records.
fn log_key(record: &RefusedRecord, component: &str) -> Vec<u8> {
    let Place { partition, offset } = record.place;
    [&partition.to_be_bytes(), &offset.to_be_bytes()[..], component.as_bytes()].concat()
}

/// A refused record: as a line, or under its own key with its own bytes and headers, and Kafka Connect's.
pub(super) fn letter(shape: &mut Shape, epoch: Epoch, refused: &Refused) -> Lines {
    let Refused { component, record } = refused;
    let address = shape.address(record.place.partition);
    let view = DeadLetterView {
        key: record.key.as_deref(),
        value: record.value.as_deref(),
        topic: &address.topic,
        partition: address.partition,
        offset: record.place.offset,
        component,
        stage: record.stage,
        code: record.code,
        message: &record.message,
        truncated: record.truncated,
    };
    let mut lines = Lines::default();
    lines.push(&log_key(record, component), |out| match shape.form() {
        Form::Line => {
            render::dead_letter(&view, out);
            out.push(b'\n');
        }
        Form::Message => {
            let mut headers = record.headers.clone();
            for (name, value) in render::dead_letter_headers(&view) {
                push_header(&mut headers, name, Some(value.as_bytes()));
            }
            shape.message((view.key, &headers), (epoch, Some(record.place)), out, |out| {
                view.value.inspect(|value| out.extend_from_slice(value)).is_some()
            });
        }
    });
    lines
}

/// What is said of a model, under its name and role.
pub(super) fn model(shape: &mut Shape, epoch: Epoch, record: &ModelRecord) -> Lines {
    let json = |out: &mut Vec<u8>| serde_json::to_writer(out, record).unwrap_or_default();
    let mut lines = Lines::default();
    lines.push(b"", |out| match shape.form() {
        Form::Line => {
            json(out);
            out.push(b'\n');
        }
        Form::Message => {
            let key = format!("{}/{}", record.model, record.role.as_str());
            let version = format!("{}@{}", record.model, record.version);
            let mut headers = Vec::new();
            push_header(&mut headers, MODEL, Some(version.as_bytes()));
            shape.message((Some(key.as_bytes()), &headers), (epoch, None), out, |out| {
                json(out);
                true
            });
        }
    });
    lines
}
