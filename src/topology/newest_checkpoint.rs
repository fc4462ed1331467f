//! The checkpoint that a start goes on from: the newest that the log names and that is whole.

use std::sync::Arc;

use super::start_error::StartError;
use crate::engine::{
    checkpoint::{
        manifest::{CheckpointError, Manifest},
        restored::{Kept, Restored},
        store::CheckpointStore,
    },
    log::{
        contents::LogContents,
        record::{Body, CheckpointRecord},
    },
};

/// The newest checkpoint that counts and is whole, or none where everything can be replayed.
pub(super) fn newest_checkpoint(
    store: &Arc<dyn CheckpointStore>,
    contents: &LogContents,
) -> Result<Option<Restored>, StartError> {
    let mut reasons = Vec::new();
    let mut checkpoints = contents.records.iter().rev().filter_map(|record| match &record.body {
        Body::Checkpoint(checkpoint) if checkpoint.epoch >= contents.truncated() => Some(checkpoint),
        _ => None,
    });
    while let Some(checkpoint) = checkpoints.next() {
        match Restored::open(Arc::clone(store), checkpoint) {
            Ok(mut restored) => {
                if reasons.is_empty() {
                    restored.kept = Some(kept(&**store, &restored.manifest, checkpoints));
                }
                return Ok(Some(restored));
            }
            Err(error) => {
                // of those between the two that are kept nothing is there
                if reasons.is_empty() || !matches!(error, CheckpointError::Missing { .. }) {
                    tracing::warn!(epoch = checkpoint.epoch, %error, "a checkpoint cannot be used; an older one is tried");
                }
                reasons.push(format!("that of epoch {}: {error}", checkpoint.epoch));
            }
        }
    }
    match contents.truncated() {
        0 => Ok(None),
        truncated => Err(StartError::NoCheckpoint { reasons: reasons.join("; "), truncated }),
    }
}

/// What is kept beside the newest checkpoint, given the records before its own, newest first. Of those between the two, the
/// manifests are gone, or about to be.
fn kept<'r>(
    store: &dyn CheckpointStore,
    newest: &Manifest,
    before: impl Iterator<Item = &'r CheckpointRecord>,
) -> Kept {
    let mut in_a_row = 1;
    for record in before {
        match Manifest::read(store, record) {
            Ok(older) if !older.shares_rows_with(newest) => return Kept { older: Some(older), in_a_row },
            _ => in_a_row += 1,
        }
    }
    Kept { older: None, in_a_row }
}
