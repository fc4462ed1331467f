//! `dirigent cases`: the cases that a topology has committed, and commands on them.
//!
//! `list` and `show` read the output of cases, whether a run is going on or not; the others append a command to the source of the
//! topology that has `record: case_command`. What a command brings about is in the cases once a run has read it. Two commands
//! of one process in one millisecond would have one id: there is one command a process.
//!
//! # Layout
//! This file: arguments, and the table. `committed`: what is read. `picture`: one case for people. `command`: what is appended.

mod command;
mod committed;
mod picture;

use std::process::ExitCode;

use super::{state_table::lines, validate::TopologyArgs};
use crate::{
    records::{Case, CaseAction, CaseState, calendar::rfc3339},
    telemetry::{LogFormat, init_logs},
    topology::plan::Plan,
};

/// Arguments of `cases`.
#[derive(Clone, Debug, clap::Args)]
pub struct CasesArgs {
    #[command(subcommand)]
    command: CasesCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum CasesCommand {
    /// List cases: those that are open, or those in a state.
    List(ListArgs),
    /// Show one case: what speaks for it, and the product's negative share over time.
    Show(ShowArgs),
    /// Take a case on: nobody else is called.
    Ack(CommandArgs),
    /// End a case.
    Resolve(CommandArgs),
    /// Note something on a case, such as the number of a ticket.
    Note(CommandArgs),
    /// Let a case that is over fire again.
    Reopen(CommandArgs),
}

#[derive(Clone, Debug, clap::Args)]
struct ListArgs {
    /// Whose cases.
    #[command(flatten)]
    topology: TopologyArgs,
    /// Only those in this state: `pending`, `firing`, `acknowledged`, `resolved`, or `all`; without it, those that are open.
    #[arg(long, value_parser = ["pending", "firing", "acknowledged", "resolved", "all"])]
    state: Option<String>,
    /// As they are committed, one JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug, clap::Args)]
struct ShowArgs {
    /// Whose case.
    #[command(flatten)]
    topology: TopologyArgs,
    /// The case.
    case_id: String,
}

/// Arguments of every command on a case.
#[derive(Clone, Debug, clap::Args)]
struct CommandArgs {
    /// Whose case.
    #[command(flatten)]
    topology: TopologyArgs,
    /// The case.
    case_id: String,
    /// Who says so; without it, the user of this shell.
    #[arg(long)]
    by: Option<String>,
    /// What is to be remembered.
    #[arg(long)]
    note: Option<String>,
}

/// Runs `cases`.
#[must_use]
pub fn run(args: &CasesArgs) -> ExitCode {
    init_logs(LogFormat::Text);
    let topology = match &args.command {
        CasesCommand::List(args) => &args.topology,
        CasesCommand::Show(args) => &args.topology,
        CasesCommand::Ack(args)
        | CasesCommand::Resolve(args)
        | CasesCommand::Note(args)
        | CasesCommand::Reopen(args) => &args.topology,
    };
    let plan = match topology.load() {
        Ok(plan) => plan,
        Err(code) => return code,
    };
    let done = match &args.command {
        CasesCommand::List(args) => list(&plan, args),
        CasesCommand::Show(args) => show(&plan, &args.case_id),
        CasesCommand::Ack(args) => command::append(&plan, args, CaseAction::Ack),
        CasesCommand::Resolve(args) => command::append(&plan, args, CaseAction::Resolve),
        CasesCommand::Note(args) => command::append(&plan, args, CaseAction::Note),
        CasesCommand::Reopen(args) => command::append(&plan, args, CaseAction::Reopen),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// An epoch as a time of day.
fn time(epoch: u64) -> String {
    rfc3339(i64::try_from(epoch).unwrap_or(i64::MAX))
}

fn list(plan: &Plan, args: &ListArgs) -> Result<(), String> {
    let mut cases: Vec<Case> = committed::cases(plan)?.into_values().collect();
    cases.retain(|case| match args.state.as_deref() {
        None => case.state != CaseState::Resolved,
        Some(state) => state == "all" || state == case.state.as_str(),
    });
    // what fires comes first, and of that what is graver, and newer
    cases.sort_by_key(|case| {
        (
            case.state == CaseState::Resolved,
            std::cmp::Reverse((case.severity, case.opened)),
            case.case_id.clone(),
        )
    });
    if args.json {
        for case in &cases {
            let mut line = Vec::new();
            case.write(&mut line);
            println!("{}", String::from_utf8_lossy(&line));
        }
        return Ok(());
    }
    if cases.is_empty() {
        println!("{}", if args.state.is_some() { "no such case" } else { "no open case" });
        return Ok(());
    }
    let row = |case: &Case| {
        vec![
            case.case_id.clone(),
            case.severity.as_str().to_owned(),
            case.state.as_str().to_owned(),
            time(case.opened),
            case.step.to_string(),
            case.note.clone().unwrap_or_default().lines().next().unwrap_or_default().to_owned(),
        ]
    };
    let rows: Vec<_> = cases.iter().map(row).collect();
    print!("{}", lines(&["case", "severity", "state", "opened", "step", "note"], &rows));
    Ok(())
}

fn show(plan: &Plan, case_id: &str) -> Result<(), String> {
    let case = committed::case(plan, case_id)?;
    let shares = match &case.product_id {
        Some(product) => committed::negative_shares(plan, product)?,
        None => Vec::new(),
    };
    print!("{}", picture::case(&case, &shares));
    Ok(())
}
