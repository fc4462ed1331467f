//! The thread that stores checkpoints while the stream goes on.
//!
//! The order is that of steps 15 to 19 of `docs/protocol.md`: every sink has committed C; files, then the manifest; its
//! record in the log; only when that is durable are older files removed and the log truncated. Two checkpoints are kept.
//! They share no file, or one rotten file would take both: each belongs to a line of files of its own. Some checkpoints in
//! a row go on with the same line and leave only the last of them; the one before the first of them, of the other line, is
//! what is kept beside it. Then the other line goes on, once it has copies of what it lacks.

use std::{
    collections::BTreeMap,
    mem,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    super::{
        Epoch,
        log::{
            EpochLog,
            record::{Body, CheckpointRecord},
        },
        sink::Writers,
    },
    announce::{Announced, Announcements},
    folder::Folder,
    garbage::Kept,
    in_order::in_order,
    line::{Line, Shard, shards},
    manifest::{FORMAT, MANIFEST, Manifest, StepState, hash},
    parts::{Part, RowsPart},
    restored::{self, Restored},
    store::CheckpointStore,
};

pub use super::garbage::CHECKPOINTS;

/// What is the same for all checkpoints of a run.
pub struct BuilderContext {
    /// Where files go.
    pub store: Arc<dyn CheckpointStore>,
    /// The name of the topology.
    pub name: String,
    /// Which start of the run this is.
    pub generation: u64,
    /// Hash of what affects output.
    pub configuration: String,
    /// Version of what the binary makes of it.
    pub semantics_version: u32,
    /// Id and version of the state of each step that keeps any.
    pub steps: BTreeMap<String, StepState>,
    /// What else is noted of an epoch.
    pub notes: Box<dyn Fn(Epoch) -> Value + Send>,
    /// The log.
    pub log: Arc<dyn EpochLog>,
    /// The checkpoints as the steps see them.
    pub announcements: Arc<Announcements>,
    /// How far the sinks are.
    pub writers: Arc<Writers>,
    /// Told of each checkpoint that counts.
    pub stored: Box<dyn Fn(&Stats) + Send>,
}

/// A checkpoint that counts, in figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Its epoch.
    pub epoch: Epoch,
    /// Bytes that were written for it.
    pub bytes: u64,
    /// Rows that were written for it.
    pub rows: u64,
    /// How long it took from its last part to its record.
    pub took: Duration,
}

/// So many checkpoints go on with one line: what is copied for the other is written once for all of them. The older
/// checkpoint is behind by as many, and so is the log.
const IN_A_ROW: usize = 4;

/// Stores the checkpoints of a run.
pub struct Builder {
    context: BuilderContext,
    /// The line of the newest checkpoint, and that of the other one that is kept.
    newest: Line,
    other: Line,
    /// Checkpoints in a row of the newest line.
    in_a_row: usize,
    kept: Kept,
    /// The run before may have ended between a checkpoint's record and the removal of what it made needless.
    litter: bool,
}

/// Why no checkpoint was stored.
enum Stop {
    /// The run is failing anyway.
    Run,
    /// This happened.
    Fault(String),
}

impl Builder {
    /// A builder that goes on after the checkpoint that the run was restored from.
    #[must_use]
    pub fn new(context: BuilderContext, restored: Option<&Restored>) -> Self {
        let mut builder = Self {
            context,
            newest: Line::default(),
            other: Line::default(),
            in_a_row: 0,
            kept: Kept::default(),
            litter: false,
        };
        if let Some(Restored { manifest, kept, .. }) = restored {
            builder.newest = Line::of(&manifest.files, true);
            builder.litter = kept.is_some();
            if let Some(restored::Kept { older: Some(older), in_a_row }) = kept {
                builder.other = Line::of(&older.files, false);
                builder.in_a_row = *in_a_row;
                builder.keep(older, false);
            }
            builder.keep(manifest, false);
        }
        builder
    }

    /// Stores checkpoints until there are no more.
    ///
    /// # Errors
    /// What happened; the run has to end.
    pub fn run(mut self) -> Result<(), String> {
        if self.litter {
            self.kept.collect(&self.context).map_err(|error| format!("what an older one left: {error}"))?;
        }
        while let Some(announced) = self.context.announcements.next_complete() {
            match self.store(announced) {
                Ok(stats) => {
                    tracing::info!(
                        epoch = stats.epoch,
                        bytes = stats.bytes,
                        rows = stats.rows,
                        ms = stats.took.as_millis() as u64,
                        "checkpoint"
                    );
                    (self.context.stored)(&stats);
                }
                Err(Stop::Run) => return Ok(()),
                Err(Stop::Fault(reason)) => return Err(reason),
            }
            self.context.announcements.finished();
        }
        Ok(())
    }

    /// A checkpoint counts from now on: instead of the last one, whose line it goes on with, or beside it.
    fn keep(&mut self, manifest: &Manifest, goes_on: bool) {
        if goes_on {
            self.kept.forget_newest();
        }
        self.kept.push(manifest.epoch, &folder(manifest.epoch, manifest.generation), &manifest.files);
    }

    fn store(&mut self, announced: Announced) -> Result<Stats, Stop> {
        let started = Instant::now();
        let epoch = announced.epoch;
        let folder = folder(epoch, self.context.generation);
        let fault = |error: &dyn std::fmt::Display| Stop::Fault(format!("checkpoint {epoch}: {error}"));
        // while the stream goes on, most of the machine is the stream's
        let threads = if announced.last { thread::available_parallelism().map_or(1, Into::into) } else { 1 };
        let (rows, whole) = gather(announced.parts, threads);
        let goes_on = self.in_a_row < IN_A_ROW && self.kept.two();
        let line = if goes_on { &self.newest } else { &self.other };
        let shards: Vec<Shard<'_>> =
            rows.iter().flat_map(|(step, changes)| shards(step, &**changes, line, &self.newest)).collect();

        let context = &self.context;
        let filled = Folder::new(&*context.store, &folder, epoch);
        let prepare = || {
            let made = whole.into_iter().map(|part| (part.make)().map(|files| (part.step, files)));
            let made = made.collect::<Result<Vec<_>, _>>().map_err(|error| fault(&error))?;
            // nothing is written before every sink has committed
            let chains = context.writers.wait_for(epoch).ok_or(Stop::Run)?;
            filled.make().map_err(|error| fault(&error))?;
            Ok((chains, made))
        };
        let prepare = || {
            let prepared = prepare();
            filled.open(prepared.is_ok());
            let (chains, made) = prepared?;
            let mut files = Vec::new();
            for (step, made) in made {
                for file in made {
                    files.push(filled.put_whole(&step, file).map_err(|error| fault(&error))?);
                }
            }
            Ok((chains, files))
        };
        let mut line = Line { checked: true, ..Line::default() };
        let (chains, mut files) = in_order(
            shards.len(),
            threads,
            |rooms: &mut [Vec<u8>; 2], n| filled.put_shard(&shards[n], rooms),
            prepare,
            |_, n, files| {
                let key = (shards[n].step.to_owned(), shards[n].shard);
                line.files.insert(key, files.map_err(|error| fault(&error))?);
                Ok(())
            },
        )?;
        files.extend(line.files.values().flatten().cloned());
        let (bytes, count) = files
            .iter()
            .filter(|file| file.path.starts_with(&folder))
            .fold((0, 0), |(bytes, rows), file| (bytes + file.bytes, rows + file.rows));
        let manifest = Manifest {
            format: FORMAT,
            name: context.name.clone(),
            epoch,
            generation: context.generation,
            configuration: context.configuration.clone(),
            semantics_version: context.semantics_version,
            positions: announced.positions,
            chains: chains.into_iter().collect(),
            steps: context.steps.clone(),
            notes: (context.notes)(epoch),
            files,
        };
        let json = serde_json::to_vec_pretty(&manifest).map_err(|error| fault(&error))?;
        context.store.put_new(&format!("{folder}/{MANIFEST}"), &json).map_err(|error| fault(&error))?;
        let record = CheckpointRecord { epoch, path: folder.clone(), manifest: hash(&json) };
        context
            .log
            .append_and_wait(Body::Checkpoint(record))
            .map_err(|error| Stop::Fault(error.to_string()))?;
        let before = mem::replace(&mut self.newest, line);
        if goes_on {
            self.in_a_row += 1;
        } else {
            (self.other, self.in_a_row) = (before, 1);
        }
        self.keep(&manifest, goes_on);
        self.kept.collect(&self.context).map_err(|error| fault(&error))?;
        Ok(Stats { epoch, bytes, rows: count, took: started.elapsed() })
    }
}

fn gather(
    parts: Vec<Part>,
    threads: usize,
) -> (BTreeMap<String, Box<dyn RowsPart>>, Vec<super::parts::FilesPart>) {
    let (mut rows, mut whole) = (BTreeMap::<String, Box<dyn RowsPart>>::new(), Vec::new());
    for part in parts {
        match part {
            Part::Files(files) => whole.push(files),
            Part::Rows(part) => match rows.get_mut(part.step()) {
                Some(first) => first.add(part),
                None => drop(rows.insert(part.step().to_owned(), part)),
            },
        }
    }
    rows.values_mut().for_each(|part| part.settle(threads));
    whole.sort_by(|a, b| a.step.cmp(&b.step));
    (rows, whole)
}

fn folder(epoch: Epoch, generation: u64) -> String {
    format!("{CHECKPOINTS}/{epoch}-{generation}")
}
