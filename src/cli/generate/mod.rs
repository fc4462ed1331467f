//! `dirigent generate`: reviews and feedback that nobody wrote, for trials, tests and figures.
//!
//! One seed gives the same bytes on every machine. The events are what a shop's log has: first versions, edits,
//! deletes, redeliveries, copies, lines that must be refused, feedback, some of it ahead of its review; products,
//! users and words by the law of Zipf and Mandelbrot; English and German by a grammar of their own; stars that follow
//! a latent quality, texts that follow the stars, so there is something to learn, and one product that turns bad on a
//! known day.
//!
//! # Layout
//! `settings` says what is wanted; `random`, `zipf` and `records::calendar` are the ground; `language`, `english`, `german`,
//! `template`, `vocabulary` and `grammar` write texts; `world` decides who says what; `dress` and `record` make lines
//! of it; `stream` orders the events.

mod dress;
mod english;
mod german;
mod grammar;
mod language;
mod random;
mod record;
mod settings;
mod stream;
mod template;
#[cfg(test)]
mod tests;
mod vocabulary;
mod world;
mod zipf;

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use miette::{Context, IntoDiagnostic};

use super::EXIT_USAGE;
use crate::records::calendar;

pub use settings::{GenerateSettings, Summary, TURNING_RANK};
pub use stream::generate;

/// Writes synthetic reviews, and feedback on them, as JSON lines.
#[derive(Debug, Clone, clap::Args)]
pub struct GenerateArgs {
    /// Review events to write: reviews, edits, deletes, duplicates and malformed lines together
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    reviews: u64,
    /// Same seed, same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of products; product-00001 is the most popular one
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    products: u32,
    /// Number of users
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    users: u32,
    /// Average number of words of a text
    #[arg(long, value_name = "N", default_value_t = 40)]
    words: u32,
    /// Composed words of each language, beside those of the grammar
    #[arg(long, value_name = "N", default_value_t = 24_000)]
    vocabulary: usize,
    /// Share of users who write German instead of English
    #[arg(long, value_name = "SHARE", default_value_t = 0.4)]
    german: f64,
    /// Share of edits among the events
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    edits: f64,
    /// Share of deletes among the events
    #[arg(long, value_name = "SHARE", default_value_t = 0.01)]
    deletes: f64,
    /// Share of duplicates: half the same line again, half the same text under a new id
    #[arg(long, value_name = "SHARE", default_value_t = 0.03)]
    duplicates: f64,
    /// Share of lines that must be refused
    #[arg(long, value_name = "SHARE", default_value_t = 0.005)]
    malformed: f64,
    /// Lines of feedback for each review event
    #[arg(long, value_name = "SHARE", default_value_t = 0.02)]
    feedback: f64,
    /// Time of the first event: a date, or a date and time in UTC (2026-01-01T12:00:00Z)
    #[arg(long, value_name = "TIME", default_value = "2026-01-01", value_parser = start)]
    start: i64,
    /// Days over which the events are spread
    #[arg(long, value_name = "N", default_value_t = 90)]
    days: u32,
    /// Day, counted from 0, on which product-00003 turns bad
    #[arg(long, value_name = "DAY", default_value_t = 60)]
    turns_bad_on: u32,
    /// Where to write the reviews; - is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
    /// Where to write the feedback; without it there is none
    #[arg(long, value_name = "FILE")]
    feedback_out: Option<PathBuf>,
}

fn start(text: &str) -> Result<i64, String> {
    calendar::parse(text)
        .ok_or_else(|| "expected a date such as 2026-01-01, or 2026-01-01T12:00:00Z".to_owned())
}

impl From<&GenerateArgs> for GenerateSettings {
    fn from(args: &GenerateArgs) -> Self {
        Self {
            events: args.reviews,
            seed: args.seed,
            products: args.products,
            users: args.users,
            words: args.words,
            vocabulary: args.vocabulary,
            german: args.german,
            edits: args.edits,
            deletes: args.deletes,
            duplicates: args.duplicates,
            malformed: args.malformed,
            feedback: args.feedback,
            start: args.start,
            days: args.days,
            turns_bad_on: args.turns_bad_on,
        }
    }
}

/// Runs `generate`: 0, 64 for settings that contradict themselves, 1 where a file cannot be written.
#[must_use]
pub fn run(args: &GenerateArgs) -> ExitCode {
    let settings = GenerateSettings::from(args);
    if let Some(complaint) = settings.complaint() {
        eprintln!("error: {complaint}");
        return ExitCode::from(EXIT_USAGE);
    }
    match write(args, &settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) => {
            eprintln!("{report:?}");
            ExitCode::FAILURE
        }
    }
}

/// Lines to the files, the summary to standard error, with progress if that is a terminal. A reader that closes the pipe
/// has seen enough: no failure.
fn write(args: &GenerateArgs, settings: &GenerateSettings) -> miette::Result<()> {
    let mut reviews = open(&args.out)?;
    let mut feedback = args.feedback_out.as_deref().map_or_else(|| Ok(Box::new(io::sink()) as _), open)?;
    let progress = progress_bar(settings.events);
    let result = stream::generate_observed(settings, &mut *reviews, &mut *feedback, &mut |events| {
        progress.set_position(events);
    });
    progress.finish_and_clear();
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => {
            let summary = result.into_diagnostic().wrap_err("cannot write what was generated")?;
            eprintln!("{summary}");
            Ok(())
        }
    }
}

fn open(path: &Path) -> miette::Result<Box<dyn Write>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdout().lock()));
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .into_diagnostic()
            .wrap_err_with(|| format!("cannot create {}", folder.display()))?;
    }
    let file =
        File::create(path).into_diagnostic().wrap_err_with(|| format!("cannot create {}", path.display()))?;
    Ok(Box::new(file))
}

fn progress_bar(events: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{bar:30} {human_pos} of {human_len} events, {per_sec}, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(events).with_style(style)
}
