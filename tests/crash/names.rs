//! The names of a simulated disk: which file a path means, in the cache and durably.
//!
//! A file made, renamed or removed is so at once for whoever looks, and after a power cut only if its folder was synced
//! since; of what was not, a power cut keeps any beginning, in order, folder by folder. Limit: a folder made is durable
//! at once, which is what `Disk::make_folder` promises.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use dirigent::engine::disk::folder_of;

use super::random::Random;

/// A file's number, whatever its names.
pub(super) type Number = u64;

#[derive(Clone, Debug)]
enum Change {
    Made(PathBuf, Number),
    Renamed(PathBuf, PathBuf),
    Removed(PathBuf),
}

/// Names, as they are or as they would be after a power cut.
#[derive(Clone, Debug, Default)]
struct Tree {
    files: BTreeMap<PathBuf, Number>,
    folders: BTreeSet<PathBuf>,
}

impl Tree {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Made(path, number) => drop(self.files.insert(path.clone(), *number)),
            Change::Renamed(from, to) => {
                if let Some(number) = self.files.remove(from) {
                    self.files.insert(to.clone(), number);
                }
            }
            Change::Removed(path) => {
                self.files.retain(|file, _| !file.starts_with(path));
                self.folders.retain(|folder| !folder.starts_with(path));
            }
        }
    }
}

/// All names of a disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    now: Tree,
    durable: Tree,
    /// What was not synced, by folder.
    pending: BTreeMap<PathBuf, Vec<Change>>,
}

impl Names {
    pub(super) fn file(&self, path: &Path) -> Option<Number> {
        self.now.files.get(path).copied()
    }

    pub(super) fn is_folder(&self, path: &Path) -> bool {
        self.now.folders.contains(path)
    }

    pub(super) fn make(&mut self, path: &Path, number: Number) {
        self.change(path, Change::Made(path.to_owned(), number));
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) {
        assert_eq!(folder_of(from), folder_of(to), "a rename from folder to folder is not simulated");
        self.change(to, Change::Renamed(from.to_owned(), to.to_owned()));
    }

    pub(super) fn remove(&mut self, path: &Path) {
        self.change(path, Change::Removed(path.to_owned()));
    }

    fn change(&mut self, path: &Path, change: Change) {
        self.now.apply(&change);
        self.pending.entry(folder_of(path).to_owned()).or_default().push(change);
    }

    pub(super) fn make_folder(&mut self, path: &Path) {
        for folder in path.ancestors().filter(|folder| !folder.as_os_str().is_empty()) {
            if self.now.folders.insert(folder.to_owned()) {
                self.sync(folder_of(folder));
            }
            self.durable.folders.insert(folder.to_owned());
        }
    }

    pub(super) fn sync(&mut self, folder: &Path) {
        for change in self.pending.remove(folder).unwrap_or_default() {
            self.durable.apply(&change);
        }
    }

    /// Names directly in a folder, of files and folders.
    pub(super) fn list(&self, folder: &Path) -> Vec<String> {
        let all = self.now.files.keys().chain(&self.now.folders);
        let mut names: Vec<String> = all
            .filter(|path| path.parent() == Some(folder))
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&PathBuf, Number)> {
        self.now.files.iter().map(|(path, number)| (path, *number))
    }

    /// The power is cut.
    pub(super) fn cut(&mut self, random: &mut Random) {
        for changes in std::mem::take(&mut self.pending).into_values() {
            let kept = random.below(changes.len() + 1);
            changes[..kept].iter().for_each(|change| self.durable.apply(change));
        }
        // a folder that was removed durably has no files, wherever they were made
        let folders = self.durable.folders.clone();
        self.durable.files.retain(|file, _| folders.contains(folder_of(file)));
        self.now = self.durable.clone();
    }
}
