//! `current`: from versions to one live row a review, by log order.
//!
//! All but the last version of a key in an epoch are superseded; the last one is judged against the state at the end of
//! the epoch before. A delete is forgotten once its epoch is closed. An unchanged version changes nothing, but its
//! record touched the review: that goes on as an update with diff 0.

use std::sync::Arc;

use hashbrown::HashTable;

use super::registry::{
    Demand, EdgeType, NoSettings, Operator, Output, OutputType, Port, Settings, StateFormat,
};
use super::{
    books::{Ledger, Outcome},
    counted::counted,
    row::{Place, Review, Scored, Version, VersionKind},
    wiring::{Edge, Run, Step, Wiring},
};
use crate::engine::{
    Epoch,
    checkpoint::{
        Change,
        parts::{Changes, Part},
    },
    edge::{AsCollection, Update, merge},
    keyed::{EpochStep, Keeps, KeptStep, kept, runs},
};

/// The registry entry.
pub const OPERATOR: Operator = Operator {
    name: "current",
    summary: "Keeps the last version of each review by log order; put in by the resolver wherever a table is needed.",
    settings: Settings::of::<NoSettings>(),
    ports: &[Port { name: "versions", accepts: &[EdgeType::Versions], many: true, optional: false }],
    outputs: &[Output { name: None, edge: OutputType::Fixed(EdgeType::ScoredTable) }],
    state: Some(StateFormat { id: "current", version: 1 }),
    inserts: true,
    scores: false,
    learns: None,
    escalates: None,
    demand: |_| Demand::default(),
    build,
};

fn build<'s>(wiring: &mut Wiring<'s>, step: &Step<'_>, mut inputs: Vec<Vec<Edge<'s>>>) -> Vec<Edge<'s>> {
    let versions = inputs.swap_remove(0).into_iter().filter_map(|edge| match edge {
        Edge::Versions(stream) => Some(stream),
        _ => None,
    });
    let run = Arc::clone(&wiring.run);
    let restored =
        run.restore(wiring.scope, step.id, |review: Review| Version { review, kind: VersionKind::Restored });
    let versions = merge(wiring.scope, versions.chain(restored).collect());
    let current = Current {
        run: Arc::clone(&wiring.run),
        step: step.index,
        id: step.id.to_owned(),
        live: HashTable::new(),
        bytes: 0,
        changed: Vec::new(),
        order: Vec::new(),
        ledger: Ledger::default(),
    };
    let route = |version: &Version| version.review.head().id_hash >> 32;
    let current = counted(wiring, step, current);
    let rows = kept(versions, step.id, route, current, run.intake.checkpoints());
    vec![Edge::Scored(rows.as_collection())]
}

struct Current {
    run: Arc<Run>,
    step: usize,
    id: String,
    live: HashTable<Review>,
    /// Bytes of the reviews in it.
    bytes: usize,
    /// What has changed since the last checkpoint, in order.
    changed: Vec<Change<Review>>,
    order: Vec<(u64, Place, u32)>,
    ledger: Ledger,
}

impl EpochStep<Version, Update<Scored>> for Current {
    fn close(&mut self, epoch: Epoch, versions: &mut Vec<Version>, give: &mut dyn FnMut(Update<Scored>)) {
        if self.run.is_restored(epoch) {
            self.live.reserve(versions.len(), |live| live.head().id_hash);
            for version in versions.drain(..) {
                let row = Scored {
                    review: version.review.clone(),
                    label: None,
                    of: None,
                    cause: version.review.place(),
                };
                let hash = version.review.head().id_hash;
                self.bytes += version.review.allocated();
                self.live.insert_unique(hash, version.review, |live| live.head().id_hash);
                give((row, epoch, 1));
            }
            return;
        }
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        order.extend(versions.iter().zip(0..).map(|(v, n)| (v.review.head().id_hash, v.review.place(), n)));
        order.sort_unstable();
        let id = |n: u32| versions[n as usize].review.id_bytes();
        for run in runs(&mut order, |o| o.0) {
            if run.len() > 1 {
                // equal hashes of different ids must not be taken for one key
                run.sort_by(|a, b| id(a.2).cmp(id(b.2)));
            }
            for one in runs(run, |o| id(o.2)) {
                let Some((last, before)) = one.split_last() else { continue };
                for (_, place, n) in before {
                    if versions[*n as usize].kind != VersionKind::Filtered {
                        self.ledger.count(self.run.source_of(*place), Outcome::Superseded);
                    }
                }
                self.judge(epoch, &versions[last.2 as usize], give);
            }
        }
        self.order = order;
        self.ledger.book(&self.run.books, epoch, self.step);
    }

    fn keeps(&self) -> Option<Keeps> {
        let changed = self.changed.capacity() * size_of::<Change<Review>>();
        Some(Keeps { rows: self.live.len(), bytes: self.live.allocation_size() + self.bytes + changed })
    }
}

impl KeptStep for Current {
    fn part(&mut self, _: Epoch) -> Part {
        Changes::part(&self.id, std::mem::take(&mut self.changed))
    }
}

impl Current {
    /// Judges the last version of a key in its epoch against the state at the end of the epoch before.
    fn judge(&mut self, epoch: Epoch, version: &Version, give: &mut dyn FnMut(Update<Scored>)) {
        let (new, cause) = (&version.review, version.review.place());
        let hash = new.head().id_hash;
        let row = |review: Review| Scored { review, label: None, of: None, cause };
        let same_id = |live: &Review| live.head().id_hash == hash && live.id_bytes() == new.id_bytes();
        let outcome = match (self.live.find_entry(hash, same_id), version.kind) {
            (Ok(live), VersionKind::Upsert) if unchanged(live.get(), new) => {
                give((row(live.get().clone()), epoch, 0));
                Outcome::Dropped("unchanged")
            }
            (Ok(mut live), VersionKind::Upsert) => {
                let old = std::mem::replace(live.get_mut(), new.clone());
                self.bytes = self.bytes + new.allocated() - old.allocated();
                self.run.changed(&mut self.changed, || Change::Put(new.clone()));
                give((row(old), epoch, -1));
                give((row(new.clone()), epoch, 1));
                Outcome::Applied
            }
            (Err(_), VersionKind::Upsert) => {
                self.bytes += new.allocated();
                self.live.insert_unique(hash, new.clone(), |live| live.head().id_hash);
                self.run.changed(&mut self.changed, || Change::Put(new.clone()));
                give((row(new.clone()), epoch, 1));
                Outcome::Applied
            }
            (Ok(live), VersionKind::Delete | VersionKind::Filtered) => {
                self.run.changed(&mut self.changed, || Change::Delete(new.id_bytes().into()));
                let old = live.remove().0;
                self.bytes -= old.allocated();
                give((row(old), epoch, -1));
                Outcome::Deleted
            }
            (Err(_), VersionKind::Delete | VersionKind::Filtered) => Outcome::Dropped("unknown"),
            // they come at the restored epoch alone, which is not judged
            (_, VersionKind::Restored) => return,
        };
        if version.kind != VersionKind::Filtered {
            self.ledger.count(self.run.source_of(cause), outcome);
        }
    }
}

/// Equal in every cleaned field and in time.
fn unchanged(live: &Review, new: &Review) -> bool {
    live.head().content == new.head().content && live.head().ts == new.head().ts
}
