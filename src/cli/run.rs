//! `dirigent run`: runs a topology until its input ends or it is asked to stop.
//!
//! The first SIGTERM or Ctrl-C finishes the open epoch, stores a checkpoint and ends with 0; a second one ends at once. A
//! run goes on where the last one left off, unless it is to begin from scratch. Its last lines are the books.

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use clap::ValueEnum;

use super::{
    progress::Progress,
    report::write_report,
    run_metrics::{Components, show},
    run_report::{RunReport, books_lines},
    signals::{Signalled, stop_on_signals},
    start_metrics::{log_start, show_start},
    validate::{EXIT_CONFIG, TopologyArgs},
};
use crate::{
    connect::standard_input::StandardInput,
    engine::{disk::LocalDisk, log::LogStoreError, wall::WallClock, workers::end_process_on_panic},
    operators::{registry::EdgeType, wiring::Run},
    serve::{Shown, serve},
    telemetry::{LogFormat, Metrics, Status, init_logs},
    topology::{
        assemble::{Assembly, RunError, RunOptions, Writes},
        plan::Plan,
        start::StartError,
    },
};

/// The exit code of a run whose place a newer one has taken.
pub const EXIT_SUPERSEDED: u8 = 3;

/// How logs look.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum LogStyle {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What `run` and `backtest` have in common.
#[derive(Clone, Debug, clap::Args)]
pub struct ExecuteArgs {
    /// What is run.
    #[command(flatten)]
    pub topology: TopologyArgs,
    /// Worker threads; all cores by default. The outputs do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: Option<u16>,
    /// Serve /metrics, /livez, /startupz and /readyz here, such as 127.0.0.1:9464.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// How log lines look.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogStyle,
}

/// Arguments of `run`.
#[derive(Clone, Debug, clap::Args)]
pub struct RunArgs {
    /// What is run, and how.
    #[command(flatten)]
    pub execute: ExecuteArgs,
    /// Begin anew: replace the state and the outputs of this topology.
    #[arg(long)]
    pub from_scratch: bool,
    /// End a run of the same name that goes on elsewhere, instead of waiting for its end: for topologies whose log lies on Kafka.
    #[arg(long)]
    pub takeover: bool,
    /// Write the books and the quality of each epoch here, as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write a page with pictures here, and print a table: best and worst products, quality, books. Needs a file sink of product scores.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Runs `run`.
#[must_use]
pub fn run(args: &RunArgs) -> ExitCode {
    let plan = match args.execute.topology.load() {
        Ok(plan) => plan,
        Err(code) => return code,
    };
    let products = products_file(&plan);
    if args.html.is_some() && products.is_none() {
        eprintln!(
            "--html needs a file sink of product scores in the topology: its picture is drawn from that file"
        );
        return ExitCode::from(EXIT_CONFIG);
    }
    let keep_quality = args.report.is_some() || args.html.is_some();
    let writes = if args.from_scratch { Writes::FromScratch } else { Writes::On };
    let report = match execute(&args.execute, plan, keep_quality, writes, args.takeover) {
        Ok(report) => report,
        Err(code) => return code,
    };
    print!("{}", books_lines(&report));
    if let Some(path) = args.report.as_ref().or(args.html.as_ref().map(|_| &report.scratch)) {
        if let Err(error) = report.write(path) {
            eprintln!("cannot write {}: {error}", path.display());
            return ExitCode::FAILURE;
        }
        if let (Some(html), Some(products)) = (&args.html, &products) {
            match write_report(path, products, html) {
                Ok(table) => println!("\n{table}\nThe picture: {}", html.display()),
                Err(error) => {
                    eprintln!("{error:?}");
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    ExitCode::SUCCESS
}

/// The file that a sink writes product scores to.
fn products_file(plan: &Plan) -> Option<PathBuf> {
    let sink = plan
        .sinks
        .iter()
        .find(|sink| sink.inputs.iter().any(|from| plan.edge_type(from) == EdgeType::ProductTable))?;
    sink.settings.get("path")?.as_str().map(PathBuf::from)
}

/// Runs a plan to its end, showing progress; what went wrong has been said when it fails.
///
/// # Errors
/// The exit code.
pub(super) fn execute(
    args: &ExecuteArgs,
    plan: Plan,
    keep_quality: bool,
    writes: Writes,
    takeover: bool,
) -> Result<RunReport, ExitCode> {
    init_logs(match args.log_format {
        LogStyle::Text => LogFormat::Text,
        LogStyle::Json => LogFormat::Json,
    });
    end_process_on_panic();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = args.workers.map(usize::from).or(plan.options.workers.map(|n| n as usize)).unwrap_or(cores);
    let name = plan.name.clone();
    let components = Components::of(&plan);
    let listen = args.listen.clone().or(plan.options.listen.clone());
    let fail = |error: RunError| {
        tracing::error!("{error}");
        if let RunError::Open(open) = &error {
            eprintln!("  hint: {}", open.hint);
        }
        match error {
            RunError::Start(StartError::Store(LogStoreError::Interrupted)) => ExitCode::SUCCESS,
            error if error.superseded() => ExitCode::from(EXIT_SUPERSEDED),
            RunError::Start(StartError::Name { .. } | StartError::Replay { .. } | StartError::Steps) => {
                ExitCode::from(EXIT_CONFIG)
            }
            _ => ExitCode::FAILURE,
        }
    };
    let started = Instant::now();
    let (disk, wall) = (LocalDisk::shared(), WallClock::system());
    let standard_input = StandardInput::system();
    let metrics: Arc<Metrics> = Arc::default();
    let signals = Signalled::new(&metrics);
    stop_on_signals(&signals);
    let interrupt = Arc::clone(&signals.interrupt);
    let ready = Arc::new(AtomicBool::new(false));
    let shown = Shown { metrics: Arc::clone(&metrics), ready: Arc::clone(&ready) };
    // a run that stands by may find the address taken by the one that it waits for
    let served = listen.as_ref().map(|address| serve(address, shown.clone()));
    let status = Arc::clone(metrics.status());
    let options = RunOptions {
        workers,
        keep_quality,
        writes,
        disk,
        wall,
        standard_input,
        takeover,
        interrupt,
        metrics,
    };
    let assembly = Assembly::open(plan, options).map_err(fail)?;
    status.set(Status::Restoring);
    let models = assembly.learned_models();
    let (run, writers) = assembly.run_state();
    show(&run, &writers, components, assembly.start.skipped);
    show_start(&run.metrics, assembly.start);
    if let (Some(address), Some(served)) = (listen, served) {
        match served.or_else(|_| serve(&address, shown)) {
            Ok(bound) => {
                tracing::info!("metrics at http://{bound}/metrics, health at /livez, /startupz and /readyz");
            }
            Err(error) => {
                tracing::error!(address, %error, "cannot serve there; give another address with --listen or `listen:`");
                return Err(ExitCode::FAILURE);
            }
        }
    }
    signals.begun(&run.intake);
    log_start(&assembly.start);
    tracing::info!(topology = name, workers, "running");
    ready.store(true, Ordering::Release);
    let over = Arc::new(AtomicBool::new(false));
    let progress = watch(Arc::clone(&run), models, Arc::clone(&over));
    let outcome = assembly.execute();
    over.store(true, Ordering::Release);
    ready.store(false, Ordering::Release);
    if let Some(progress) = progress {
        progress.thread().unpark();
        let _ = progress.join();
    }
    outcome.map_err(fail)?;
    Ok(RunReport::of(name, &run, workers, started.elapsed()))
}

fn watch(run: Arc<Run>, models: Vec<String>, over: Arc<AtomicBool>) -> Option<JoinHandle<()>> {
    let body = move || {
        let mut progress = Progress::new();
        while !over.load(Ordering::Acquire) {
            std::thread::park_timeout(Duration::from_millis(100));
            let accuracy = models.first().and_then(|model| run.metrics.accuracy(model));
            progress.show(&run.intake.progress(), accuracy);
            let status = run.metrics.status();
            if status.status() == Status::Restoring && !run.intake.replaying() {
                status.set(Status::Running);
            }
        }
        progress.finish();
    };
    std::thread::Builder::new().name("progress".into()).spawn(body).ok()
}
