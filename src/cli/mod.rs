//! The command line: one file a subcommand. Exit codes: 0, 1 on failure, 64 on usage, 78 on configuration.

pub mod backtest;
pub mod cases;
pub mod dlq;
pub mod drain;
pub mod generate;
pub mod graph;
pub mod kafka;
pub mod replay;
pub mod report;
pub mod run;
pub mod schema;
pub mod state;
pub mod validate;

mod output;
mod progress;
mod run_metrics;
mod run_report;
mod signals;
mod start_metrics;
mod state_table;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Exit code of a wrong command line (`EX_USAGE` of sysexits).
const EXIT_USAGE: u8 = 64;

/// A streaming dataflow processor for product reviews that learns while it runs.
#[derive(Debug, Parser)]
#[command(name = "dirigent", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a topology until its input ends or it is asked to stop.
    Run(run::RunArgs),
    /// Bring what a run has left to a checkpoint at the end of its log, and read nothing new.
    Drain(drain::DrainArgs),
    /// Run a topology over its bounded input and write only how well its model did.
    Backtest(backtest::BacktestArgs),
    /// Check a topology: every error at once, with its place.
    Validate(validate::ValidateArgs),
    /// Draw a topology as Mermaid, DOT or SVG.
    Graph(graph::GraphArgs),
    /// Print the JSON Schema of topology files, or the reference.
    Schema(schema::SchemaArgs),
    /// Show, check or export what a topology has stored.
    State(state::StateArgs),
    /// Run the log again from empty state into other outputs, and compare them with the real ones.
    Replay(replay::ReplayArgs),
    /// Make the Kafka topics of a topology, or show what they are like.
    Topics(kafka::topics::TopicsArgs),
    /// Write the lines of a file to a Kafka topic.
    Produce(kafka::produce::ProduceArgs),
    /// Print the records of a Kafka topic.
    Consume(kafka::consume::ConsumeArgs),
    /// Show what a topology has refused, by reason, and send it back once the reason is mended.
    Dlq(dlq::DlqArgs),
    /// List cases, show one, and say what becomes of it.
    Cases(cases::CasesArgs),
    /// Write synthetic reviews and feedback, to try things with.
    Generate(generate::GenerateArgs),
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come as errors too, and go to standard output. Nothing is left to do if printing fails.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { EXIT_USAGE } else { 0 });
        }
    };
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Drain(args) => drain::run(&args),
        Command::Backtest(args) => backtest::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Graph(args) => graph::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::State(args) => state::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Topics(args) => kafka::topics::run(&args),
        Command::Produce(args) => kafka::produce::run(&args),
        Command::Consume(args) => kafka::consume::run(&args),
        Command::Dlq(args) => dlq::run(&args),
        Command::Cases(args) => cases::run(&args),
        Command::Generate(args) => generate::run(&args),
    }
}
