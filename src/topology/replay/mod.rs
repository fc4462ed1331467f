//! A replay: the log of a topology run again from empty state into other outputs, and these compared with the real ones.
//!
//! The new state folder begins with a copy of the log's partitions and epochs, so the replay is a start like any other
//! that finds no checkpoint: the same epochs must come again. It ends with the last of them, whatever the input has by
//! now; an input that ended and has grown since is read in the same parts (`parts`). Nothing of the real run is written
//! or locked, so it may be going on. A log whose beginning was truncated is run from the oldest checkpoint that is
//! kept.
//!
//! # Layout
//! * [`compare`]: the outputs beside the real ones. `from_checkpoint`: a checkpoint in place of what is gone.

pub mod compare;
mod from_checkpoint;

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::json;
use thiserror::Error;

pub use compare::{Compared, Outcome};

use self::{compare::compare_with, from_checkpoint::Base};
use super::{
    configuration::SEMANTICS_VERSION,
    options::DEAD_LETTERS,
    plan::Plan,
    start::LOG,
    stored::{StoredState, StoredStateError},
};
use crate::{
    connect::{file, place::Place},
    engine::{
        Epoch,
        disk::Disk,
        journal::Journal,
        log::{
            file::format,
            record::{Body, LogRecord},
        },
    },
};

/// The folder of the replay's own state, below the one that is given.
const STATE: &str = "state";

/// Why a log cannot be run again.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] StoredStateError),
    /// The beginning of the log is gone, and no checkpoint stands for it.
    #[error(
        "the log was truncated up to epoch {0}, and no checkpoint of it is whole: `dirigent state verify` names what is damaged"
    )]
    Truncated(Epoch),
    /// A file of the checkpoint that it begins with is gone.
    #[error(
        "{0} is gone or damaged. Where a run is going on, it has stored newer checkpoints meanwhile: try again; else \
         `dirigent state verify` says more"
    )]
    Gone(PathBuf),
    /// Nothing was logged.
    #[error("the log has no epoch yet: there is nothing to replay")]
    Empty,
    /// Another topology logged it.
    #[error("start {generation} logged epochs with another topology: replay with the one that it ran")]
    Topology {
        /// The start.
        generation: u64,
    },
    /// Another version logged it.
    #[error(
        "start {generation} was of a version that computes something else ({found}, this one {SEMANTICS_VERSION}): replay with that"
    )]
    Semantics {
        /// The start.
        generation: u64,
        /// Its version.
        found: u32,
    },
    /// The folder is in use.
    #[error("{0} is not empty: a replay overwrites nothing; give it a new folder")]
    NotEmpty(PathBuf),
    /// A source would read the replay's outputs.
    #[error("the source {source_id} reads files in {folder}: give another folder")]
    Read {
        /// The source.
        source_id: String,
        /// The folder.
        folder: PathBuf,
    },
    /// The replay did not come to its end.
    #[error("the replay was stopped at epoch {found}, and the real output goes up to epoch {expected}")]
    Stopped {
        /// The last epoch that it wrote.
        found: Epoch,
        /// The last one of the real output.
        expected: Epoch,
    },
    /// The system refused.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
}

/// A replay that can be run.
#[derive(Debug)]
pub struct Prepared {
    /// What is to be run with [`super::assemble::Writes::Logged`].
    pub plan: Plan,
    /// What is to be compared afterwards.
    pub compared: Vec<Compared>,
    /// The epoch of the checkpoint that it begins with; 0 for empty state.
    pub after: Epoch,
}

/// Prepares a replay below a folder.
///
/// # Errors
/// The log cannot be run again, or the folder cannot be used.
pub fn prepare(disk: &Arc<dyn Disk>, plan: &Plan, into: &Path) -> Result<Prepared, ReplayError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error| ReplayError::Io { path, error }
    };
    // first how far the sinks are, then the log: it has all that they have written
    let sinks = StoredState::read(disk, plan)?.sinks()?;
    let state = StoredState::read(disk, plan)?;
    let base = from_checkpoint::oldest(&state)?;
    let after = base.as_ref().map_or(0, Base::epoch);
    refuse(plan, &state, after)?;
    if !disk.list(into).map_err(io(into))?.is_empty() {
        return Err(ReplayError::NotEmpty(into.to_owned()));
    }
    let mut replayed = plan.clone();
    let folder = into.join(STATE);
    replayed.options.state = Some(format!("file:{}", folder.display()));
    let mut compared = Vec::new();
    for sink in &mut replayed.sinks {
        let copy = into.join(format!("{}.jsonl", sink.id));
        sink.kind = if sink.kind.form == file::SINK.form { &file::SINK } else { &file::MESSAGES };
        sink.settings = json!({"path": copy});
        compared.push(compare_with(&state, &sinks, &sink.id, copy, &folder, base.as_ref()));
    }
    if !plan.unread_dead_letters().is_empty() {
        let copy = folder.join(DEAD_LETTERS);
        compared.push(compare_with(&state, &sinks, DEAD_LETTERS, copy, &folder, base.as_ref()));
    }
    for source in &plan.sources {
        let written = compared.iter().map(|sink| Place::file(&sink.copy));
        if written.into_iter().any(|place| (source.kind.reads)(&source.settings, &place).is_some()) {
            return Err(ReplayError::Read { source_id: source.id.clone(), folder: into.to_owned() });
        }
    }
    disk.make_folder(&folder).map_err(io(&folder))?;
    file::copy_spools(&**disk, &state.folder, &folder)
        .map_err(|(path, error)| ReplayError::Io { path, error })?;
    let path = folder.join(LOG);
    // of an output that cannot be read again here, the chain of hashes is compared, which the replay has at its end
    let until = compared.iter().filter_map(Compared::ends).min().unwrap_or(Epoch::MAX);
    let seed = seed(&state, base.as_ref(), until);
    Journal::open(Arc::clone(disk), &path, &format(), &seed).map_err(StoredStateError::Journal)?;
    if let Some(base) = &base {
        base.put(&*state.store, disk, &folder, &compared)?;
    }
    Ok(Prepared { plan: replayed, compared, after })
}

/// Refuses a log that does not give the same outputs from the state after an epoch.
fn refuse(plan: &Plan, state: &StoredState, after: Epoch) -> Result<(), ReplayError> {
    let epochs = || state.log.epochs().filter(|record| record.epoch > after);
    if epochs().next().is_none() {
        return Err(ReplayError::Empty);
    }
    let logged: BTreeSet<u64> = state
        .log
        .records
        .iter()
        .filter(|record| matches!(&record.body, Body::Epoch(record) if record.epoch > after))
        .map(|record| record.generation)
        .collect();
    for (generation, start) in state.starts().filter(|(generation, _)| logged.contains(generation)) {
        if start.configuration != plan.configuration() {
            return Err(ReplayError::Topology { generation });
        }
        if start.semantics_version != SEMANTICS_VERSION {
            return Err(ReplayError::Semantics { generation, found: start.semantics_version });
        }
    }
    Ok(())
}

/// The records that the replay's log begins with.
fn seed(state: &StoredState, base: Option<&Base<'_>>, until: Epoch) -> Vec<LogRecord> {
    let after = base.map_or(0, Base::epoch);
    let start = state.starts().last().map(|(_, start)| Body::Generation(start.clone()));
    let counts = |body: &Body| !matches!(body, Body::Epoch(record) if record.epoch > until);
    let bodies = || state.log.records.iter().map(|record| record.body.clone()).filter(counts);
    let partitions = bodies().filter(|body| matches!(body, Body::Partition(_)));
    let epochs = bodies().filter(|body| matches!(body, Body::Epoch(record) if record.epoch > after));
    let known: Vec<Body> = match base {
        // where a partition is read from now on is known before anything else
        Some(base) => partitions.chain(base.records()).chain(epochs).collect(),
        None => bodies().filter(|body| matches!(body, Body::Partition(_) | Body::Epoch(_))).collect(),
    };
    let generation = state.log.generation();
    let record = |(body, seq)| LogRecord { seq, generation, body };
    start.into_iter().chain(known).zip(1..).map(record).collect()
}
