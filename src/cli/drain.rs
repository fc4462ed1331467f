//! `dirigent drain`: brings a state that a run has left to a checkpoint at the end of its log, and reads nothing new.
//!
//! Afterwards the topology may change where a change is compatible, or the binary be another one: nothing has to be
//! computed again.

use std::process::ExitCode;

use super::{
    run::{ExecuteArgs, execute},
    run_report::books_lines,
};
use crate::topology::assemble::Writes;

/// Arguments of `drain`.
#[derive(Clone, Debug, clap::Args)]
pub struct DrainArgs {
    /// What is brought to its end, and how.
    #[command(flatten)]
    pub execute: ExecuteArgs,
}

/// Runs `drain`.
#[must_use]
pub fn run(args: &DrainArgs) -> ExitCode {
    let plan = match args.execute.topology.load() {
        Ok(plan) => plan,
        Err(code) => return code,
    };
    match execute(&args.execute, plan, false, Writes::Drain, false) {
        Ok(report) => {
            print!("{}", books_lines(&report));
            ExitCode::SUCCESS
        }
        Err(code) => code,
    }
}
