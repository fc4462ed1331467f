//! Looks after the files of a followed source while a run goes on: which have come, and which have ended.
//!
//! A file is a partition from its first whole line on; before, nothing tells it from another. The system's number of a
//! file says whether it is known, so a new name is no new file. A file that has lost its name to another one, or was
//! removed, is read on until it has not grown from one look to the next, and ends there. Its handle is kept as long as some
//! name leads to it: so long its number is no other file's. Archives that the path matches are left out: a rotated file
//! that was packed has been read.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    followed::files_that_match,
    growing::{FollowedFile, Growing},
    identity::{BEGINNING, identity_of_followed},
    input::{FileId, file_id, packing},
    lines::LineReader,
};
use crate::engine::{
    arrivals::{Arrivals, Found, Then},
    intake::NUMBER,
    log::record::PartitionRecord,
    partition::SourceError,
};

/// After how many looks a file that grows though it has lost its name is worth a word.
const LONG: u32 = 10;

/// A file that is, or was, a partition.
pub(super) struct Tracked {
    record: PartitionRecord,
    path: PathBuf,
    id: FileId,
    file: Arc<FollowedFile>,
    /// It has lost its name: how long it was at the last look, and at how many that was so.
    leaving: Option<(u64, u32)>,
}

impl Tracked {
    pub(super) fn new(record: PartitionRecord, path: PathBuf, id: FileId, file: Arc<FollowedFile>) -> Self {
        Self { record, path, id, file, leaving: None }
    }
}

/// The files of a source.
pub(super) struct Watch {
    source: String,
    pattern: String,
    max_record_bytes: usize,
    /// The next free number.
    next: u32,
    files: Vec<Tracked>,
    /// What cannot be read, and was said to.
    unreadable: BTreeSet<PathBuf>,
}

impl Watch {
    pub(super) fn new(
        source: &str,
        pattern: &str,
        max_record_bytes: usize,
        next: u32,
        files: Vec<Tracked>,
    ) -> Self {
        let (source, pattern) = (source.to_owned(), pattern.to_owned());
        Self { source, pattern, max_record_bytes, next, files, unreadable: BTreeSet::new() }
    }

    /// The files that have come, in name order.
    pub(super) fn new_files(&mut self) -> io::Result<Vec<(PartitionRecord, LineReader)>> {
        let paths = files_that_match(&self.pattern).map_err(io::Error::other)?;
        let mut new = Vec::new();
        for path in paths {
            match self.new_file(&path) {
                Ok(file) => {
                    self.unreadable.remove(&path);
                    new.extend(file);
                }
                // it has gone since it was listed
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    if self.unreadable.insert(path.clone()) {
                        let (source, file) = (&self.source, path.display().to_string());
                        tracing::warn!(source, file, %error, "a file cannot be read; it is tried again");
                    }
                }
            }
        }
        Ok(new)
    }

    fn new_file(&mut self, path: &Path) -> io::Result<Option<(PartitionRecord, LineReader)>> {
        let metadata = std::fs::metadata(path)?;
        let id = file_id(&metadata);
        if let Some(known) = self.files.iter_mut().find(|known| known.id == id) {
            path.clone_into(&mut known.path);
            return Ok(None);
        }
        if packing(path).is_some() {
            if self.unreadable.insert(path.to_owned()) {
                let (source, file) = (&self.source, path.display().to_string());
                tracing::info!(source, file, "an archive is left out: it cannot be followed");
            }
            return Ok(None);
        }
        if !metadata.is_file() {
            return Err(io::Error::other("it is a pipe or a device, and cannot be followed"));
        }
        if metadata.len() == 0 {
            return Ok(None);
        }
        let file = FollowedFile::open(path, None)?;
        let Some(identity) = identity_of_followed(&file.beginning(BEGINNING)?) else { return Ok(None) };
        // the one that was opened may be another than the one that was listed
        let id = file.id()?;
        if self.next > NUMBER {
            return Err(io::Error::other(format!("a source has {} files at most", u64::from(NUMBER) + 1)));
        }
        let (name, number) = (path.to_string_lossy().into_owned(), self.next);
        self.next += 1;
        let record = PartitionRecord {
            source: self.source.clone(),
            number,
            name: name.clone(),
            identity,
            start: 0,
            topic: None,
            end: None,
        };
        self.files.push(Tracked::new(record.clone(), path.to_owned(), id, Arc::clone(&file)));
        let growing: Box<dyn Growing> = Box::new(file);
        Ok(Some((record, LineReader::follow(growing, name, self.max_record_bytes))))
    }

    /// Files that end now.
    fn ends(&mut self) -> io::Result<Vec<Found>> {
        let mut ends = Vec::new();
        for n in 0..self.files.len() {
            let file = &self.files[n];
            if file.file.is_closed() {
                continue;
            }
            // one that has its name was known later
            let replaced = self.files[n + 1..].iter().any(|later| later.record.name == file.record.name);
            let removed = file.file.is_removed()?;
            let length = file.file.length()?;
            let file = &mut self.files[n];
            if !replaced && !removed {
                file.leaving = None;
                continue;
            }
            let looks = file.leaving.map_or(0, |(_, looks)| looks);
            if file.leaving.is_none_or(|(before, _)| before != length) {
                file.leaving = Some((length, looks + 1));
                if looks + 1 == LONG {
                    let (source, file) = (&self.source, &file.record.name);
                    tracing::warn!(
                        source,
                        file,
                        "it grows though its name is another file's or gone; that one is read when it has ended"
                    );
                }
                continue;
            }
            let end = file.file.close()?;
            file.record.end = Some(end);
            let why = if removed { "removed" } else { "replaced by another file" };
            tracing::info!(source = self.source, file = file.record.name, end, "a file was {why}: it ends");
            let ended = Arc::clone(&file.file);
            let then = Then::Do(Box::new(move || ended.end_is_logged()));
            ends.push(Found { record: file.record.clone(), then });
        }
        Ok(ends)
    }

    /// Files whose beginning says more by now.
    fn grown(&mut self) -> io::Result<Vec<Found>> {
        let mut grown = Vec::new();
        for file in &mut self.files {
            let known = file.record.identity.bytes;
            if known >= BEGINNING
                || file.file.is_closed()
                || file.file.length()? < BEGINNING.min(2 * known + 1)
            {
                continue;
            }
            if let Some(identity) = identity_of_followed(&file.file.beginning(BEGINNING)?)
                && identity.bytes > known
            {
                file.record.identity = identity;
                grown.push(Found { record: file.record.clone(), then: Then::Nothing });
            }
        }
        Ok(grown)
    }
}

impl Arrivals for Watch {
    fn look(&mut self) -> Result<Vec<Found>, SourceError> {
        let look = |watch: &mut Self| {
            let mut found = Vec::new();
            for (record, reader) in watch.new_files()? {
                let (source, file) = (&watch.source, &record.name);
                tracing::info!(source, file, number = record.number, "a file has come");
                found.push(Found { record, then: Then::Read(Box::new(reader)) });
            }
            found.extend(watch.grown()?);
            found.extend(watch.ends()?);
            // a file without a name is nobody's number any more once it is let go of
            watch.files.retain(|file| !(file.file.is_closed() && file.file.is_removed().unwrap_or(false)));
            Ok(found)
        };
        look(self).map_err(|error: io::Error| SourceError {
            partition: self.pattern.clone(),
            offset: 0,
            reason: error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests;
