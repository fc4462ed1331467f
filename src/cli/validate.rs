//! `dirigent validate`: says everything that is wrong with a topology, or that nothing is.

use std::{
    io::{IsTerminal, stderr},
    path::PathBuf,
    process::ExitCode,
};

use super::kafka;
use crate::topology::{self, diagnostics::TopologyErrors, plan::Plan};

/// Exit code of a wrong configuration (`EX_CONFIG` of sysexits).
pub const EXIT_CONFIG: u8 = 78;

/// A topology file and its overrides, as every command takes them.
#[derive(Clone, Debug, clap::Args)]
pub struct TopologyArgs {
    /// The topology file.
    pub topology: PathBuf,
    /// Override a value, such as `sources.reviews.path=FILE`; may be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
}

impl TopologyArgs {
    /// Loads the topology; prints warnings and errors to standard error.
    ///
    /// # Errors
    /// The exit code of a wrong configuration; everything has been said.
    pub fn load(&self) -> Result<Plan, ExitCode> {
        let colours = stderr().is_terminal();
        match topology::load(&self.topology, &self.sets) {
            Ok((plan, warnings)) => {
                for warning in &warnings {
                    eprint!("{}", warning.render(colours));
                }
                Ok(plan)
            }
            Err(errors) => Err(refuse(&errors, colours)),
        }
    }
}

/// Prints what is wrong.
fn refuse(errors: &TopologyErrors, colours: bool) -> ExitCode {
    eprint!("{}", errors.render(colours));
    let count = errors.errors.len();
    eprintln!("{count} {}", if count == 1 { "error" } else { "errors" });
    ExitCode::from(EXIT_CONFIG)
}

/// Arguments of `validate`.
#[derive(Clone, Debug, clap::Args)]
pub struct ValidateArgs {
    /// What is validated.
    #[command(flatten)]
    pub topology: TopologyArgs,
    /// Refuse warnings too.
    #[arg(long)]
    pub deny_warnings: bool,
    /// Ask the brokers, too, whether the topics are there and are as they should be.
    #[arg(long)]
    pub connect: bool,
}

/// Asks the brokers.
fn connect(plan: &Plan) -> ExitCode {
    match kafka::topics::check(plan) {
        Ok((told, sound)) => {
            for line in told {
                println!("{line}");
            }
            if sound { ExitCode::SUCCESS } else { ExitCode::from(EXIT_CONFIG) }
        }
        Err(code) => code,
    }
}

/// Runs `validate`: 0 where the topology is right, 78 where it is not.
#[must_use]
pub fn run(args: &ValidateArgs) -> ExitCode {
    let colours = stderr().is_terminal();
    let path = args.topology.topology.display();
    match topology::load(&args.topology.topology, &args.topology.sets) {
        Ok((_, warnings)) if args.deny_warnings && !warnings.is_empty() => {
            refuse(&TopologyErrors { errors: warnings, warnings: Vec::new() }, colours)
        }
        Ok((plan, warnings)) => {
            for warning in &warnings {
                eprint!("{}", warning.render(colours));
            }
            let count =
                |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
            println!(
                "{path}: {}, {}, {}: ok",
                count(plan.sources.len(), "source"),
                count(plan.steps.len(), "step"),
                count(plan.sinks.len(), "sink")
            );
            if args.connect { connect(&plan) } else { ExitCode::SUCCESS }
        }
        Err(errors) => refuse(&errors, colours),
    }
}
