//! The wall clock, and the thread that cuts epochs by it. Nothing else reads the time; the log says what it was.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{
    Epoch,
    intake::Intake,
    threads::{ThreadError, spawn},
};

/// What time it is, in milliseconds since 1970.
#[derive(Clone)]
pub struct WallClock(Arc<dyn Fn() -> Epoch + Send + Sync>);

impl WallClock {
    /// That of the system.
    #[must_use]
    pub fn system() -> Self {
        Self::simulated(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Epoch::try_from(since.as_millis()).unwrap_or(Epoch::MAX)
        })
    }

    /// One that says whatever it is told to.
    #[must_use]
    pub fn simulated(now: impl Fn() -> Epoch + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Epoch {
        (self.0)()
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WallClock({})", self.now())
    }
}

/// Cuts an epoch so often, until it is over.
///
/// # Errors
/// The thread cannot be started.
pub fn cut_epochs(
    intake: Arc<Intake>,
    clock: WallClock,
    every: Duration,
    over: Arc<AtomicBool>,
) -> Result<JoinHandle<()>, ThreadError> {
    let body = move || {
        while !over.load(Ordering::Acquire) {
            std::thread::sleep(every);
            intake.cut(clock.now());
        }
    };
    spawn("epochs", body)
}
