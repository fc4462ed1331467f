//! What a writer does while brokers do not answer: it waits and tries again, for as long as the run is wanted.
//!
//! A broker that is away for a while is no reason to end a run that would only begin again; a login that is refused, or
//! a topic that is gone, is. A topic without a leader looks like one that is gone, so only one that stays away counts.
//! A run that was told to end waits a little, and then ends without what it could not commit: the next one reads that
//! again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{error::ClusterError, log_topic::ReadError};
use crate::telemetry::{Metrics, StatusMeter};

/// The longest wait between two tries.
const LONGEST: Duration = Duration::from_secs(1);
/// How long a topic is away until it is gone.
const GONE: Duration = Duration::from_secs(30);
/// How long a run that was told to end goes on trying.
const FAREWELL: Duration = Duration::from_secs(15);

/// How long something has been tried.
#[derive(Debug)]
pub(super) struct Patience {
    interrupt: Arc<AtomicBool>,
    status: Arc<StatusMeter>,
    pause: Duration,
    since: Option<Instant>,
    /// Since when every answer has been that there is no such topic.
    gone: Option<Instant>,
}

impl Patience {
    pub(super) fn new(interrupt: &Arc<AtomicBool>, metrics: &Metrics) -> Self {
        let status = Arc::clone(metrics.status());
        Self { interrupt: Arc::clone(interrupt), status, pause: Duration::ZERO, since: None, gone: None }
    }

    /// Whether the run was told to end.
    pub(super) fn interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Acquire)
    }

    /// It has worked.
    pub(super) fn calm(&mut self) {
        self.pause = Duration::ZERO;
        self.gone = None;
        if self.since.take().is_some() {
            self.status.end_to_wait();
        }
    }

    /// Says so, and waits before the next try, longer each time.
    ///
    /// # Errors
    /// It is not to be tried again, for the reason that is given back.
    pub(super) fn wait(&mut self, error: &ReadError) -> Result<(), String> {
        self.pause(error)?;
        tracing::warn!("{error}; it is tried again");
        Ok(())
    }

    /// Waits before the next try, longer each time.
    ///
    /// # Errors
    /// It is not to be tried again, for the reason that is given back.
    pub(super) fn pause(&mut self, error: &ReadError) -> Result<(), String> {
        let since = *self.since.get_or_insert_with(|| {
            self.status.begin_to_wait();
            Instant::now()
        });
        if !matches!(error, ReadError::Cluster(ClusterError::NoTopic { .. })) {
            // a broker that has just come back does not know its topics yet
            self.gone = None;
        }
        let passes = match error {
            ReadError::Cluster(ClusterError::Unreachable { .. } | ClusterError::Refused { .. }) => true,
            ReadError::Cluster(ClusterError::NoTopic { .. }) => {
                self.gone.get_or_insert_with(Instant::now).elapsed() < GONE
            }
            _ => false,
        };
        if !passes {
            return Err(error.to_string());
        }
        if self.interrupted() && since.elapsed() > FAREWELL {
            return Err(format!(
                "{error}; the run was told to end, and what is not committed is read again by the next one"
            ));
        }
        self.pause = (self.pause * 2).clamp(Duration::from_millis(20), LONGEST);
        std::thread::sleep(self.pause);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_comes_back_after_long_may_not_know_its_topics_yet() {
        let mut patience = Patience::new(&Arc::default(), &Metrics::default());
        let fault = |gone: bool| {
            let (doing, brokers) = ("find its end".to_owned(), "a:1".to_owned());
            ReadError::Cluster(match gone {
                true => ClusterError::NoTopic { doing, brokers },
                false => ClusterError::Unreachable { doing, brokers, reason: "timed out".to_owned() },
            })
        };
        patience.pause(&fault(false)).unwrap();
        patience.since = Instant::now().checked_sub(GONE * 2);
        patience.pause(&fault(true)).unwrap();
        patience.pause(&fault(false)).unwrap();
        patience.pause(&fault(true)).unwrap();
        patience.gone = Instant::now().checked_sub(GONE);
        assert!(patience.pause(&fault(true)).unwrap_err().contains("there is no such topic"));
    }
}
