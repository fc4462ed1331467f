//! How far a file sink has written: a journal of its own in the state folder.
//!
//! A record names the last epoch, the chain of hashes after it, the file's length, and the hash of the block that the
//! file ends in; a block that is full has a record of its own, so that the whole file can be checked later. The journal
//! is written anew at each start, and then holds no more than is needed.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    connect::registry::SinkContext,
    engine::{
        disk::{Disk, folder_of},
        journal::{Format, Journal, JournalError, read},
        sink::{Progress, chain::Chain},
    },
};

/// Bytes of the output that share a hash.
pub const BLOCK: u64 = 64 << 20;

/// The folder of all journals below the state.
pub const FOLDER: &str = "progress";

/// A record of the journal. Its JSON is the stored form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// This start writes to this file; before it, nothing in the file is ours.
    Open {
        /// The start of the run.
        generation: u64,
        /// The file.
        path: PathBuf,
    },
    /// A block is full.
    Block {
        /// Its number from 0.
        index: u64,
        /// BLAKE3 of it.
        hash: String,
    },
    /// Everything up to an epoch is written.
    Progress {
        /// The start of the run.
        generation: u64,
        /// The last epoch.
        epoch: u64,
        /// The chain after it.
        chain: Chain,
        /// The file's length.
        length: u64,
        /// BLAKE3 of the bytes from the last multiple of [`BLOCK`] on.
        block: String,
    },
}

/// What a journal says at a start.
pub(super) enum Recorded {
    /// There is none.
    Nothing,
    /// The file was opened; nothing that is in it counts.
    Opened,
    /// It was written this far.
    Written { progress: Progress, length: u64, block: String },
}

/// The form of the journal.
#[must_use]
pub fn format() -> Format {
    Format { format: "dirigent sink progress".into(), version: 1 }
}

/// The journal of a sink.
#[must_use]
pub fn path_of(state: &Path, sink: &str) -> PathBuf {
    state.join(FOLDER).join(format!("{sink}.log"))
}

/// How far a file was written, for whoever looks at it from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub path: PathBuf,
    /// The start of the run that wrote last; that opened it, where nothing is written.
    pub generation: u64,
    /// The last epoch, and the chain after it; the default where nothing is written.
    pub progress: Progress,
    /// Its length.
    pub length: u64,
    /// BLAKE3 of the blocks that are full, by number.
    pub blocks: BTreeMap<u64, String>,
    /// BLAKE3 of the bytes behind them; `None` where nothing is written.
    pub last_block: Option<String>,
    /// Bytes of a torn end of the journal.
    pub torn: usize,
}

/// What the journal of a sink says; `None` where there is none, or nothing is in it.
///
/// # Errors
/// It cannot be read.
pub fn written(disk: &dyn Disk, journal: &Path) -> Result<Option<Written>, JournalError> {
    let Some(contents) = read::<Record>(disk, journal, &format())? else { return Ok(None) };
    let mut written: Option<Written> = None;
    for record in contents.records {
        match (record, &mut written) {
            (Record::Open { generation, path }, Some(written)) => {
                (written.generation, written.path) = (generation, path);
            }
            (Record::Open { generation, path }, None) => {
                written = Some(Written {
                    path,
                    generation,
                    progress: Progress::default(),
                    length: 0,
                    blocks: BTreeMap::new(),
                    last_block: None,
                    torn: contents.torn,
                });
            }
            (Record::Block { index, hash }, Some(written)) => drop(written.blocks.insert(index, hash)),
            (Record::Progress { generation, epoch, chain, length, block }, Some(written)) => {
                written.generation = generation;
                written.progress = Progress { epoch, chain };
                (written.length, written.last_block) = (length, Some(block));
            }
            // a journal begins with what it is about
            (Record::Block { .. } | Record::Progress { .. }, None) => {}
        }
    }
    if let Some(written) = &mut written {
        // a block behind the last progress does not count
        written.blocks.retain(|index, _| (index + 1) * BLOCK <= written.length);
    }
    Ok(written)
}

/// Begins a journal that says of a new, empty file that everything up to an epoch is written.
///
/// # Errors
/// The system refused.
pub fn begin(
    disk: &Arc<dyn Disk>,
    state: &Path,
    sink: &str,
    file: &Path,
    progress: Progress,
) -> Result<(), JournalError> {
    let path = path_of(state, sink);
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error| JournalError::Io { path, error }
    };
    for folder in [folder_of(file), folder_of(&path)] {
        disk.make_folder(folder).map_err(io(folder))?;
    }
    disk.append_to(file).and_then(|mut file| file.sync()).map_err(io(file))?;
    disk.sync_folder(folder_of(file)).map_err(io(file))?;
    let Progress { epoch, chain } = progress;
    let block = blake3::hash(b"").to_hex().to_string();
    let records = [
        Record::Open { generation: 0, path: file.to_owned() },
        Record::Progress { generation: 0, epoch, chain, length: 0, block },
    ];
    Journal::open(Arc::clone(disk), &path, &format(), &records).map(drop)
}

/// How far a file is written, and the journal that says so.
pub(super) struct FileProgress {
    generation: u64,
    journal: Option<Journal>,
    path: PathBuf,
    disk: Arc<dyn Disk>,
    /// What is kept of the journal's records.
    records: Vec<Record>,
    length: u64,
    hasher: blake3::Hasher,
    /// The file that was written before, if it is another one.
    pub(super) elsewhere: Option<PathBuf>,
}

impl FileProgress {
    /// Reads the journal of a sink that is to write to `file`.
    pub(super) fn open(
        id: &str,
        file: &Path,
        context: &SinkContext<'_>,
    ) -> Result<(Self, Recorded), JournalError> {
        let path = path_of(context.state, id);
        let contents = read::<Record>(&**context.disk, &path, &format())?;
        let all = contents.map(|contents| contents.records).unwrap_or_default();
        let (mut recorded, mut elsewhere) = (Recorded::Nothing, None);
        let mut records = Vec::new();
        for record in all {
            match &record {
                Record::Open { path, .. } => {
                    elsewhere = (path != file).then(|| path.clone());
                    if matches!(recorded, Recorded::Nothing) {
                        recorded = Recorded::Opened;
                    }
                    continue;
                }
                Record::Block { .. } => {}
                Record::Progress { epoch, chain, length, block, .. } => {
                    let progress = Progress { epoch: *epoch, chain: *chain };
                    recorded = Recorded::Written { progress, length: *length, block: block.clone() };
                    records.retain(|kept| matches!(kept, Record::Block { .. }));
                }
            }
            records.push(record);
        }
        let progress = Self {
            generation: context.generation,
            journal: None,
            path,
            disk: Arc::clone(context.disk),
            records,
            length: 0,
            hasher: blake3::Hasher::new(),
            elsewhere,
        };
        Ok((progress, recorded))
    }

    /// Goes on at a length; `bytes` are those of the last block. Their hash.
    pub(super) fn resume(&mut self, length: u64, bytes: &[u8]) -> String {
        self.length = length;
        self.hasher.update(bytes);
        self.hasher.finalize().to_hex().to_string()
    }

    /// This start writes to the file from now on.
    pub(super) fn opened(&mut self, file: &Path) -> Result<(), JournalError> {
        self.records.insert(0, Record::Open { generation: self.generation, path: file.to_owned() });
        let folder = folder_of(&self.path);
        let io = |error| JournalError::Io { path: self.path.clone(), error };
        self.disk.make_folder(folder).map_err(io)?;
        let records = std::mem::take(&mut self.records);
        self.journal = Some(Journal::open(Arc::clone(&self.disk), &self.path, &format(), &records)?);
        Ok(())
    }

    /// Records that `text` was appended and synced, and that everything up to an epoch is written.
    pub(super) fn commit(&mut self, mut text: &[u8], progress: Progress) -> Result<(), JournalError> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        while !text.is_empty() {
            let room = (BLOCK - self.length % BLOCK) as usize;
            let (part, rest) = text.split_at(room.min(text.len()));
            self.hasher.update(part);
            self.length += part.len() as u64;
            text = rest;
            if self.length.is_multiple_of(BLOCK) {
                let hash = self.hasher.finalize().to_hex().to_string();
                journal.append(&Record::Block { index: self.length / BLOCK - 1, hash })?;
                self.hasher.reset();
            }
        }
        journal.append(&Record::Progress {
            generation: self.generation,
            epoch: progress.epoch,
            chain: progress.chain,
            length: self.length,
            block: self.hasher.finalize().to_hex().to_string(),
        })?;
        journal.sync()
    }
}
