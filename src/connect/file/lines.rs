//! The lines of one file, unpacked where its ending says so; an offset is the byte where a line starts in the
//! decompressed stream.
//!
//! Blank lines and a byte order mark are no records. A line over `max_record_bytes` is cut there, with its length. The
//! last line needs no newline. Several members of one archive are read one after the other.
//!
//! What grows has no end until somebody says so (`growing`): its last line waits for its newline, or for that end, and new
//! lines are read when it is asked again. Offsets mean something as long as it only grows: a file that was cut is refused.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    growing::Growing,
    input::{open_input, packing, too_short},
};
use crate::engine::partition::{Envelope, Partition, RawChunk, RawRecord, SourceError};

/// Where the bytes come from.
enum Input {
    /// A file, or a pipe, that ends where it ends.
    Bounded { path: PathBuf, bytes: Box<dyn Read + Send>, end: u64 },
    /// It may grow.
    Growing(Box<dyn Growing>),
    /// It was read to its end, and let go of.
    Over,
}

/// The lines of one file.
pub(super) struct LineReader {
    name: String,
    input: Input,
    /// Bytes read so far, before unpacking.
    read: Arc<AtomicU64>,
    size: Option<u64>,
    skipped: u64,
    buffer: Vec<u8>,
    /// The unread part of the buffer.
    unread: std::ops::Range<usize>,
    /// Where `unread` starts in the decompressed stream.
    offset: u64,
    max_record_bytes: usize,
    ended: bool,
    /// The beginning of a line that waits for its newline, cut at `max_record_bytes`, and its length so far.
    partial: (Vec<u8>, u64),
}

/// A line that was read.
struct LineEnd {
    /// Its whole length without the newline.
    length: u64,
    /// Whether it has a newline.
    complete: bool,
}

const BUFFER: usize = 1 << 20;
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl LineReader {
    /// Opens a file that ends where it ends; `name` stands for it in faults.
    pub(super) fn open(path: &Path, name: String, max_record_bytes: usize) -> io::Result<Self> {
        let read = Arc::new(AtomicU64::new(0));
        let (bytes, size) = open_input(path, 0, &read)?;
        let input = Input::Bounded { path: path.to_owned(), bytes, end: u64::MAX };
        Ok(Self::over(input, read, size, name, max_record_bytes))
    }

    /// Ends it at an offset, whatever follows there.
    pub(super) fn until(mut self, at: u64) -> Self {
        if let Input::Bounded { end, .. } = &mut self.input {
            *end = at;
        }
        self
    }

    /// The lines of something that may grow; `name` stands for it in faults.
    pub(super) fn follow(growing: Box<dyn Growing>, name: String, max_record_bytes: usize) -> Self {
        Self::over(Input::Growing(growing), Arc::default(), None, name, max_record_bytes)
    }

    fn over(
        input: Input,
        read: Arc<AtomicU64>,
        size: Option<u64>,
        name: String,
        max_record_bytes: usize,
    ) -> Self {
        Self {
            name,
            input,
            read,
            size,
            skipped: 0,
            buffer: vec![0; BUFFER],
            unread: 0..0,
            offset: 0,
            max_record_bytes,
            ended: false,
            partial: Default::default(),
        }
    }

    fn go_to(&mut self, offset: u64) -> io::Result<()> {
        match &mut self.input {
            Input::Bounded { path, bytes, .. } => {
                self.read.store(0, Ordering::Relaxed);
                (*bytes, self.size) = open_input(path, offset, &self.read)?;
                // an archive has been read up to there
                self.skipped = if packing(path).is_some() { 0 } else { offset };
            }
            Input::Growing(growing) => {
                let length = growing.length()?;
                if length < offset {
                    return Err(too_short(offset, length));
                }
                self.read.store(offset, Ordering::Relaxed);
                self.skipped = offset;
            }
            Input::Over => {}
        }
        (self.unread, self.offset, self.partial) = (0..0, offset, Default::default());
        Ok(())
    }

    /// Moves the unread part to the front and reads on; false at the end of the file.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        loop {
            let room = &mut self.buffer[self.unread.end..];
            let read = match &mut self.input {
                Input::Bounded { bytes, end, .. } => {
                    let left = end.saturating_sub(self.offset + self.unread.len() as u64);
                    let left = usize::try_from(left).unwrap_or(usize::MAX).min(room.len());
                    bytes.read(&mut room[..left])
                }
                Input::Growing(growing) => {
                    let read = growing.read_at(room, self.offset + self.unread.len() as u64);
                    read.inspect(|n| {
                        self.read.fetch_add(*n as u64, Ordering::Relaxed);
                    })
                }
                Input::Over => Ok(0),
            };
            match read {
                Ok(n) => {
                    self.unread.end += n;
                    return Ok(n > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether nothing will follow what was read, where nothing follows now.
    fn is_over(&self) -> io::Result<bool> {
        match &self.input {
            Input::Growing(growing) => growing.is_over(self.offset),
            Input::Bounded { .. } | Input::Over => Ok(true),
        }
    }

    /// Appends the next line to `line` without its newline, cut at `max_record_bytes`; `None` at the end. The unread
    /// part and the offset move past it.
    fn line(&mut self, line: &mut Vec<u8>) -> io::Result<Option<LineEnd>> {
        let start = line.len();
        let (partial, mut length) = std::mem::take(&mut self.partial);
        line.extend_from_slice(&partial);
        loop {
            let unread = &self.buffer[self.unread.clone()];
            let newline = memchr::memchr(b'\n', unread);
            let part = newline.map_or(unread, |at| &unread[..at]);
            let room = self.max_record_bytes.saturating_sub(line.len() - start);
            line.extend_from_slice(&part[..part.len().min(room)]);
            length += part.len() as u64;
            let consumed = part.len() + usize::from(newline.is_some());
            self.unread.start += consumed;
            self.offset += consumed as u64;
            if newline.is_some() {
                return Ok(Some(LineEnd { length, complete: true }));
            }
            if !self.fill()? {
                return Ok((length > 0).then_some(LineEnd { length, complete: false }));
            }
        }
    }
}

impl Partition for LineReader {
    fn seek(&mut self, offset: u64) -> Result<(), SourceError> {
        self.go_to(offset).map_err(|error| SourceError {
            partition: self.name.clone(),
            offset,
            reason: error.to_string(),
        })
    }

    fn read(&mut self, chunk: &mut RawChunk, records: usize, bytes: usize) -> Result<bool, SourceError> {
        let fault = |reader: &Self, error: &io::Error| SourceError {
            partition: reader.name.clone(),
            offset: reader.offset,
            reason: error.to_string(),
        };
        let first = chunk.bytes.len();
        while !self.ended && chunk.records.len() < records && chunk.bytes.len() - first < bytes {
            let (offset, mut start) = (self.offset - self.partial.1, chunk.bytes.len());
            let line = self.line(&mut chunk.bytes).map_err(|error| fault(self, &error))?;
            let line = match line {
                Some(line) if line.complete => line,
                unfinished => {
                    let over = self.is_over().map_err(|error| fault(self, &error))?;
                    if over {
                        (self.ended, self.input) = (true, Input::Over);
                    }
                    match unfinished {
                        Some(last) if over => last,
                        Some(begun) => {
                            self.partial = (chunk.bytes.split_off(start), begun.length);
                            break;
                        }
                        None => break,
                    }
                }
            };
            let mut length = line.length;
            if offset == 0 && chunk.bytes[start..].starts_with(BYTE_ORDER_MARK) {
                start += BYTE_ORDER_MARK.len();
                length -= BYTE_ORDER_MARK.len() as u64;
            }
            let line = &chunk.bytes[start..];
            if line.len() as u64 == length && line.iter().all(|b| matches!(b, b' ' | b'\t' | b'\r')) {
                chunk.bytes.truncate(start);
                continue;
            }
            chunk.records.push(RawRecord {
                start,
                end: chunk.bytes.len(),
                offset,
                next: self.offset,
                length,
                envelope: Envelope::default(),
            });
        }
        Ok(!self.ended)
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (self.read.load(Ordering::Relaxed), self.size)
    }

    fn skipped(&self) -> u64 {
        self.skipped
    }
}

#[cfg(test)]
mod tests;
