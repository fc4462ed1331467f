//! What is stored, in figures: starts, log, checkpoints, steps, models, sinks, positions.
//!
//! Its JSON is for machines: fields are only ever added.

use serde::Serialize;

use super::{StoredState, StoredStateError};
use crate::{
    engine::{
        Epoch,
        checkpoint::manifest::{FileKind, Manifest},
    },
    operators::stored::{MODEL_FILES, StoredModel, model},
};

/// Everything that is stored.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// The name of the topology.
    pub name: String,
    /// Where it lies on this machine.
    pub folder: String,
    /// Where its checkpoints and models lie: the same folder, or a URL.
    pub store: String,
    /// How often it was started.
    pub generation: u64,
    /// The epoch log.
    pub log: LogSummary,
    /// The checkpoints that are kept, newest first.
    pub checkpoints: Vec<CheckpointSummary>,
    /// What the newest checkpoint has of each step.
    pub steps: Vec<StepSummary>,
    /// The sinks.
    pub sinks: Vec<SinkSummary>,
    /// Where the partitions stand.
    pub positions: Vec<PositionSummary>,
}

/// The epoch log.
#[derive(Debug, Serialize)]
pub struct LogSummary {
    /// The first epoch that it still has.
    pub first: Option<Epoch>,
    /// The last one.
    pub last: Option<Epoch>,
    /// Epochs.
    pub epochs: usize,
    /// Records of all kinds.
    pub records: usize,
    /// Bytes.
    pub bytes: u64,
    /// Up to where it was truncated; 0 for nowhere.
    pub truncated: Epoch,
    /// Bytes of a torn end, which the next start cuts.
    pub torn: usize,
}

/// A checkpoint.
#[derive(Debug, Serialize)]
pub struct CheckpointSummary {
    /// The last epoch that it holds: milliseconds since 1970 of epoch time.
    pub epoch: Epoch,
    /// The start that took it.
    pub generation: Option<u64>,
    /// Its folder below the state.
    pub path: String,
    /// Files that it names.
    pub files: usize,
    /// Bytes of them.
    pub bytes: u64,
    /// What is wrong with its manifest.
    pub problem: Option<String>,
}

/// The state of a step.
#[derive(Debug, Serialize)]
pub struct StepSummary {
    /// Its id.
    pub step: String,
    /// Names the state.
    pub state: String,
    /// Version of the state.
    pub version: u32,
    /// Rows in its base files.
    pub rows: u64,
    /// Rows in its deltas, which replace or delete some of those.
    pub changes: u64,
    /// Bytes of all its files.
    pub bytes: u64,
    /// Base files.
    pub bases: usize,
    /// Deltas.
    pub deltas: usize,
    /// Other files.
    pub others: usize,
    /// Its model, if it keeps one.
    pub model: Option<StoredModel>,
}

/// A sink.
#[derive(Debug, Serialize)]
pub struct SinkSummary {
    /// Its id.
    pub sink: String,
    /// What it writes to.
    pub path: String,
    /// The last epoch that is written; 0 for none.
    pub epoch: Epoch,
    /// Bytes written.
    pub bytes: u64,
    /// The chain of hashes after that epoch.
    pub chain: String,
    /// What is wrong with its progress.
    pub problem: Option<String>,
}

/// A partition.
#[derive(Debug, Serialize)]
pub struct PositionSummary {
    /// `source/number`.
    pub partition: String,
    /// Its name: a path.
    pub name: String,
    /// The offset after the last record in the newest checkpoint.
    pub checkpoint: u64,
    /// The offset after the last record in the log.
    pub logged: u64,
    /// Bytes of the file now; compressed ones are shorter than their offsets.
    pub bytes: Option<u64>,
}

impl StoredState {
    /// What is stored.
    ///
    /// # Errors
    /// Something cannot be read.
    pub fn summary(&self) -> Result<Summary, StoredStateError> {
        let newest = self.checkpoints.iter().find_map(|checkpoint| checkpoint.manifest.as_ref().ok());
        Ok(Summary {
            name: self.starts().last().map(|(_, start)| start.name.clone()).unwrap_or_default(),
            folder: self.folder.display().to_string(),
            store: self.store_name(),
            generation: self.log.generation(),
            log: LogSummary {
                first: self.log.epochs().next().map(|record| record.epoch),
                last: self.log.epochs().last().map(|record| record.epoch),
                epochs: self.log.epochs().count(),
                records: self.log.records.len(),
                bytes: self.log_bytes,
                truncated: self.log.truncated(),
                torn: self.log.torn,
            },
            checkpoints: self.checkpoint_summaries(),
            steps: newest.map(|manifest| self.steps(manifest)).unwrap_or_default(),
            sinks: self.sink_summaries()?,
            positions: self.positions(newest),
        })
    }

    fn checkpoint_summaries(&self) -> Vec<CheckpointSummary> {
        let summary = |checkpoint: &super::StoredCheckpoint| {
            let manifest = checkpoint.manifest.as_ref();
            let files = manifest.map(|manifest| manifest.files.as_slice()).unwrap_or_default();
            CheckpointSummary {
                epoch: checkpoint.record.epoch,
                generation: manifest.ok().map(|manifest| manifest.generation),
                path: checkpoint.record.path.clone(),
                files: files.len(),
                bytes: files.iter().map(|file| file.bytes).sum(),
                problem: manifest.err().map(ToString::to_string),
            }
        };
        self.checkpoints.iter().map(summary).collect()
    }

    fn steps(&self, manifest: &Manifest) -> Vec<StepSummary> {
        let summary = |(step, state): (&String, &crate::engine::checkpoint::manifest::StepState)| {
            let of = |kind| manifest.files.iter().filter(move |file| file.step == *step && file.kind == kind);
            let rows = |kind| of(kind).map(|file| file.rows).sum();
            let [_, card, _] = MODEL_FILES;
            let card = of(FileKind::Whole).find(|file| file.name == card);
            let card = card.and_then(|file| self.store.read(&file.path).ok().flatten());
            StepSummary {
                step: step.clone(),
                state: state.state.clone(),
                version: state.version,
                rows: rows(FileKind::Base),
                changes: rows(FileKind::Delta),
                bytes: manifest.files.iter().filter(|file| file.step == *step).map(|file| file.bytes).sum(),
                bases: of(FileKind::Base).count(),
                deltas: of(FileKind::Delta).count(),
                others: of(FileKind::Whole).count(),
                model: card.and_then(|card| model(&card).ok()),
            }
        };
        manifest.steps.iter().map(summary).collect()
    }

    fn sink_summaries(&self) -> Result<Vec<SinkSummary>, StoredStateError> {
        let summary = |sink: super::SinkProgress| {
            let (written, problem) = match sink.written {
                Ok(written) => (written, None),
                Err(error) => (None, Some(error.to_string())),
            };
            let progress = written.as_ref().map(|written| written.progress).unwrap_or_default();
            SinkSummary {
                sink: sink.id,
                path: match &written {
                    _ if sink.elsewhere => "on Kafka".to_owned(),
                    Some(written) => written.path.display().to_string(),
                    None => String::new(),
                },
                epoch: progress.epoch,
                bytes: written.as_ref().map_or(0, |written| written.length),
                chain: progress.chain.to_string(),
                problem,
            }
        };
        Ok(self.sinks()?.into_iter().map(summary).collect())
    }

    fn positions(&self, newest: Option<&Manifest>) -> Vec<PositionSummary> {
        let logged = self.log.bound();
        let summary = |partition: &crate::engine::log::record::PartitionRecord| {
            let key = format!("{}/{}", partition.source, partition.number);
            let checkpoint = newest.and_then(|manifest| manifest.positions.get(&key));
            let checkpoint = checkpoint.map_or(0, |position| position.offset);
            PositionSummary {
                checkpoint,
                logged: logged.get(key.as_str()).copied().unwrap_or(0).max(checkpoint),
                bytes: partition.end.or_else(|| self.disk.length(partition.name.as_ref()).ok().flatten()),
                name: partition.name.clone(),
                partition: key,
            }
        };
        self.log.partitions().map(summary).collect()
    }
}
