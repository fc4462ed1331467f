//! `deduplicate`: of the live reviews with one product, user and normalised text, the first is kept.
//!
//! First is the smallest (`ts`, `review_id` as bytes), whatever the order of arrival. When it goes, moves or is edited,
//! the next takes its place in the same epoch: every row whose status changed is retracted and asserted anew. Reviews
//! without a user are nobody's duplicates. Limit: a change in a group costs time in proportion to the group.

use std::{collections::BTreeMap, sync::Arc};

use hashbrown::HashTable;

use super::registry::{
    Demand, EdgeType, NoSettings, Operator, Output, OutputType, Port, Settings, StateFormat,
};
use super::{
    counted::counted,
    row::{AppliedLabel, Place, Review, Scored},
    wiring::{Edge, Step, Wiring},
};
use crate::engine::{
    Epoch,
    edge::{AsCollection, Update, updates},
    keyed::{EpochStep, Keeps, keyed, runs},
};

/// The registry entry.
pub const OPERATOR: Operator = Operator {
    name: "deduplicate",
    summary: "Marks live reviews that repeat an earlier one of the same product and user word for word; when the kept one goes, the next takes its place.",
    settings: Settings::of::<NoSettings>(),
    ports: &[Port { name: "reviews", accepts: &[EdgeType::ScoredTable], many: false, optional: false }],
    outputs: &[Output { name: None, edge: OutputType::Fixed(EdgeType::ScoredTable) }],
    state: Some(StateFormat { id: "duplicates", version: 1 }),
    inserts: false,
    scores: false,
    learns: None,
    escalates: None,
    demand: |_| Demand::default(),
    build,
};

fn build<'s>(wiring: &mut Wiring<'s>, step: &Step<'_>, mut inputs: Vec<Vec<Edge<'s>>>) -> Vec<Edge<'s>> {
    let Some(Edge::Scored(table)) = inputs.swap_remove(0).pop() else { return Vec::new() };
    let deduplicate = Deduplicate { groups: HashTable::new(), bytes: 0, order: Vec::new() };
    // by product, so that its score is counted where its duplicates are found
    let route = |(row, _, _): &Update<Scored>| row.review.head().product_hash >> 32;
    vec![Edge::Scored(
        keyed(updates(table), step.id, route, counted(wiring, step, deduplicate)).as_collection(),
    )]
}

/// A live review in a group.
#[derive(Clone)]
struct Member {
    review: Review,
    label: Option<Arc<AppliedLabel>>,
}

/// The live reviews with one key, by seniority; nearly all are alone.
enum Group {
    One(Member),
    Many(Vec<Member>),
}

impl Group {
    fn of(mut members: Vec<Member>) -> Option<Self> {
        match members.len() {
            0 => None,
            1 => members.pop().map(Self::One),
            _ => Some(Self::Many(members)),
        }
    }

    fn members(&self) -> &[Member] {
        match self {
            Self::One(member) => std::slice::from_ref(member),
            Self::Many(members) => members,
        }
    }

    /// Bytes that it takes beside its place in the table.
    fn allocated(&self) -> usize {
        match self {
            Self::One(_) => 0,
            Self::Many(members) => members.capacity() * size_of::<Member>(),
        }
    }

    fn key(&self) -> [u64; 2] {
        self.members()[0].review.head().duplicate_key
    }
}

struct Deduplicate {
    groups: HashTable<Group>,
    /// Bytes that groups take beside the table.
    bytes: usize,
    order: Vec<([u64; 2], u32)>,
}

impl EpochStep<Update<Scored>, Update<Scored>> for Deduplicate {
    fn close(&mut self, epoch: Epoch, rows: &mut Vec<Update<Scored>>, give: &mut dyn FnMut(Update<Scored>)) {
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        for (update, n) in rows.iter().zip(0..) {
            let head = update.0.review.head();
            if head.user_len == 0 {
                give(update.clone());
            } else {
                order.push((head.duplicate_key, n));
            }
        }
        order.sort_unstable();
        // at once: making room again and again would mean to look at every key as often
        self.groups.reserve(order.len(), |group| group.key()[0]);
        for run in runs(&mut order, |o| o.0) {
            let key = run[0].0;
            let entry = self.groups.find_entry(key[0], |group| group.key() == key);
            if let ([(_, n)], Err(_)) = (&*run, &entry) {
                let (row, _, diff) = &rows[*n as usize];
                if *diff > 0 {
                    let member = Member { review: row.review.clone(), label: row.label.clone() };
                    self.groups.insert_unique(key[0], Group::One(member), |group| group.key()[0]);
                    give((row.clone(), epoch, 1));
                }
                continue;
            }
            let (old, vacant) = match entry {
                Ok(entry) => {
                    let (group, vacant) = entry.remove();
                    self.bytes -= group.allocated();
                    (group.members().to_vec(), Some(vacant))
                }
                Err(_) => (Vec::new(), None),
            };
            let new = regroup(epoch, &old, run.iter().map(|(_, n)| &rows[*n as usize]), give);
            if let Some(group) = Group::of(new) {
                self.bytes += group.allocated();
                match vacant {
                    Some(vacant) => drop(vacant.insert(group)),
                    None => drop(self.groups.insert_unique(key[0], group, |group| group.key()[0])),
                }
            }
        }
        self.order = order;
    }

    fn keeps(&self) -> Option<Keeps> {
        Some(Keeps { rows: self.groups.len(), bytes: self.groups.allocation_size() + self.bytes })
    }
}

/// What an epoch did to one version of a group.
#[derive(Default)]
struct Change<'a> {
    went: bool,
    came: Option<&'a Scored>,
}

/// Applies the updates of one group and gives every row whose status, label or version changed.
fn regroup<'a>(
    epoch: Epoch,
    old: &[Member],
    updates: impl Iterator<Item = &'a Update<Scored>>,
    give: &mut dyn FnMut(Update<Scored>),
) -> Vec<Member> {
    let mut changes: BTreeMap<Place, Change<'a>> = BTreeMap::new();
    let mut own_causes: BTreeMap<&[u8], Place> = BTreeMap::new();
    for (row, _, diff) in updates {
        let cause = own_causes.entry(row.review.id_bytes()).or_insert(row.cause);
        *cause = row.cause.max(*cause);
        match *diff {
            0 => {}
            diff if diff < 0 => changes.entry(row.review.place()).or_default().went = true,
            _ => changes.entry(row.review.place()).or_default().came = Some(row),
        }
    }
    let member = |row: &Scored| Member { review: row.review.clone(), label: row.label.clone() };
    let after = |m: &Member| match changes.get(&m.review.place()) {
        None => Some(m.clone()),
        Some(change) => change.came.map(member),
    };
    let fresh: Vec<Member> =
        changes.values().filter(|c| !c.went).filter_map(|c| c.came).map(member).collect();
    let mut new: Vec<Member> = old.iter().filter_map(after).chain(fresh.iter().cloned()).collect();
    new.sort_by(|a, b| a.review.seniority().cmp(&b.review.seniority()));

    // the last record that let a version join or leave; a new label alone does neither
    let joined = changes.values().filter(|c| !c.went).filter_map(|c| c.came).map(|row| row.cause);
    let left = old
        .iter()
        .filter(|m| after(m).is_none())
        .filter_map(|m| own_causes.get(m.review.id_bytes()).copied());
    let group_cause = joined.chain(left).max();
    let row = |m: &Member, first: Option<&Review>| Scored {
        review: m.review.clone(),
        label: m.label.clone(),
        of: first.filter(|first| first.id_bytes() != m.review.id_bytes()).cloned(),
        cause: own_causes.get(m.review.id_bytes()).copied().or(group_cause).unwrap_or_default(),
    };
    let (first_before, first_after) = (old.first().map(|m| &m.review), new.first().map(|m| &m.review));
    for m in old {
        let before = row(m, first_before);
        match after(m).map(|m| row(&m, first_after)) {
            Some(now) if now == before => {
                if own_causes.contains_key(m.review.id_bytes()) {
                    give((now, epoch, 0));
                }
            }
            Some(now) => {
                give((before, epoch, -1));
                give((now, epoch, 1));
            }
            None => give((before, epoch, -1)),
        }
    }
    for m in &fresh {
        give((row(m, first_after), epoch, 1));
    }
    new
}
