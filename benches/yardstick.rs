//! The events that benches run on, made once by the yardstick's generator, and how they end what they have started.
//!
//! The generator comes from `DIRIGENT_BENCH`, or `../shared/bench` beside the crate.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// Where the yardstick lies.
pub(crate) fn yardstick() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/bench");
    std::env::var_os("DIRIGENT_BENCH").map_or_else(beside, PathBuf::from)
}

/// A file of so many events, 200 ms between two of them.
///
/// # Errors
/// There is no generator, or no Python with numpy, or it has failed.
pub(crate) fn events(count: u64) -> Outcome<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("events-{count}.jsonl"));
    if !path.is_file() {
        let made = folder.join("events.part");
        let mut command = Command::new("python3");
        command.arg(yardstick().join("events.py")).arg(count.to_string()).arg("11").arg(&made);
        succeed(command.stdout(Stdio::null()))?;
        fs::rename(made, &path)?;
    }
    Ok(path)
}

/// The one in the middle.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Runs a command that has to end well.
pub(crate) fn succeed(command: &mut Command) -> Outcome<()> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}").into()) }
}

/// Ends a process that was started here, and waits for its end.
pub(crate) fn end(child: &mut Child, signal: &str) -> Outcome<()> {
    succeed(Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()))?;
    child.wait()?;
    Ok(())
}
