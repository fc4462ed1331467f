//! A disk in memory that loses what was not synced, and stops at any operation.
//!
//! Every operation that changes something has a number and a name. The one that a test names does not happen (of an
//! append, a beginning may), and after it nothing does: the process is dead. What the next process finds: after a crash
//! everything that was written; after a power cut of each file what was synced and any beginning of the rest, torn or
//! not, and names as `names` says.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    names::{Names, Number},
    random::Random,
};

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crash {
    /// It alone ends.
    Process,
    /// The machine does.
    Power,
}

/// What goes wrong, and at which operation, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Nothing,
    /// From this operation on nothing happens.
    Stop(u64),
    /// From this append on there is no room.
    Full(u64),
    /// From the first operation on that has this in its name nothing happens.
    StopAt(&'static str),
    /// This sync fails, and what was not synced is lost.
    Sync(u64),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    pub(super) synced: usize,
}

#[derive(Clone, Default)]
pub(super) struct World {
    pub(super) names: Names,
    pub(super) contents: BTreeMap<Number, Content>,
    pub(super) made: Number,
    pub(super) locked: bool,
    /// What was ever appended to the epoch log.
    pub(super) logged: Vec<u8>,
}

pub(super) struct Running {
    pub(super) world: World,
    pub(super) fault: Fault,
    pub(super) done: u64,
    pub(super) dead: bool,
    pub(super) random: Random,
    /// The name of the operation that the fault struck.
    pub(super) struck: Option<String>,
    pub(super) names: Vec<String>,
    /// What happened to it before, in words.
    pub(super) told: String,
}

/// The disk as one process sees it.
#[derive(Clone)]
pub(super) struct SimDisk {
    pub(super) root: PathBuf,
    pub(super) running: Arc<Mutex<Running>>,
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running = self.running();
        let last = running.names.last();
        let (told, fault, struck) = (&running.told, running.fault, &running.struck);
        write!(f, "a disk ({told}) with {fault:?}, struck at {struck:?}, that last did {last:?}")
    }
}

pub(super) fn dead() -> io::Error {
    io::Error::other("the process is dead")
}

impl SimDisk {
    /// An empty disk; names of operations are told below `root`.
    pub(super) fn new(root: &Path) -> Self {
        Self::with(root, World::default(), Fault::Nothing, 0)
    }

    fn with(root: &Path, world: World, fault: Fault, seed: u64) -> Self {
        let running = Running {
            world,
            fault,
            done: 0,
            dead: false,
            random: Random::new(seed),
            struck: None,
            names: Vec::new(),
            told: String::new(),
        };
        Self { root: root.to_owned(), running: Arc::new(Mutex::new(running)) }
    }

    pub(super) fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The disk as the next process finds it; this one is dead from now on.
    pub(super) fn after(&self, crash: Crash, fault: Fault, seed: u64) -> Self {
        let mut running = self.running();
        running.dead = true;
        let mut world = running.world.clone();
        world.locked = false;
        world.logged.push(b'\n');
        if crash == Crash::Power {
            let mut random = Random::new(seed);
            world.names.cut(&mut random);
            for content in world.contents.values_mut() {
                let unsynced = content.bytes.len() - content.synced;
                content.bytes.truncate(content.synced + random.below(unsynced + 1));
                content.synced = content.bytes.len();
            }
        }
        Self::with(&self.root, world, fault, seed)
    }

    /// A copy that shares nothing with it, nobody running on it; its operations are known, and counted anew.
    pub(super) fn copy(&self, fault: Fault) -> Self {
        let running = self.running();
        let (mut world, names) = (running.world.clone(), running.names.clone());
        drop(running);
        world.locked = false;
        let copy = Self::with(&self.root, world, fault, 0);
        copy.running().names = names;
        copy
    }

    /// Says what happened to it before, for whoever prints it.
    pub(super) fn told(&self, how: &str) {
        how.clone_into(&mut self.running().told);
    }

    /// The operation that the fault struck, by name.
    pub(super) fn struck(&self) -> Option<String> {
        self.running().struck.clone()
    }

    /// The names of all operations so far.
    pub(super) fn operations(&self) -> Vec<String> {
        self.running().names.clone()
    }

    /// All files, by path below the root.
    pub(super) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let running = self.running();
        let files = running.world.names.files();
        let below = |path: &Path| path.strip_prefix(&self.root).unwrap_or(path).to_owned();
        files.map(|(path, number)| (below(path), running.world.contents[&number].bytes.clone())).collect()
    }

    /// Puts other content in a file, durably, as somebody else would; `None` removes it.
    pub(super) fn replace(&self, path: &Path, bytes: Option<Vec<u8>>) {
        let mut running = self.running();
        let path = self.root.join(path);
        let number = running.world.names.file(&path).unwrap();
        match bytes {
            Some(bytes) => {
                let synced = bytes.len();
                running.world.contents.insert(number, Content { bytes, synced });
            }
            None => running.world.names.remove(&path),
        }
    }

    /// Everything that was ever appended to the epoch log.
    pub(super) fn logged(&self) -> Vec<u8> {
        self.running().world.logged.clone()
    }

    /// Does an operation; `partly` is what of it may happen when the process ends in it.
    pub(super) fn operate<T>(
        &self,
        kind: &str,
        path: &Path,
        partly: impl FnOnce(&mut Running),
        wholly: impl FnOnce(&mut Running) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut running = self.running();
        if running.dead {
            return Err(dead());
        }
        let name = || format!("{kind} {}", path.strip_prefix(&self.root).unwrap_or(path).display());
        let number = running.done;
        running.done += 1;
        let stops = match running.fault {
            Fault::Stop(at) => number >= at,
            Fault::StopAt(part) => name().contains(part),
            _ => false,
        };
        if stops {
            running.struck = Some(name());
            running.dead = true;
            partly(&mut running);
            return Err(dead());
        }
        match running.fault {
            Fault::Full(from) if number >= from && kind == "append" => {
                running.struck.get_or_insert(name());
                partly(&mut running);
                return Err(io::ErrorKind::StorageFull.into());
            }
            Fault::Sync(at) if number >= at && kind.starts_with("sync") && running.struck.is_none() => {
                running.struck = Some(name());
                return Err(io::Error::other("the disk has lost what was written"));
            }
            _ => {}
        }
        let named = name();
        running.names.push(named);
        wholly(&mut running)
    }

    pub(super) fn change(
        &self,
        kind: &str,
        path: &Path,
        wholly: impl FnOnce(&mut World) -> io::Result<()>,
    ) -> io::Result<()> {
        self.operate(kind, path, |_| {}, |running| wholly(&mut running.world))
    }

    pub(super) fn content<T>(&self, path: &Path, look: impl FnOnce(&Content) -> T) -> io::Result<Option<T>> {
        let running = self.running();
        if running.dead {
            return Err(dead());
        }
        let number = running.world.names.file(path);
        Ok(number.map(|number| look(&running.world.contents[&number])))
    }
}
