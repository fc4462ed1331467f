//! A checkpoint that a run goes on from: its files, checked, and what is kept beside it.

use std::{num::NonZero, sync::Arc, thread::available_parallelism};

use bytes::Bytes;

use super::{
    super::log::record::CheckpointRecord,
    collection::{Stored, StoredError},
    decoder::Rows,
    in_order::in_order,
    manifest::{CheckpointError, FileEntry, FileKind, Manifest, read, whole},
    merging::merge,
    store::CheckpointStore,
};

/// Files are checked by so many threads at most: they wait for memory and the disk more than they compute.
const MOST_THREADS: usize = 4;

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
