//! Everything that a run leaves and that has to be the same: outputs, models, state, epochs, books.
//!
//! State is compared as rows: how they lie in bases and deltas depends on when checkpoints were taken.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use dirigent::{
    engine::{
        Epoch,
        checkpoint::{
            Change, FileContext, Stored, encode,
            manifest::{FileKind, Manifest},
            restored::Restored,
            store::LocalStore,
        },
        disk::Disk,
        log::{
            file::{LogContents, load},
            record::{Body, CheckpointRecord, EpochRecord, LogRecord},
        },
    },
    operators::{alerts::StoredCase, books::Balance, row::Review, stored_feedback::StoredFeedback},
};

use super::{disk::SimDisk, drive::Ended};

/// What is compared.
#[derive(PartialEq)]
pub(super) struct Outcome {
    files: BTreeMap<PathBuf, Vec<u8>>,
    state: BTreeMap<String, Vec<u8>>,
    epochs: BTreeMap<Epoch, EpochRecord>,
    books: BTreeMap<String, Balance>,
}

impl Outcome {
    pub(super) fn of(disk: &SimDisk, root: &Path, ended: &Ended) -> Self {
        let files = disk.files().into_iter();
        let counts = |path: &Path| {
            path.starts_with("out")
                || path.starts_with("state/models")
                || path.ends_with("dead-letters.jsonl")
        };
        Self {
            files: files.filter(|(path, _)| counts(path)).collect(),
            state: state(disk, root),
            epochs: epochs(&disk.logged()),
            books: ended.books.clone(),
        }
    }

    /// The text of a file in the folder of outputs.
    pub(super) fn output(&self, name: &str) -> String {
        String::from_utf8(self.files[&Path::new("out").join(name)].clone()).unwrap()
    }

    pub(super) fn epochs(&self) -> usize {
        self.epochs.len()
    }

    pub(super) fn books(&self) -> &BTreeMap<String, Balance> {
        &self.books
    }

    /// What differs, in words; empty where nothing does.
    pub(super) fn differences(&self, expected: &Self) -> Vec<String> {
        let mut told = different("file", &self.files, &expected.files);
        told.extend(different("state of", &self.state, &expected.state));
        told.extend(different("epoch", &self.epochs, &expected.epochs));
        told.extend(different("books of", &self.books, &expected.books));
        told
    }
}

fn different<K: Ord + std::fmt::Debug, V: PartialEq>(
    what: &str,
    found: &BTreeMap<K, V>,
    expected: &BTreeMap<K, V>,
) -> Vec<String> {
    let keys = found.keys().chain(expected.keys().filter(|key| !found.contains_key(*key)));
    let differs = keys.filter(|key| found.get(*key) != expected.get(*key));
    let word = |map: &BTreeMap<K, V>, key| if map.contains_key(key) { "there" } else { "missing" };
    differs
        .map(|key| format!("{what} {key:?}: {} now, {} expected", word(found, key), word(expected, key)))
        .collect()
}

/// The log as it stands.
pub(super) fn log(disk: &SimDisk, root: &Path) -> LogContents {
    load(disk, &root.join("state/epochs.log")).unwrap()
}

/// The checkpoints that the log names, oldest first.
pub(super) fn checkpoints(contents: &LogContents) -> Vec<CheckpointRecord> {
    let of = |record: &LogRecord| match &record.body {
        Body::Checkpoint(checkpoint) => Some(checkpoint.clone()),
        _ => None,
    };
    contents.records.iter().filter_map(of).collect()
}

/// What the newest checkpoint holds: which step, and its rows or files.
fn state(disk: &SimDisk, root: &Path) -> BTreeMap<String, Vec<u8>> {
    let Some(newest) = checkpoints(&log(disk, root)).pop() else { return BTreeMap::new() };
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let restored = Restored::open(LocalStore::shared(&shared, &root.join("state")), &newest).unwrap();
    let mut state = BTreeMap::new();
    let mut rows = |step: &str, bytes| state.insert(format!("{step} rows"), bytes);
    rows("sentiment.current", stored::<Review>(&restored, "sentiment.current"));
    rows("alerts", stored::<StoredCase>(&restored, "alerts"));
    rows("corrected", stored::<StoredFeedback>(&restored, "corrected"));
    let steps: Vec<&String> = restored.manifest.steps.keys().collect();
    for step in steps {
        for file in restored.files(step) {
            match file.kind {
                FileKind::Whole => {
                    let name = file.path.rsplit('/').next().unwrap().to_owned();
                    state.insert(name, restored.read(file).unwrap());
                }
                _ => drop(state.entry(format!("{step} has rows")).or_default()),
            }
        }
    }
    let manifest = &restored.manifest;
    let rest =
        format!("{} {:?} {:?} {}", manifest.epoch, manifest.positions, manifest.chains, manifest.notes);
    state.insert("manifest".into(), rest.into_bytes());
    state
}

fn stored<R: Stored>(restored: &Restored, step: &str) -> Vec<u8> {
    let mut rows = restored.rows::<R>(step, 0, 1).unwrap();
    rows.sort_by(|a, b| a.key().cmp(b.key()));
    let changes: Vec<Change<R>> = rows.into_iter().map(Change::Put).collect();
    encode(&changes, &FileContext { step: step.into(), shard: 0, epoch: 0 }).unwrap()
}

/// Every epoch that ever was in the log; one that was there twice must have been the same.
fn epochs(logged: &[u8]) -> BTreeMap<Epoch, EpochRecord> {
    let mut epochs = BTreeMap::new();
    for line in logged.split(|byte| *byte == b'\n') {
        // what was torn is no record
        let Some((sum, payload)) = line.split_at_checked(17) else { continue };
        if sum != format!("{:016x} ", xxhash_rust::xxh3::xxh3_64(payload)).as_bytes() {
            continue;
        }
        if let Ok(LogRecord { body: Body::Epoch(record), .. }) = serde_json::from_slice(payload)
            && let Some(before) = epochs.insert(record.epoch, record.clone())
        {
            assert_eq!(before, record, "an epoch was logged in two ways");
        }
    }
    epochs
}

/// The checkpoints that are to be kept, the newer one first: the newest, and the last one before it that shares no file of
/// rows with it. Both are whole.
pub(super) fn kept(disk: &SimDisk, root: &Path) -> Vec<(CheckpointRecord, Restored)> {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let store = LocalStore::shared(&shared, &root.join("state"));
    let mut records = checkpoints(&log(disk, root)).into_iter().rev();
    let Some(newest) = records.next() else { return Vec::new() };
    let whole = Restored::open(Arc::clone(&store), &newest).unwrap();
    let older = records.find(|record| {
        // one that could not be used has its record yet: a later one of its epoch took its place
        record.epoch != newest.epoch
            && Manifest::read(&*store, record)
                .is_ok_and(|manifest| !manifest.shares_rows_with(&whole.manifest))
    });
    let mut kept = vec![(newest, whole)];
    kept.extend(older.map(|older| (older.clone(), Restored::open(Arc::clone(&store), &older).unwrap())));
    kept
}

/// What lies about though nothing names it, and what should be gone.
pub(super) fn litter(disk: &SimDisk, root: &Path) -> Vec<String> {
    let contents = log(disk, root);
    let kept = kept(disk, root);
    let mut files: Vec<PathBuf> = Vec::new();
    for (record, restored) in &kept {
        files.push(Path::new("state").join(&record.path).join("manifest.json"));
        files.extend(restored.manifest.files.iter().map(|file| Path::new("state").join(&file.path)));
    }
    let mut told = Vec::new();
    for path in disk.files().into_keys() {
        let unnamed = path.starts_with("state/checkpoints") && !files.contains(&path);
        if unnamed || path.extension().is_some_and(|ending| ending == "new") {
            told.push(format!("{} lies about", path.display()));
        }
    }
    if let [_, (older, _)] = &kept[..]
        && contents.truncated() < older.epoch
    {
        told.push(format!("the log begins after {}, not {}", contents.truncated(), older.epoch));
    }
    if let Some(first) = contents.epochs().find(|record| record.epoch <= contents.truncated()) {
        told.push(format!("the log has epoch {} yet", first.epoch));
    }
    told
}
