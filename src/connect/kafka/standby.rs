//! Before a run takes the log: whether another run of the same name is going on, which is then waited for.
//!
//! A run logs an epoch now and then even where nothing comes, so a log that grows has somebody who writes it. Whether the last
//! start was ours the state folder knows, by a nonce that is there before it is in the log: a run that restarts where it crashed
//! waits for nobody. Nothing is fenced here: a run that stands by harms no other.

use std::{
    hash::{BuildHasher, RandomState},
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{
    error::ClusterError,
    log_topic::{LogTopic, ReadError, last_nonce},
    patience::Patience,
    topics::Cluster,
    wanted::WantedTopic,
};
use crate::{
    connect::registry::LogContext,
    engine::{
        disk::{Disk, put},
        log::LogStoreError,
    },
    telemetry::{Status, StatusMeter},
};

/// The file in the state folder.
const NONCE: &str = "NONCE";
/// How often the log is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What tells the starts from this folder from those of others.
pub(super) struct Nonce {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    last: Option<String>,
}

impl Nonce {
    pub(super) fn open(context: &LogContext<'_>) -> io::Result<Self> {
        let path = context.state.join(NONCE);
        let last = context.disk.read(&path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(Self { disk: Arc::clone(context.disk), path, last })
    }

    /// A new one, durable before it is used; no output depends on it.
    pub(super) fn renew(&mut self) -> io::Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let any = RandomState::new().hash_one(std::process::id());
        let nonce = blake3::hash(format!("{now} {any} {}", self.path.display()).as_bytes()).to_hex();
        let nonce = nonce[..32].to_owned();
        put(&*self.disk, &self.path, nonce.as_bytes())?;
        self.last = Some(nonce.clone());
        Ok(nonce)
    }
}

/// Why a run does not begin.
pub(super) enum StandbyError {
    Read(ReadError),
    Interrupted,
}

impl StandbyError {
    pub(super) fn into_store(self, topic: &str) -> LogStoreError {
        match self {
            Self::Interrupted => LogStoreError::Interrupted,
            Self::Read(error) => LogStoreError::Outside {
                target: format!("the epoch log {topic}"),
                reason: error.to_string(),
                hint: "docs/kafka.md says what a run needs of a cluster".into(),
            },
        }
    }
}

impl<E: Into<ReadError>> From<E> for StandbyError {
    fn from(error: E) -> Self {
        Self::Read(error.into())
    }
}

/// Waits until nobody else writes the log.
pub(super) fn wait(
    log: &LogTopic,
    nonce: &Nonce,
    idle_epoch: Duration,
    takeover_after: Duration,
    patience: &Patience,
    status: &StatusMeter,
) -> Result<(), StandbyError> {
    let (records, _) = log.look(0)?;
    let last = last_nonce(&records);
    if records.is_empty() || (last.is_some() && last == nonce.last.as_deref()) {
        return Ok(());
    }
    let mut end = log.cluster.watermarks(&log.topic, 0)?.high;
    let (mut still, mut since) = (3 * idle_epoch, Instant::now());
    let mut stands_by = false;
    while since.elapsed() < still {
        if patience.interrupted() {
            return Err(StandbyError::Interrupted);
        }
        std::thread::sleep(LOOK.min(still));
        let high = match log.cluster.watermarks(&log.topic, 0) {
            Ok(watermarks) => watermarks.high,
            // nobody can write now, so that nothing grows says nothing
            Err(error @ (ClusterError::Unreachable { .. } | ClusterError::Refused { .. })) => {
                tracing::warn!("{error}; it is tried again");
                since = Instant::now();
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        if high > end {
            if !stands_by {
                status.set(Status::Standby);
                tracing::info!(
                    "another run of this name is going on: standing by until it has logged nothing for {takeover_after:?} \
                     (`--takeover` ends it)"
                );
            }
            (end, still, since, stands_by) = (high, takeover_after, Instant::now(), true);
        }
    }
    if stands_by {
        status.set(Status::Starting);
        tracing::info!("the other run has logged nothing for {takeover_after:?}: taking over");
    }
    Ok(())
}

/// Makes a topic of ours if it is not there, and refuses one that would lose or double records.
pub(super) fn make_topic(cluster: &Cluster, wanted: &WantedTopic) -> Result<(), String> {
    let text = |error: super::error::ClusterError| error.to_string();
    let brokers = cluster.brokers().map_err(text)?;
    if cluster.describe(&[&wanted.name]).map_err(text)?.remove(0).is_none() {
        cluster.create(&[wanted.to_make(brokers, 1, None)]).map_err(text)?;
        tracing::info!("made the topic `{}`", wanted.name);
    }
    // one that has just been made is not known everywhere at once
    let started = Instant::now();
    let found = loop {
        match cluster.describe(&[&wanted.name]).map_err(text)?.remove(0) {
            Some(found) if found.partitions > 0 => break found,
            _ if started.elapsed() > Duration::from_secs(10) => {
                return Err(format!("the topic `{}` was made and is not there", wanted.name));
            }
            _ => std::thread::sleep(LOOK),
        }
    };
    let differences = wanted.differences(&found, brokers);
    for difference in differences.iter().filter(|difference| !difference.breaks) {
        tracing::warn!("the topic `{}`: {}: {}", wanted.name, difference.what, difference.why);
    }
    match differences.iter().find(|difference| difference.breaks) {
        Some(breaks) => Err(format!("the topic `{}`: {}: {}", wanted.name, breaks.what, breaks.why)),
        None => Ok(()),
    }
}
