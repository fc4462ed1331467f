//! What has to be as the last run left it: the topology, as far as anything depends on it, and the files of its sources.
//!
//! Epochs that are in no checkpoint are replayed by what logged them. Beyond a checkpoint only what shaped its rows counts:
//! another epoch length, or another sink, may go on from there.

use super::{configuration::SEMANTICS_VERSION, options::Clock, plan::Plan, start_error::StartError};
use crate::engine::{
    Epoch,
    log::{file::LogContents, record::PartitionRecord},
};

/// Refuses a topology, or a version of the binary, that the epochs after the checkpoint were not logged by.
pub(super) fn refuse_what_has_changed(
    plan: &Plan,
    contents: &LogContents,
    checkpoint: Epoch,
    end: Epoch,
) -> Result<(), StartError> {
    let Some(start) = contents.last_start() else { return Ok(()) };
    let replays = |what| Err(StartError::Replay { what, checkpoint, end });
    if start.configuration != plan.configuration() {
        if end > checkpoint {
            return replays("the topology has changed");
        }
        let steps = start.topology.get("steps").map(ToString::to_string);
        if end > 0 && steps != plan.resolved().get("steps").map(ToString::to_string) {
            return Err(StartError::Steps);
        }
    }
    if start.semantics_version != SEMANTICS_VERSION && end > checkpoint {
        return replays("this version computes something else than the one that ran last");
    }
    Ok(())
}

/// The partitions that are new; those that the log knows must be what they were.
///
/// With `clock: event` no file may come later: what is in it would have had epochs that are closed.
pub(super) fn compare_files(
    plan: &Plan,
    contents: &LogContents,
    found: &[PartitionRecord],
) -> Result<Vec<PartitionRecord>, StartError> {
    let mut new = Vec::new();
    let is_fixed = plan.options.clock == Clock::Event && contents.last_epoch() > 0;
    for partition in found {
        let same =
            |known: &&PartitionRecord| (&known.source, known.number) == (&partition.source, partition.number);
        match contents.partitions().find(same) {
            Some(known) if known.name != partition.name => {
                return Err(StartError::Files {
                    source_id: known.source.clone(),
                    number: known.number,
                    logged: known.name.clone(),
                    found: partition.name.clone(),
                });
            }
            Some(known) if known.identity != partition.identity => {
                return Err(StartError::Replaced {
                    name: partition.name.clone(),
                    bytes: known.identity.bytes,
                });
            }
            Some(_) => {}
            None if is_fixed => {
                return Err(StartError::Files {
                    source_id: partition.source.clone(),
                    number: partition.number,
                    logged: "none".into(),
                    found: partition.name.clone(),
                });
            }
            None => new.push(partition.clone()),
        }
    }
    for known in contents.partitions() {
        if !found.iter().any(|f| (&f.source, f.number) == (&known.source, known.number)) {
            return Err(StartError::Files {
                source_id: known.source.clone(),
                number: known.number,
                logged: known.name.clone(),
                found: "none".into(),
            });
        }
    }
    Ok(new)
}
