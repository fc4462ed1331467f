//! How far a source is behind each of its partitions: from where it stands to where the client last heard that they end.
//!
//! The client's own figure begins with the first record that is read, and counts the markers of transactions as records that
//! are to come. Here a partition has a lag from when it is opened; and where the client has nothing left to give of one, the
//! source stands where the client fetches next, past any marker.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use rdkafka::{Statistics, statistics};

use crate::{
    engine::partition::Address,
    telemetry::{ClusterMeter, Lag},
};

/// Where a source stands.
#[derive(Debug, Default)]
pub(super) struct Standings(Mutex<BTreeMap<Address, Standing>>);

#[derive(Clone, Copy, Debug)]
struct Standing {
    position: u64,
    /// The time of the newest record that was read; before any was, when the partition was opened.
    newest: i64,
    /// Where it ended then, if somebody asked.
    end: Option<u64>,
}

/// An offset of the client; some below 0 say that there is none.
fn offset(n: i64) -> Option<u64> {
    u64::try_from(n).ok()
}

impl Standing {
    fn lag(&self, heard: Option<&statistics::Partition>) -> Option<Lag> {
        let end = heard.and_then(|heard| offset(heard.ls_offset)).or(self.end)?;
        let given = heard.filter(|heard| heard.fetchq_cnt == 0).and_then(|heard| offset(heard.next_offset));
        let position = self.position.max(given.unwrap_or(0));
        Some(Lag { records: end.saturating_sub(position), newest: Some(self.newest) })
    }
}

impl Standings {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Address, Standing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A partition is going to be read from an offset on; where it ends now.
    pub(super) fn open(&self, address: &Address, position: u64, end: Option<u64>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let newest = i64::try_from(now).unwrap_or(i64::MAX);
        self.lock().insert(address.clone(), Standing { position, newest, end });
    }

    /// Reading goes on from there.
    pub(super) fn seek(&self, address: &Address, position: u64) {
        if let Some(standing) = self.lock().get_mut(address) {
            standing.position = position;
        }
    }

    /// It was read up to there; the time of the last record.
    pub(super) fn read(&self, address: &Address, position: u64, newest: Option<i64>) {
        if let Some(standing) = self.lock().get_mut(address) {
            standing.position = position;
            standing.newest = newest.unwrap_or(standing.newest);
        }
    }

    /// Shows the lag of each partition, by what the client said last.
    pub(super) fn show(&self, source: &str, statistics: Option<&Statistics>, meter: &ClusterMeter) {
        for (address, standing) in self.lock().iter() {
            let heard = statistics.and_then(|statistics| {
                let number = i32::try_from(address.partition).ok()?;
                statistics.topics.get(&address.topic)?.partitions.get(&number)
            });
            if let Some(lag) = standing.lag(heard) {
                meter.lag(source, &address.topic, address.partition, lag);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_lag_from_the_start_and_none_at_the_end() {
        let mut standing = Standing { position: 3, newest: 7, end: Some(10) };
        let records = |standing: &Standing, heard: Option<&statistics::Partition>| {
            standing.lag(heard).map(|lag| (lag.records, lag.newest))
        };
        assert_eq!(records(&standing, None), Some((7, Some(7))));
        let mut heard = statistics::Partition {
            ls_offset: -1001,
            next_offset: -1001,
            ..statistics::Partition::default()
        };
        assert_eq!(records(&standing, Some(&heard)), Some((7, Some(7))), "nothing was fetched yet");
        (heard.ls_offset, heard.next_offset, heard.fetchq_cnt) = (12, 12, 9);
        assert_eq!(records(&standing, Some(&heard)), Some((9, Some(7))));
        standing.position = 11;
        assert_eq!(records(&standing, Some(&heard)), Some((1, Some(7))), "what the client has is not read");
        heard.fetchq_cnt = 0;
        assert_eq!(records(&standing, Some(&heard)), Some((0, Some(7))), "a marker is no record");
        standing.position = 20;
        assert_eq!(records(&standing, Some(&heard)), Some((0, Some(7))), "it was read on since");
        assert_eq!(records(&Standing { end: None, ..standing }, None), None);
    }
}
