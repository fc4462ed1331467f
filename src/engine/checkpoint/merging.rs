//! A base and its deltas as one collection: for each key the last change counts, and keys that are gone are left out.
//!
//! It reads all files side by side, so it needs one group of rows of each and not the collection. Limit: each row looks
//! at the next key of every file; there are few.

use super::collection::{KeyedChange, StoredError};

/// Rows by ascending key, from sorted changes. After an error there are none.
pub struct Merged<C, I> {
    /// Oldest first: what is left, and the next change of each.
    files: Vec<(I, Option<C>)>,
    started: bool,
    failed: bool,
}

/// The rows of a base and its deltas, or of sorted changes from anywhere, oldest first.
pub fn merge<C: KeyedChange, I: Iterator<Item = Result<C, StoredError>>>(changes: Vec<I>) -> Merged<C, I> {
    let files = changes.into_iter().map(|file| (file, None)).collect();
    Merged { files, started: false, failed: false }
}

impl<C, I> Merged<C, I> {
    /// The files, with what was not read of them.
    pub(super) fn into_files(self) -> impl Iterator<Item = I> {
        self.files.into_iter().map(|(file, _)| file)
    }
}

impl<C: KeyedChange, I: Iterator<Item = Result<C, StoredError>>> Merged<C, I> {
    fn read(&mut self) -> Result<Option<C::Row>, StoredError> {
        if !self.started {
            for (file, next) in &mut self.files {
                *next = file.next().transpose()?;
            }
            self.started = true;
        }
        loop {
            let mut least: Option<(usize, &[u8])> = None;
            for (n, (_, next)) in self.files.iter().enumerate() {
                let key = next.as_ref().map(C::key);
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
            if let Some(row) = change.into_row() {
                return Ok(Some(row));
            }
        }
    }
}

impl<C: KeyedChange, I: Iterator<Item = Result<C, StoredError>>> Iterator for Merged<C, I> {
    type Item = Result<C::Row, StoredError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let read = self.read();
        self.failed = read.is_err();
        read.transpose()
    }
}
