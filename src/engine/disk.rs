//! The disk as the durable protocol sees it: files that are appended and synced, and atomic renames.
//!
//! Everything that must outlive a crash goes through [`Disk`], so that a test can put a disk underneath that loses what
//! was not synced, and stops at any step. A name becomes durable by [`Disk::sync_folder`], content by
//! [`DiskFile::sync`]; neither does the other's work. **Any error of a sync ends the process**: a second sync after a
//! failed one says that all is well, and is not.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    sync::Arc,
};

/// A file that is appended.
pub trait DiskFile: Send {
    /// Appends bytes; they may be lost until [`DiskFile::sync`].
    ///
    /// # Errors
    /// What the system says, a full disk for one.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes durable what was appended.
    ///
    /// # Errors
    /// What the system says; what was appended may be lost.
    fn sync(&mut self) -> io::Result<()>;
}

/// Exclusive use of something, until it is dropped.
pub trait Lock: Send {}

/// Where the protocol keeps its files.
pub trait Disk: Send + Sync + fmt::Debug {
    /// The whole content; `None` where there is no such file.
    ///
    /// # Errors
    /// What the system says.
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>>;

    /// The same, in room that is not needed any more: room that was used before is cheaper than new room.
    ///
    /// # Errors
    /// What the system says.
    fn read_into(&self, path: &Path, room: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
        drop(room);
        self.read(path)
    }

    /// Bytes `from..to`.
    ///
    /// # Errors
    /// What the system says; a file that is shorter.
    fn read_range(&self, path: &Path, from: u64, to: u64) -> io::Result<Vec<u8>>;

    /// Whether it is a pipe or a device: it takes what is written, and nothing of it can be cut, synced or read again.
    fn is_stream(&self, path: &Path) -> bool;

    /// The length in bytes; `None` where there is no such file.
    ///
    /// # Errors
    /// What the system says.
    fn length(&self, path: &Path) -> io::Result<Option<u64>>;

    /// Opens a file at its end; makes it where it is not there.
    ///
    /// # Errors
    /// What the system says.
    fn append_to(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Cuts a file to a length, and syncs it.
    ///
    /// # Errors
    /// What the system says.
    fn cut(&self, path: &Path, length: u64) -> io::Result<()>;

    /// Gives a file another name, in place of what had it; durable once the folder is synced.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file, or a folder with all that is in it; nothing happens where there is none.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// The names in a folder, sorted; none where there is no such folder.
    ///
    /// # Errors
    /// What the system says.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Makes a folder and those above it, durably.
    ///
    /// # Errors
    /// What the system says.
    fn make_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes durable which names a folder holds.
    ///
    /// # Errors
    /// What the system says.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// Takes a file's exclusive lock; `None` where another process has it.
    ///
    /// # Errors
    /// What the system says.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>>;
}

/// The folder that a path lies in.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Puts a whole file in place at once, durably: written under another name, synced, renamed, its folder synced.
///
/// # Errors
/// What the system says; the old file, or none, is still there then.
pub fn put(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    disk.remove(&new)?;
    let mut file = disk.append_to(&new)?;
    file.append(bytes)?;
    file.sync()?;
    disk.rename(&new, path)?;
    disk.sync_folder(folder_of(path))
}

/// The disk of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalDisk;

impl LocalDisk {
    /// The disk, shared.
    #[must_use]
    pub fn shared() -> Arc<dyn Disk> {
        Arc::new(Self)
    }
}

struct LocalFile {
    file: File,
    is_stream: bool,
}

impl DiskFile for LocalFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.is_stream { Ok(()) } else { self.file.sync_data() }
    }
}

struct LocalLock {
    /// The lock is the open file's.
    _file: File,
}

impl Lock for LocalLock {}

/// What a missing file gives: nothing.
fn present<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Disk for LocalDisk {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        present(std::fs::read(path))
    }

    fn read_into(&self, path: &Path, mut room: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
        let Some(mut file) = present(File::open(path))? else { return Ok(None) };
        room.clear();
        file.read_to_end(&mut room)?;
        Ok(Some(room))
    }

    fn read_range(&self, path: &Path, from: u64, to: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = vec![0; usize::try_from(to.saturating_sub(from)).map_err(io::Error::other)?];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn is_stream(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
    }

    fn length(&self, path: &Path) -> io::Result<Option<u64>> {
        Ok(present(std::fs::metadata(path))?.map(|metadata| metadata.len()))
    }

    fn append_to(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Box::new(LocalFile { file, is_stream: self.is_stream(path) }))
    }

    fn cut(&self, path: &Path, length: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(length)?;
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match present(std::fs::symlink_metadata(path))? {
            Some(metadata) if metadata.is_dir() => std::fs::remove_dir_all(path),
            Some(_) => std::fs::remove_file(path),
            None => Ok(()),
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let Some(entries) = present(std::fs::read_dir(path))? else { return Ok(Vec::new()) };
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let mut names: Vec<String> = names.collect::<io::Result<_>>()?;
        names.sort();
        Ok(names)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir_all(path)?;
        // those that are there too: a process that made them may have ended before it came to this
        let folders = path.ancestors().filter(|folder| !folder.as_os_str().is_empty());
        folders.map(folder_of).try_for_each(|folder| match self.sync_folder(folder) {
            // a folder that this user cannot open is none that a run has made something in
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            outcome => outcome,
        })
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        // files that std opens are closed on exec, so a child cannot keep the lock
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(LocalLock { _file: file }))),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_put_leaves_one_whole_file() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a/b/manifest.json");
        LocalDisk.make_folder(folder_of(&path)).expect("a folder");
        for text in ["first, and long", "second"] {
            put(&LocalDisk, &path, text.as_bytes()).expect("is put");
            assert_eq!(LocalDisk.read(&path).expect("reads").as_deref(), Some(text.as_bytes()));
        }
        assert_eq!(std::fs::read_dir(folder_of(&path)).expect("lists").count(), 1);
        assert_eq!(LocalDisk.read_range(&path, 1, 4).expect("reads"), b"eco");
        LocalDisk.cut(&path, 3).expect("cuts");
        assert_eq!(LocalDisk.length(&path).expect("length"), Some(3));
        LocalDisk.remove(&folder.path().join("a")).expect("removes");
        assert_eq!(LocalDisk.length(&path).expect("length"), None);
    }

    #[test]
    fn a_lock_is_had_once() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("LOCK");
        let held = LocalDisk.lock(&path).expect("locks").expect("free");
        assert!(LocalDisk.lock(&path).expect("asks").is_none());
        drop(held);
        assert!(LocalDisk.lock(&path).expect("asks").is_some());
    }
}
