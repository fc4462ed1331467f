//! `dirigent backtest`: runs a topology over its bounded input and writes only how well its model did.
//!
//! Everything is computed as in a run, with the same epochs and versions; no sink is written.

use std::{path::PathBuf, process::ExitCode};

use crate::topology::assemble::Writes;

use super::{
    report::read_quality,
    run::{ExecuteArgs, execute},
    run_report::books_lines,
};

/// Arguments of `backtest`.
#[derive(Clone, Debug, clap::Args)]
pub struct BacktestArgs {
    /// What is run, and how.
    #[command(flatten)]
    pub execute: ExecuteArgs,
    /// Where the report goes: all quality figures, by language, stars and feedback apart, and by epoch; recall and
    /// precision of both classes.
    #[arg(long, value_name = "FILE")]
    pub report: PathBuf,
}

/// Runs `backtest`.
#[must_use]
pub fn run(args: &BacktestArgs) -> ExitCode {
    let plan = match args.execute.topology.load() {
        Ok(plan) => plan,
        Err(code) => return code,
    };
    let report = match execute(&args.execute, plan, true, Writes::Nothing, false) {
        Ok(report) => report,
        Err(code) => return code,
    };
    print!("{}", books_lines(&report));
    match report.write(&args.report) {
        Ok(()) => match read_quality(&args.report) {
            Ok(quality) => {
                println!("{quality}\nthe report: {}", args.report.display());
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("{error:?}");
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            eprintln!("cannot write {}: {error}", args.report.display());
            ExitCode::FAILURE
        }
    }
}
