//! What SIGTERM and Ctrl-C do to a run: the first one ends it in order, also before it has begun, a second one at once.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::{
    engine::intake::Intake,
    telemetry::{Metrics, Status},
};

/// What a signal ends: a run that is to begin, and then its input.
#[derive(Clone)]
pub(super) struct Signalled {
    metrics: Arc<Metrics>,
    /// Set when the run is told to end before it has begun.
    pub(super) interrupt: Arc<AtomicBool>,
    intake: Arc<OnceLock<Arc<Intake>>>,
}

impl Signalled {
    pub(super) fn new(metrics: &Arc<Metrics>) -> Self {
        Self { metrics: Arc::clone(metrics), interrupt: Arc::default(), intake: Arc::default() }
    }

    /// The run has begun.
    pub(super) fn begun(&self, intake: &Arc<Intake>) {
        self.intake.get_or_init(|| Arc::clone(intake));
        if self.interrupt.load(Ordering::Acquire) {
            intake.stop();
        }
    }

    fn stop(&self) {
        self.metrics.status().set(Status::Stopping);
        self.interrupt.store(true, Ordering::Release);
        if let Some(intake) = self.intake.get() {
            intake.stop();
        }
    }
}

/// Lets the first signal end the run in order, and a second one at once.
pub(super) fn stop_on_signals(signalled: &Signalled) {
    let signalled = signalled.clone();
    let mut signals = match Signals::new([SIGTERM, SIGINT]) {
        Ok(signals) => signals,
        Err(error) => {
            return tracing::warn!(%error, "signals cannot be caught: they will end the run at once");
        }
    };
    let body = move || {
        for (n, signal) in signals.forever().enumerate() {
            if n > 0 {
                // 128 + signal, as a shell reports a process that a signal ended
                std::process::exit(128 + signal);
            }
            tracing::info!("asked to stop: finishing the open epoch (a second signal ends the run at once)");
            signalled.stop();
        }
    };
    if let Err(error) = std::thread::Builder::new().name("signals".into()).spawn(body) {
        tracing::warn!(%error, "signals cannot be caught");
    }
}
