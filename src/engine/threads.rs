//! Threads with a task of their own: the log's, each sink's, those that take checkpoints, cut epochs, look for files.
//!
//! A run that waits for a thread which was never started would wait for ever. So they start before the dataflow does, and
//! one that the system does not give is an error that ends the run. Only in builds with debug assertions, and only when the
//! environment asks for it, `DIRIGENT_NO_THREAD=NAME` makes the system refuse the thread of that name, to see this.

use std::{io, thread::JoinHandle};

use thiserror::Error;

/// A thread that the system does not give.
#[derive(Debug, Error)]
#[error(
    "cannot start the thread `{name}`: {error}. Is the limit of processes (`ulimit -u`, or that of the container) or of \
     memory reached? Give the run more, or fewer `--workers`, and start it again"
)]
pub struct ThreadError {
    /// What it was to be called.
    pub name: String,
    /// What the system said.
    pub error: io::Error,
}

/// Starts a thread.
///
/// # Errors
/// The system gives none.
pub fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, ThreadError> {
    let thread = match refused(name) {
        Some(error) => Err(error),
        None => std::thread::Builder::new().name(name.to_owned()).spawn(body),
    };
    thread.map_err(|error| ThreadError { name: name.to_owned(), error })
}

/// How much nicer than the others a thread in the background is: it gets about a tenth of what one of them gets (Linux gives each
/// step of 1 a quarter less).
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Lets this thread, and those that it starts, have what the others leave. Elsewhere than on Linux, where niceness is that of a
/// whole process, it does nothing.
pub fn go_to_the_background() {
    // one that may not is in the foreground as before
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICE);
}

/// What the system is made to say of a thread.
#[cfg(debug_assertions)]
fn refused(name: &str) -> Option<io::Error> {
    let asked = std::env::var("DIRIGENT_NO_THREAD").ok()?;
    (asked == name).then(|| io::ErrorKind::WouldBlock.into())
}

/// Nothing: it says what it likes.
#[cfg(not(debug_assertions))]
fn refused(_: &str) -> Option<io::Error> {
    None
}
