//! `dirigent schema`: the JSON Schema of topology files for editors, and the reference of steps and connectors.

use std::{path::PathBuf, process::ExitCode};

use super::output;
use crate::topology::{reference, schema};

/// Arguments of `schema`.
#[derive(Clone, Debug, clap::Args)]
pub struct SchemaArgs {
    /// Print the reference of steps and connectors as Markdown instead.
    #[arg(long)]
    pub reference: bool,
    /// Write to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Runs `schema`: 0, or 1 where the file cannot be written.
#[must_use]
pub fn run(args: &SchemaArgs) -> ExitCode {
    let text = if args.reference { reference::markdown() } else { format!("{:#}\n", schema::topology()) };
    output::write(args.out.as_deref(), &text)
}
