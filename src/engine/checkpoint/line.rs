//! What a checkpoint adds to its line: of each shard nothing, a delta, or a base made anew.
//!
//! Which of them follows from the numbers of rows alone, before anything is encoded; so shards can be encoded in any
//! order, and files stand in the order of steps and shards. A base is made from the older files of its shard.

use std::{collections::BTreeMap, io};

use bytes::Bytes;

use super::{
    super::Epoch,
    manifest::{FileEntry, FileKind, hash},
    parts::{RowsPart, SHARDS},
};

/// Files by step and shard, oldest first.
pub(super) type Line = BTreeMap<(String, u32), Vec<FileEntry>>;

/// A file as bytes, and the rows in it.
pub(super) type Encoded = (Vec<u8>, u64);

/// A shard of a step in a new checkpoint.
pub(super) struct Shard<'a> {
    pub(super) step: &'a str,
    pub(super) shard: u32,
    /// What has changed since the last checkpoint of the line.
    changes: &'a dyn RowsPart,
    /// The files that it has so far.
    pub(super) stands: Vec<FileEntry>,
    /// What is written.
    pub(super) writes: Option<FileKind>,
}

/// The shards of a step, given the line they go on with (none for a new one) and the other line.
pub(super) fn shards<'a>(
    step: &'a str,
    changes: &'a dyn RowsPart,
    line: Option<&Line>,
    other: Option<&Line>,
) -> impl Iterator<Item = Shard<'a>> {
    let files = |line: Option<&Line>, shard| {
        line.and_then(|line| line.get(&(step.to_owned(), shard))).cloned().unwrap_or_default()
    };
    (0..SHARDS).map(move |shard| {
        let (changed, is_new) = (changes.len(shard), line.is_none());
        let stands = files(if is_new { other } else { line }, shard);
        let rows = |kind| stands.iter().filter(|file| file.kind == kind).map(|file| file.rows).sum::<u64>();
        let heavy = (rows(FileKind::Delta) + changed) * 2 > rows(FileKind::Base);
        let writes = match changed {
            _ if is_new => Some(FileKind::Base),
            0 => None,
            _ if heavy => Some(FileKind::Base),
            _ => Some(FileKind::Delta),
        };
        Shard { step, shard, changes, stands, writes }
    })
}

impl Shard<'_> {
    /// The file that is written, in the memory of `room`, `None` where none is; `read` reads a file of an older
    /// checkpoint.
    pub(super) fn encode(
        &self,
        read: impl Fn(&str) -> io::Result<Option<Vec<u8>>>,
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
                let read = |file: &FileEntry| {
                    let bytes = read(&file.path).map_err(|error| error.to_string())?;
                    let whole = bytes.filter(|bytes| hash(bytes) == file.hash);
                    whole.map(Bytes::from).ok_or_else(|| format!("{} is damaged", file.path))
                };
                let older = self.stands.iter().map(read).collect::<Result<Vec<_>, _>>()?;
                self.changes.base(older, self.shard, epoch, room).map_err(|error| error.to_string())?
            }
        };
        Ok((file.1 > 0).then_some(file))
    }

    /// The files that it has from now on.
    pub(super) fn after(self, written: Option<FileEntry>) -> ((String, u32), Vec<FileEntry>) {
        let mut files = if self.writes == Some(FileKind::Base) { Vec::new() } else { self.stands };
        files.extend(written);
        ((self.step.to_owned(), self.shard), files)
    }
}
