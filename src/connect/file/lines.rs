//! The lines of one file, unpacked where its ending says so; an offset is the byte where a line starts in the
//! decompressed stream.
//!
//! Blank lines and a byte order mark are no records. A line over `max_record_bytes` is cut there, with its length. The
//! last line needs no newline. Several members of one archive are read one after the other.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::read::MultiGzDecoder;

use crate::engine::partition::{Partition, RawChunk, RawRecord, SourceError};

/// Counts what is read of a file, before unpacking.
struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// The lines of one file.
pub(super) struct LineReader {
    name: String,
    input: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
    size: Option<u64>,
    buffer: Vec<u8>,
    /// The unread part of the buffer.
    unread: std::ops::Range<usize>,
    /// Where `unread` starts in the decompressed stream.
    offset: u64,
    max_record_bytes: usize,
    ended: bool,
}

const BUFFER: usize = 1 << 20;
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl LineReader {
    /// Opens a file; `name` stands for it in faults.
    pub(super) fn open(path: &Path, name: String, max_record_bytes: usize) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let read = Arc::new(AtomicU64::new(0));
        let counted = Counted { file, read: Arc::clone(&read) };
        let input: Box<dyn Read + Send> = match path.extension().and_then(|e| e.to_str()) {
            Some("gz") => Box::new(MultiGzDecoder::new(counted)),
            Some("zst") => Box::new(zstd::Decoder::new(counted)?),
            _ => Box::new(counted),
        };
        let size = metadata.is_file().then_some(metadata.len());
        Ok(Self {
            name,
            input,
            read,
            size,
            buffer: vec![0; BUFFER],
            unread: 0..0,
            offset: 0,
            max_record_bytes,
            ended: false,
        })
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

    /// Appends the next line to `line` without its newline, cut at `max_record_bytes`; its whole length, or `None` at
    /// the end. The unread part and the offset move past it.
    fn line(&mut self, line: &mut Vec<u8>) -> io::Result<Option<u64>> {
        let start = line.len();
        let mut length = 0;
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
                return Ok(Some(length));
            }
            if !self.fill()? {
                return Ok((length > 0).then_some(length));
            }
        }
    }
}

impl Partition for LineReader {
    fn read(&mut self, chunk: &mut RawChunk, records: usize, bytes: usize) -> Result<bool, SourceError> {
        let fault = |reader: &Self, error: &io::Error| SourceError {
            partition: reader.name.clone(),
            offset: reader.offset,
            reason: error.to_string(),
        };
        let first = chunk.bytes.len();
        while !self.ended && chunk.records.len() < records && chunk.bytes.len() - first < bytes {
            let (offset, mut start) = (self.offset, chunk.bytes.len());
            let Some(mut length) = self.line(&mut chunk.bytes).map_err(|error| fault(self, &error))? else {
                self.ended = true;
                break;
            };
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
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn lines(path: &Path, max_record_bytes: usize) -> Vec<(u64, u64, u64, Vec<u8>)> {
        let mut reader = LineReader::open(path, "test".into(), max_record_bytes).expect("opens");
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
        let mut reader = LineReader::open(&path, "a.gz".into(), 99).expect("opens");
        let error = reader.read(&mut RawChunk::default(), 9, 99).expect_err("damaged");
        assert!(error.to_string().starts_with("cannot read a.gz at offset 0: "), "{error}");
    }
}
