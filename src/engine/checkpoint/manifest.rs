//! The manifest of a checkpoint: what it holds, in which files, and where everything outside stood.
//!
//! It lies in the folder of its epoch and generation, and counts only once the log has a record with its hash. Files of
//! older checkpoints may be named by it; each is named with its size and hash, and one that differs is refused.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::PathBuf,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::{
    super::{Epoch, intake::Position, log::record::CheckpointRecord, sink::chain::Chain},
    collection::StoredError,
    store::CheckpointStore,
};

/// Version of the form of a manifest.
pub const FORMAT: u32 = 1;

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
        fn rows(manifest: &Manifest) -> BTreeSet<&str> {
            let files = manifest.files.iter().filter(|file| file.kind != FileKind::Whole);
            files.map(|file| file.path.as_str()).collect()
        }
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

/// A file whose content is checked against its hash.
pub(super) fn whole(
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
pub(super) fn read(
    store: &dyn CheckpointStore,
    path: &str,
    room: Vec<u8>,
) -> Result<Vec<u8>, CheckpointError> {
    let read = store.read_into(path, room);
    let read = read.map_err(|error| CheckpointError::Io { path: store.place(path), error })?;
    read.ok_or_else(|| CheckpointError::Missing { path: store.place(path) })
}
