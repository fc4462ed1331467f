//! What a checkpoint adds to its line: of each shard nothing, a delta, or a base made anew; and what the line lacks.
//!
//! What the other line has been given since its last checkpoint is not encoded again, but copied. What is written follows
//! from the numbers of rows alone, before anything is encoded; so shards can be encoded in any order, and files stand in the
//! order of steps and shards. A base is made from the older files of its shard.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{
    super::Epoch,
    manifest::{FileEntry, FileKind, whole},
    parts::{RowsPart, SHARDS},
    store::CheckpointStore,
};

/// A base is made anew when the rows of its deltas would be more than so many times its own: each row of it is then
/// written again for every two that change, and read beside two of deltas at most.
const DELTAS: u64 = 2;

/// The files of a line.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// By step and shard, oldest first.
    pub(super) files: BTreeMap<(String, u32), Vec<FileEntry>>,
    /// This run has written them, or compared them with their hashes.
    pub(super) checked: bool,
}

impl Line {
    /// The line of files that a manifest names.
    pub(super) fn of(files: &[FileEntry], checked: bool) -> Self {
        let mut line = Self { files: BTreeMap::new(), checked };
        for file in files.iter().filter(|file| file.kind != FileKind::Whole) {
            line.files.entry((file.step.clone(), file.shard)).or_default().push(file.clone());
        }
        line
    }

    fn shard(&self, step: &str, shard: u32) -> &[FileEntry] {
        self.files.get(&(step.to_owned(), shard)).map_or(&[], Vec::as_slice)
    }
}

/// A file as bytes, and the rows in it.
pub(super) type Encoded = (Vec<u8>, u64);

/// A file that a shard has in the newest checkpoint.
#[derive(Debug)]
pub(super) struct Standing {
    /// The file there.
    pub(super) newest: FileEntry,
    /// The same bytes in the line that goes on.
    pub(super) own: Option<FileEntry>,
}

/// A shard of a step in a new checkpoint.
pub(super) struct Shard<'a> {
    pub(super) step: &'a str,
    pub(super) shard: u32,
    /// What has changed since the newest checkpoint.
    changes: &'a dyn RowsPart,
    /// The files that it has so far.
    pub(super) stands: Vec<Standing>,
    /// Those in the line that goes on are known to be whole.
    pub(super) checked: bool,
    /// What is written.
    pub(super) writes: Option<FileKind>,
}

/// The shards of a step, given the line that goes on and the one of the newest checkpoint.
pub(super) fn shards<'a>(
    step: &'a str,
    changes: &'a dyn RowsPart,
    line: &Line,
    newest: &Line,
) -> impl Iterator<Item = Shard<'a>> {
    (0..SHARDS).map(move |shard| {
        let own = line.shard(step, shard);
        let stands = newest.shard(step, shard).iter().map(|file| Standing {
            own: own.iter().find(|own| own.hash == file.hash).cloned(),
            newest: file.clone(),
        });
        let stands: Vec<Standing> = stands.collect();
        let rows = |kind| {
            let files = stands.iter().map(|standing| &standing.newest).filter(|file| file.kind == kind);
            files.map(|file| file.rows).sum::<u64>()
        };
        let changed = changes.len(shard);
        let heavy = rows(FileKind::Delta) + changed > DELTAS * rows(FileKind::Base);
        let writes = match changed {
            0 => None,
            _ if heavy => Some(FileKind::Base),
            _ => Some(FileKind::Delta),
        };
        Shard { step, shard, changes, stands, checked: line.checked, writes }
    })
}

impl Shard<'_> {
    /// The file that is written, in the memory of `room`, `None` where none is.
    pub(super) fn encode(
        &self,
        store: &dyn CheckpointStore,
        epoch: Epoch,
        room: Vec<u8>,
    ) -> Result<Option<Encoded>, String> {
        let file = match self.writes {
            None | Some(FileKind::Whole) => return Ok(None),
            Some(FileKind::Delta) => {
                let bytes = self.changes.delta(self.shard, epoch, room).map_err(|error| error.to_string())?;
                (bytes, self.changes.len(self.shard))
            }
            Some(FileKind::Base) => {
                let read = |file: &FileEntry| whole(store, &file.path, &file.hash, Vec::new());
                let older = |Standing { newest, own }: &Standing| {
                    let other = |fault| own.as_ref().map_or(Err(fault), read);
                    read(newest).or_else(other).map(Bytes::from)
                };
                let older: Result<Vec<_>, _> = self.stands.iter().map(older).collect();
                let older = older.map_err(|error| error.to_string())?;
                self.changes.base(older, self.shard, epoch, room).map_err(|error| error.to_string())?
            }
        };
        Ok((file.1 > 0).then_some(file))
    }
}
