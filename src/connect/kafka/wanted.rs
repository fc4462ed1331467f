//! What a topic has to be like for what it is used for: how one is made, and what is wrong with one that is there.
//!
//! A difference *breaks* where a run would lose or double records with it: the epoch log and the progress records are one sequence
//! a partition, of which nothing may disappear by itself. Everything else is told and left: whoever runs the cluster may know
//! better.

use super::topics::{TopicDescription, TopicToMake};

/// The suffix of the topic that holds the epoch log of a topology.
pub const LOG: &str = ".epochs";

/// The suffix of the topic that holds how far the shards of a topology have written.
pub const PROGRESS: &str = ".progress";

/// How long a compacted input keeps a record that a newer one of its key replaces: less than a run needs to have stored it in a
/// checkpoint would change what a replay reads.
const COMPACTION_LAG_MS: u64 = 3_600_000;

/// What a topic is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// The epoch log.
    Log,
    /// How far each shard has written, a partition each.
    Progress {
        /// How many shards.
        shards: u32,
    },
    /// Records that are read.
    Input,
    /// Upserts and tombstones: the last record of a key is its state.
    Table,
    /// Records that all count, such as dead letters.
    Stream,
}

/// A topic that a topology uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedTopic {
    /// Its name.
    pub name: String,
    /// What for.
    pub used_as: Use,
    /// Who uses it, in words: "source `reviews`".
    pub user: String,
}

/// How a topic differs from what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is, and what was expected.
    pub what: String,
    /// What follows from it.
    pub why: &'static str,
    /// Whether records would be lost or doubled.
    pub breaks: bool,
}

impl WantedTopic {
    /// The epoch log of a topology.
    #[must_use]
    pub fn log(topology: &str) -> Self {
        Self { name: format!("{topology}{LOG}"), used_as: Use::Log, user: "epoch log".to_owned() }
    }

    /// The progress records of a topology.
    #[must_use]
    pub fn progress(topology: &str, shards: u32) -> Self {
        let used_as = Use::Progress { shards };
        Self { name: format!("{topology}{PROGRESS}"), used_as, user: "progress of the sinks".to_owned() }
    }

    /// What it is used for, in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.used_as {
            Use::Log => "log",
            Use::Progress { .. } => "progress",
            Use::Input => "input",
            Use::Table => "table",
            Use::Stream => "stream",
        }
    }

    /// Whether a run makes it where it is not there.
    #[must_use]
    pub fn is_made_by_runs(&self) -> bool {
        matches!(self.used_as, Use::Log | Use::Progress { .. })
    }

    /// How it is made on a cluster. `partitions` and `replication` count where nothing else is asked for; without `replication` there
    /// are three replicas, or one on each broker where there are fewer.
    #[must_use]
    pub fn to_make(&self, brokers: usize, partitions: u32, replication: Option<u32>) -> TopicToMake {
        let replication = replication.unwrap_or(u32::try_from(brokers.clamp(1, 3)).unwrap_or(1));
        let mut config: Vec<(&'static str, String)> = match self.used_as {
            Use::Log | Use::Progress { .. } => vec![
                ("cleanup.policy", "delete".to_owned()),
                ("retention.ms", "-1".to_owned()),
                ("retention.bytes", "-1".to_owned()),
                ("unclean.leader.election.enable", "false".to_owned()),
            ],
            Use::Input => vec![("cleanup.policy", "delete".to_owned())],
            Use::Table => vec![("cleanup.policy", "compact".to_owned())],
            Use::Stream => {
                vec![("cleanup.policy", "delete".to_owned()), ("retention.ms", MONTH_MS.to_string())]
            }
        };
        if replication >= 3 {
            config.push(("min.insync.replicas", "2".to_owned()));
        }
        TopicToMake {
            name: self.name.clone(),
            partitions: self.exactly().unwrap_or(partitions),
            replication,
            config,
        }
    }

    /// How many partitions it must have.
    fn exactly(&self) -> Option<u32> {
        match self.used_as {
            Use::Log => Some(1),
            Use::Progress { shards } => Some(shards),
            Use::Input | Use::Table | Use::Stream => None,
        }
    }

    /// How a topic that is there differs from what it should be, on a cluster of so many brokers.
    #[must_use]
    pub fn differences(&self, found: &TopicDescription, brokers: usize) -> Vec<Difference> {
        let mut differences = Vec::new();
        let mut differs = |breaks: bool, what: String, why: &'static str| {
            differences.push(Difference { what, why, breaks });
        };
        let policy = found.setting("cleanup.policy");
        let compacts = policy.split(',').any(|part| part.trim() == "compact");
        if let Some(expected) = self.exactly().filter(|expected| *expected != found.partitions) {
            let what = format!("it has {} partitions, expected {expected}", found.partitions);
            match self.used_as {
                Use::Log => differs(true, what, "the log is one sequence, and has no order over several"),
                _ => differs(true, what, "each shard of the sinks has a partition of its own"),
            }
        }
        match self.used_as {
            Use::Log | Use::Progress { .. } => {
                if compacts {
                    let what = format!("`cleanup.policy` is `{policy}`, expected `delete`");
                    differs(true, what, "compaction removes records that a restart needs");
                }
                for name in ["retention.ms", "retention.bytes"] {
                    let value = found.setting(name);
                    if !["", "-1"].contains(&value) {
                        let what = format!("`{name}` is {value}, expected -1");
                        differs(true, what, "records that a restart needs would disappear by themselves");
                    }
                }
                if found.setting("unclean.leader.election.enable") == "true" {
                    let what = "`unclean.leader.election.enable` is true".to_owned();
                    differs(true, what, "a replica that lacks durable records could take the lead");
                }
            }
            Use::Input => {
                let lag = found.setting("min.compaction.lag.ms").parse::<u64>().unwrap_or(0);
                if compacts && lag < COMPACTION_LAG_MS {
                    let what = format!(
                        "`cleanup.policy` is `{policy}` with `min.compaction.lag.ms` {lag}, expected `delete`, or a lag of {COMPACTION_LAG_MS}"
                    );
                    differs(
                        true,
                        what,
                        "an epoch that is run again after a crash would find other records than the first time",
                    );
                }
            }
            Use::Table => {
                if !compacts {
                    let what = format!("`cleanup.policy` is `{policy}`, expected `compact`");
                    differs(false, what, "the state of a key disappears when its last record is old");
                }
            }
            Use::Stream => {
                if compacts {
                    let what = format!("`cleanup.policy` is `{policy}`, expected `delete`");
                    differs(false, what, "of several records of a key only the last would be left");
                }
            }
        }
        let expected = u32::try_from(brokers.min(3)).unwrap_or(1);
        if found.replication < expected {
            let what = format!("it has {} replicas, expected {expected}", found.replication);
            differs(false, what, "a broker that is lost takes it along");
        } else if found.replication >= 3 && found.setting("min.insync.replicas") == "1" {
            let what = "`min.insync.replicas` is 1, expected 2".to_owned();
            differs(false, what, "a record counts as durable when one broker has it");
        }
        differences
    }
}

/// Thirty days.
const MONTH_MS: u64 = 30 * 24 * 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(used_as: Use) -> WantedTopic {
        WantedTopic { name: "t".to_owned(), used_as, user: "a test".to_owned() }
    }

    const ALL: [Use; 5] = [Use::Log, Use::Progress { shards: 2 }, Use::Input, Use::Table, Use::Stream];

    /// As a cluster would describe what was made.
    fn made(topic: &TopicToMake) -> TopicDescription {
        let defaults =
            [("cleanup.policy", "delete"), ("retention.ms", "604800000"), ("min.insync.replicas", "1")];
        let defaults = defaults.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let own = topic.config.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        TopicDescription {
            name: topic.name.clone(),
            id: "id".to_owned(),
            partitions: topic.partitions,
            replication: topic.replication,
            config: defaults.into_iter().chain(own).collect(),
        }
    }

    #[test]
    fn what_is_made_differs_in_nothing() {
        for used_as in ALL {
            for brokers in 1..5 {
                let wanted = of(used_as);
                assert_eq!(wanted.differences(&made(&wanted.to_make(brokers, 6, None)), brokers), []);
            }
        }
    }

    #[test]
    fn what_breaks_and_what_only_differs() {
        let told = |used_as: Use, partitions: u32, config: &[(&str, &str)]| -> Vec<String> {
            let wanted = of(used_as);
            let mut found = made(&wanted.to_make(1, 6, None));
            found.partitions = partitions;
            found.config.extend(config.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            let differences = wanted.differences(&found, 3);
            differences
                .iter()
                .map(|difference| {
                    format!("{} {}", if difference.breaks { "breaks" } else { "differs" }, difference.what)
                })
                .collect()
        };
        let replicas = "differs it has 1 replicas, expected 3";
        assert_eq!(
            told(
                Use::Log,
                2,
                &[
                    ("cleanup.policy", "compact,delete"),
                    ("retention.ms", "5"),
                    ("unclean.leader.election.enable", "true")
                ]
            ),
            [
                "breaks it has 2 partitions, expected 1",
                "breaks `cleanup.policy` is `compact,delete`, expected `delete`",
                "breaks `retention.ms` is 5, expected -1",
                "breaks `unclean.leader.election.enable` is true",
                replicas
            ]
        );
        assert_eq!(
            told(Use::Progress { shards: 2 }, 1, &[("retention.bytes", "5")]),
            [
                "breaks it has 1 partitions, expected 2",
                "breaks `retention.bytes` is 5, expected -1",
                replicas
            ]
        );
        let lag = ("min.compaction.lag.ms", "3600000");
        assert_eq!(told(Use::Input, 9, &[("cleanup.policy", "compact"), lag]), [replicas]);
        assert!(
            told(Use::Input, 9, &[("cleanup.policy", "compact")])[0].starts_with("breaks `cleanup.policy`")
        );
        assert!(told(Use::Table, 9, &[("cleanup.policy", "delete")])[0].starts_with("differs"));
        assert!(told(Use::Stream, 9, &[("cleanup.policy", "compact")])[0].starts_with("differs"));
        let wanted = of(Use::Table);
        let mut alone = made(&wanted.to_make(3, 6, None));
        alone.config.insert("min.insync.replicas".to_owned(), "1".to_owned());
        assert_eq!(wanted.differences(&alone, 3).len(), 1);
    }
}
