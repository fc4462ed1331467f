//! From the rows of an edge to the lines or messages of a sink.
//!
//! Of a table, one record a key and epoch at most, and only if a field other than `epoch` differs from what was last
//! published: all changes of a key in an epoch meet here, whichever worker they came from. A key that is gone gets a
//! tombstone. Dead letters and models are logs: every record, in log order.
//!
//! # Layout
//! This file: what is published when. `rows`: what there is to say of a row. `shape`: the bytes that a sink takes.

mod rows;
mod shape;

use std::sync::Arc;

use self::{
    rows::{Published, letter, model},
    shape::Shape,
};
use super::wiring::{Edge, Run};
use crate::{
    engine::{
        Epoch,
        edge::{Scope, Stream, Update, merge, updates},
        keyed::{EpochStep, flat_map, keyed, runs},
        sink::Lines,
    },
    records::{ModelRecord, render::Form},
    telemetry::StepMeter,
};

/// What a sink is to publish, and how.
pub struct Publication<'a> {
    /// The id of the sink.
    pub sink: &'a str,
    /// What it takes for one record.
    pub form: Form,
    /// The id of the step that scored what it publishes.
    pub model: &'a str,
    /// It is new to a state that exists: it gets every live row first.
    pub fresh: bool,
}

/// Renders the edges that one sink reads.
pub fn publish<'s>(
    scope: Scope<'s, u64>,
    run: &Arc<Run>,
    publication: &Publication<'_>,
    edges: Vec<Edge<'s>>,
) -> Stream<'s, Lines> {
    let &Publication { sink, form, model: scored_by, fresh } = publication;
    // a sink may have the id of a transform
    let counted = format!("sinks.{sink}");
    let meter = || run.metrics.step(&counted, scope.index());
    let shape = || Shape::new(run, form, scored_by);
    let streams = edges.into_iter().filter_map(|edge| match edge {
        Edge::Scored(table) => {
            let table = if fresh { updates(table) } else { run.news(updates(table), sink, meter()) };
            Some(table_lines(table, sink, shape(), meter()))
        }
        Edge::Products(table) => {
            let table = if fresh { updates(table) } else { run.news(updates(table), sink, meter()) };
            Some(table_lines(table, sink, shape(), meter()))
        }
        Edge::Cases(table) => {
            let table = if fresh { updates(table) } else { run.news(updates(table), sink, meter()) };
            Some(table_lines(table, sink, shape(), meter()))
        }
        Edge::Models(models) => {
            let (mut shape, meter) = (shape(), meter());
            Some(flat_map(models, sink, move |epoch, record: ModelRecord, give| {
                meter.received(1);
                give(model(&mut shape, epoch, &record));
            }))
        }
        Edge::DeadLetters(letters) => {
            let (mut shape, meter) = (shape(), meter());
            Some(flat_map(letters, sink, move |epoch, refused, give| {
                meter.received(1);
                give(letter(&mut shape, epoch, &refused));
            }))
        }
        Edge::Source(_) | Edge::Reviews(_) | Edge::Versions(_) => None,
    });
    merge(scope, streams.collect())
}

fn table_lines<'s, R>(
    updates: Stream<'s, Update<R>>,
    name: &str,
    shape: Shape,
    meter: StepMeter,
) -> Stream<'s, Lines>
where
    R: Published + crate::engine::edge::ExchangeData + Clone,
{
    keyed(
        updates,
        name,
        |(row, _, _): &Update<R>| row.key_hash() >> 32,
        TableLines { shape, meter, order: Vec::new(), usual_size: (0, 0, 0) },
    )
}

/// Bytes of text after which a block of lines is given and another one begun: larger pieces of memory go back to the system
/// when they are freed, and each epoch would have to get its own from there.
const BLOCK: usize = 48 << 10;

struct TableLines {
    shape: Shape,
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
                        lines.push(new.key(), |out| self.shape.live(new, epoch, out));
                    }
                    (Some(old), None) => {
                        lines.push(old.key(), |out| self.shape.gone(old, epoch, out));
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
