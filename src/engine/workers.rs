//! The workers of a run: threads of one process that build the same dataflow and step it until it is complete.
//!
//! Workers share their fate. A panic in any of them ends the process with one line (timely's own survivors would hang);
//! a frontier that does not move while there is work is reported, then ends the process too.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use timely::dataflow::Scope;

use super::{intake::Intake, sink::Writers};

/// Exit code of a run that failed.
const FAILED: i32 = 1;

/// Runs a dataflow on `workers` threads until it is complete. `build` is called once on each.
///
/// # Errors
/// Timely could not start its threads, or one of them ended early; the text says why.
pub fn run(workers: usize, build: impl Fn(Scope<'_, u64>) + Send + Sync + 'static) -> Result<(), String> {
    let mut config = if workers == 1 { timely::Config::thread() } else { timely::Config::process(workers) };
    // without it arrangements do not compact while no updates flow
    differential_dataflow::configure(
        &mut config.worker,
        &differential_dataflow::Config::default().idle_merge_effort(Some(1_000)),
    );
    let guards = timely::execute(config, move |worker| {
        worker.dataflow::<u64, _, _>(&build);
        while worker.has_dataflows() {
            worker.step_or_park(None);
        }
    })?;
    guards.join().into_iter().collect()
}

/// From now on a panic in any thread ends the process with one line and exit code 1.
pub fn end_process_on_panic() {
    let panicking = AtomicBool::new(false);
    std::panic::set_hook(Box::new(move |info| {
        if !panicking.swap(true, Ordering::SeqCst) {
            let thread = std::thread::current();
            let place = info.location().map(|l| format!("{}:{}", l.file(), l.line())).unwrap_or_default();
            let message = info.payload_as_str().unwrap_or("no message");
            tracing::error!(
                thread = thread.name().unwrap_or("unnamed"),
                place,
                "a worker panicked: {message}; the run ends (this is a bug: please report it)"
            );
            std::process::exit(FAILED);
        }
    }));
}

/// Watches that epochs move while there is work; ends the process when they do not for `timeout`.
///
/// Waiting for the outside (a writer inside a write, a reader inside a read) does not count.
pub fn watch_for_stalls(
    intake: Arc<Intake>,
    writers: Arc<Writers>,
    timeout: Duration,
    over: Arc<AtomicBool>,
) {
    let pause = (timeout / 8).clamp(Duration::from_millis(10), Duration::from_secs(1));
    let body = move || {
        let mut outside = Instant::now();
        let mut reported = false;
        while !over.load(Ordering::Acquire) {
            std::thread::sleep(pause);
            if writers.waiting() || intake.reading() || intake.waits_for_log() {
                outside = Instant::now();
            }
            let (moved, busy) = intake.activity();
            let still = moved.max(outside).elapsed();
            if !busy || still < timeout / 2 {
                reported = false;
            } else if still < timeout {
                if !reported {
                    tracing::warn!(
                        seconds = still.as_secs_f64(),
                        "no epoch has moved though input is at hand"
                    );
                    reported = true;
                }
            } else {
                let progress = intake.progress();
                tracing::error!(
                    records = progress.records,
                    epochs_in_flight = progress.epochs_in_flight,
                    "no epoch has moved for {:.0} s though input is at hand (stall_timeout); the run ends",
                    still.as_secs_f64()
                );
                std::process::exit(FAILED);
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("stall watch".into()).spawn(body) {
        tracing::warn!(%error, "cannot watch for stalls");
    }
}

#[cfg(test)]
mod tests;
