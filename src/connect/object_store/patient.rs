//! What a run does while the store of its checkpoints does not answer: the stream goes on, and the checkpoint that is being
//! stored is tried again for as long as there is a stream.
//!
//! Nothing is lost by that: a checkpoint counts by its record in the log alone, which comes after all of its files, and what
//! would be removed once it counts (older files, the log before it) stays until then. Those that would be due meanwhile are
//! left out; the next one has all that has changed. All requests here may be sent twice.
//!
//! Where the run has nothing else to do any more (its last checkpoint), or the store answers and refuses, the error counts.
//! Limits: the log and the changes since the last checkpoint, which are in memory, grow meanwhile; and a request is given up
//! only after the retries of the store itself, minutes where nobody even refuses the connection, so it is noticed that late.

use std::{
    fmt, io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use super::StoreError;
use crate::{engine::checkpoint::store::CheckpointStore, telemetry::Metrics};

/// The longest pause between two tries; the first is a hundredth of it.
const LONGEST: Duration = Duration::from_secs(10);
/// How often a pause looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(50);

/// Whether the run has anything to do but what is tried here.
pub type Wanted = Box<dyn Fn() -> bool + Send + Sync>;

/// A store that is waited for while it does not answer.
pub struct PatientStore {
    store: Arc<dyn CheckpointStore>,
    wanted: Wanted,
    metrics: Arc<Metrics>,
}

impl fmt::Debug for PatientStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

impl PatientStore {
    /// A store that is waited for as long as that is `wanted`. A local one always answers.
    #[must_use]
    pub fn shared(
        store: &Arc<dyn CheckpointStore>,
        metrics: &Arc<Metrics>,
        wanted: Wanted,
    ) -> Arc<dyn CheckpointStore> {
        Arc::new(Self { store: Arc::clone(store), wanted, metrics: Arc::clone(metrics) })
    }

    /// Tries something until it is answered, or not wanted any more.
    fn until_answered<T>(&self, mut request: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        let mut error = match request() {
            Err(error) if no_answer(&error) => error,
            answered => return answered,
        };
        let (since, mut pause) = (Instant::now(), LONGEST / 100);
        self.metrics.status().begin_to_wait();
        let outcome = loop {
            if !self.pause(pause) {
                break Err(error);
            }
            tracing::warn!("{error}; the stream goes on without a new checkpoint, and this is tried again");
            self.metrics.checkpoints().tries_again();
            pause = LONGEST.min(pause * 2);
            match request() {
                Err(again) if no_answer(&again) => error = again,
                answered => break answered,
            }
        };
        self.metrics.status().end_to_wait();
        if outcome.is_ok() {
            tracing::info!(seconds = since.elapsed().as_secs(), "the store of the checkpoints answers again");
        }
        outcome
    }

    /// Waits for so long; false if it is not wanted any more.
    fn pause(&self, pause: Duration) -> bool {
        let since = Instant::now();
        while (self.wanted)() {
            let left = pause.saturating_sub(since.elapsed());
            if left.is_zero() {
                return true;
            }
            std::thread::sleep(left.min(LOOK));
        }
        false
    }
}

/// Whether a request failed though nobody refused it: it may be answered the next time.
fn no_answer(error: &io::Error) -> bool {
    let told = error.get_ref().and_then(|error| error.downcast_ref::<StoreError>());
    matches!(told, Some(StoreError::Request { .. }))
}

impl CheckpointStore for PatientStore {
    fn make_folder(&self, folder: &str) -> io::Result<()> {
        self.until_answered(|| self.store.make_folder(folder))
    }

    fn put(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.until_answered(|| self.store.put(path, bytes))
    }

    fn put_new(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        // if it was put though no answer came, it is found there with the same content
        self.until_answered(|| self.store.put_new(path, bytes))
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.until_answered(|| self.store.read(path))
    }

    fn read_into(&self, path: &str, room: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
        let mut room = Some(room);
        self.until_answered(|| self.store.read_into(path, room.take().unwrap_or_default()))
    }

    fn length(&self, path: &str) -> io::Result<Option<u64>> {
        self.until_answered(|| self.store.length(path))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.until_answered(|| self.store.list(folder))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.until_answered(|| self.store.remove(path))
    }

    fn remove_folder(&self, folder: &str) -> io::Result<()> {
        self.until_answered(|| self.store.remove_folder(folder))
    }

    fn place(&self, path: &str) -> PathBuf {
        self.store.place(path)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::telemetry::Status;

    /// A store whose first so many reads fail in one way.
    struct Fails {
        left: AtomicUsize,
        with: fn() -> StoreError,
        metrics: Arc<Metrics>,
    }

    impl fmt::Debug for Fails {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Fails")
        }
    }

    impl CheckpointStore for Fails {
        fn make_folder(&self, _: &str) -> io::Result<()> {
            Ok(())
        }
        fn put(&self, _: &str, _: &[u8]) -> io::Result<()> {
            Ok(())
        }
        fn put_new(&self, _: &str, _: &[u8]) -> io::Result<()> {
            Ok(())
        }
        fn read(&self, _: &str) -> io::Result<Option<Vec<u8>>> {
            let left = self.left.load(Ordering::Relaxed);
            if left == 0 {
                // not before it has been answered
                let status = self.metrics.status().status();
                return Ok(Some(status.as_str().as_bytes().to_vec()));
            }
            self.left.store(left - 1, Ordering::Relaxed);
            Err(io::Error::other((self.with)()))
        }
        fn length(&self, _: &str) -> io::Result<Option<u64>> {
            Ok(None)
        }
        fn list(&self, _: &str) -> io::Result<Vec<String>> {
            Ok(Vec::new())
        }
        fn remove(&self, _: &str) -> io::Result<()> {
            Ok(())
        }
        fn remove_folder(&self, _: &str) -> io::Result<()> {
            Ok(())
        }
        fn place(&self, path: &str) -> PathBuf {
            path.into()
        }
    }

    fn away() -> StoreError {
        StoreError::Request { operation: "read", url: "s3://b/o".into(), reason: "connection refused".into() }
    }

    fn taken() -> StoreError {
        StoreError::Exists { url: "s3://b/o".into() }
    }

    /// What a read gives, with a store that fails so often, while that is wanted so many looks.
    fn read(fails: usize, with: fn() -> StoreError, looks: usize) -> (io::Result<String>, Arc<Metrics>) {
        let metrics: Arc<Metrics> = Arc::default();
        metrics.status().set(Status::Running);
        let store: Arc<dyn CheckpointStore> =
            Arc::new(Fails { left: AtomicUsize::new(fails), with, metrics: Arc::clone(&metrics) });
        let looks = AtomicUsize::new(looks);
        let wanted =
            move || looks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok();
        let patient = PatientStore::shared(&store, &metrics, Box::new(wanted));
        let read =
            patient.read("o").map(|read| String::from_utf8_lossy(&read.unwrap_or_default()).into_owned());
        assert_eq!(metrics.status().status(), Status::Running, "it does not wait any more");
        (read, metrics)
    }

    #[test]
    fn what_is_not_answered_is_tried_until_it_is() {
        let (read, metrics) = read(2, away, usize::MAX);
        assert_eq!(read.expect("an answer"), "degraded");
        assert!(metrics.text().contains("dirigent_checkpoint_retries_total{} 2"), "{}", metrics.text());
    }

    #[test]
    fn what_is_refused_or_not_wanted_any_more_is_an_error() {
        for (with, looks) in [(taken as fn() -> StoreError, usize::MAX), (away, 0)] {
            let (read, metrics) = read(1, with, looks);
            assert_eq!(read.expect_err("no answer").to_string(), with().to_string());
            assert!(metrics.text().contains("dirigent_checkpoint_retries_total{} 0"));
        }
    }
}
