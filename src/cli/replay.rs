//! `dirigent replay`: runs the log of a topology again from empty state (or the oldest checkpoint, where its beginning is
//! gone), into other outputs, and compares these with the real ones.

use std::{path::PathBuf, process::ExitCode};

use super::{
    run::{ExecuteArgs, execute},
    state::refuse,
    validate::EXIT_CONFIG,
};
use crate::{
    engine::disk::LocalDisk,
    topology::{
        assemble::Writes,
        replay::{Outcome, Prepared, ReplayError, prepare},
    },
};

/// Arguments of `replay`.
#[derive(Clone, Debug, clap::Args)]
pub struct ReplayArgs {
    /// What is run again, and how.
    #[command(flatten)]
    pub execute: ExecuteArgs,
    /// A new folder for the outputs, ID.jsonl of each sink, and the replay's own state.
    #[arg(long, value_name = "FOLDER")]
    pub into: PathBuf,
}

/// Runs `replay`: 0 where all outputs are equal, 1 where one differs or the log cannot be run again.
#[must_use]
pub fn run(args: &ReplayArgs) -> ExitCode {
    let plan = match args.execute.topology.load() {
        Ok(plan) => plan,
        Err(code) => return code,
    };
    let Prepared { plan, compared, after } = match prepare(&LocalDisk::shared(), &plan, &args.into) {
        Ok(prepared) => prepared,
        Err(ReplayError::State(error)) => return refuse(&error),
        Err(error) => {
            eprintln!("{error}");
            return match error {
                ReplayError::Topology { .. } | ReplayError::Semantics { .. } => ExitCode::from(EXIT_CONFIG),
                _ => ExitCode::FAILURE,
            };
        }
    };
    if let Err(code) = execute(&args.execute, plan, false, Writes::Logged, false) {
        return code;
    }
    if after > 0 {
        println!("from the checkpoint of epoch {after} on: the log up to there is gone");
    }
    let mut equal = true;
    for sink in &compared {
        let id = &sink.id;
        match sink.compare(&LocalDisk) {
            Ok(Outcome::Equal { epochs, bytes }) => println!("{id}: {epochs} epochs, {bytes} bytes, equal"),
            Ok(Outcome::NotCompared(reason)) => println!("{id}: not compared: {reason}"),
            Ok(Outcome::Differs { line, epoch, what }) => {
                equal = false;
                let epoch =
                    epoch.map_or_else(|| "of no epoch".to_owned(), |epoch| format!("of epoch {epoch}"));
                println!("{id}: line {line}, {epoch}, differs: {what}");
            }
            Err(error) => {
                equal = false;
                println!("{id}: {error}");
            }
        }
    }
    if equal { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
