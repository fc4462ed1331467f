//! What a process took: wall time, CPU time, and the most memory it had at once.
//!
//! Read from `/proc` while it runs, every few milliseconds; a process that has ended keeps its CPU times until it is
//! waited for. Limit: memory taken in the last milliseconds is not seen, and elsewhere than on Linux only wall time is.

use std::{
    fs, io,
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// What a process took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    /// From its start to its end.
    pub(crate) seconds: f64,
    /// From its start until the last of its output was written; 0 until somebody has looked.
    pub(crate) outputs: f64,
    /// In user and kernel mode, of all threads.
    pub(crate) cpu_seconds: f64,
    /// Peak resident memory in bytes.
    pub(crate) peak: u64,
}

/// Ticks a second of the times in `/proc`: Linux shows 100 to programs, whatever it uses inside.
const TICKS: f64 = 100.0;

/// The most memory that a process has had so far, in bytes; 0 where it cannot be told.
pub(crate) fn peak_of(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes =
        peak.and_then(|peak| peak.split_whitespace().next()).and_then(|peak| peak.parse::<u64>().ok());
    kilobytes.map_or(0, |kilobytes| kilobytes * 1024)
}

/// Runs a command to its end.
pub(crate) fn measure(command: &mut Command) -> io::Result<Measured> {
    let started = Instant::now();
    let mut child = command.spawn()?;
    let folder = format!("/proc/{}", child.id());
    let mut measured = Measured::default();
    // state, then eleven others, then the times; what comes before the last bracket is the name
    while let Ok(stat) = fs::read_to_string(format!("{folder}/stat")) {
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |n: usize| fields.get(n).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        measured.cpu_seconds = (ticks(11) + ticks(12)) / TICKS;
        if fields.first() == Some(&"Z") {
            break;
        }
        measured.peak = measured.peak.max(peak_of(child.id()));
        thread::sleep(Duration::from_millis(5));
    }
    let status = child.wait()?;
    measured.seconds = started.elapsed().as_secs_f64();
    if status.success() {
        Ok(measured)
    } else {
        Err(io::Error::other(format!("{command:?} ended with {status}")))
    }
}
