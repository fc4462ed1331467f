//! A replay of a log whose beginning is gone: it begins with the oldest checkpoint that is kept, and has the epochs after it.
//!
//! The checkpoint's files are copied into the replay's state, and each sink's progress is noted there as it was at its
//! epoch, in an empty file: so the replay is a start like any other after a crash, and writes what the real run wrote from
//! there on. Its chain of hashes goes on from the checkpoint's. Limit: what the checkpoint holds is taken as it is.

use std::{path::Path, sync::Arc};

use super::{Compared, ReplayError};
use crate::{
    connect::file::progress,
    engine::{
        Epoch,
        checkpoint::{
            manifest::{MANIFEST, Manifest, hash},
            store::{CheckpointStore, LocalStore},
        },
        disk::Disk,
        log::record::{Body, CheckpointRecord},
        sink::Progress,
    },
    topology::stored::{StoredState, StoredStateError},
};

/// The checkpoint that a replay begins with.
pub(super) struct Base<'a> {
    record: &'a CheckpointRecord,
    manifest: &'a Manifest,
}

/// The oldest checkpoint that is whole, where the beginning of the log is gone.
///
/// # Errors
/// None is whole.
pub(super) fn oldest(state: &StoredState) -> Result<Option<Base<'_>>, ReplayError> {
    let truncated = state.log.truncated();
    if truncated == 0 {
        return Ok(None);
    }
    let mut kept = state.checkpoints.iter().rev();
    let whole = kept
        .find_map(|stored| Some(Base { record: &stored.record, manifest: stored.manifest.as_ref().ok()? }));
    whole.map(Some).ok_or(ReplayError::Truncated(truncated))
}

impl Base<'_> {
    /// Its epoch.
    pub(super) fn epoch(&self) -> Epoch {
        self.record.epoch
    }

    /// Whether a sink was there.
    pub(super) fn has(&self, sink: &str) -> bool {
        self.manifest.chains.contains_key(sink)
    }

    /// The records that stand for what is gone in the replay's log.
    pub(super) fn records(&self) -> [Body; 2] {
        [Body::Truncated { through: self.epoch(), kept: Vec::new() }, Body::Checkpoint(self.record.clone())]
    }

    /// Copies its files into the replay's state folder, and notes there how far each of its sinks was.
    ///
    /// # Errors
    /// A file is gone or damaged, or the system refused.
    pub(super) fn put(
        &self,
        from: &dyn CheckpointStore,
        disk: &Arc<dyn Disk>,
        folder: &Path,
        sinks: &[Compared],
    ) -> Result<(), ReplayError> {
        let into = LocalStore::shared(disk, folder);
        let manifest = (format!("{}/{MANIFEST}", self.record.path), self.record.manifest.as_str());
        let files = self.manifest.files.iter().map(|file| (file.path.clone(), file.hash.as_str()));
        for (path, expected) in files.chain([manifest]) {
            let io = |error| ReplayError::Io { path: from.place(&path), error };
            let bytes = from.read(&path).map_err(io)?.filter(|bytes| hash(bytes) == expected);
            let bytes = bytes.ok_or_else(|| ReplayError::Gone(from.place(&path)))?;
            let io = |error| ReplayError::Io { path: into.place(&path), error };
            if let Some((below, _)) = path.rsplit_once('/') {
                into.make_folder(below).map_err(io)?;
            }
            into.put(&path, &bytes).map_err(io)?;
        }
        for sink in sinks {
            let Some(chain) = self.manifest.chains.get(&sink.id) else { continue };
            let written = Progress { epoch: self.epoch(), chain: *chain };
            progress::begin(disk, folder, &sink.id, &sink.copy, written)
                .map_err(StoredStateError::Journal)?;
        }
        Ok(())
    }
}
