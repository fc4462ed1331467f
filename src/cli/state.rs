//! `dirigent state`: what is stored, whether it is whole, and the rows of a step for other tools.
//!
//! Nothing is written to the state and no lock is taken: a run may be going on.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::{
    EXIT_USAGE, output,
    state_table::table,
    validate::{EXIT_CONFIG, TopologyArgs},
};
use crate::{
    engine::disk::LocalDisk,
    telemetry::{LogFormat, init_logs},
    topology::stored::{
        StoredState, StoredStateError,
        export::{ExportError, Form},
        verify::Verdict,
    },
};

/// How often a line tells how far a check is, where there is no terminal.
const EVERY: Duration = Duration::from_secs(5);

/// Arguments of `state`.
#[derive(Clone, Debug, clap::Args)]
pub struct StateArgs {
    #[command(subcommand)]
    command: StateCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum StateCommand {
    /// Show what is stored: log, checkpoints, steps, models, sinks, positions.
    Show(ShowArgs),
    /// Check everything that is stored, and the outputs; name what is damaged.
    Verify(VerifyArgs),
    /// Write the live rows of a step to a file.
    Export(ExportArgs),
}

#[derive(Clone, Debug, clap::Args)]
struct ShowArgs {
    /// Whose state.
    #[command(flatten)]
    topology: TopologyArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug, clap::Args)]
struct VerifyArgs {
    /// Whose state.
    #[command(flatten)]
    topology: TopologyArgs,
}

#[derive(Clone, Debug, clap::Args)]
struct ExportArgs {
    /// Whose state.
    #[command(flatten)]
    topology: TopologyArgs,
    /// The step whose rows are written.
    #[arg(long, value_name = "ID")]
    step: String,
    /// Where they go; its ending says the form: .csv, .jsonl or .parquet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs `state`: 0; 1 where something is damaged or cannot be read; 64 and 78 as everywhere.
#[must_use]
pub fn run(args: &StateArgs) -> ExitCode {
    init_logs(LogFormat::Text);
    let outcome = match &args.command {
        StateCommand::Show(args) => show(args),
        StateCommand::Verify(args) => verify(args),
        StateCommand::Export(args) => export(args),
    };
    outcome.unwrap_or_else(|code| code)
}

/// Says why state cannot be read; the exit code.
pub(super) fn refuse(error: &StoredStateError) -> ExitCode {
    eprintln!("{error}");
    match error {
        StoredStateError::Name { .. } => ExitCode::from(EXIT_CONFIG),
        _ => ExitCode::FAILURE,
    }
}

fn show(args: &ShowArgs) -> Result<ExitCode, ExitCode> {
    let plan = args.topology.load()?;
    let state = StoredState::read(&LocalDisk::shared(), &plan).map_err(|error| refuse(&error))?;
    let summary = state.summary().map_err(|error| refuse(&error))?;
    let text = if args.json {
        let json = serde_json::to_string_pretty(&summary).map_err(|error| {
            eprintln!("{error}");
            ExitCode::FAILURE
        })?;
        json + "\n"
    } else {
        table(&summary)
    };
    Ok(output::write(None, &text))
}

fn verify(args: &VerifyArgs) -> Result<ExitCode, ExitCode> {
    let plan = args.topology.load()?;
    let refuse = |error| refuse(&error);
    let state = StoredState::read_damaged(&LocalDisk::shared(), &plan).map_err(refuse)?;
    let mut progress = Checking::new(state.verified_bytes().map_err(refuse)?);
    let verdict = state.verify(&mut |path, bytes| progress.show(path, bytes)).map_err(refuse)?;
    progress.finish();
    for damage in &verdict.damaged {
        eprintln!("damaged: {damage}");
    }
    let Verdict { damaged, checked, notes } = &verdict;
    let mut text = String::new();
    for line in checked.iter().chain(notes) {
        text += &format!("{line}\n");
    }
    text += &match damaged.len() {
        0 => "everything is as it was written\n".to_owned(),
        1 => "1 thing is damaged\n".to_owned(),
        n => format!("{n} things are damaged\n"),
    };
    let written = output::write(None, &text);
    Ok(if damaged.is_empty() { written } else { ExitCode::FAILURE })
}

fn export(args: &ExportArgs) -> Result<ExitCode, ExitCode> {
    let Some(form) = Form::of(&args.out) else {
        eprintln!("--out {}: expected a file that ends in .csv, .jsonl or .parquet", args.out.display());
        return Err(ExitCode::from(EXIT_USAGE));
    };
    let plan = args.topology.load()?;
    let state = StoredState::read(&LocalDisk::shared(), &plan).map_err(|error| refuse(&error))?;
    match state.export(&args.step, form, &args.out) {
        Ok(exported) => {
            let rows = if exported.rows == 1 { "row" } else { "rows" };
            eprintln!("{} {rows} of epoch {} to {}", exported.rows, exported.epoch, args.out.display());
            Ok(ExitCode::SUCCESS)
        }
        Err(ExportError::State(error)) => Err(refuse(&error)),
        Err(error) => {
            eprintln!("{error}");
            Err(ExitCode::FAILURE)
        }
    }
}

/// How far a check is: a bar on a terminal, a line every few seconds elsewhere.
struct Checking {
    bar: Option<ProgressBar>,
    total: u64,
    done: u64,
    told: Instant,
}

impl Checking {
    fn new(total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total);
            if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {msg}  {eta} left") {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, total, done: 0, told: Instant::now() }
    }

    fn show(&mut self, path: &Path, bytes: u64) {
        self.done += bytes;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
            bar.set_message(name);
        } else if self.told.elapsed() >= EVERY {
            self.told = Instant::now();
            eprintln!("{} of {} bytes read, at {name}", self.done, self.total);
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
