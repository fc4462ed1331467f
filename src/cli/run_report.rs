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
        books::{Balance, Books},
        quality_log::{ClassReport, EpochQuality},
        wiring::Run,
    },
    records::ModelRecord,
    topology::options::REPORT,
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
        let left_behind = |source| run.intake.left_behind(source);
        let (model, classes) = run.quality.last().unzip();
        Self {
            model,
            classes,
            epochs: run.quality.epochs(),
            scratch: run.state.join(REPORT),
            ..Self::with(name, &run.books, left_behind, workers, took)
        }
    }

    /// The books of a run, closed, without quality. `left_behind` says what a stop has left of a source.
    fn with(
        name: String,
        books: &Books,
        left_behind: impl Fn(usize) -> u64,
        workers: usize,
        took: Duration,
    ) -> Self {
        books.close(left_behind);
        let (sources, books) = (books.by_source(), books.total());
        Self {
            name,
            workers,
            records: books.read,
            seconds: took.as_secs_f64(),
            // of each: what one source has too much must not make up for another
            balanced: sources.values().all(Balance::balances),
            books,
            sources,
            model: None,
            classes: None,
            epochs: Vec::new(),
            scratch: PathBuf::new(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::books::Outcome;

    /// The last lines of a run of 5 reviews, of which 3 were booked, and with so many left behind by a stop.
    fn lines(left_behind: u64) -> (String, bool) {
        let books = Books::new(vec!["reviews".into()], vec![vec![0]], false);
        books.book_anyway(1, 0, Outcome::In, 5);
        books.book(1, 0, 0, Outcome::Applied, 3);
        let report = RunReport::with("shop".into(), &books, |_| left_behind, 1, Duration::from_millis(100));
        (books_lines(&report), report.balanced)
    }

    #[test]
    fn a_step_that_forgets_to_book_is_found() {
        let told = "5 records in 0.1 s\nbooks of reviews: 5 in = 3 applied + 0 superseded + 0 deleted";
        let (forgotten, balanced) = lines(0);
        assert_eq!(forgotten, format!("{told} + 0 pending  THE BOOKS DO NOT BALANCE: please report this\n"));
        assert!(!balanced);
        assert_eq!(lines(2), (format!("{told} + 2 pending\n"), true));
    }
}
