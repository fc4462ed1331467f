//! The folder of one checkpoint while it is filled, by several threads.
//!
//! A shard is encoded at once and put when the folder is open, which it is when every sink has committed: before that
//! nothing of a checkpoint is written. If that never comes, whoever waits learns that nothing is to be put.

use std::{mem, sync::OnceLock};

use super::{
    super::Epoch,
    line::Shard,
    manifest::{FileEntry, FileKind, hash},
    parts::MadeFile,
    store::CheckpointStore,
};

/// The folder of one checkpoint.
pub(super) struct Folder<'a> {
    store: &'a dyn CheckpointStore,
    epoch: Epoch,
    /// Its path.
    pub(super) path: &'a str,
    opened: OnceLock<bool>,
}

impl<'a> Folder<'a> {
    pub(super) fn new(store: &'a dyn CheckpointStore, path: &'a str, epoch: Epoch) -> Self {
        Self { store, epoch, path, opened: OnceLock::new() }
    }

    /// Lets those who wait put their files, or tells them not to.
    pub(super) fn open(&self, open: bool) {
        let _ = self.opened.set(open);
    }

    /// Makes it, where folders have to be made.
    pub(super) fn make(&self) -> Result<(), String> {
        self.store.make_folder(self.path).map_err(|error| error.to_string())
    }

    /// Puts the file of a shard, if one is written: a base of the shard's older files, or a delta. `room` is memory that
    /// the next shard can have.
    pub(super) fn put_shard(
        &self,
        shard: &Shard<'_>,
        room: &mut Vec<u8>,
    ) -> Result<Option<FileEntry>, String> {
        let encoded = shard.encode(|path| self.store.read(path), self.epoch, mem::take(room))?;
        let Some(((bytes, rows), kind)) = encoded.zip(shard.writes).filter(|_| *self.opened.wait()) else {
            return Ok(None);
        };
        let file = self.put(&format!("{}.{}.{}.parquet", shard.step, shard.shard, kind.as_str()), &bytes)?;
        *room = bytes;
        Ok(Some(FileEntry { step: shard.step.to_owned(), kind, shard: shard.shard, rows, ..file }))
    }

    /// Puts a whole file of a step, unless it lies somewhere else already.
    pub(super) fn put_whole(&self, step: &str, made: MadeFile) -> Result<FileEntry, String> {
        let MadeFile { name, bytes, lies_at } = made;
        let lies = |path: &String| {
            let same = |found: Option<Vec<u8>>| found.is_some_and(|found| found == bytes);
            self.store.read(path).map(same).map_err(|error| error.to_string())
        };
        let file = match lies_at {
            Some(path) if lies(&path)? => entry(path, &bytes),
            _ => self.put(&format!("{step}.{name}"), &bytes)?,
        };
        Ok(FileEntry { step: step.to_owned(), name, ..file })
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<FileEntry, String> {
        let path = format!("{}/{name}", self.path);
        self.store.put(&path, bytes).map_err(|error| error.to_string())?;
        Ok(entry(path, bytes))
    }
}

/// A whole file without a name.
fn entry(path: String, bytes: &[u8]) -> FileEntry {
    FileEntry {
        step: String::new(),
        kind: FileKind::Whole,
        name: String::new(),
        shard: 0,
        path,
        bytes: bytes.len() as u64,
        hash: hash(bytes),
        rows: 0,
    }
}
