//! Fencing whoever wrote before, so that nothing of theirs comes later: not by the brokers' mistake, either.
//!
//! `init_transactions` ends the transaction that was left open, and comes back when every partition of it has the
//! marker that says so. But a coordinator that finds no leader for a partition takes it for deleted and leaves the
//! marker out ("these partitions are likely deleted already and hence can be skipped"): so it is in the seconds after
//! all replicas of a partition have been killed and started again. Records without a marker would end with the next
//! transaction of the id: committed, beside the same records written once more. So the partitions that are written are
//! looked at after each `init`: one whose stable offset stays behind its end gets an aborted record, and with it the
//! marker.

use rdkafka::consumer::BaseConsumer;

use super::{
    client::ClientState,
    connection::{ConnectionSettings, Role},
    error::ClusterError,
    log_topic::WITHIN,
    read_end::stable_offset,
    topics::Cluster,
    transaction::Transactions,
};

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
        let stable = stable_offset(&reader, topic, partition, WITHIN);
        if stable.map_err(|error| state.explain(doing, &error))? < high {
            open.push((topic, partition));
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    tracing::warn!("a transaction is still open in {} partitions: aborting what is ours", open.len());
    transactions.abort_in(&open)
}
