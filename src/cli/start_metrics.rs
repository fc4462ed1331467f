//! What a start has found, as one line of the log and as metrics.

use crate::{
    telemetry::{Labels, Metrics, SampleKind},
    topology::start_figures::{PHASES, StartFigures},
};

/// Says where the run goes on, and how long it took to get there.
pub(super) fn log_start(start: &StartFigures) {
    let [log, sources, checkpoint, sinks] = start.took.map(|took| took.as_millis() as u64);
    tracing::info!(
        generation = start.generation,
        checkpoint = start.checkpoint,
        epochs_replayed = start.replayed,
        bytes_read_again = start.read_again,
        log_ms = log,
        sources_ms = sources,
        checkpoint_ms = checkpoint,
        sinks_ms = sinks,
        "{}",
        if start.generation > 1 { "going on" } else { "beginning" }
    );
}

/// Adds the families of a start.
pub(super) fn show_start(metrics: &Metrics, start: StartFigures) {
    let single = |name, help, kind, value: f64| {
        metrics.sample(name, help, kind, move || vec![(Labels::new(), value)]);
    };
    single("generation", "Which start of the run this is", SampleKind::Gauge, start.generation as f64);
    single("epochs_replayed", "Logged epochs computed again", SampleKind::Counter, start.replayed as f64);
    single(
        "source_read_again_bytes",
        "Input after the checkpoint that the log covers, in bytes",
        SampleKind::Gauge,
        start.read_again as f64,
    );
    metrics.sample("start_duration_seconds", "How long the start took", SampleKind::Gauge, move || {
        let phases = PHASES.into_iter().zip(start.took);
        phases
            .map(|(phase, took)| (vec![("phase".to_owned(), phase.to_owned())], took.as_secs_f64()))
            .collect()
    });
}
