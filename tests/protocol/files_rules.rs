//! Every rule of the protocol over files taken away once: the walk must find what then breaks.

use super::explorer::{Property, explore};
use super::files::rules::{Bounds, Rule};
use super::taken_away::{must_break, taken_away};

const SMALL: Bounds = Bounds { epochs: 2, ..Bounds::BASE };
const TWICE: Bounds = Bounds { cuts: 2, ..SMALL };
const JOURNAL: Bounds = Bounds { journal: true, ..SMALL };
const STORE: Bounds = Bounds { checkpoints: true, ..SMALL };

/// Without the rule, too, the walk breaks nothing.
fn not_needed(rule: Rule, bounds: Bounds) {
    let seen = explore(&bounds.without(rule), true);
    println!("{rule:?} taken away: {seen}");
    assert!(seen.violation.is_none(), "{rule:?}: {seen}");
}

/// Without the rule the walk breaks one of the properties, as the docs say; with it, within the same bounds, none.
fn caught(name: &str, rule: Rule, bounds: Bounds, properties: &[Property]) {
    let live = bounds.rot + bounds.tampering == 0;
    must_break(name, rule, (&bounds, live), (&bounds.without(rule), false), properties);
}

taken_away! {
    lock: Lock, SMALL, S0 | S1;
    torn_tail_cut: CutTornTail, SMALL, S6;
    bad_record_before_valid_ones_is_refused: RefuseHole, Bounds { rot: 1, ..SMALL }, S6 | Kept;
    tail_copied_on_open: CopyOnOpen, SMALL, S6 | Kept;
    copied_not_only_synced: CopyNotSync, Bounds { failures: 1, ..SMALL }, S6 | Kept;
    copy_synced_before_rename: CopySynced, TWICE, S6 | Kept;
    directory_synced_after_rename: CopyNamed, SMALL, S6 | Kept;
    directory_synced_after_create: NewFileNamed, SMALL, S6 | Kept;
    output_checked_against_progress: OutputChecked, Bounds { tampering: 1, ..SMALL }, S1;
    output_cut_to_progress: OutputCut, SMALL, S1;
    log_synced_before_output: LogSyncedBeforeOutput, SMALL, S6 | Kept;
    output_synced_before_progress: OutputSyncedBeforeProgress, SMALL, S6;
    progress_synced_before_it_counts: ProgressSynced, STORE, S3;
    sync_error_ends_the_process: SyncErrorEnds, Bounds { failures: 1, ..SMALL }, S6 | Kept;
    checkpoint_after_progress: CheckpointAfterProgress, STORE, S3;
    checkpoint_synced_before_rename: CheckpointSynced, STORE, S4;
    checkpoint_named_before_its_record: CheckpointNamed, STORE, S4;
    garbage_after_the_synced_record: GarbageAfterRecord, STORE, S4;
    truncation_after_the_record: TruncationAfterRecord, STORE, S6;
    journal_synced_before_release: JournalSyncedBeforeRelease, JOURNAL, S6 | Kept;
    journal_synced_before_answer: JournalSyncedBeforeAnswer, JOURNAL, Kept;
}

/// What comes back is written over with the same bytes, or cut again; output is synced before progress says more.
#[test]
fn the_sync_after_the_cut_only_saves_work() {
    let bounds = Bounds { cuts: 2, failures: 1, checkpoints: true, ..SMALL };
    not_needed(Rule::OutputCutSynced, bounds);
}
