//! From the rows of an edge to the lines of a sink.
//!
//! Of a table, one line a key and epoch at most, and only if a field other than `epoch` differs from what was last
//! published: all changes of a key in an epoch meet here, whichever worker they came from. A key that is gone gets a
//! tombstone. Dead letters and models are logs: every record, in log order.

use std::sync::Arc;

use serde::Serialize;

use super::{
    block::RefusedRecord,
    product_scores::ProductRow,
    row::{LANG_FILLED, Place, Review, Scored, TS_FILLED},
    wiring::{Edge, Run},
};
use crate::{
    engine::{
        Epoch,
        edge::{Scope, Stream, Update, merge, updates},
        keyed::{EpochStep, flat_map, keyed, runs},
        sink::Lines,
    },
    records::{
        Filled, ModelRecord, Status,
        render::{self, DeadLetterView, ProductView, ScoredView},
    },
    telemetry::StepMeter,
};

/// A row that a sink publishes under a key.
trait Published: Ord {
    /// The key as bytes, which orders the lines of an epoch.
    fn key(&self) -> &[u8];

    /// A hash of the key.
    fn key_hash(&self) -> u64;

    /// Whether another row of this key would be printed alike but for the epoch.
    fn prints_like(&self, other: &Self) -> bool;

    /// Appends the line of a live row.
    fn line(&self, context: &Context, epoch: Epoch, out: &mut Vec<u8>);

    /// Appends the line that says that the key is gone.
    fn tombstone(&self, epoch: Epoch, out: &mut Vec<u8>);
}

/// What rendering needs to know beyond the row.
struct Context {
    run: Arc<Run>,
    /// The id of the step that scores.
    model: String,
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

    fn line(&self, context: &Context, epoch: Epoch, out: &mut Vec<u8>) {
        let head = self.review.head();
        let model = [("sentiment", context.model.as_str(), head.version)];
        let partition = context.run.intake.number(head.place.partition);
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
            source: &context.run.source_ids[context.run.source_of(head.place)],
            partition,
            offset: head.place.offset,
        };
        render::scored_review(&view, out);
    }

    fn tombstone(&self, epoch: Epoch, out: &mut Vec<u8>) {
        render::tombstone("review_id", self.review.id(), epoch, out);
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

    fn line(&self, _: &Context, epoch: Epoch, out: &mut Vec<u8>) {
        let view = ProductView { product_id: &self.product_id, figures: self.figures, epoch };
        render::product_score(&view, out);
    }

    fn tombstone(&self, epoch: Epoch, out: &mut Vec<u8>) {
        render::tombstone("product_id", &self.product_id, epoch, out);
    }
}

/// Renders the edges that one sink reads; `model` is the id of the step that scored them, `fresh` says that the sink is
/// new to a state that exists: it gets every live row first.
pub fn publish<'s>(
    scope: Scope<'s, u64>,
    run: &Arc<Run>,
    sink: &str,
    model: &str,
    fresh: bool,
    edges: Vec<Edge<'s>>,
) -> Stream<'s, Lines> {
    // a sink may have the id of a transform
    let counted = format!("sinks.{sink}");
    let meter = || run.metrics.step(&counted, scope.index());
    let context = || Context { run: Arc::clone(run), model: model.to_owned() };
    let streams = edges.into_iter().filter_map(|edge| match edge {
        Edge::Scored(table) => {
            let table = if fresh { updates(table) } else { run.news(updates(table), sink, meter()) };
            Some(table_lines(table, sink, context(), meter()))
        }
        Edge::Products(table) => {
            let table = if fresh { updates(table) } else { run.news(updates(table), sink, meter()) };
            Some(table_lines(table, sink, context(), meter()))
        }
        Edge::Models(models) => {
            let meter = meter();
            Some(flat_map(models, sink, move |_, record: ModelRecord, give| {
                meter.received(1);
                give(model_line(&record));
            }))
        }
        Edge::DeadLetters(letters) => {
            let (run, meter) = (Arc::clone(run), meter());
            Some(flat_map(letters, sink, move |_, refused, give| {
                meter.received(1);
                give(letter_line(&run, &refused.component, &refused.record));
            }))
        }
        Edge::Source(_) | Edge::Reviews(_) | Edge::Versions(_) => None,
    });
    merge(scope, streams.collect())
}

fn table_lines<'s, R>(
    updates: Stream<'s, Update<R>>,
    name: &str,
    context: Context,
    meter: StepMeter,
) -> Stream<'s, Lines>
where
    R: Published + crate::engine::edge::ExchangeData + Clone,
{
    keyed(
        updates,
        name,
        |(row, _, _): &Update<R>| row.key_hash() >> 32,
        TableLines { context, meter, order: Vec::new(), usual_size: (0, 0, 0) },
    )
}

/// Bytes of text after which a block of lines is given and another one begun: larger pieces of memory go back to the system
/// when they are freed, and each epoch would have to get its own from there.
const BLOCK: usize = 48 << 10;

struct TableLines {
    context: Context,
    meter: StepMeter,
    order: Vec<(u64, u32)>,
    /// Of a block before: the next one is about as large.
    usual_size: (usize, usize, usize),
}

impl<R: Published> EpochStep<Update<R>, Lines> for TableLines {
    fn close(&mut self, epoch: Epoch, rows: &mut Vec<Update<R>>, give: &mut dyn FnMut(Lines)) {
        self.meter.received(rows.len());
        let (mut lines, mut several) = (Lines::like(&self.usual_size), false);
        self.order.clear();
        let changes = rows.iter().zip(0..).filter(|((_, _, diff), _)| *diff != 0);
        self.order.extend(changes.map(|((row, _, _), n)| (row.key_hash(), n)));
        self.order.sort_unstable();
        let row = |n: u32| &rows[n as usize];
        for run in runs(&mut self.order, |o| o.0) {
            if run.len() > 1 {
                run.sort_by(|a, b| row(a.1).0.key().cmp(row(b.1).0.key()));
            }
            for one in runs(run, |o| row(o.1).0.key()) {
                let find = |sign: isize| {
                    one.iter()
                        .map(|(_, n)| row(*n))
                        .find(|(_, _, diff)| diff.signum() == sign)
                        .map(|(row, _, _)| row)
                };
                match (find(-1), find(1)) {
                    (Some(old), Some(new)) if old.prints_like(new) => {}
                    (_, Some(new)) => {
                        lines.push(new.key(), |out| line(out, |out| new.line(&self.context, epoch, out)));
                    }
                    (Some(old), None) => {
                        lines.push(old.key(), |out| line(out, |out| old.tombstone(epoch, out)));
                    }
                    (None, None) => {}
                }
                if lines.size().1 >= BLOCK {
                    (self.usual_size, several) = (lines.size(), true);
                    give(std::mem::replace(&mut lines, Lines::like(&self.usual_size)));
                }
            }
        }
        if !several {
            self.usual_size = lines.size();
        }
        if !lines.is_empty() {
            give(lines);
        }
    }
}

fn line(out: &mut Vec<u8>, render: impl FnOnce(&mut Vec<u8>)) {
    render(out);
    out.push(b'\n');
}

/// Log order within an epoch, as bytes; one record refused by two components has two lines.
fn log_key(record: &RefusedRecord, component: &str) -> Vec<u8> {
    let Place { partition, offset } = record.place;
    [&partition.to_be_bytes(), &offset.to_be_bytes()[..], component.as_bytes()].concat()
}

fn letter_line(run: &Run, component: &str, record: &RefusedRecord) -> Lines {
    let name = run.intake.name(record.place.partition);
    let view = DeadLetterView {
        key: None,
        value: Some(&record.value),
        topic: &name,
        // a file is a topic of its own, with one partition
        partition: 0,
        offset: record.place.offset,
        component,
        stage: record.stage,
        code: record.code,
        message: &record.message,
        truncated: record.truncated,
    };
    let mut lines = Lines::default();
    lines.push(&log_key(record, component), |out| line(out, |out| render::dead_letter(&view, out)));
    lines
}

fn model_line(record: &impl Serialize) -> Lines {
    let mut lines = Lines::default();
    lines.push(b"", |out| line(out, |out| serde_json::to_writer(out, record).unwrap_or_default()));
    lines
}
