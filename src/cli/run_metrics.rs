//! Shows in the metrics what a run keeps anyway: its books, what flows through its components, how far it is.
//!
//! Everything here is read at the scrape. Two families of one scrape are read one after the other: while records flow they
//! may be a moment apart.

use std::sync::Arc;

use crate::{
    engine::sink::Writers,
    operators::wiring::Run,
    telemetry::{Labels, SampleKind},
    topology::plan::Plan,
};

/// A part of the topology, as metrics name it.
#[derive(Clone, Debug)]
struct Component {
    id: String,
    kind: &'static str,
    component_type: &'static str,
}

impl Component {
    fn labels(&self, more: &[(&str, &str)]) -> Labels {
        let own = [
            ("component_id", self.id.as_str()),
            ("component_kind", self.kind),
            ("component_type", self.component_type),
        ];
        labels(own.iter().chain(more))
    }
}

fn labels<'a>(pairs: impl IntoIterator<Item = &'a (&'a str, &'a str)>) -> Labels {
    pairs.into_iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// All parts of a topology.
#[derive(Clone, Debug)]
pub(super) struct Components {
    sources: Vec<Component>,
    /// By the index in the plan.
    steps: Vec<Component>,
    sinks: Vec<Component>,
}

/// The sink of refused records that the topology does not name writes a file.
const UNNAMED_SINK: &str = "file";

impl Components {
    /// The components of a plan.
    pub(super) fn of(plan: &Plan) -> Self {
        let component =
            |id: &String, kind, component_type| Component { id: id.clone(), kind, component_type };
        Self {
            sources: plan.sources.iter().map(|node| component(&node.id, "source", node.kind.name)).collect(),
            steps: plan
                .steps
                .iter()
                .map(|node| component(&node.id, "transform", node.operator.name))
                .collect(),
            sinks: plan.sinks.iter().map(|node| component(&node.id, "sink", node.kind.name)).collect(),
        }
    }

    fn sink(&self, id: &str) -> Component {
        let named = self.sinks.iter().find(|sink| sink.id == id).cloned();
        let unnamed = || Component { id: id.to_owned(), kind: "sink", component_type: UNNAMED_SINK };
        named.unwrap_or_else(unnamed)
    }
}

/// Adds all families. `skipped`: bytes of the sources that were passed over at the start.
pub(super) fn show(run: &Arc<Run>, writers: &Arc<Writers>, components: Components, skipped: u64) {
    show_books(run);
    show_intake(run, skipped);
    let components = Arc::new(components);
    show_flow(run, writers, &components);
    show_lag(run, writers, &components);
    let writers = Arc::clone(writers);
    run.metrics.sample("sink_written_bytes", "Bytes written by all sinks", SampleKind::Counter, move || {
        vec![(Vec::new(), writers.written_bytes() as f64)]
    });
}

fn show_books(run: &Arc<Run>) {
    let shared = Arc::clone(run);
    run.metrics.sample("books", "Input records by where they ended", SampleKind::Counter, move || {
        let mut values = Vec::new();
        for (source, balance) in shared.books.by_source() {
            let mut end = |outcome: &str, reason: &str, n: u64| {
                let pairs = [("source", source.as_str()), ("outcome", outcome), ("reason", reason)];
                values.push((labels(&pairs), n as f64));
            };
            for (outcome, n) in [
                ("in", balance.read),
                ("applied", balance.applied),
                ("superseded", balance.superseded),
                ("deleted", balance.deleted),
            ] {
                end(outcome, "", n);
            }
            balance.dropped.iter().for_each(|(reason, n)| end("dropped", reason, *n));
            balance.dead_letter.iter().for_each(|(code, n)| end("dead_letter", code, *n));
        }
        values
    });
}

fn show_intake(run: &Arc<Run>, skipped: u64) {
    let gauge = |name, help, kind, read: fn(&Run) -> f64| {
        let shared = Arc::clone(run);
        run.metrics.sample(name, help, kind, move || vec![(Vec::new(), read(&shared))]);
    };
    gauge("epochs_in_flight", "Epochs of a partition on their way", SampleKind::Gauge, |run| {
        run.intake.progress().epochs_in_flight as f64
    });
    gauge("bytes_in_flight", "Bytes read and not committed", SampleKind::Gauge, |run| {
        run.intake.progress().bytes_in_flight as f64
    });
    let shared = Arc::clone(run);
    run.metrics.sample("source_read_bytes", "Bytes read from all sources", SampleKind::Counter, move || {
        vec![(Vec::new(), shared.intake.progress().read.saturating_sub(skipped) as f64)]
    });
    gauge("epoch_logged", "The last epoch in the log, in ms", SampleKind::Gauge, |run| {
        run.intake.durable() as f64
    });
    let shared = Arc::clone(run);
    run.metrics.sample_histograms(
        "end_to_end_latency_seconds",
        "From the reading of a record to the commit of its epoch by all sinks",
        move || vec![(Vec::new(), shared.intake.latency().distribution())],
    );
}

/// What went into each component and out of it, and what it dropped.
fn show_flow(run: &Arc<Run>, writers: &Arc<Writers>, components: &Arc<Components>) {
    let flows = |received: bool| {
        let (run, writers, components) = (Arc::clone(run), Arc::clone(writers), Arc::clone(components));
        move || {
            let books = run.books.by_source();
            let sources = components.sources.iter().map(|source| {
                let read = books.get(&source.id).map_or(0, |balance| balance.read);
                (source.labels(&[]), read as f64)
            });
            let pick = |(came, went): (u64, u64)| if received { came as f64 } else { went as f64 };
            let steps =
                components.steps.iter().map(|step| (step.labels(&[]), pick(run.metrics.flow(&step.id))));
            let sinks = writers.meters().into_iter().map(|(id, meter)| {
                let came = run.metrics.flow(&format!("sinks.{id}")).0;
                (components.sink(&id).labels(&[]), pick((came, meter.written())))
            });
            sources.chain(steps).chain(sinks).collect()
        }
    };
    let metrics = &run.metrics;
    metrics.sample(
        "component_received_events",
        "Records, or changes of a table, that a component has taken",
        SampleKind::Counter,
        flows(true),
    );
    metrics.sample(
        "component_sent_events",
        "Records, or changes of a table, that a component has given on",
        SampleKind::Counter,
        flows(false),
    );
    let kept = |pick: fn((u64, u64)) -> u64| {
        let (run, components) = (Arc::clone(run), Arc::clone(components));
        move || {
            let of = |step: &Component| Some((step.labels(&[]), pick(run.metrics.kept(&step.id)?) as f64));
            components.steps.iter().filter_map(of).collect()
        }
    };
    metrics.sample("state_rows", "Rows that a component keeps", SampleKind::Gauge, kept(|(rows, _)| rows));
    metrics.sample(
        "state_memory_bytes",
        "Bytes of memory that a component has taken for what it keeps",
        SampleKind::Gauge,
        kept(|(_, bytes)| bytes),
    );
    let (shared, components) = (Arc::clone(run), Arc::clone(components));
    metrics.sample(
        "component_discarded_events",
        "Records that a component has dropped because they change nothing",
        SampleKind::Counter,
        move || {
            let dropped = shared.books.dropped_by_step();
            let of = |(step, n): (usize, u64)| {
                let step = components.steps.get(step)?;
                Some((step.labels(&[("intentional", "true")]), n as f64))
            };
            dropped.into_iter().filter_map(of).collect()
        },
    );
}

fn show_lag(run: &Arc<Run>, writers: &Arc<Writers>, components: &Arc<Components>) {
    let (shared, watched, named) = (Arc::clone(run), Arc::clone(writers), Arc::clone(components));
    run.metrics.sample(
        "frontier_lag_seconds",
        "How far the newest epoch is ahead of what a sink has committed, in epoch time",
        SampleKind::Gauge,
        move || {
            let newest = shared.intake.newest();
            let lag = |before: u64| newest.saturating_sub(before) as f64 / 1e3;
            let sinks = watched.meters().into_iter();
            sinks.map(|(id, meter)| (named.sink(&id).labels(&[]), lag(meter.frontier()))).collect()
        },
    );
    let (shared, named) = (Arc::clone(run), Arc::clone(components));
    run.metrics.sample(
        "source_idle_seconds",
        "How long ago a source last gave a record",
        SampleKind::Gauge,
        move || {
            let sources = shared.sources.iter().zip(&named.sources);
            sources
                .map(|(info, source)| (source.labels(&[]), shared.intake.idle(info.rank).as_secs_f64()))
                .collect()
        },
    );
}
