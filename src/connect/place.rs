//! Places outside that a topology reads from and writes to, so that two parts of it that meet in one can be told before
//! a run.
//!
//! Files are compared by their names alone: a relative path stands in the working folder, `.` and `..` are worked out as
//! they are written. Links are not followed, so two names of one file that only the file system knows about are not found.

use std::path::{Component, Path, PathBuf};

/// A place outside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A file, by its absolute path without `.` and `..`.
    File(PathBuf),
    /// Standard input of the process.
    StandardInput,
    /// A topic of a Kafka cluster, which is told by its bootstrap servers.
    Topic {
        /// The servers, as they are written.
        cluster: String,
        /// The topic.
        topic: String,
    },
}

impl Place {
    /// The place of a path.
    #[must_use]
    pub fn file(path: &Path) -> Self {
        Self::File(plain(&working_folder().join(path)))
    }

    /// Whether it is a file somewhere below a folder.
    #[must_use]
    pub fn lies_in(&self, folder: &Path) -> bool {
        match (self, Self::file(folder)) {
            (Self::File(path), Self::File(folder)) => path.starts_with(folder),
            _ => false,
        }
    }

    /// Whether it is a file that a glob such as `data/*.jsonl` matches; false for what is no glob.
    #[must_use]
    pub fn matches(&self, pattern: &str) -> bool {
        let Self::File(path) = self else { return false };
        // the name of the working folder stands for itself
        let folder = glob::Pattern::escape(&working_folder().to_string_lossy());
        let pattern = plain(&Path::new(&folder).join(pattern));
        let options = glob::MatchOptions { require_literal_separator: true, ..Default::default() };
        glob::Pattern::new(&pattern.to_string_lossy())
            .is_ok_and(|pattern| pattern.matches_path_with(path, options))
    }
}

/// The folder that relative paths stand in. Where it is gone, nothing in it can be opened either.
fn working_folder() -> PathBuf {
    std::env::current_dir().unwrap_or_default()
}

/// A path with `.` and `..` worked out.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            // above the root there is the root
            Component::ParentDir => drop(plain.pop()),
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_by_many_names() {
        let place = |path: &str| Place::file(Path::new(path));
        let here = working_folder().join("out/x");
        let absolute = here.to_str().unwrap();
        for name in ["./out/x", "out//x", "out/./x", "out/../out/x", "a/b/../../out/x", absolute] {
            assert_eq!(place(name), place("out/x"), "{name}");
        }
        assert_eq!(place("/../x"), place("/x"));
        for name in ["out/X", "out/x/y", "../out/x", "/out/x", "x"] {
            assert_ne!(place(name), place("out/x"), "{name}");
        }
        assert!(place("out/../state/a/b").lies_in(Path::new("./state")));
        assert!(!place("state-of-old/a").lies_in(Path::new("state")));
    }

    #[test]
    fn globs_match_whole_names() {
        let matches = |path: &str, pattern: &str| Place::file(Path::new(path)).matches(pattern);
        for pattern in ["out/x.jsonl", "./out/*.jsonl", "out/../*/x.jsonl", "**/x.jsonl", "out/[w-y].jsonl"] {
            assert!(matches("out/x.jsonl", pattern), "{pattern}");
        }
        for pattern in ["*.jsonl", "out/x", "out/[a-c].jsonl", "out/[", "out", "-"] {
            assert!(!matches("out/x.jsonl", pattern), "{pattern}");
        }
        assert!(!Place::StandardInput.matches("*"));
    }
}
