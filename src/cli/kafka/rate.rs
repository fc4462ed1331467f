//! How far a command is that moves records, and how fast: a bar on a terminal, a line every few seconds elsewhere.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a line is printed where there is no terminal.
const EVERY: Duration = Duration::from_secs(5);

/// How often the bar moves.
const TICK: Duration = Duration::from_millis(100);

/// Records and bytes that have been moved.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moved {
    pub(super) records: u64,
    pub(super) bytes: u64,
}

/// Shows them.
pub(super) struct Rate {
    bar: Option<ProgressBar>,
    verb: &'static str,
    started: Instant,
    shown: Instant,
}

impl Rate {
    /// Begins now. `total` is what the position is counted in, where it is known; without `may_draw` there is no bar.
    pub(super) fn new(verb: &'static str, total: Option<u64>, may_draw: bool) -> Self {
        let draw = may_draw && std::io::stderr().is_terminal();
        let bar = draw.then(|| {
            let (bar, template) = match total {
                Some(total) => (ProgressBar::new(total), "{wide_bar} {percent:>3} %  {msg}  {eta} left"),
                None => (ProgressBar::new_spinner(), "{spinner} {msg}"),
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar
        });
        let now = Instant::now();
        Self { bar, verb, started: now, shown: now }
    }

    /// Shows what has been moved until now, at most every so often.
    pub(super) fn show(&mut self, moved: Moved, position: u64) {
        let every = if self.bar.is_some() { TICK } else { EVERY };
        if self.shown.elapsed() < every {
            return;
        }
        self.shown = Instant::now();
        let text = self.text(moved);
        match &self.bar {
            Some(bar) => {
                bar.set_position(position);
                bar.set_message(text);
            }
            None => eprintln!("{text}"),
        }
    }

    /// Ends; what has been moved, in words.
    pub(super) fn finish(self, moved: Moved) -> String {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        format!("{} in {:.1} s", self.text(moved), self.started.elapsed().as_secs_f64())
    }

    fn text(&self, moved: Moved) -> String {
        let seconds = self.started.elapsed().as_secs_f64().max(1e-3);
        format!(
            "{} records {} ({:.1} MB), {:.0}/s, {:.1} MB/s",
            moved.records,
            self.verb,
            moved.bytes as f64 / 1e6,
            moved.records as f64 / seconds,
            moved.bytes as f64 / 1e6 / seconds,
        )
    }
}
