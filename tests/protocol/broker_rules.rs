//! Every rule of the protocol over a broker taken away once: the walk must find what then breaks.
//!
//! Each test names the smallest bounds found that show it, and the property that breaks first on the shortest way.

use super::broker::rules::{Bounds, Rule};
use super::explorer::{Property, explore};
use super::taken_away::{must_break, taken_away};

const SMALL: Bounds = Bounds { epochs: 2, shards: 1, ..Bounds::BASE };
const QUIET: Bounds = Bounds { timeouts: 0, ..SMALL };
const STORE: Bounds = Bounds { checkpoints: true, keep: 1, ..QUIET };

/// Without the rule the walk breaks one of the properties, as the docs say; with it, within the same bounds, none.
fn caught(name: &str, rule: Rule, bounds: Bounds, properties: &[Property]) {
    let live = properties.contains(&Property::L1);
    must_break(name, rule, (&bounds, live), (&bounds.without(rule), live), properties);
}

taken_away! {
    fence_the_log_before_reading_it: FenceBeforeReading, QUIET, S0 | S7;
    one_id_for_the_log_writer: OneLogWriter, QUIET, S0 | S7;
    generation_record: GenerationRecord, QUIET, S7;
    generation_record_read_back: GenerationReadBack, Bounds { markers: true, ..SMALL }, S5;
    generation_check_on_the_logs_error_path: LogChecksGeneration, QUIET, S0;
    generation_check_on_a_shards_error_path: ShardChecksGeneration, SMALL, S5 | S4;
    read_the_log_before_appending_again: ReadBeforeAppendingAgain, SMALL, S0;
    a_timeout_is_not_success_log: LogTimeoutIsNoSuccess, SMALL, S0 | S2 | S7;
    a_timeout_is_not_failure_log: LogTimeoutIsNoFailure, SMALL, S0;
    a_record_waits_for_all_workers: WaitForAllWorkers, Bounds { workers: true, ..QUIET }, S2;
    fence_a_shard_before_reading_its_progress: FenceShardBeforeReading, Bounds { fine: true, ..QUIET }, S1 | S4;
    shards_are_fenced_at_all: ShardsAreFenced, QUIET, S1 | S4;
    commit_only_durable_epochs: CommitOnlyDurable, QUIET, S2 | S5;
    a_sinks_timeout_is_not_success: SinkTimeoutIsNoSuccess, SMALL, S1;
    a_sinks_timeout_is_not_failure: SinkTimeoutIsNoFailure, SMALL, S1;
    new_producer_after_a_timeout: NewProducerAfterTimeout, Bounds { parts: true, ..SMALL }, S1;
    broker_verifies_partitions: BrokerVerifies, Bounds { parts: true, ..QUIET }, S1;
    replay_uses_recorded_bindings: ReplayRecordedBindings, QUIET, S0 | S2 | S5;
    outputs_before_checkpoint: OutputsBeforeCheckpoint, STORE, S3 | S1;
    checkpoint_valid_by_its_log_record: ValidByRecord, STORE, S4;
    generation_in_the_checkpoints_path: GenerationInPath, STORE, S4;
    garbage_after_the_durable_record: GarbageAfterRecord, STORE, S4;
    garbage_spares_newer_generations: GarbageSparesNewer, STORE, S4;
    garbage_spares_an_unclear_put: GarbageSparesUnclear, STORE, S4;
    chained_hash: ChainedHash, STORE, S5;
    kept_two_share_no_base: NoSharedBase, Bounds { keep: 2, rot: 1, ..STORE }, S6 | S4;
    the_log_has_an_error_path: LogErrorPath, SMALL, L1;
    progress_for_empty_epochs: ProgressForEmpty, Bounds { sparse: true, shards: 2, ..QUIET }, L1;
    progress_inside_the_transaction: ProgressInTransaction, QUIET, S1;
}

/// A reading to the end of the log before a shard's progress is read keeps the same error away as reading the generation
/// record back: of these two each alone is enough. The table takes the read back away where the other is missing.
#[test]
fn a_read_to_the_end_stands_in_for_the_read_back() {
    let bounds = Bounds { epochs: 2, markers: true, waits: true, ..Bounds::BASE };
    let seen = explore(&bounds.without(Rule::GenerationReadBack), true);
    println!("GenerationReadBack taken away, a shard's look at the log waits: {seen}");
    assert!(seen.violation.is_none(), "{seen}");
}
