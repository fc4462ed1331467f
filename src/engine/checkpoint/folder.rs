//! The folder of one checkpoint while it is filled, by several threads.
//!
//! A shard is encoded at once and put when the folder is open, which it is when every sink has committed: before that
//! nothing of a checkpoint is written. If that never comes, whoever waits learns that nothing is to be put.

use std::{mem, sync::OnceLock};

use super::{
    super::Epoch,
    line::{Shard, Standing},
    manifest::{FileEntry, FileKind, hash, whole},
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

    /// Puts what a shard lacks: copies of files that the other line has, and a base of the shard's older files, or a delta.
    /// Gives all files that it has then; none if nothing is to be put. What is made and what is copied lies in memory that the
    /// next shard can have.
    pub(super) fn put_shard(
        &self,
        shard: &Shard<'_>,
        [room, copied]: &mut [Vec<u8>; 2],
    ) -> Result<Vec<FileEntry>, String> {
        let encoded = shard.encode(self.store, self.epoch, mem::take(room))?;
        if !*self.opened.wait() {
            return Ok(Vec::new());
        }
        let mut files = Vec::new();
        if shard.writes != Some(FileKind::Base) {
            for (n, standing) in shard.stands.iter().enumerate() {
                files.push(self.keep_or_copy(standing, shard.checked, n, copied)?);
            }
        }
        if let Some(((bytes, rows), kind)) = encoded.zip(shard.writes) {
            let name = format!("{}.{}.{}.parquet", shard.step, shard.shard, kind.as_str());
            let file = self.put(&name, &bytes)?;
            *room = bytes;
            files.push(FileEntry { step: shard.step.to_owned(), kind, shard: shard.shard, rows, ..file });
        }
        Ok(files)
    }

    /// The `n`th file of a shard in the line of this checkpoint.
    fn keep_or_copy(
        &self,
        Standing { newest, own }: &Standing,
        checked: bool,
        n: usize,
        room: &mut Vec<u8>,
    ) -> Result<FileEntry, String> {
        let read = |file: &FileEntry, room| whole(self.store, &file.path, &file.hash, room);
        if let Some(own) = own {
            if checked {
                return Ok(own.clone());
            }
            if let Ok(bytes) = read(own, mem::take(room)) {
                *room = bytes;
                return Ok(own.clone());
            }
        }
        let bytes = read(newest, mem::take(room)).map_err(|error| error.to_string())?;
        let name = format!("{}.{}.{}-{n}.parquet", newest.step, newest.shard, newest.kind.as_str());
        let path = self.put(&name, &bytes)?.path;
        *room = bytes;
        Ok(FileEntry { path, ..newest.clone() })
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
