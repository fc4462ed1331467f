//! `alerts`: the registry entry, and the stages of the step.

use std::sync::Arc;

use schemars::schema_for;

use super::{
    cases::{Arrival, Cases},
    products::{Heard, Products},
    readings::Told,
    settings::{AlertsSettings, LexiconSettings},
    stored::StoredCase,
    verdicts::Verdicts,
};
use crate::{
    engine::{
        edge::{AsCollection, Update, merge, updates},
        ingest::Chunk,
        keyed::{flat_map, keyed},
        timed::timed,
    },
    operators::{
        block::{CommandRow, DeliveryRow, RowBlock},
        clean,
        registry::{EdgeType, Operator, Output, OutputType, Port, Record, Settings, StateFormat, parse},
        row::Scored,
        wiring::{Edge, Step, Wiring},
    },
};

/// The registry entry.
pub const OPERATOR: Operator = Operator {
    name: "alerts",
    summary: "Opens a case where a product turns bad or a review is severe, and keeps it through commands, time and retracted reviews.",
    settings: Settings {
        schema: || schema_for!(AlertsSettings),
        check: AlertsSettings::check,
        texts: &[LexiconSettings::POINTER],
    },
    ports: &[
        Port { name: "reviews", accepts: &[EdgeType::ScoredTable], many: false, optional: false },
        Port {
            name: "commands",
            accepts: &[EdgeType::Source(Record::CaseCommand)],
            many: true,
            optional: true,
        },
        Port {
            name: "deliveries",
            accepts: &[EdgeType::Source(Record::Delivery)],
            many: true,
            optional: true,
        },
    ],
    outputs: &[
        Output { name: None, edge: OutputType::Fixed(EdgeType::CaseTable) },
        Output { name: Some("dead_letters"), edge: OutputType::Fixed(EdgeType::DeadLetters) },
    ],
    state: Some(StateFormat { id: "cases", version: 1 }),
    inserts: false,
    scores: false,
    learns: None,
    escalates: Some("escalation"),
    demand: AlertsSettings::demand,
    build,
};

fn build<'s>(wiring: &mut Wiring<'s>, step: &Step<'_>, mut inputs: Vec<Vec<Edge<'s>>>) -> Vec<Edge<'s>> {
    let settings: AlertsSettings = parse(step.settings).unwrap_or_default();
    let settings = settings.with_steps();
    let (answers, commands) = (inputs.swap_remove(2), inputs.swap_remove(1));
    let Some(Edge::Scored(table)) = inputs.swap_remove(0).pop() else { return Vec::new() };
    let (scope, run) = (wiring.scope, Arc::clone(&wiring.run));
    let here = (scope.index(), scope.peers());
    let products = Products::new(&run, &settings, step, wiring.meter(step), here);
    let route = |(row, _, _): &Update<Scored>| row.review.head().product_hash >> 32;
    let heard = keyed(updates(table), step.id, route, products);
    let verdicts = Verdicts::new(&settings.product_drop.test, step.scored_by);
    let told = keyed(heard, "verdicts", Heard::worker, verdicts);
    let mut parts = vec![flat_map(told, "told", |_, told: Told, give| give(Arrival::Told(Box::new(told))))];
    let mut letters = Vec::new();
    for edge in commands {
        let Edge::Source(source) = edge else { continue };
        let decoded = clean::decoded_commands(wiring, source);
        letters.push(clean::dead_letters(wiring, source, (step.id, OPERATOR.name), decoded.clone()));
        parts.push(flat_map(decoded, "commands", |_, chunk: Chunk<RowBlock<CommandRow>>, give| {
            for command in chunk.block.in_range(chunk.start, chunk.end) {
                give(Arrival::Command(command));
            }
        }));
    }
    for edge in answers {
        let Edge::Source(source) = edge else { continue };
        let decoded = clean::decoded_deliveries(wiring, source);
        letters.push(clean::dead_letters(wiring, source, (step.id, OPERATOR.name), decoded.clone()));
        parts.push(flat_map(decoded, "deliveries", |_, chunk: Chunk<RowBlock<DeliveryRow>>, give| {
            for answer in chunk.block.in_range(chunk.start, chunk.end) {
                give(Arrival::Answer(answer));
            }
        }));
    }
    parts.extend(run.restore(scope, step.id, |stored: StoredCase| Arrival::restored(stored)));
    let cases = Cases::new(&run, step, settings, wiring.meter(step));
    let arrivals = merge(scope, parts);
    let rows = timed(arrivals, step.id, Arrival::route, cases, &run.intake).as_collection();
    vec![Edge::Cases(rows), Edge::DeadLetters(merge(scope, letters))]
}
