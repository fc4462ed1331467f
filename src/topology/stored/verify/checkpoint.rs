//! The check of a checkpoint: every file by its hash, every row by reading it, the model by restoring its numbers, and the
//! chains of the sinks beside their progress.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Damage, Verdict, Watch};
use crate::{
    connect::file::progress,
    engine::checkpoint::{
        manifest::{CheckpointError, FileEntry, FileKind, Manifest, hash},
        merge,
        untyped::UntypedFile,
    },
    operators::stored::{MODEL_FILES, check_learner, collection},
    topology::stored::{SinkProgress, StoredCheckpoint, StoredState},
};

/// The files of a step and a shard that are whole, oldest first.
type Shards<'a> = BTreeMap<(&'a str, u32), Vec<(&'a FileEntry, Vec<u8>)>>;

impl StoredState {
    pub(super) fn verify_checkpoint(
        &self,
        checkpoint: &StoredCheckpoint,
        sinks: &[SinkProgress],
        verdict: &mut Verdict,
        watch: Watch<'_>,
    ) {
        let epoch = checkpoint.record.epoch;
        let manifest = match &checkpoint.manifest {
            Ok(manifest) => manifest,
            Err(error) => {
                let path = self.store.place(&Manifest::path(&checkpoint.record));
                return verdict.damaged.push(Damage { path, what: what_of(error) });
            }
        };
        let before = verdict.damaged.len();
        let mut rows = 0;
        let mut shards = Shards::new();
        let mut last = None;
        let mut entries: Vec<&FileEntry> = manifest.files.iter().collect();
        // stable: files of a shard stay in order, and lie in memory only together
        entries.sort_by_key(|file| (&file.step, file.shard));
        for file in entries {
            let group = (file.step.as_str(), file.shard);
            if last.replace(group).is_some_and(|last| last != group) {
                rows += self.decode(manifest, std::mem::take(&mut shards), verdict);
            }
            match self.read_whole(file) {
                Ok(bytes) => shards.entry(group).or_default().push((file, bytes)),
                Err(what) => {
                    verdict.damaged.push(Damage { path: self.store.place(&file.path), what });
                    shards.entry(group).or_default();
                }
            }
            watch(&self.store.place(&file.path), file.bytes);
        }
        rows += self.decode(manifest, shards, verdict);
        if verdict.damaged.len() > before && self.is_gone(checkpoint) {
            verdict.damaged.truncate(before);
            return verdict
                .notes
                .push(format!("the checkpoint of epoch {epoch} was collected meanwhile: newer ones count"));
        }
        for (sink, chain) in &manifest.chains {
            let found = sinks.iter().find(|found| found.id == *sink);
            let journal = progress::path_of(&self.folder, sink);
            let Some(found) = found else {
                let what = format!("it is missing, and the checkpoint of epoch {epoch} has the sink {sink}");
                verdict.damaged.push(Damage { path: journal, what });
                continue;
            };
            // one that cannot be read is told of elsewhere
            let Ok(written) = &found.written else { continue };
            let progress = written.as_ref().map(|written| written.progress).unwrap_or_default();
            if progress.epoch < epoch || (progress.epoch == epoch && progress.chain != *chain) {
                let what = format!(
                    "it says epoch {} and the chain {}, the checkpoint of epoch {epoch} has the chain {chain}",
                    progress.epoch, progress.chain
                );
                verdict.damaged.push(Damage { path: journal, what });
            }
        }
        let files = manifest.files.len();
        verdict.checked.push(format!("checkpoint of epoch {epoch}: {files} files, {rows} live rows"));
    }

    /// A file of a checkpoint, or what is wrong with it.
    fn read_whole(&self, file: &FileEntry) -> Result<Vec<u8>, String> {
        let bytes = self.store.read(&file.path).map_err(|error| error.to_string())?;
        let bytes = bytes.ok_or("it is missing")?;
        if bytes.len() as u64 != file.bytes {
            return Err(format!("it has {} bytes, and {} were recorded", bytes.len(), file.bytes));
        }
        let found = hash(&bytes);
        if found != file.hash {
            return Err(format!("its hash is {found}, and {} was recorded", file.hash));
        }
        Ok(bytes)
    }

    /// Reads all rows of the files of a step and a shard, and what else is in them; how many rows are live.
    fn decode(&self, manifest: &Manifest, shards: Shards<'_>, verdict: &mut Verdict) -> u64 {
        let mut live = 0;
        for ((step, _), files) in shards {
            let (whole, rows): (Vec<_>, Vec<_>) =
                files.into_iter().partition(|(file, _)| file.kind == FileKind::Whole);
            if let Some((card, _)) = whole.iter().find(|(file, _)| file.name == MODEL_FILES[1]) {
                let part = |name: &str| {
                    let found = whole.iter().find(|(file, _)| file.name == name);
                    found.map(|(_, bytes)| bytes.clone())
                };
                let parts = MODEL_FILES.map(part);
                // a part that is damaged is told of already
                if let [Some(model), Some(card_bytes), Some(step)] = parts
                    && let Err(what) = check_learner([model, card_bytes, step])
                {
                    verdict.damaged.push(Damage { path: self.store.place(&card.path), what });
                }
            }
            let Some((first, _)) = rows.first() else { continue };
            let first = self.store.place(&first.path);
            let state = manifest.steps.get(step).and_then(|kind| collection(&kind.state, kind.version));
            let Some(state) = state else {
                let what = format!("this program does not know the state of the step {step}");
                verdict.damaged.push(Damage { path: first, what });
                continue;
            };
            let mut opened = Vec::new();
            for (file, bytes) in rows {
                let path = self.store.place(&file.path);
                match UntypedFile::open(Bytes::from(bytes), state) {
                    Ok(table)
                        if (table.context().step.as_str(), table.context().shard) == (step, file.shard) =>
                    {
                        opened.push(table);
                    }
                    Ok(table) => {
                        let what = format!("it says that it is of {:?}", table.context());
                        verdict.damaged.push(Damage { path, what });
                    }
                    Err(error) => verdict.damaged.push(Damage { path, what: error.to_string() }),
                }
            }
            for row in merge(opened) {
                match row {
                    Ok(_) => live += 1,
                    Err(error) => {
                        verdict.damaged.push(Damage { path: first.clone(), what: error.to_string() });
                    }
                }
            }
        }
        live
    }

    /// Whether a run has removed it meanwhile.
    fn is_gone(&self, checkpoint: &StoredCheckpoint) -> bool {
        matches!(self.store.length(&Manifest::path(&checkpoint.record)), Ok(None))
    }
}

fn what_of(error: &CheckpointError) -> String {
    match error {
        CheckpointError::Io { error, .. } => error.to_string(),
        CheckpointError::Missing { .. } => "it is missing".into(),
        CheckpointError::Damaged { expected, found, .. } => {
            format!("its hash is {found}, and {expected} was recorded")
        }
        CheckpointError::Manifest { reason, .. } => format!("it cannot be read: {reason}"),
        CheckpointError::Stored { error, .. } => error.to_string(),
    }
}
