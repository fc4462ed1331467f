//! Standard input has no position to come back to, so it is spooled to a file in the state folder, and read from there.
//!
//! Of input that ends, all is copied before the run begins; a run that goes on reads that copy. Input that is followed is
//! appended while it comes, by a thread, and synced before it can be read: what an epoch of the log covers is there after
//! any crash. Its end ends the partition. Another start copies the spool to a new file, which makes durable what it finds
//! there, and appends what its own standard input brings. A line that an earlier input did not finish gets its newline: its
//! rest went with the process that was to read it. Limits: bytes that were taken from a pipe and not synced when the
//! process is killed are lost; the spool keeps everything until the state is removed.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::growing::Growing;
use crate::{
    connect::registry::SourceContext,
    engine::{
        disk::{Disk, DiskFile, folder_of},
        threads::spawn,
    },
};

/// The folder for copies of standard input, in the state folder.
pub const SPOOL: &str = "spool";

/// How much is read at once, in bytes.
const PIECE: usize = 1 << 20;

/// The file of a source. What leaves nothing behind has one of its own, which no run takes for its own.
fn spool_file(context: &SourceContext<'_>) -> PathBuf {
    let ending = if context.durable { "jsonl" } else { "once.jsonl" };
    context.state.join(SPOOL).join(format!("{}.{ending}", context.id))
}

/// The copy of input that ends. A run that goes on reads the one that was made when it began; what leaves nothing behind
/// makes a copy of its own, each time.
pub(super) fn copy_of_standard_input(context: &SourceContext<'_>) -> io::Result<PathBuf> {
    let path = spool_file(context);
    std::fs::create_dir_all(folder_of(&path))?;
    if context.durable && path.exists() {
        tracing::info!(source = context.id, "standard input is not read: the run goes on with its copy");
        return Ok(path);
    }
    let part = path.with_extension("part");
    let mut file = File::create(&part)?;
    io::copy(&mut context.standard_input.take(), &mut file)?;
    file.sync_all()?;
    std::fs::rename(&part, &path)?;
    File::open(folder_of(&path))?.sync_all()?;
    Ok(path)
}

/// What the thread that spools shares with the reader.
struct Shared {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    /// Where it is appended; `None` when nothing is to be any more.
    file: Mutex<Option<Box<dyn DiskFile>>>,
    /// How many bytes are durable: so far it may be read.
    durable: AtomicU64,
    /// All that came is durable, and nothing more will come.
    over: AtomicBool,
    fault: OnceLock<String>,
}

/// Standard input while it is spooled and read.
pub(super) struct LiveSpool {
    shared: Arc<Shared>,
    /// What is spooled, until it is first asked for: a start that is refused takes nothing from a pipe.
    input: Mutex<Option<Box<dyn Read + Send>>>,
}

impl LiveSpool {
    /// The spool of a source, with what it holds already, and standard input to be appended.
    pub(super) fn open(context: &SourceContext<'_>) -> io::Result<Self> {
        let path = spool_file(context);
        let disk = Arc::clone(context.disk);
        disk.make_folder(folder_of(&path))?;
        if !context.durable {
            disk.remove(&path)?;
        }
        let (file, length) = if context.reads_on {
            let (file, length) = copied(&*disk, &path)?;
            (Some(file), length)
        } else {
            (None, disk.length(&path)?.unwrap_or(0))
        };
        let input = context.reads_on.then(|| context.standard_input.take());
        let shared = Shared {
            disk,
            path,
            over: AtomicBool::new(file.is_none()),
            file: Mutex::new(file),
            durable: AtomicU64::new(length),
            fault: OnceLock::new(),
        };
        Ok(Self { shared: Arc::new(shared), input: Mutex::new(input) })
    }

    fn start(&self) -> io::Result<()> {
        let input = self.input.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(input) = input else { return Ok(()) };
        let shared = Arc::clone(&self.shared);
        let body = move || {
            if let Err(error) = shared.spool(input) {
                let _ = shared.fault.set(error.to_string());
            }
        };
        spawn("standard input", body).map(drop).map_err(io::Error::other)
    }
}

impl Drop for LiveSpool {
    fn drop(&mut self) {
        // the thread may wait for a pipe for ever: what comes now is not this run's any more
        self.shared.file().take();
    }
}

impl Growing for LiveSpool {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.start()?;
        let shared = &self.shared;
        let there = shared.durable.load(Ordering::Acquire).saturating_sub(position);
        let n = usize::try_from(there).unwrap_or(usize::MAX).min(buffer.len());
        if n > 0 {
            let bytes = shared.disk.read_range(&shared.path, position, position + n as u64)?;
            buffer[..n].copy_from_slice(&bytes);
        }
        Ok(n)
    }

    fn is_over(&self, position: u64) -> io::Result<bool> {
        if let Some(fault) = self.shared.fault.get() {
            return Err(io::Error::other(fault.clone()));
        }
        // in this order: it is over when all is durable
        let over = self.shared.over.load(Ordering::Acquire);
        Ok(over && position >= self.shared.durable.load(Ordering::Acquire))
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.shared.durable.load(Ordering::Acquire))
    }
}

impl Shared {
    fn file(&self) -> MutexGuard<'_, Option<Box<dyn DiskFile>>> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends what comes, each piece durable before it can be read, until nothing more comes.
    fn spool(&self, mut input: Box<dyn Read + Send>) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        let mut unfinished = false;
        loop {
            let read = match input.read(&mut piece) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(io::Error::other(format!("standard input: {error}"))),
            };
            if read == 0 {
                // its last line ends here, whatever a later input begins with
                if unfinished {
                    self.append(b"\n")?;
                }
                self.over.store(true, Ordering::Release);
                return Ok(());
            }
            unfinished = piece[read - 1] != b'\n';
            if !self.append(&piece[..read])? {
                return Ok(());
            }
        }
    }

    /// Makes a piece durable; false when nothing is to be appended any more.
    fn append(&self, piece: &[u8]) -> io::Result<bool> {
        let fault = |error: io::Error| io::Error::other(format!("{}: {error}", self.path.display()));
        let mut file = self.file();
        let Some(file) = file.as_mut() else { return Ok(false) };
        file.append(piece).map_err(fault)?;
        file.sync().map_err(fault)?;
        self.durable.fetch_add(piece.len() as u64, Ordering::AcqRel);
        Ok(true)
    }
}

/// The spool as a new file with the content of the old one, durable, and its length: what was found may be in the system's
/// cache only, and a sync of the old file may say that all is well when it is not. An unfinished last line gets its newline.
fn copied(disk: &dyn Disk, path: &Path) -> io::Result<(Box<dyn DiskFile>, u64)> {
    let part = path.with_extension("part");
    disk.remove(&part)?;
    let mut copy = disk.append_to(&part)?;
    let (mut length, last) = append_all(disk, path, &mut *copy)?;
    if last.is_some_and(|last| last != b'\n') {
        copy.append(b"\n")?;
        length += 1;
    }
    copy.sync()?;
    disk.rename(&part, path)?;
    disk.sync_folder(folder_of(path))?;
    Ok((disk.append_to(path)?, length))
}

/// Copies the spools below one state folder to another, for a replay.
///
/// # Errors
/// What the system says; the file that it is about.
pub fn copy_spools(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), (PathBuf, io::Error)> {
    let (from, to) = (from.join(SPOOL), to.join(SPOOL));
    for name in disk.list(&from).map_err(|error| (from.clone(), error))? {
        let (old, new) = (from.join(&name), to.join(&name));
        disk.make_folder(&to).and_then(|()| copy(disk, &old, &new)).map_err(|error| (old, error))?;
    }
    Ok(())
}

/// Appends what a file holds to another one, piece by piece, durably.
fn copy(disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
    let mut file = disk.append_to(to)?;
    append_all(disk, from, &mut *file)?;
    file.sync()
}

/// Appends what a file holds; its length and its last byte.
fn append_all(disk: &dyn Disk, from: &Path, to: &mut dyn DiskFile) -> io::Result<(u64, Option<u8>)> {
    let length = disk.length(from)?.unwrap_or(0);
    let (mut at, mut last) = (0, None);
    while at < length {
        let end = length.min(at + PIECE as u64);
        let piece = disk.read_range(from, at, end)?;
        to.append(&piece)?;
        (at, last) = (end, piece.last().copied());
    }
    Ok((length, last))
}
