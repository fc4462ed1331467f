//! Progress of a run: a bar on a terminal, a log line every few seconds elsewhere.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::engine::intake::IntakeProgress;

/// How often a line is logged where there is no terminal.
const EVERY: Duration = Duration::from_secs(5);

/// Shows how far a run is.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    started: Instant,
    logged: Instant,
}

impl Progress {
    /// Progress of a run that starts now.
    pub(super) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {msg}  {eta} left") {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, started: Instant::now(), logged: Instant::now() }
    }

    /// Shows the state of now; `accuracy` is that of the published predictions, fading.
    pub(super) fn show(&mut self, progress: &IntakeProgress, accuracy: Option<f64>) {
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = progress.records as f64 / seconds.max(1e-3);
        let accuracy = accuracy.map(|a| format!(", accuracy {a:.3}")).unwrap_or_default();
        let message = format!("{} records, {rate:.0}/s{accuracy}", progress.records);
        if let Some(bar) = &self.bar {
            if let Some(total) = progress.total {
                bar.set_length(total);
            }
            bar.set_position(progress.read);
            bar.set_message(message);
        } else if self.logged.elapsed() >= EVERY {
            self.logged = Instant::now();
            let share =
                progress.total.filter(|total| *total > 0).map(|total| progress.read as f64 / total as f64);
            let left = share.filter(|share| *share > 0.0).map(|share| seconds / share - seconds);
            let left = left
                .map(|left| format!(", {:.0} % read, about {left:.0} s left", share.unwrap_or(0.0) * 100.0))
                .unwrap_or_default();
            tracing::info!("{message}{left}");
        }
    }

    /// The run is over.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
