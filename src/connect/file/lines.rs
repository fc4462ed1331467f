//! The lines of one file, unpacked where its ending says so; an offset is the byte where a line starts in the
//! decompressed stream.
//!
//! Blank lines and a byte order mark are no records. A line over `max_record_bytes` is cut there, with its length. The
//! last line needs no newline. Several members of one archive are read one after the other.
//!
//! A file that is followed has no end: its last line waits for its newline, and new lines are read when it is asked again.
//! Offsets mean something as long as it only grows: one that was cut, or replaced by another under its name, is refused.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::input::{FileId, file_id, open_input, packing, too_short};
use crate::engine::partition::{Partition, RawChunk, RawRecord, SourceError};

/// The lines of one file.
pub(super) struct LineReader {
    name: String,
    path: PathBuf,
    input: Box<dyn Read + Send>,
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
    /// Whether it may still grow; if so, which file it is.
    followed: Option<FileId>,
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
    /// Opens a file; `name` stands for it in faults.
    pub(super) fn open(path: &Path, name: String, max_record_bytes: usize, follow: bool) -> io::Result<Self> {
        let followed = if follow { Some(file_id(&std::fs::metadata(path)?)) } else { None };
        let read = Arc::new(AtomicU64::new(0));
        let (input, size) = open_input(path, 0, &read)?;
        Ok(Self {
            name,
            path: path.to_owned(),
            input,
            read,
            size,
            skipped: 0,
            buffer: vec![0; BUFFER],
            unread: 0..0,
            offset: 0,
            max_record_bytes,
            ended: false,
            followed,
            partial: Default::default(),
        })
    }

    fn go_to(&mut self, offset: u64) -> io::Result<()> {
        self.read.store(0, Ordering::Relaxed);
        let (input, size) = open_input(&self.path, offset, &self.read)?;
        // an archive has been read up to there
        self.skipped = if packing(&self.path).is_some() { 0 } else { offset };
        (self.input, self.size, self.unread, self.offset) = (input, size, 0..0, offset);
        self.partial = Default::default();
        Ok(())
    }

    /// Moves the unread part to the front and reads on; false at the end of the file.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        loop {
            match self.input.read(&mut self.buffer[self.unread.end..]) {
                Ok(n) => {
                    self.unread.end += n;
                    return Ok(n > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether the name still stands for the file that is read, and nothing of it was cut off.
    fn check_followed(&self) -> io::Result<()> {
        let Some(followed) = self.followed else { return Ok(()) };
        match std::fs::metadata(&self.path) {
            Ok(metadata) if file_id(&metadata) != followed => Err(io::Error::other(
                "it was replaced by another file (rotated), and `follow` reads a file that only grows: give the new one \
                 a name of its own that the source's path matches, and start again",
            )),
            Ok(metadata) if metadata.len() < self.offset => Err(too_short(self.offset)),
            Ok(_) => Ok(()),
            // moved away: what was written to it before has been read
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
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
                Some(line) if line.complete || self.followed.is_none() => line,
                Some(line) => {
                    self.partial = (chunk.bytes.split_off(start), line.length);
                    self.check_followed().map_err(|error| fault(self, &error))?;
                    break;
                }
                None => {
                    self.check_followed().map_err(|error| fault(self, &error))?;
                    self.ended = self.followed.is_none();
                    break;
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
mod tests {
    use std::io::Write;

    use super::*;

    fn lines(path: &Path, max_record_bytes: usize) -> Vec<(u64, u64, u64, Vec<u8>)> {
        let mut reader = LineReader::open(path, "test".into(), max_record_bytes, false).expect("opens");
        let mut all = Vec::new();
        loop {
            let mut chunk = RawChunk::default();
            let more = reader.read(&mut chunk, 2, 64).expect("reads");
            all.extend(chunk.records.iter().map(|r| (r.offset, r.next, r.length, chunk.of(r).to_vec())));
            if !more {
                return all;
            }
        }
    }

    #[test]
    fn offsets_count_blank_lines_marks_and_cut_lines() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a.jsonl");
        std::fs::write(&path, b"\xEF\xBB\xBF{1}\r\n\n \t\r\n0123456789ABC\n{last}").expect("writes");
        let expected: Vec<(u64, u64, u64, &[u8])> =
            vec![(0, 8, 4, b"{1}\r"), (13, 27, 13, b"0123456789"), (27, 33, 6, b"{last}")];
        assert_eq!(
            lines(&path, 10),
            expected.iter().map(|(o, n, l, b)| (*o, *n, *l, b.to_vec())).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_line_longer_than_the_buffer_is_one_record() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a.jsonl");
        let long = vec![b'x'; 3 * BUFFER + 17];
        std::fs::write(&path, [&long[..], b"\nend\n"].concat()).expect("writes");
        let read = lines(&path, 1_000);
        assert_eq!(
            (read[0].2, read[0].3.len(), read[1].0),
            (long.len() as u64, 1_000, long.len() as u64 + 1)
        );
    }

    #[test]
    fn unpacks_gzip_and_zstandard_and_joins_members() {
        let folder = tempfile::tempdir().expect("folder");
        let gz = folder.path().join("a.gz");
        let mut packed = Vec::new();
        for part in ["one\ntw", "o\n"] {
            let mut encoder = flate2::write::GzEncoder::new(&mut packed, flate2::Compression::fast());
            encoder.write_all(part.as_bytes()).expect("packs");
            encoder.finish().expect("packs");
        }
        std::fs::write(&gz, packed).expect("writes");
        let zst = folder.path().join("a.zst");
        std::fs::write(&zst, zstd::encode_all(&b"one\ntwo\n"[..], 1).expect("packs")).expect("writes");
        for path in [gz, zst] {
            assert_eq!(
                lines(&path, 99).into_iter().map(|l| (l.0, l.3)).collect::<Vec<_>>(),
                [(0, b"one".to_vec()), (4, b"two".to_vec())]
            );
        }
    }

    #[test]
    fn a_damaged_archive_is_an_error_with_its_place() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a.gz");
        std::fs::write(&path, b"this is not gzip").expect("writes");
        let mut reader = LineReader::open(&path, "a.gz".into(), 99, false).expect("opens");
        let error = reader.read(&mut RawChunk::default(), 9, 99).expect_err("damaged");
        assert!(error.to_string().starts_with("cannot read a.gz at offset 0: "), "{error}");
    }

    #[test]
    fn a_followed_file_gives_whole_lines_as_they_come() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a.jsonl");
        std::fs::write(&path, b"one\ntw").expect("writes");
        let mut reader = LineReader::open(&path, "a".into(), 99, true).expect("opens");
        let mut next = || {
            let mut chunk = RawChunk::default();
            let more = reader.read(&mut chunk, 9, 99)?;
            assert!(more, "it has no end");
            let lines = chunk.records.iter().map(|r| (r.offset, r.next, chunk.of(r).to_vec()));
            Ok::<_, SourceError>(lines.collect::<Vec<_>>())
        };
        let append = |text: &str| {
            let mut file = std::fs::OpenOptions::new().append(true).open(&path).expect("opens");
            file.write_all(text.as_bytes()).expect("writes");
        };
        assert_eq!(next().expect("reads"), [(0, 4, b"one".to_vec())]);
        assert_eq!(next().expect("reads"), []);
        append("o\nthree\n");
        assert_eq!(next().expect("reads"), [(4, 8, b"two".to_vec()), (8, 14, b"three".to_vec())]);
        std::fs::write(&path, b"one\n").expect("writes");
        assert!(next().expect_err("cut").to_string().contains("shorter now"));
        std::fs::remove_file(&path).expect("removes");
        assert_eq!(next().expect("reads"), []);
        std::fs::write(&path, b"one\ntwo\nthree\nfour\n").expect("writes");
        assert!(next().expect_err("replaced").to_string().contains("rotated"));
    }
}
