//! The state folder of a topology as it lies there: read without the lock, never written.
//!
//! A run may be going on meanwhile. What is read then is some moment of it: a checkpoint that was collected between the
//! reading of the log and that of its manifest is looked for again. A checkpoint counts by its record in the log alone.
//!
//! # Layout
//! * [`summary`]: what is stored. [`verify`]: whether it is whole. [`export`]: the rows of a step.

pub mod export;
pub mod summary;
pub mod verify;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use thiserror::Error;

use super::{plan::Plan, start::LOG};
use crate::{
    connect::{
        file::progress::{self, Written},
        object_store::StoreError,
        registry::OpenError,
    },
    engine::{
        checkpoint::{
            manifest::{CheckpointError, Manifest},
            store::CheckpointStore,
        },
        disk::Disk,
        journal::JournalError,
        log::{
            file::{LogContents, load},
            record::{Body, CheckpointRecord, Start},
        },
        sink::Progress,
    },
};

/// How often a checkpoint that has gone meanwhile is looked for again.
const TRIES: usize = 5;

/// Why stored state cannot be read.
#[derive(Debug, Error)]
pub enum StoredStateError {
    /// There is nothing.
    #[error("there is no state in {0}: the topology has not run yet, or its `state` lies elsewhere")]
    None(PathBuf),
    /// The state is another topology's.
    #[error("the state folder {folder} is that of the topology `{found}`, not of `{expected}`")]
    Name {
        /// The folder.
        folder: PathBuf,
        /// Whose it is.
        found: String,
        /// Who was asked for.
        expected: String,
    },
    /// The system refused.
    #[error("cannot read {path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// The log lies elsewhere, and cannot be read.
    #[error(transparent)]
    Elsewhere(#[from] OpenError),
    /// The store of its checkpoints cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log, or the progress of a sink, is damaged or foreign.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A checkpoint is damaged.
    #[error("{0}: `dirigent state verify` names everything that is damaged")]
    Checkpoint(#[from] CheckpointError),
}

/// A checkpoint that the log names.
#[derive(Debug)]
pub struct StoredCheckpoint {
    /// The record of the log.
    pub record: CheckpointRecord,
    /// The manifest, or what is wrong with it.
    pub manifest: Result<Manifest, CheckpointError>,
}

/// The state of a topology, as it was at one moment.
#[derive(Debug)]
pub struct StoredState {
    disk: Arc<dyn Disk>,
    /// Where it lies on this machine.
    pub folder: PathBuf,
    /// Where its checkpoints and models lie.
    pub(in crate::topology) store: Arc<dyn CheckpointStore>,
    /// The epoch log.
    pub log: LogContents,
    /// Bytes of the log; 0 where it does not lie in the folder.
    pub log_bytes: u64,
    /// Whether the log lies elsewhere.
    log_is_elsewhere: bool,
    /// Which start wrote last, and how far, where the outputs lie elsewhere: those sinks by id.
    elsewhere: Option<(u64, BTreeMap<String, Progress>)>,
    /// The checkpoints that are kept, newest first: two at most.
    pub checkpoints: Vec<StoredCheckpoint>,
}

impl StoredState {
    /// Reads log and manifests.
    ///
    /// # Errors
    /// There is no state, it is another topology's, or its log cannot be read.
    pub fn read(disk: &Arc<dyn Disk>, plan: &Plan) -> Result<Self, StoredStateError> {
        let folder = plan.options.state_dir();
        let store = plan.options.checkpoint_store(disk)?;
        let mut tries = 1;
        loop {
            let state = Self::read_once(disk, &folder, &store, plan)?;
            if let Some(start) = state.starts().last()
                && start.1.name != plan.name
            {
                let (found, expected) = (start.1.name.clone(), plan.name.clone());
                return Err(StoredStateError::Name { folder, found, expected });
            }
            let gone = |checkpoint: &StoredCheckpoint| {
                matches!(checkpoint.manifest, Err(CheckpointError::Missing { .. }))
            };
            if tries == TRIES || !state.checkpoints.iter().any(gone) {
                return Ok(state);
            }
            tries += 1;
        }
    }

    /// The same for whoever wants to know what is damaged: a log that cannot be read is no fault yet.
    ///
    /// # Errors
    /// There is no state, or it is another topology's.
    pub fn read_damaged(disk: &Arc<dyn Disk>, plan: &Plan) -> Result<Self, StoredStateError> {
        match Self::read(disk, plan) {
            Err(StoredStateError::Journal(_)) => {
                let folder = plan.options.state_dir();
                let length = disk.length(&folder.join(LOG)).ok().flatten();
                Ok(Self {
                    disk: Arc::clone(disk),
                    folder,
                    store: plan.options.checkpoint_store(disk)?,
                    log: LogContents::default(),
                    log_bytes: length.unwrap_or(0),
                    log_is_elsewhere: false,
                    elsewhere: None,
                    checkpoints: Vec::new(),
                })
            }
            other => other,
        }
    }

    fn read_once(
        disk: &Arc<dyn Disk>,
        folder: &Path,
        store: &Arc<dyn CheckpointStore>,
        plan: &Plan,
    ) -> Result<Self, StoredStateError> {
        // first how far the sinks are, then the log: it has all that they have written
        let (elsewhere, log, log_bytes) = match plan.log_elsewhere() {
            Some((place, settings)) => {
                let written = (place.written)(settings, &plan.name)?;
                let log = (place.read)(settings, &plan.name)?;
                if log.records.is_empty() {
                    return Err(StoredStateError::None(folder.to_owned()));
                }
                (Some(written), log, 0)
            }
            None => {
                let path = folder.join(LOG);
                let length =
                    disk.length(&path).map_err(|error| StoredStateError::Io { path: path.clone(), error })?;
                let length = length.ok_or_else(|| StoredStateError::None(folder.to_owned()))?;
                let kept = plan.sinks.iter().find_map(|sink| sink.kind.kept);
                let kept = kept.map_or(Ok(None), |kept| kept(&**disk, folder))?;
                (kept, load(&**disk, &path)?, length)
            }
        };
        let mut checkpoints: Vec<StoredCheckpoint> = counting(&log)
            .map(|record| StoredCheckpoint {
                record: record.clone(),
                manifest: Manifest::read(&**store, record),
            })
            .collect();
        // older ones than the two that are kept may be gone, and one of three is between two steps of a run
        let there = |c: &StoredCheckpoint| !matches!(c.manifest, Err(CheckpointError::Missing { .. }));
        if checkpoints.iter().filter(|checkpoint| there(checkpoint)).count() >= 2 {
            let newest = checkpoints.first().map(|newest| newest.record.clone());
            checkpoints.retain(|checkpoint| there(checkpoint) || Some(&checkpoint.record) == newest.as_ref());
        }
        checkpoints.truncate(2);
        let log_is_elsewhere = plan.log_elsewhere().is_some();
        let (disk, store, folder) = (Arc::clone(disk), Arc::clone(store), folder.to_owned());
        Ok(Self { disk, folder, store, log, log_bytes, log_is_elsewhere, elsewhere, checkpoints })
    }

    /// Where checkpoints and models lie: the folder, or a URL.
    fn store_name(&self) -> String {
        let name = self.store.place("").display().to_string();
        name.trim_end_matches('/').to_owned()
    }

    /// The starts that the log still has, with their numbers.
    pub fn starts(&self) -> impl Iterator<Item = (u64, &Start)> {
        self.log.records.iter().filter_map(|record| match &record.body {
            Body::Generation(start) => Some((record.generation, start)),
            _ => None,
        })
    }

    /// The sinks that have a progress, by id, with what it says or what is wrong with it.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn sinks(&self) -> Result<Vec<SinkProgress>, StoredStateError> {
        let folder = self.folder.join(progress::FOLDER);
        let names =
            self.disk.list(&folder).map_err(|error| StoredStateError::Io { path: folder.clone(), error })?;
        let sinks = names.iter().filter_map(|name| {
            let id = name.strip_suffix(".log")?.to_owned();
            let journal = folder.join(name);
            let written = progress::written(&*self.disk, &journal);
            Some(SinkProgress { id, journal, written, elsewhere: false })
        });
        let elsewhere = self.elsewhere.iter().flat_map(|(generation, sinks)| {
            sinks.iter().map(|(id, progress)| {
                let written = Written {
                    path: PathBuf::new(),
                    generation: *generation,
                    progress: *progress,
                    length: 0,
                    blocks: BTreeMap::new(),
                    last_block: None,
                    torn: 0,
                };
                SinkProgress {
                    id: id.clone(),
                    journal: PathBuf::new(),
                    written: Ok(Some(written)),
                    elsewhere: true,
                }
            })
        });
        Ok(sinks.chain(elsewhere).collect())
    }
}

/// How far a sink is, as its journal says.
#[derive(Debug)]
pub struct SinkProgress {
    /// The id of the sink.
    pub id: String,
    /// The journal.
    pub journal: PathBuf,
    /// What it says; `None` where nothing is in it.
    pub written: Result<Option<Written>, JournalError>,
    /// What it has written does not lie on this machine, nor its progress.
    pub elsewhere: bool,
}

/// The checkpoints that a start would try, newest first.
fn counting(log: &LogContents) -> impl Iterator<Item = &CheckpointRecord> {
    let truncated = log.truncated();
    log.records.iter().rev().filter_map(move |record| match &record.body {
        Body::Checkpoint(checkpoint) if checkpoint.epoch >= truncated => Some(checkpoint),
        _ => None,
    })
}
