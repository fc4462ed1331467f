//! A base and its deltas as one collection: for each key the last change counts, and keys that are gone are left out.
//!
//! It reads all files side by side, so it needs one group of rows of each and not the collection. Limit: each row looks
//! at the next key of every file; there are few.

use super::{
    collection::{Change, Stored, StoredError},
    decoder::Rows,
};

/// Rows by ascending key, from sorted changes.
pub struct Merged<R, I> {
    /// Oldest first: what is left, and the next change of each.
    files: Vec<(I, Option<Change<R>>)>,
    started: bool,
    failed: bool,
}

/// The rows of a base and its deltas, oldest first.
pub fn merge<R: Stored>(files: Vec<Rows<R>>) -> Merged<R, Rows<R>> {
    merge_changes(files)
}

/// The same of changes from anywhere, each sorted by key, oldest first.
pub fn merge_changes<R: Stored, I: Iterator<Item = Result<Change<R>, StoredError>>>(
    changes: Vec<I>,
) -> Merged<R, I> {
    let files = changes.into_iter().map(|file| (file, None)).collect();
    Merged { files, started: false, failed: false }
}

impl<R: Stored, I: Iterator<Item = Result<Change<R>, StoredError>>> Merged<R, I> {
    fn read(&mut self) -> Result<Option<R>, StoredError> {
        if !self.started {
            for (file, next) in &mut self.files {
                *next = file.next().transpose()?;
            }
            self.started = true;
        }
        loop {
            let mut least: Option<(usize, &[u8])> = None;
            for (n, (_, next)) in self.files.iter().enumerate() {
                let key = next.as_ref().map(Change::key);
                // of equal keys the later file
                if let Some(key) = key.filter(|key| least.is_none_or(|(_, least)| *key <= least)) {
                    least = Some((n, key));
                }
            }
            let Some((winner, _)) = least else { return Ok(None) };
            let Some(change) = self.files[winner].1.take() else { return Ok(None) };
            for (file, next) in &mut self.files[..winner] {
                if next.as_ref().is_some_and(|older| older.key() == change.key()) {
                    *next = file.next().transpose()?;
                }
            }
            let (file, next) = &mut self.files[winner];
            *next = file.next().transpose()?;
            if let Change::Put(row) = change {
                return Ok(Some(row));
            }
        }
    }
}

impl<R: Stored, I: Iterator<Item = Result<Change<R>, StoredError>>> Iterator for Merged<R, I> {
    type Item = Result<R, StoredError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let read = self.read();
        self.failed = read.is_err();
        read.transpose()
    }
}
