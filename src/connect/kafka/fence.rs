//! Fencing whoever wrote before, so that nothing of theirs comes later: not by the brokers' mistake, either.
//!
//! `init_transactions` ends the transaction that was left open, and comes back when every partition of it has the marker that says
//! so. But a coordinator that finds no leader for a partition takes it for deleted and leaves the marker out ("these partitions are
//! likely deleted already and hence can be skipped"): so it is in the seconds after all replicas of a partition have been killed and
//! started again. Records without a marker would end with the next transaction of the id: committed, beside the same records
//! written once more. So the partitions that are written are looked at after each `init`: one whose stable offset stays behind its
//! end gets an aborted record, and with it the marker.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::{
    client::ClientState,
    connection::{ConnectionSettings, Role},
    error::ClusterError,
    topics::Cluster,
    transaction::Transactions,
};

/// How long one answer may take.
const WITHIN: Duration = Duration::from_secs(30);

/// Makes a new producer, and ends what was left open in these partitions.
///
/// # Errors
/// The brokers do not answer, or do not allow it. It may be tried again.
pub(super) fn fence<'t>(
    (cluster, connection, group): (&Cluster, &ConnectionSettings, &str),
    transactions: &mut Transactions,
    partitions: impl Iterator<Item = (&'t str, u32)>,
) -> Result<(), ClusterError> {
    transactions.init()?;
    let (config, state) = connection.client(Role::Consumer { group })?;
    let doing = "look for open transactions";
    let reader: BaseConsumer<ClientState> =
        config.create_with_context(state.clone()).map_err(|error| state.explain(doing, &error))?;
    let mut open = Vec::new();
    for (topic, partition) in partitions {
        let high = cluster.watermarks(topic, partition)?.high;
        // of a reader of what is committed it is the last stable offset
        let number = i32::try_from(partition).unwrap_or(i32::MAX);
        let stable = reader.fetch_watermarks(topic, number, WITHIN);
        let (_, stable) = stable.map_err(|error| state.explain(doing, &error))?;
        if u64::try_from(stable).unwrap_or(0) < high {
            open.push((topic, partition));
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    tracing::warn!("a transaction is still open in {} partitions: aborting what is ours", open.len());
    transactions.abort_in(&open)
}
