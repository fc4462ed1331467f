//! Checks everything that a start does not: both checkpoints by hash and by decoding every row, the log, each sink's
//! output in all its blocks, stored models by their names, and how these fit together.
//!
//! Nothing ends it early: every damaged file is named, with the place where that is known. A run may go on meanwhile;
//! what it removes or cuts while this looks is looked at again and not taken for damage. Limit: of an output, what lies
//! behind the recorded length is nobody's yet and is not looked at; of a pipe or a device nothing can be.

mod checkpoint;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::{SinkProgress, StoredState, StoredStateError};
use crate::{
    connect::file::progress::{BLOCK, Written},
    engine::{
        Epoch,
        checkpoint::manifest::hash,
        journal::{JournalError, is_changed},
        log::file::load,
    },
    operators::{stored::check_model, wiring::MODELS},
    topology::start::LOG,
};

/// How the names of models end.
const MODEL_ENDING: &str = ".safetensors";

/// A file that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it, and where.
    pub what: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What is wrong.
    pub damaged: Vec<Damage>,
    /// What was looked at, in words.
    pub checked: Vec<String>,
    /// What is right and worth a word.
    pub notes: Vec<String>,
}

/// Told of each piece that was read: the file, and how many bytes.
pub type Watch<'a> = &'a mut dyn FnMut(&Path, u64);

impl StoredState {
    /// How many bytes [`StoredState::verify`] will read, about.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn verified_bytes(&self) -> Result<u64, StoredStateError> {
        let manifests = self.checkpoints.iter().filter_map(|checkpoint| checkpoint.manifest.as_ref().ok());
        let files: u64 = manifests.flat_map(|manifest| &manifest.files).map(|file| file.bytes).sum();
        let sinks = self.sinks()?;
        let outputs = sinks.iter().filter_map(|sink| sink.written.as_ref().ok()?.as_ref());
        let models = self.model_files()?;
        let models = models.iter().filter_map(|path| self.store.length(path).ok().flatten());
        Ok(files + outputs.map(|written| written.length).sum::<u64>() + models.sum::<u64>() + self.log_bytes)
    }

    /// Checks everything.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn verify(&self, watch: Watch<'_>) -> Result<Verdict, StoredStateError> {
        let mut verdict = Verdict::default();
        let sinks = self.sinks()?;
        self.verify_log(&sinks, &mut verdict);
        watch(&self.folder.join(LOG), self.log_bytes);
        for checkpoint in &self.checkpoints {
            self.verify_checkpoint(checkpoint, &sinks, &mut verdict, watch);
        }
        for sink in &sinks {
            self.verify_sink(sink, &mut verdict, watch);
        }
        self.verify_models(&mut verdict, watch)?;
        Ok(verdict)
    }

    fn verify_log(&self, sinks: &[SinkProgress], verdict: &mut Verdict) {
        let path = self.folder.join(LOG);
        self.verify_end(&path, self.log_bytes, self.log.torn, verdict);
        // read again: the sinks may have gone on since
        let last = match load(&*self.disk, &path) {
            _ if self.log_is_elsewhere => self.log.last_epoch(),
            Ok(log) => log.last_epoch(),
            Err(error) => {
                verdict.notes.push("without a log, no checkpoint can be told from another".into());
                return verdict.damaged.push(damage_of(&error));
            }
        };
        for sink in sinks {
            let Ok(Some(written)) = &sink.written else { continue };
            if written.progress.epoch > last {
                verdict.damaged.push(Damage {
                    path: path.clone(),
                    what: format!(
                        "it ends with epoch {last}, and the sink {} has written up to epoch {}: a part of it is gone",
                        sink.id, written.progress.epoch
                    ),
                });
            }
        }
        verdict.checked.push(format!("log: {} records, {} bytes", self.log.records.len(), self.log_bytes));
    }

    /// A journal whose end is not a whole record.
    fn verify_end(&self, path: &Path, length: u64, torn: usize, verdict: &mut Verdict) {
        if torn == 0 {
            return;
        }
        let start = length.saturating_sub(torn as u64);
        let end = self.disk.read_range(path, start, length).unwrap_or_default();
        if is_changed(&end) {
            let what = format!("the record at byte {start} does not match its checksum");
            verdict.damaged.push(Damage { path: path.to_owned(), what });
        } else {
            verdict.notes.push(format!(
                "{}: a torn end of {torn} bytes at byte {start}, which a crash leaves and the next start cuts",
                path.display()
            ));
        }
    }

    fn verify_sink(&self, sink: &SinkProgress, verdict: &mut Verdict, watch: Watch<'_>) {
        let written = match &sink.written {
            Ok(Some(_)) if sink.elsewhere => {
                return verdict
                    .notes
                    .push(format!("{}: on Kafka, where its records are not read again", sink.id));
            }
            Ok(Some(written)) => written,
            Ok(None) => return,
            Err(error) => return verdict.damaged.push(damage_of(error)),
        };
        if let Ok(Some(length)) = self.disk.length(&sink.journal) {
            self.verify_end(&sink.journal, length, written.torn, verdict);
        }
        let path = &written.path;
        let damaged = |what: String| Damage { path: path.clone(), what };
        if self.disk.is_stream(path) {
            return verdict.notes.push(format!("{}: a pipe or a device, nothing to check", path.display()));
        }
        let length = match self.disk.length(path) {
            Ok(Some(length)) => length,
            Ok(None) if written.length == 0 => 0,
            Ok(None) => return verdict.damaged.push(damaged("it is missing".into())),
            Err(error) => return verdict.damaged.push(damaged(error.to_string())),
        };
        if length < written.length {
            verdict.damaged.push(damaged(format!(
                "it has {length} bytes, and {} were written by epoch {}",
                written.length, written.progress.epoch
            )));
        }
        for (index, expected) in blocks(written) {
            let (from, to) = (index * BLOCK, ((index + 1) * BLOCK).min(written.length));
            if to > length {
                continue;
            }
            match (self.disk.read_range(path, from, to), expected) {
                (Err(error), _) => verdict.damaged.push(damaged(format!("block {index}: {error}"))),
                (Ok(_), None) => {
                    let what =
                        format!("block {index} (bytes {from} to {to}) of {} has no hash", path.display());
                    verdict.damaged.push(Damage { path: sink.journal.clone(), what });
                }
                (Ok(bytes), Some(expected)) => {
                    let found = hash(&bytes);
                    if found != *expected {
                        verdict.damaged.push(damaged(format!(
                            "block {index} (bytes {from} to {to}) was changed: its hash is {found}, and {expected} was recorded"
                        )));
                    }
                }
            }
            watch(path, to - from);
        }
        let epoch: Epoch = written.progress.epoch;
        verdict.checked.push(format!("sink {}: {} bytes, up to epoch {epoch}", sink.id, written.length));
    }

    /// The paths of the models in their store.
    fn model_files(&self) -> Result<Vec<String>, StoredStateError> {
        let fault = |error| StoredStateError::Io { path: self.store.place(MODELS), error };
        let names = self.store.list(MODELS).map_err(fault)?;
        // one that is being put has another ending
        let models = names.iter().filter(|name| name.ends_with(MODEL_ENDING));
        Ok(models.map(|name| format!("{MODELS}/{name}")).collect())
    }

    fn verify_models(&self, verdict: &mut Verdict, watch: Watch<'_>) -> Result<(), StoredStateError> {
        let paths = self.model_files()?;
        for path in &paths {
            let name = path.strip_prefix(MODELS).map(|name| name.trim_start_matches('/'));
            let name = name.and_then(|name| name.strip_suffix(MODEL_ENDING)).unwrap_or_default();
            let place = self.store.place(path);
            let checked = match self.store.read(path) {
                Ok(Some(bytes)) => {
                    watch(&place, bytes.len() as u64);
                    check_model(name, &bytes)
                }
                Ok(None) => Err("it is missing".into()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(what) = checked {
                verdict.damaged.push(Damage { path: place, what });
            }
        }
        verdict.checked.push(format!("models: {} files", paths.len()));
        Ok(())
    }
}

/// The blocks of an output with their hashes, the last one as far as it is written.
fn blocks(written: &Written) -> impl Iterator<Item = (u64, Option<&String>)> {
    let full = written.length / BLOCK;
    let last = (!written.length.is_multiple_of(BLOCK)).then_some((full, written.last_block.as_ref()));
    (0..full).map(|index| (index, written.blocks.get(&index))).chain(last)
}

/// What is wrong with a journal; its path is told apart.
fn damage_of(error: &JournalError) -> Damage {
    let (path, what) = match error {
        JournalError::Io { path, error } => (path, error.to_string()),
        JournalError::Damaged { path, offset } => {
            (path, format!("the record at byte {offset} does not match its checksum, and good ones follow"))
        }
        JournalError::Foreign { path, expected, version, found } => {
            (path, format!("it is not a {expected} of version {version}: it says {found}"))
        }
        JournalError::Record { path, record, reason } => (path, format!("record {record}: {reason}")),
    };
    Damage { path: path.clone(), what }
}
