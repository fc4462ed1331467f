//! The manifest of a checkpoint: what it holds, in which files, and where everything outside stood.
//!
//! It lies in the folder of its epoch and generation, and counts only once the log has a record with its hash. Files of
//! older checkpoints may be named by it; each is named with its size and hash, and one that differs is refused.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    num::NonZero,
    path::PathBuf,
    sync::Arc,
    thread::available_parallelism,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::{
    super::{Epoch, intake::Position, log::record::CheckpointRecord, sink::chain::Chain},
    collection::{Stored, StoredError},
    decoder::Rows,
    in_order::in_order,
    merging::merge,
    store::CheckpointStore,
};

/// Version of the form of a manifest.
pub const FORMAT: u32 = 1;

/// Files are checked by so many threads at most: they wait for memory and the disk more than they compute.
const MOST_THREADS: usize = 4;

/// The file's name.
pub const MANIFEST: &str = "manifest.json";

/// What a checkpoint holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of its form.
    pub format: u32,
    /// The name of the topology.
    pub name: String,
    /// The last epoch that it holds.
    pub epoch: Epoch,
    /// The start of the run that took it.
    pub generation: u64,
    /// Hash of what affects output.
    pub configuration: String,
    /// Version of what the binary makes of it.
    pub semantics_version: u32,
    /// `source/partition` -> where it stands.
    pub positions: BTreeMap<String, Position>,
    /// Sink -> the chain of hashes after the epoch.
    pub chains: BTreeMap<String, Chain>,
    /// Step -> what kind of state it has.
    pub steps: BTreeMap<String, StepState>,
    /// What else was counted.
    pub notes: Value,
    /// The files, those of one shard oldest first.
    pub files: Vec<FileEntry>,
}

/// What kind of state a step has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepState {
    /// Names it.
    pub state: String,
    /// Version of its stored form.
    pub version: u32,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// All rows of a shard.
    Base,
    /// Rows of a shard that changed since.
    Delta,
    /// Something else that a step keeps, such as a model.
    Whole,
}

impl FileKind {
    /// Its name in the names of files.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Delta => "delta",
            Self::Whole => "whole",
        }
    }
}

/// A file of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// The id of the step.
    pub step: String,
    /// What it is.
    pub kind: FileKind,
    /// What the step calls it; nothing of rows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its shard; 0 of a whole file.
    pub shard: u32,
    /// Its path in the store: below the state folder, or the URL of a remote `state`.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// BLAKE3 of it.
    pub hash: String,
    /// Its rows; 0 of a whole file.
    pub rows: u64,
}

/// Why a checkpoint cannot be used.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The system refused.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file is not there.
    #[error("{path} is missing")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file is not what the manifest, or the log, says.
    #[error("{path} is damaged: its hash is {found}, and {expected} was recorded")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The recorded hash.
        expected: String,
        /// Its hash.
        found: String,
    },
    /// The manifest cannot be read.
    #[error("{path} is no manifest that this version reads: {reason}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A collection's file cannot be read.
    #[error("{path}: {error}")]
    Stored {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: StoredError,
    },
}

/// BLAKE3 as hexadecimal digits.
#[must_use]
pub fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

impl Manifest {
    /// Whether a file of rows is named by both.
    #[must_use]
    pub fn shares_rows_with(&self, other: &Self) -> bool {
        let rows = |manifest: &Self| -> BTreeSet<String> {
            let files = manifest.files.iter().filter(|file| file.kind != FileKind::Whole);
            files.map(|file| file.path.clone()).collect()
        };
        !rows(self).is_disjoint(&rows(other))
    }

    /// The path of the manifest that a record of the log names, in its store.
    #[must_use]
    pub fn path(record: &CheckpointRecord) -> String {
        format!("{}/{MANIFEST}", record.path)
    }

    /// Reads the manifest that a record of the log names, and checks its hash and format.
    ///
    /// # Errors
    /// It is missing, damaged or foreign.
    pub fn read(store: &dyn CheckpointStore, record: &CheckpointRecord) -> Result<Self, CheckpointError> {
        let path = Self::path(record);
        let bytes = whole(store, &path, &record.manifest, Vec::new())?;
        let wrong = |reason: String| CheckpointError::Manifest { path: store.place(&path), reason };
        let manifest: Self = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        if manifest.format != FORMAT {
            return Err(wrong(format!("it has format {}, expected was {FORMAT}", manifest.format)));
        }
        Ok(manifest)
    }
}

/// A checkpoint whose files can be read.
#[derive(Clone, Debug)]
pub struct Restored {
    store: Arc<dyn CheckpointStore>,
    /// What it holds.
    pub manifest: Manifest,
    /// What else is kept; `None` where the log names a newer one that cannot be used: nothing is removed then.
    pub kept: Option<Kept>,
}

/// What is kept beside the newest checkpoint.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The newest one that shares no file of rows with it, if there is one with a manifest.
    pub older: Option<Manifest>,
    /// How many checkpoints came after that one.
    pub in_a_row: usize,
}

impl Restored {
    /// Reads the manifest that a record of the log names and checks all its files.
    ///
    /// # Errors
    /// A file is missing, damaged or foreign.
    pub fn open(store: Arc<dyn CheckpointStore>, record: &CheckpointRecord) -> Result<Self, CheckpointError> {
        let manifest = Manifest::read(&*store, record)?;
        let restored = Self { store, manifest, kept: None };
        let files = &restored.manifest.files;
        let threads = available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
        let check = |room: &mut Vec<u8>, n: usize| {
            *room = restored.read_in(&files[n], std::mem::take(room))?;
            Ok(())
        };
        in_order(files.len(), threads, check, || Ok(()), |(), _, checked| checked)?;
        Ok(restored)
    }

    /// A file, checked.
    ///
    /// # Errors
    /// It is missing or damaged.
    pub fn read(&self, file: &FileEntry) -> Result<Vec<u8>, CheckpointError> {
        self.read_in(file, Vec::new())
    }

    /// The same, in room that is not needed any more.
    fn read_in(&self, file: &FileEntry, room: Vec<u8>) -> Result<Vec<u8>, CheckpointError> {
        whole(&*self.store, &file.path, &file.hash, room)
    }

    /// The files of a step.
    pub fn files<'a>(&'a self, step: &'a str) -> impl Iterator<Item = &'a FileEntry> {
        self.manifest.files.iter().filter(move |file| file.step == step)
    }

    /// The rows of a step in the shards that fall to a worker, each shard sorted by key.
    ///
    /// The hashes of the files were compared when the checkpoint was opened; what happens to them after that, their own
    /// checksums tell.
    ///
    /// # Errors
    /// A file is missing or damaged, or holds something else.
    pub fn rows<R: Stored>(
        &self,
        step: &str,
        worker: usize,
        peers: usize,
    ) -> Result<Vec<R>, CheckpointError> {
        let mut rows = Vec::new();
        // of the shards before, for files and for their rows
        let (mut used, mut rooms) = (Vec::new(), Vec::new());
        for shard in (0..super::parts::SHARDS).filter(|shard| *shard as usize % peers == worker) {
            let (mut files, mut contents) = (Vec::new(), Vec::new());
            for file in self.files(step).filter(|file| file.shard == shard) {
                let bytes = read(&*self.store, &file.path, used.pop().unwrap_or_default())?;
                let bytes = Bytes::from(bytes);
                let room = rooms.pop().unwrap_or_default();
                files
                    .push(Rows::<R>::open_in(bytes.clone(), room).map_err(|error| self.stored(file, error))?);
                contents.push(bytes);
            }
            let mut merged = merge(files);
            for row in merged.by_ref() {
                let row = row.map_err(|error| CheckpointError::Stored { path: step.into(), error })?;
                rows.push(row);
            }
            rooms.extend(merged.into_files().map(Rows::into_room));
            // nobody else has a part of them any more, so nothing is copied
            used.extend(contents.into_iter().map(Vec::from));
        }
        Ok(rows)
    }

    /// A whole file of a step by what the step calls it, if it has one.
    ///
    /// # Errors
    /// It is missing or damaged.
    pub fn whole(&self, step: &str, name: &str) -> Result<Option<Vec<u8>>, CheckpointError> {
        let mut files = self.files(step).filter(|file| file.kind == FileKind::Whole);
        files.find(|file| file.name == name).map(|file| self.read(file)).transpose()
    }

    fn stored(&self, file: &FileEntry, error: StoredError) -> CheckpointError {
        CheckpointError::Stored { path: self.store.place(&file.path), error }
    }
}

/// A file whose content is checked against its hash.
fn whole(
    store: &dyn CheckpointStore,
    path: &str,
    expected: &str,
    room: Vec<u8>,
) -> Result<Vec<u8>, CheckpointError> {
    let bytes = read(store, path, room)?;
    let found = hash(&bytes);
    if found != expected {
        let path = store.place(path);
        return Err(CheckpointError::Damaged { path, expected: expected.to_owned(), found });
    }
    Ok(bytes)
}

/// A file, in room that is not needed any more.
fn read(store: &dyn CheckpointStore, path: &str, room: Vec<u8>) -> Result<Vec<u8>, CheckpointError> {
    let read = store.read_into(path, room);
    let read = read.map_err(|error| CheckpointError::Io { path: store.place(path), error })?;
    read.ok_or_else(|| CheckpointError::Missing { path: store.place(path) })
}
