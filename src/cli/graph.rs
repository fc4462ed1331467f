//! `dirigent graph`: the picture of a topology.

use std::{path::PathBuf, process::ExitCode};

use super::{output, validate::TopologyArgs};
use crate::topology::graph;

/// The forms of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Text for Markdown files.
    Mermaid,
    /// Text for Graphviz.
    Dot,
    /// A picture.
    Svg,
}

/// Arguments of `graph`.
#[derive(Clone, Debug, clap::Args)]
pub struct GraphArgs {
    /// What is drawn.
    #[command(flatten)]
    pub topology: TopologyArgs,
    /// The form of the picture.
    #[arg(long, value_enum, default_value = "mermaid")]
    pub format: Format,
    /// Write to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Runs `graph`: 0, 78 for a wrong topology, 1 where the file cannot be written.
#[must_use]
pub fn run(args: &GraphArgs) -> ExitCode {
    let plan = match args.topology.load() {
        Ok(plan) => plan,
        Err(code) => return code,
    };
    let picture = match args.format {
        Format::Mermaid => graph::mermaid(&plan),
        Format::Dot => graph::dot(&plan),
        Format::Svg => graph::svg(&plan),
    };
    output::write(args.out.as_deref(), &picture)
}
