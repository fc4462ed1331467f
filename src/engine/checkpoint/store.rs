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

    /// Changes something, and says where if that fails: a full disk may be any of several.
    fn change(&self, path: &str, change: impl FnOnce(&dyn Disk, &Path) -> io::Result<()>) -> io::Result<()> {
        let place = self.place(path);
        let name = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", place.display()));
        change(&*self.disk, &place).map_err(name)
    }
}

impl CheckpointStore for LocalStore {
    fn make_folder(&self, folder: &str) -> io::Result<()> {
        self.change(folder, |disk, place| disk.make_folder(place))
    }

    fn put(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.change(path, |disk, place| put(disk, place, bytes))
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
        self.change(path, |disk, place| disk.remove(place))
    }

    fn remove_folder(&self, folder: &str) -> io::Result<()> {
        self.change(folder, |disk, place| disk.remove(place))
    }

    fn place(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }
}
