//! What the sinks of a topology have committed: its cases as they are now, and the negative share of a product over time.
//!
//! Of a compacted topic only what it still has is seen.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;

use crate::{
    connect::{ends::CommittedRecord, escalation::planner::CaseLine, registry::CommittedContext},
    engine::disk::{Disk, LocalDisk},
    operators::registry::EdgeType,
    records::Case,
    topology::plan::{Plan, SinkNode},
};

/// The sinks that take nothing but a table.
fn sinks_of(plan: &Plan, table: EdgeType) -> impl Iterator<Item = &SinkNode> {
    plan.sinks.iter().filter(move |sink| sink.inputs.iter().all(|from| plan.edge_type(from) == table))
}

/// Gives every record that a sink had committed when it was opened.
fn read(plan: &Plan, sink: &SinkNode, mut each: impl FnMut(&CommittedRecord)) -> Result<(), String> {
    let (state, disk): (_, Arc<dyn Disk>) = (plan.options.state_dir(), LocalDisk::shared());
    let context = CommittedContext { id: &sink.id, state: &state, disk: &disk };
    let mut committed = (sink.kind.committed)(&sink.settings, &context).map_err(|error| error.to_string())?;
    loop {
        let (records, all) = committed.read().map_err(|error| format!("{error}; {}", error.hint))?;
        records.iter().for_each(&mut each);
        if all {
            return Ok(());
        }
    }
}

/// The cases of a topology by id, as far as they are remembered.
pub(super) fn cases(plan: &Plan) -> Result<BTreeMap<String, Case>, String> {
    let Some(sink) = sinks_of(plan, EdgeType::CaseTable).next() else {
        return Err("no sink of the topology takes cases; add one that reads its `alerts`, such as \
                    { type: file, inputs: [alerts], path: out/cases.jsonl }"
            .into());
    };
    let mut cases = BTreeMap::new();
    read(plan, sink, |record| match CaseLine::of(record) {
        Some(CaseLine::Case(case)) => drop(cases.insert(case.case_id.clone(), *case)),
        Some(CaseLine::Gone(id)) => drop(cases.remove(&id)),
        None => {}
    })?;
    Ok(cases)
}

/// One case.
pub(super) fn case(plan: &Plan, case_id: &str) -> Result<Case, String> {
    cases(plan)?.remove(case_id).ok_or_else(|| {
        format!(
            "there is no case `{case_id}`, or it is forgotten; `dirigent cases list --state all` lists them"
        )
    })
}

/// A product's share, of its line.
#[derive(Deserialize)]
struct ShareLine {
    product_id: String,
    epoch: u64,
    negative_share: Option<f64>,
}

/// The negative share of a product at each epoch that changed it; nothing where no sink takes products.
pub(super) fn negative_shares(plan: &Plan, product: &str) -> Result<Vec<(u64, f64)>, String> {
    let Some(sink) = sinks_of(plan, EdgeType::ProductTable).next() else { return Ok(Vec::new()) };
    let mut shares = BTreeMap::new();
    read(plan, sink, |record| {
        let line = record.value.as_deref().and_then(|value| serde_json::from_slice::<ShareLine>(value).ok());
        if let Some(ShareLine { epoch, negative_share: Some(share), .. }) =
            line.filter(|line| line.product_id == product)
        {
            shares.insert(epoch, share);
        }
    })?;
    Ok(shares.into_iter().collect())
}
