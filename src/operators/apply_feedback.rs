//! `apply_feedback`: the labels people gave, joined to the live reviews they speak of.
//!
//! Of each family (sentiment, spam) the last feedback in log order counts; a withdrawal stands for both. It belongs to
//! the review id and stays through edits; without a live review it waits, after a delete anew. Feedback is booked once:
//! when it first applies, is replaced before it could, or has waited longer than `label_wait` in epoch time.

mod waiting;

use std::{collections::BTreeMap, sync::Arc};

use hashbrown::HashTable;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    block::{FeedbackRow, RowBlock},
    books::{Ledger, Outcome},
    counted::counted,
    feedback_change::Change,
    held_feedback::{Entry, Families, Held},
    registry::{Demand, EdgeType, Operator, Output, OutputType, Port, Record, Settings, StateFormat, parse},
    row::Scored,
    stored_feedback::StoredFeedback,
    wiring::{Edge, Run, Step, Wiring},
};
use crate::{
    engine::{
        Epoch,
        checkpoint::{
            self,
            parts::{Changes, Part},
        },
        duration::Millis,
        edge::{AsCollection, Update, merge, updates},
        ingest::Chunk,
        keyed::{EpochStep, Keeps, KeptStep, flat_map, kept, runs},
    },
    records::Label,
};

/// Settings of `apply_feedback`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApplyFeedbackSettings {
    /// How long feedback waits for its review, in epoch time; without it, 30 days with `clock: wall`, for ever with `clock: event`.
    pub label_wait: Option<Millis>,
}

/// How long feedback waits with `clock: wall` where nothing else is said: 30 days, in ms.
const LABEL_WAIT: u64 = 30 * 86_400_000;

/// The registry entry.
pub const OPERATOR: Operator = Operator {
    name: "apply_feedback",
    summary: "Applies the last feedback of each family to its live review; feedback that comes first waits for its review.",
    settings: Settings::of::<ApplyFeedbackSettings>(),
    ports: &[
        Port { name: "reviews", accepts: &[EdgeType::ScoredTable], many: false, optional: false },
        Port {
            name: "feedback",
            accepts: &[EdgeType::Source(Record::Feedback)],
            many: true,
            optional: false,
        },
    ],
    outputs: &[
        Output { name: None, edge: OutputType::Fixed(EdgeType::ScoredTable) },
        Output { name: Some("dead_letters"), edge: OutputType::Fixed(EdgeType::DeadLetters) },
    ],
    state: Some(StateFormat { id: "feedback", version: 1 }),
    inserts: false,
    scores: false,
    learns: None,
    escalates: None,
    demand: |_| Demand::default(),
    build,
};

fn build<'s>(wiring: &mut Wiring<'s>, step: &Step<'_>, mut inputs: Vec<Vec<Edge<'s>>>) -> Vec<Edge<'s>> {
    let settings: ApplyFeedbackSettings = parse(step.settings).unwrap_or_default();
    let sources = inputs.swap_remove(1);
    let Some(Edge::Scored(table)) = inputs.swap_remove(0).pop() else { return Vec::new() };
    let mut parts =
        vec![flat_map(updates(table), "reviews of feedback", |_, (row, _, diff): Update<Scored>, give| {
            give(Change::Row(row, diff as i8));
        })];
    let mut letters = Vec::new();
    for edge in sources {
        let Edge::Source(source) = edge else { continue };
        let decoded = super::clean::decoded_feedback(wiring, source);
        letters.push(super::clean::dead_letters(wiring, source, (step.id, OPERATOR.name), decoded.clone()));
        parts.push(flat_map(decoded, "feedback", |_, chunk: Chunk<RowBlock<FeedbackRow>>, give| {
            for feedback in chunk.block.in_range(chunk.start, chunk.end) {
                give(Change::Feedback(feedback));
            }
        }));
    }
    let run = Arc::clone(&wiring.run);
    parts
        .extend(run.restore(wiring.scope, step.id, |stored: StoredFeedback| Change::Restored(stored.into())));
    let route = |change: &Change| change.key().0 >> 32;
    let apply = ApplyFeedback {
        run: Arc::clone(&run),
        step: step.index,
        id: step.id.to_owned(),
        changed: Vec::new(),
        label_wait: settings.label_wait.map(|wait| wait.0).or(run.intake.is_live().then_some(LABEL_WAIT)),
        entries: HashTable::new(),
        bytes: 0,
        deadlines: BTreeMap::new(),
        order: Vec::new(),
        ledger: Ledger::default(),
    };
    let changes = merge(wiring.scope, parts);
    let apply = counted(wiring, step, apply);
    let rows = kept(changes, step.id, route, apply, run.intake.checkpoints()).as_collection();
    vec![Edge::Scored(rows), Edge::DeadLetters(merge(wiring.scope, letters))]
}

/// Keys: hash and id.
type Keys = Vec<(u64, Box<[u8]>)>;

struct ApplyFeedback {
    run: Arc<Run>,
    step: usize,
    id: String,
    /// What has changed since the last checkpoint, in order.
    changed: Vec<checkpoint::Change<StoredFeedback>>,
    label_wait: Option<u64>,
    entries: HashTable<Entry>,
    /// Bytes that entries take beside the table; the feedback itself is counted in each that holds it.
    bytes: usize,
    /// Epoch time at which some feedback of these keys has waited its time.
    deadlines: BTreeMap<Epoch, Keys>,
    order: Vec<(u64, u32)>,
    ledger: Ledger,
}

impl EpochStep<Change, Update<Scored>> for ApplyFeedback {
    fn close(&mut self, epoch: Epoch, changes: &mut Vec<Change>, give: &mut dyn FnMut(Update<Scored>)) {
        self.expire(epoch);
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        order.extend(changes.iter().zip(0..).map(|(change, n)| (change.key().0, n)));
        let at = |n: u32| &changes[n as usize];
        order.sort_unstable();
        for run in runs(&mut order, |o| o.0) {
            if run.len() > 1 {
                run.sort_by(|a, b| {
                    (at(a.1).key().1, at(a.1).place()).cmp(&(at(b.1).key().1, at(b.1).place()))
                });
            }
            for one in runs(run, |o| at(o.1).key().1) {
                self.judge(epoch, &one.iter().map(|(_, n)| at(*n)), give);
            }
        }
        self.order = order;
        self.ledger.book(&self.run.books, epoch, self.step);
    }

    fn keeps(&self) -> Option<Keeps> {
        Some(Keeps { rows: self.entries.len(), bytes: self.entries.allocation_size() + self.bytes })
    }

    fn end(&mut self) {
        self.expire(self.run.intake.logged());
        for entry in &self.entries {
            for held in entry.held.iter().filter(|held| !held.booked) {
                self.ledger.count(self.run.source_of(held.feedback.place), Outcome::Waiting);
            }
        }
        self.ledger.book(&self.run.books, Epoch::MAX, self.step);
    }
}

impl KeptStep for ApplyFeedback {
    fn part(&mut self, epoch: Epoch) -> Part {
        // what has waited its time goes now, and not when the next record happens to come here: a checkpoint is the same
        // with any number of workers
        self.expire(epoch);
        self.ledger.book(&self.run.books, epoch, self.step);
        Changes::part(&self.id, std::mem::take(&mut self.changed))
    }
}

impl ApplyFeedback {
    /// Applies the changes of one key, in log order but for rows, of which the live one counts.
    fn judge<'a>(
        &mut self,
        epoch: Epoch,
        changes: &(impl Iterator<Item = &'a Change> + Clone),
        give: &mut dyn FnMut(Update<Scored>),
    ) {
        let Some((hash, id)) = changes.clone().next().map(Change::key) else { return };
        let found = self.entries.find_entry(hash, |entry| entry.hash() == hash && entry.id() == id);
        let mut entry = found.map(|found| found.remove().0).unwrap_or_default();
        self.bytes -= entry.allocated();
        let cause = changes.clone().map(Change::place).max().unwrap_or_default();
        let row = |entry: &Entry| {
            let label = entry.label();
            entry.review.clone().map(|review| Scored { review, label, of: None, cause })
        };
        let before = row(&entry);
        let (lived, held_some) = (entry.review.is_some(), !entry.held.is_empty());
        for change in changes.clone() {
            match change {
                Change::Row(row, 1) => entry.review = Some(row.review.clone()),
                Change::Row(row, -1) => {
                    if entry.review.as_ref().is_some_and(|review| review.place() == row.review.place()) {
                        entry.review = None;
                    }
                }
                Change::Row(..) => {}
                Change::Feedback(feedback) => self.hold(epoch, &mut entry.held, feedback),
                Change::Restored(held) => entry.held.clone_from(&held.held),
            }
        }
        if entry.review.is_some() {
            for held in entry.held.iter_mut().filter(|held| !held.booked) {
                held.booked = true;
                self.ledger.count(self.run.source_of(held.feedback.place), Outcome::Applied);
            }
        } else if self.run.is_restored(epoch) {
            self.wait_on(&entry);
        } else {
            self.wait(epoch, lived, &mut entry);
        }
        match (before, row(&entry)) {
            (Some(before), Some(after)) if before == after => give((after, epoch, 0)),
            (before, after) => {
                before.into_iter().for_each(|row| give((row, epoch, -1)));
                after.into_iter().for_each(|row| give((row, epoch, 1)));
            }
        }
        if entry.review.is_some() {
            // a withdrawal that has been booked has nothing left to say
            entry.held.retain(|held| held.feedback.label != Label::Withdraw);
        }
        if (held_some || !entry.held.is_empty()) && !self.run.is_restored(epoch) {
            self.run.changed(&mut self.changed, || entry.stored(id));
        }
        if entry.review.is_some() || !entry.held.is_empty() {
            self.bytes += entry.allocated();
            self.entries.insert_unique(hash, entry, Entry::hash);
        }
    }

    /// Takes feedback; what it replaces in every family it stood for is dropped, and booked if it never was.
    fn hold(&mut self, epoch: Epoch, held: &mut Vec<Held>, feedback: &Arc<FeedbackRow>) {
        let families = Families::of(feedback.label);
        for old in held.iter_mut() {
            old.families.sentiment &= !families.sentiment;
            old.families.spam &= !families.spam;
        }
        for old in held.extract_if(.., |old| !old.families.sentiment && !old.families.spam) {
            if !old.booked {
                self.ledger.count(self.run.source_of(old.feedback.place), Outcome::Superseded);
            }
        }
        held.push(Held { feedback: Arc::clone(feedback), families, booked: false, since: epoch });
    }
}
