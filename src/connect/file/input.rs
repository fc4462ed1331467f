//! The bytes of a file, unpacked where its ending says so, from an offset of the unpacked stream on.

use std::{
    fs::{File, Metadata},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::read::MultiGzDecoder;

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

/// What the system calls a file, whatever its name: device and inode.
pub(super) type FileId = (u64, u64);

/// How a file is packed, by its ending.
pub(super) fn packing(path: &Path) -> Option<&str> {
    path.extension().and_then(|ending| ending.to_str()).filter(|ending| ["gz", "zst"].contains(ending))
}

/// The bytes of a file from an offset of the unpacked stream on, and its length where it has one.
pub(super) fn open_input(
    path: &Path,
    offset: u64,
    read: &Arc<AtomicU64>,
) -> io::Result<(Box<dyn Read + Send>, Option<u64>)> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    let size = metadata.is_file().then_some(metadata.len());
    let packed = packing(path);
    if packed.is_none() && offset > 0 {
        if let Some(size) = size.filter(|size| *size < offset) {
            return Err(too_short(offset, size));
        }
        file.seek(SeekFrom::Start(offset))?;
        read.store(offset, Ordering::Relaxed);
    }
    let counted = Counted { file, read: Arc::clone(read) };
    let mut input: Box<dyn Read + Send> = match packed {
        Some("gz") => Box::new(MultiGzDecoder::new(counted)),
        Some(_) => Box::new(zstd::Decoder::new(counted)?),
        None => return Ok((Box::new(counted), size)),
    };
    // an archive has no other way to an offset
    let length = io::copy(&mut input.by_ref().take(offset), &mut io::sink())?;
    if length < offset {
        return Err(too_short(offset, length));
    }
    Ok((input, size))
}

/// Which file it is.
pub(super) fn file_id(metadata: &Metadata) -> FileId {
    (metadata.dev(), metadata.ino())
}

/// A file that has lost what was read of it.
pub(super) fn too_short(offset: u64, length: u64) -> io::Error {
    io::Error::other(format!(
        "it was read up to byte {offset} before, and is shorter now ({length} bytes): put what it was back, or begin anew with \
         --from-scratch"
    ))
}
