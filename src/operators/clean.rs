//! `clean`: decodes and checks raw reviews, cleans their text, fills `lang` and `ts`.
//!
//! The work itself happens where a chunk is claimed (`block`), before its records have an epoch: `ts` and epochs follow
//! from what decoding says. Several steps that read one source share one decoding of it. Refused records leave by
//! `.dead_letters` of the step that reads the source. There is nothing to set: `languages`, `max_record_bytes` and a
//! source's `fields` say it all.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    block::{
        CommandRow, CommandRows, DeliveryRow, DeliveryRows, FeedbackRow, FeedbackRows, Refusals, ReviewBlock,
        ReviewBlocks, ReviewChunk, ReviewSource, RowBlock, RowBlocks, RowDecoder,
    },
    books::Outcome,
    registry::{Demand, EdgeType, NoSettings, Operator, Output, OutputType, Port, Record, Settings},
    wiring::{Edge, Refused, SourceInfo, Step, Wiring},
};
use crate::{
    engine::{
        edge::{Stream, merge},
        ingest::{Chunk, Decoder, ingest},
        keyed::flat_map,
    },
    records::{
        CaseCommandDecoder, CaseCommandFields, DeliveryDecoder, DeliveryFields, FeedbackDecoder,
        FeedbackFields, ReviewFields, Stage,
    },
    telemetry::ErrorLabels,
};

/// The registry entry.
pub const OPERATOR: Operator = Operator {
    name: "clean",
    summary: "Decodes and checks raw reviews, cleans their text and fills in a missing language or time; refused records leave by `.dead_letters`.",
    settings: Settings::of::<NoSettings>(),
    ports: &[Port {
        name: "reviews",
        accepts: &[EdgeType::Source(Record::Review)],
        many: true,
        optional: false,
    }],
    outputs: &[
        Output { name: None, edge: OutputType::Fixed(EdgeType::Reviews) },
        Output { name: Some("dead_letters"), edge: OutputType::Fixed(EdgeType::DeadLetters) },
    ],
    state: None,
    inserts: false,
    scores: false,
    learns: None,
    escalates: None,
    demand: |_| Demand::default(),
    build,
};

fn build<'s>(wiring: &mut Wiring<'s>, step: &Step<'_>, mut inputs: Vec<Vec<Edge<'s>>>) -> Vec<Edge<'s>> {
    let (mut reviews, mut letters) = (Vec::new(), Vec::new());
    for edge in inputs.swap_remove(0) {
        let Edge::Source(source) = edge else { continue };
        let decoded = decoded_reviews(wiring, source, step.demand);
        let meter = wiring.meter(step);
        let chunks = decoded.clone();
        letters.push(dead_letters(
            wiring,
            source,
            (step.id, OPERATOR.name),
            flat_map(decoded, "refused", |_, chunk: ReviewChunk, give| give(chunk.chunk)),
        ));
        reviews.push(flat_map(chunks, step.id, move |_, chunk: ReviewChunk, give| {
            let Chunk { block, start, end } = &chunk.chunk;
            meter.received(end - start);
            meter.sent(end - start - refused_in(&chunk.chunk, block.refusals()).len());
            give(chunk);
        }));
    }
    vec![Edge::Reviews(merge(wiring.scope, reviews)), Edge::DeadLetters(merge(wiring.scope, letters))]
}

/// The decoded records of a source: the first step that asks has them decoded, others share what is in `kept`.
fn decoded<'s, T: Clone>(
    wiring: &mut Wiring<'s>,
    source: usize,
    kept: for<'w> fn(&'w mut Wiring<'s>) -> &'w mut BTreeMap<usize, T>,
    decode: impl FnOnce(&Wiring<'s>, &SourceInfo) -> T,
) -> T {
    if let Some(decoded) = kept(wiring).get(&source) {
        return decoded.clone();
    }
    let decoded = decode(wiring, &wiring.run.sources[source]);
    kept(wiring).insert(source, decoded.clone());
    decoded
}

/// The decoded reviews of a source.
fn decoded_reviews<'s>(wiring: &mut Wiring<'s>, source: usize, demand: &Demand) -> Stream<'s, ReviewChunk> {
    decoded(
        wiring,
        source,
        |wiring| &mut wiring.decoded,
        |wiring, info| {
            let decoder = ReviewBlocks::new(ReviewSource {
                run: Arc::clone(&wiring.run),
                rank: info.rank,
                fields: ReviewFields::review(&info.fields).unwrap_or_default(),
                keys: info.keys,
                demand: demand.clone(),
            });
            flat_map(read(wiring, info, decoder), "read", |_, chunk: Chunk<ReviewBlock>, give| {
                give(ReviewChunk { chunk, filtered: None });
            })
        },
    )
}

/// The decoded feedback of a source.
pub(super) fn decoded_feedback<'s>(
    wiring: &mut Wiring<'s>,
    source: usize,
) -> Stream<'s, Chunk<RowBlock<FeedbackRow>>> {
    decoded(
        wiring,
        source,
        |wiring| &mut wiring.decoded_feedback,
        |wiring, info| {
            let fields = FeedbackFields::feedback(&info.fields).unwrap_or_default();
            read_rows(wiring, info, FeedbackRows { fields, decoder: FeedbackDecoder::default() })
        },
    )
}

/// The decoded commands of a source.
pub(super) fn decoded_commands<'s>(
    wiring: &mut Wiring<'s>,
    source: usize,
) -> Stream<'s, Chunk<RowBlock<CommandRow>>> {
    decoded(
        wiring,
        source,
        |wiring| &mut wiring.decoded_commands,
        |wiring, info| {
            let fields = CaseCommandFields::case_command(&info.fields).unwrap_or_default();
            read_rows(wiring, info, CommandRows { fields, decoder: CaseCommandDecoder::default() })
        },
    )
}

/// The decoded outcomes of a source.
pub(super) fn decoded_deliveries<'s>(
    wiring: &mut Wiring<'s>,
    source: usize,
) -> Stream<'s, Chunk<RowBlock<DeliveryRow>>> {
    decoded(
        wiring,
        source,
        |wiring| &mut wiring.decoded_deliveries,
        |wiring, info| {
            let fields = DeliveryFields::delivery(&info.fields).unwrap_or_default();
            read_rows(wiring, info, DeliveryRows { fields, decoder: DeliveryDecoder::default() })
        },
    )
}

/// The source operator of a source, with what decodes its records.
fn read<'s, D: Decoder>(wiring: &Wiring<'s>, source: &SourceInfo, decoder: D) -> Stream<'s, Chunk<D::Block>> {
    let intake = Arc::clone(&wiring.run.intake);
    ingest(wiring.scope, &source.id, source.rank, intake, wiring.committed.clone(), decoder)
}

/// The source operator of a source of small records.
fn read_rows<'s, D: RowDecoder>(
    wiring: &Wiring<'s>,
    source: &SourceInfo,
    decoder: D,
) -> Stream<'s, Chunk<RowBlock<D::Row>>> {
    let run = Arc::clone(&wiring.run);
    read(wiring, source, RowBlocks { run, rank: source.rank, keys: source.keys, decoder })
}

/// The refused records of decoded chunks, as the step that reads them reports them.
pub(super) fn dead_letters<'s, B: Refusals + 'static>(
    wiring: &mut Wiring<'s>,
    source: usize,
    (component, component_type): (&str, &'static str),
    chunks: Stream<'s, Chunk<B>>,
) -> Stream<'s, Refused> {
    let rank = wiring.run.sources[source].rank;
    let books = wiring.books_refusals_once(source).then(|| Arc::clone(&wiring.run));
    let component: Arc<str> = component.into();
    flat_map(chunks, "dead letters", move |epoch, chunk: Chunk<B>, give| {
        for (_, record) in refused_in(&chunk, chunk.block.refusals()) {
            if let Some(run) = &books {
                let error_code = record.code.as_str();
                run.books.book_anyway(epoch, rank, Outcome::DeadLetter(error_code), 1);
                let (error_type, stage) = (error_type(record.stage), record.stage.as_str());
                run.metrics
                    .refused(&component, ErrorLabels { component_type, error_code, error_type, stage });
            }
            give(Refused { component: Arc::clone(&component), record: Arc::clone(record) });
        }
    })
}

/// The refused records, which stand in ascending order, of the part of a block that is a chunk.
fn refused_in<'a, B, R>(chunk: &Chunk<B>, refusals: &'a [(usize, R)]) -> &'a [(usize, R)] {
    let before = |place: usize| refusals.partition_point(|(n, _)| *n < place);
    &refusals[before(chunk.start)..before(chunk.end)]
}

/// The kind of error in the terms of Vector, whose dashboards know them.
fn error_type(stage: Stage) -> &'static str {
    match stage {
        Stage::Decode => "parser_failed",
        Stage::Validate => "condition_failed",
        Stage::Transform => "processing_failed",
        Stage::Sink => "writer_failed",
    }
}
