//! What is read while it grows: a file that is followed through one open handle, whatever becomes of its name.
//!
//! It has no end until somebody says so: then nothing behind that offset is read, and once the log has it, the reader has
//! come to the end there. Between the two a reader waits, so a last line without a newline, which is a record only because
//! nothing follows, is never given before it is known where the end is. Limit: a file that was cut and has grown past
//! what was read of it before anybody looks again cannot be told from one that has only grown.

use std::{
    fs::File,
    io,
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::input::{FileId, file_id};

/// Bytes that may become more.
pub(super) trait Growing: Send {
    /// Reads on from a position; 0 where there is nothing at the moment.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;

    /// Whether nothing will come at a position where there is nothing at the moment; an error where something was lost.
    fn is_over(&self, position: u64) -> io::Result<bool>;

    /// How long it is now.
    fn length(&self) -> io::Result<u64>;
}

#[derive(Default)]
struct End {
    /// Where it ends, once that is decided.
    at: Option<u64>,
    /// The log has it.
    logged: bool,
}

/// A file that is followed, as its reader and whoever looks after it see it.
pub(super) struct FollowedFile {
    file: File,
    end: Mutex<End>,
}

impl FollowedFile {
    /// Opens a file; `end` is where the log says that it ends, if it does.
    pub(super) fn open(path: &Path, end: Option<u64>) -> io::Result<Arc<Self>> {
        let file = File::open(path)?;
        Ok(Arc::new(Self { file, end: Mutex::new(End { at: end, logged: end.is_some() }) }))
    }

    fn end(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which file it is, whatever its name.
    pub(super) fn id(&self) -> io::Result<FileId> {
        Ok(file_id(&self.file.metadata()?))
    }

    /// Whether no name leads to it any more.
    pub(super) fn is_removed(&self) -> io::Result<bool> {
        Ok(self.file.metadata()?.nlink() == 0)
    }

    /// Its first bytes, up to so many.
    pub(super) fn beginning(&self, bytes: u64) -> io::Result<Vec<u8>> {
        super::identity::first_bytes(bytes, |buffer, at| self.file.read_at(buffer, at))
    }

    /// Ends it where it ends now. Nobody reads further; what was read lies before.
    pub(super) fn close(&self) -> io::Result<u64> {
        let mut end = self.end();
        let length = self.file.metadata()?.len();
        Ok(*end.at.get_or_insert(length))
    }

    /// The log has its end.
    pub(super) fn end_is_logged(&self) {
        self.end().logged = true;
    }

    /// Whether it was closed.
    pub(super) fn is_closed(&self) -> bool {
        self.end().at.is_some()
    }
}

impl Growing for Arc<FollowedFile> {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        // held while it reads: an end that is decided meanwhile lies behind what is read here
        let end = self.end();
        let room = end.at.map_or(u64::MAX, |end| end.saturating_sub(position));
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(buffer.len());
        self.file.read_at(&mut buffer[..room], position)
    }

    fn is_over(&self, position: u64) -> io::Result<bool> {
        let end = self.end();
        let length = self.file.metadata()?.len();
        let known = end.at.map_or(position, |end| end.max(position));
        if length < known {
            return Err(cut(known, length));
        }
        Ok(end.logged && end.at.is_some_and(|end| end <= position))
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}

/// A followed file that has lost something.
fn cut(known: u64, length: u64) -> io::Error {
    io::Error::other(format!(
        "it had {known} bytes, which were read, and has {length} now: it was cut while it was followed (logrotate's \
         `copytruncate` does that), and lines that came just before may be lost. Rotate by renaming (`create`). To go on, \
         start again: the rest of the old content is read where a copy of it lies in the same folder, and what the file \
         holds now is read from its beginning once its first line is another"
    ))
}
