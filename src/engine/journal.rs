//! A file of checksummed records that is only appended: the epoch log's and each sink's progress.
//!
//! A record is one line: the xxh3 of its payload in 16 hexadecimal digits, a space, the payload (JSON, so without a line
//! break). The first record says what the file is. On opening, the valid beginning is kept: what a crash tore off is cut
//! and **copied to a new file that is synced and renamed**, because a tail that was read may never have reached the disk.
//! A bad record with a good one behind it is no torn tail but damage, and refused.

mod tail;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use xxhash_rust::xxh3::xxh3_64;

use super::disk::{Disk, DiskFile, put};

pub use tail::Tail;

/// What a journal is, in its first record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// What it holds.
    pub format: String,
    /// Version of its form.
    pub version: u32,
}

/// Why a journal cannot be used.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The system refused.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A record is damaged, and good ones follow.
    #[error(
        "{path} is damaged at byte {offset}: the record there does not match its checksum, and good ones follow"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damaged record starts.
        offset: u64,
    },
    /// It is something else, or of another version.
    #[error("{path} is not a {expected} of version {version}: it says {found}")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What was expected.
        expected: String,
        /// The version that was expected.
        version: u32,
        /// What its first record says.
        found: String,
    },
    /// A record has the right checksum, and content that this version does not understand.
    #[error("{path}, record {record}: {reason}")]
    Record {
        /// The file.
        path: PathBuf,
        /// The number of the record, from 1.
        record: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// A journal that is open for appending.
pub struct Journal {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    format: Format,
    file: Box<dyn DiskFile>,
    buffer: Vec<u8>,
}

/// Records of a journal, and how many bytes of a torn tail came behind them.
#[derive(Debug)]
pub struct Contents<T> {
    /// The records, in order.
    pub records: Vec<T>,
    /// Bytes of a torn tail.
    pub torn: usize,
}

fn checksum(payload: &[u8]) -> String {
    format!("{:016x}", xxh3_64(payload))
}

fn line(out: &mut Vec<u8>, payload: &[u8]) {
    out.extend_from_slice(checksum(payload).as_bytes());
    out.push(b' ');
    out.extend_from_slice(payload);
    out.push(b'\n');
}

/// The payload of a line, if it is whole.
fn payload(line: &[u8]) -> Option<&[u8]> {
    let (sum, rest) = line.split_at_checked(16)?;
    let payload = rest.strip_prefix(b" ")?.strip_suffix(b"\n")?;
    // digit by digit: a flipped bit may make a capital of a letter, which is the same number
    (sum == checksum(payload).as_bytes()).then_some(payload)
}

/// Reads a journal without touching it; `None` where there is none.
///
/// # Errors
/// It cannot be read, is damaged or foreign, or holds a record that this version does not understand.
pub fn read<T: for<'de> Deserialize<'de>>(
    disk: &dyn Disk,
    path: &Path,
    format: &Format,
) -> Result<Option<Contents<T>>, JournalError> {
    let io = |error| JournalError::Io { path: path.to_owned(), error };
    let Some(bytes) = disk.read(path).map_err(io)? else { return Ok(None) };
    let mut payloads = Vec::new();
    let (mut offset, mut bad) = (0, None);
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        match (payload(line), bad) {
            (Some(payload), None) => payloads.push(payload),
            (Some(_), Some(offset)) => {
                return Err(JournalError::Damaged { path: path.to_owned(), offset: offset as u64 });
            }
            (None, _) => bad = bad.or(Some(offset)),
        }
        offset += line.len();
    }
    let torn = bad.map_or(0, |bad| bytes.len() - bad);
    let Some((first, rest)) = payloads.split_first() else {
        // not even its first record was synced: nothing was ever said to be durable here
        return Ok(Some(Contents { records: Vec::new(), torn }));
    };
    if serde_json::from_slice::<Format>(first).ok().as_ref() != Some(format) {
        return Err(JournalError::Foreign {
            path: path.to_owned(),
            expected: format.format.clone(),
            version: format.version,
            found: String::from_utf8_lossy(&first[..first.len().min(200)]).into_owned(),
        });
    }
    let records = rest.iter().enumerate().map(|(n, payload)| {
        serde_json::from_slice(payload).map_err(|error| JournalError::Record {
            path: path.to_owned(),
            record: n + 2,
            reason: error.to_string(),
        })
    });
    Ok(Some(Contents { records: records.collect::<Result<_, _>>()?, torn }))
}

/// Whether the end of a journal that [`read`] takes for torn was never written like that: a write that was torn gives the
/// beginning of a line, not a line that is wrong.
#[must_use]
pub fn is_changed(torn: &[u8]) -> bool {
    let Some((last, line)) = torn.split_last() else { return false };
    // the newline itself may be what changed
    *last == b'\n' || payload(&[line, b"\n"].concat()).is_some()
}

impl Journal {
    /// Opens a journal whose records are exactly these from now on: what [`read`] gave, or a part of it. The file is
    /// written anew and put in place of the old one, durably.
    ///
    /// # Errors
    /// The system refused.
    pub fn open<T: Serialize>(
        disk: Arc<dyn Disk>,
        path: &Path,
        format: &Format,
        records: &[T],
    ) -> Result<Self, JournalError> {
        let io = |error| JournalError::Io { path: path.to_owned(), error };
        let mut bytes = Vec::new();
        line(&mut bytes, &json(format).map_err(io)?);
        for record in records {
            line(&mut bytes, &json(record).map_err(io)?);
        }
        put(&*disk, path, &bytes).map_err(io)?;
        let file = disk.append_to(path).map_err(io)?;
        Ok(Self { disk, path: path.to_owned(), format: format.clone(), file, buffer: Vec::new() })
    }

    /// Appends a record; it is durable after [`Journal::sync`].
    ///
    /// # Errors
    /// The record has no JSON.
    pub fn append<T: Serialize>(&mut self, record: &T) -> Result<(), JournalError> {
        let payload = json(record).map_err(|error| JournalError::Io { path: self.path.clone(), error })?;
        line(&mut self.buffer, &payload);
        Ok(())
    }

    /// Writes what was appended and makes it durable.
    ///
    /// # Errors
    /// The system refused; the process has to end.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        let write = |file: &mut Box<dyn DiskFile>, buffer: &[u8]| {
            file.append(buffer)?;
            file.sync()
        };
        write(&mut self.file, &self.buffer)
            .map_err(|error| JournalError::Io { path: self.path.clone(), error })?;
        self.buffer.clear();
        Ok(())
    }

    /// Keeps only these records, durably.
    ///
    /// # Errors
    /// The system refused; the process has to end.
    pub fn replace<T: Serialize>(&mut self, records: &[T]) -> Result<(), JournalError> {
        *self = Self::open(Arc::clone(&self.disk), &self.path, &self.format, records)?;
        Ok(())
    }
}

fn json<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(io::Error::other)
}

#[cfg(test)]
mod tests;
