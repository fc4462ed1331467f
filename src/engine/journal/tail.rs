//! Reads a journal while it is written: what has come since.
//!
//! A line that is not whole, or not yet, is looked at again the next time. A journal that is written anew at a start has to be
//! opened by then.

use std::{
    marker::PhantomData,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;

use super::{Disk, JournalError, payload};

/// Where a reader of a journal stands.
#[derive(Debug)]
pub struct Tail<T> {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    offset: u64,
    records: PhantomData<fn() -> T>,
}

impl<T: for<'de> Deserialize<'de>> Tail<T> {
    /// Begins at the first record.
    #[must_use]
    pub fn new(disk: &Arc<dyn Disk>, path: &Path) -> Self {
        Self { disk: Arc::clone(disk), path: path.to_owned(), offset: 0, records: PhantomData }
    }

    /// The records that are whole and have not been given yet; the first of all, which says what the journal is, is not among them.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(&mut self) -> Result<Vec<T>, JournalError> {
        let io = |error| JournalError::Io { path: self.path.clone(), error };
        let length = self.disk.length(&self.path).map_err(io)?.unwrap_or(0);
        if length <= self.offset {
            return Ok(Vec::new());
        }
        let bytes = self.disk.read_range(&self.path, self.offset, length).map_err(io)?;
        let mut records = Vec::new();
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            let Some(payload) = payload(line) else { break };
            if self.offset > 0 {
                let record = serde_json::from_slice(payload).map_err(|error| JournalError::Record {
                    path: self.path.clone(),
                    record: records.len() + 1,
                    reason: error.to_string(),
                })?;
                records.push(record);
            }
            self.offset += line.len() as u64;
        }
        Ok(records)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, Journal};
    use super::*;
    use crate::engine::disk::LocalDisk;

    #[test]
    fn what_has_come_since_is_read_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j.log");
        let disk: Arc<dyn Disk> = LocalDisk::shared();
        let mut tail: Tail<u64> = Tail::new(&disk, &path);
        assert_eq!(tail.read().unwrap(), Vec::<u64>::new());
        let format = Format { format: "numbers".into(), version: 1 };
        let mut journal = Journal::open(Arc::clone(&disk), &path, &format, &[1_u64, 2]).unwrap();
        assert_eq!(tail.read().unwrap(), [1, 2]);
        journal.append(&3_u64).unwrap();
        journal.sync().unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(tail.read().unwrap(), Vec::<u64>::new());
        std::fs::write(&path, whole).unwrap();
        assert_eq!((tail.read().unwrap(), tail.read().unwrap()), (vec![3], Vec::new()));
    }
}
