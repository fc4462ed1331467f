//! What is left of a run: its books, and the quality of its model by epoch, as JSON and as last lines.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Serialize;

use crate::{
    operators::{
        books::Balance,
        quality_log::{ClassReport, EpochQuality},
        wiring::Run,
    },
    records::ModelRecord,
};

/// A run that has ended.
#[derive(Debug, Serialize)]
pub(super) struct RunReport {
    name: String,
    workers: usize,
    records: u64,
    seconds: f64,
    books: Balance,
    balanced: bool,
    sources: BTreeMap<String, Balance>,
    model: Option<ModelRecord>,
    classes: Option<ClassReport>,
    epochs: Vec<EpochQuality>,
    /// Where a report goes that nobody asked to keep.
    #[serde(skip)]
    pub(super) scratch: PathBuf,
}

impl RunReport {
    /// The report of a run, after its end.
    pub(super) fn of(name: String, run: &Run, workers: usize, took: Duration) -> Self {
        let mut sources = run.books.by_source();
        let mut books = run.books.total();
        // what was read into an epoch that a stop left open
        for balance in sources.values_mut().chain([&mut books]) {
            balance.pending += balance.read.saturating_sub(balance.accounted());
        }
        let (model, classes) = run.quality.last().unzip();
        Self {
            name,
            workers,
            records: books.read,
            seconds: took.as_secs_f64(),
            balanced: books.balances(),
            books,
            sources,
            model,
            classes,
            epochs: run.quality.epochs(),
            scratch: run.state.join("report.json"),
        }
    }

    /// Writes it as JSON.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut text = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        text.push(b'\n');
        std::fs::write(path, text)
    }
}

/// The last lines of a run: the books by source, and whether they balance.
pub(super) fn books_lines(report: &RunReport) -> String {
    let mut lines = format!("{} records in {:.1} s\n", report.records, report.seconds);
    for (source, balance) in &report.sources {
        let mut parts: Vec<String> =
            [("applied", balance.applied), ("superseded", balance.superseded), ("deleted", balance.deleted)]
                .into_iter()
                .map(|(name, n)| format!("{n} {name}"))
                .collect();
        parts.extend(balance.dropped.iter().map(|(reason, n)| format!("{n} dropped{{{reason}}}")));
        parts.extend(balance.dead_letter.iter().map(|(code, n)| format!("{n} dead_letter{{{code}}}")));
        parts.push(format!("{} pending", balance.pending));
        let verdict = if balance.balances() { "" } else { "  THE BOOKS DO NOT BALANCE: please report this" };
        lines.push_str(&format!("books of {source}: {} in = {}{verdict}\n", balance.read, parts.join(" + ")));
    }
    lines
}
