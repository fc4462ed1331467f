//! Where checkpoints and published models lie: a local folder, or something else that puts whole files.
//!
//! Paths are relative, with `/` between their parts, and the same in every store. A put is durable when it returns and
//! shows a file as a whole or not at all. What counts is never looked for here: the log, which is local, names it. What is
//! appended (log, progress, spool) needs a disk and lies in the state folder, whatever the store.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::engine::disk::{Disk, put};

/// A place for whole files.
pub trait CheckpointStore: Send + Sync + fmt::Debug {
    /// Makes a folder for what is put next, where folders have to be made.
    ///
    /// # Errors
    /// What the system says.
    fn make_folder(&self, folder: &str) -> io::Result<()>;

    /// Puts a whole file in place at once, durably.
    ///
    /// # Errors
    /// What the system says; the old file, or none, is still there then.
    fn put(&self, path: &str, bytes: &[u8]) -> io::Result<()>;

    /// The same for a file that nobody else may have put: where several could, one that is there is not replaced.
    ///
    /// # Errors
    /// What the system says; that another file is there.
    fn put_new(&self, path: &str, bytes: &[u8]) -> io::Result<()>;

    /// The whole content; `None` where there is no such file.
    ///
    /// # Errors
    /// What the system says.
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;

    /// The same, in room that is not needed any more, where the store can make use of it.
    ///
    /// # Errors
    /// What the system says.
    fn read_into(&self, path: &str, room: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
        drop(room);
        self.read(path)
    }

    /// The length in bytes; `None` where there is no such file.
    ///
    /// # Errors
    /// What the system says.
    fn length(&self, path: &str) -> io::Result<Option<u64>>;

    /// The names in a folder, sorted; none where there is no such folder.
    ///
    /// # Errors
    /// What the system says.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;

    /// Removes a file; nothing happens where there is none.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Removes a folder with all that is in it; nothing happens where there is none.
    ///
    /// # Errors
    /// What the system says.
    fn remove_folder(&self, folder: &str) -> io::Result<()>;

    /// Where a path lies, for whoever is told of it: a path of the system, or a URL.
    fn place(&self, path: &str) -> PathBuf;
}

/// A store in a folder of a disk.
#[derive(Clone, Debug)]
pub struct LocalStore {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
}

impl LocalStore {
    /// The store in a folder.
    #[must_use]
    pub fn shared(disk: &Arc<dyn Disk>, folder: &Path) -> Arc<dyn CheckpointStore> {
        Arc::new(Self { disk: Arc::clone(disk), folder: folder.to_owned() })
    }
}

impl CheckpointStore for LocalStore {
    fn make_folder(&self, folder: &str) -> io::Result<()> {
        self.disk.make_folder(&self.place(folder))
    }

    fn put(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        put(&*self.disk, &self.place(path), bytes)
    }

    fn put_new(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        // the lock of the state folder keeps others away; what is there is left of a put that no record names
        self.put(path, bytes)
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.disk.read(&self.place(path))
    }

    fn read_into(&self, path: &str, room: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
        self.disk.read_into(&self.place(path), room)
    }

    fn length(&self, path: &str) -> io::Result<Option<u64>> {
        self.disk.length(&self.place(path))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.disk.list(&self.place(folder))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(&self.place(path))
    }

    fn remove_folder(&self, folder: &str) -> io::Result<()> {
        self.disk.remove(&self.place(folder))
    }

    fn place(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }
}
