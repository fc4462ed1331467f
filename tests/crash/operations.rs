//! The simulated disk as a run uses it: what each operation does when it is let happen.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use dirigent::engine::disk::{Disk, DiskFile, Lock, folder_of};

use super::{
    disk::{Content, Running, SimDisk, dead},
    names::Number,
};

struct SimFile {
    disk: SimDisk,
    path: PathBuf,
    number: Number,
}

impl SimFile {
    fn append_to(&self, running: &mut Running, bytes: &[u8]) {
        if self.path.ends_with("epochs.log") {
            running.world.logged.extend_from_slice(bytes);
        }
        if let Some(content) = running.world.contents.get_mut(&self.number) {
            content.bytes.extend_from_slice(bytes);
        }
    }
}

impl DiskFile for SimFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let partly = |running: &mut Running| {
            let some = running.random.below(bytes.len() + 1);
            self.append_to(running, &bytes[..some]);
        };
        let wholly = |running: &mut Running| {
            self.append_to(running, bytes);
            Ok(())
        };
        self.disk.operate("append", &self.path, partly, wholly)
    }

    fn sync(&mut self) -> io::Result<()> {
        let number = self.number;
        self.disk.change("sync", &self.path, |world| {
            if let Some(content) = world.contents.get_mut(&number) {
                content.synced = content.bytes.len();
            }
            Ok(())
        })
    }
}

struct SimLock(Arc<Mutex<Running>>);

impl Lock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).world.locked = false;
    }
}

impl Disk for SimDisk {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        self.content(path, |content| content.bytes.clone())
    }

    fn read_range(&self, path: &Path, from: u64, to: u64) -> io::Result<Vec<u8>> {
        let bytes = self.read(path)?.ok_or(io::ErrorKind::NotFound)?;
        let range = bytes.get(from as usize..to as usize).ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(range.to_vec())
    }

    fn is_stream(&self, _: &Path) -> bool {
        false
    }

    fn length(&self, path: &Path) -> io::Result<Option<u64>> {
        self.content(path, |content| content.bytes.len() as u64)
    }

    fn append_to(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let there = self.content(path, |_| ())?.is_some();
        if !there {
            self.change("create", path, |world| {
                if !world.names.is_folder(folder_of(path)) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                world.made += 1;
                world.contents.insert(world.made, Content::default());
                world.names.make(path, world.made);
                Ok(())
            })?;
        }
        let number = self.running().world.names.file(path).ok_or_else(dead)?;
        Ok(Box::new(SimFile { disk: self.clone(), path: path.to_owned(), number }))
    }

    fn cut(&self, path: &Path, length: u64) -> io::Result<()> {
        self.change("cut", path, |world| {
            let number = world.names.file(path).ok_or(io::ErrorKind::NotFound)?;
            if let Some(content) = world.contents.get_mut(&number) {
                content.bytes.truncate(length as usize);
                content.synced = content.bytes.len();
            }
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change("rename", to, |world| {
            world.names.file(from).ok_or(io::ErrorKind::NotFound)?;
            world.names.rename(from, to);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let running = self.running();
        let there = running.world.names.file(path).is_some() || running.world.names.is_folder(path);
        drop(running);
        if !there {
            return if self.running().dead { Err(dead()) } else { Ok(()) };
        }
        self.change("remove", path, |world| {
            world.names.remove(path);
            Ok(())
        })
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let running = self.running();
        if running.dead { Err(dead()) } else { Ok(running.world.names.list(path)) }
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.change("make", path, |world| {
            world.names.make_folder(path);
            Ok(())
        })
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.change("sync folder", path, |world| {
            world.names.sync(path);
            Ok(())
        })
    }

    fn lock(&self, _: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        let mut running = self.running();
        if std::mem::replace(&mut running.world.locked, true) {
            return Ok(None);
        }
        Ok(Some(Box::new(SimLock(Arc::clone(&self.running)))))
    }
}
