//! A start of a run: who may write here, what the log says, and where the run goes on.
//!
//! The order is that of `docs/protocol.md`: the lock before anything is read; the log's valid beginning; a new generation
//! durable before it is used anywhere; then the newest checkpoint that the log says counts and whose files are whole.

use std::{collections::VecDeque, path::Path, sync::Arc, time::Duration};

pub use super::start_error::StartError;
use super::{
    assemble::{RunOptions, Writes},
    configuration::SEMANTICS_VERSION,
    needed_offsets::NeededOffsets,
    newest_checkpoint::newest_checkpoint,
    owner::claim,
    plan::Plan,
    unchanged::{compare_files, refuse_what_has_changed},
};
use crate::{
    connect::{
        file::{SPOOL, progress},
        registry::{Known, LogContext},
    },
    engine::{
        Epoch,
        checkpoint::{builder::CHECKPOINTS, restored::Restored, store::CheckpointStore},
        disk::{Disk, Lock},
        intake::{Beginning, Position},
        log::{
            EpochLog, LogStore,
            contents::LogContents,
            file::FileLogStore,
            record::{Body, Command, EpochRecord, PartitionRecord, Start},
        },
    },
    operators::wiring::MODELS,
};

/// The file of the epoch log in the state folder.
pub const LOG: &str = "epochs.log";

/// The file whose lock says that a run has the state folder.
pub const LOCK: &str = "LOCK";

/// The state of a run, locked, as the run before left it.
pub struct State {
    store: Arc<dyn CheckpointStore>,
    _lock: Box<dyn Lock>,
    log: Box<dyn LogStore>,
    contents: LogContents,
    from_scratch: bool,
    /// The checkpoint that it goes on from.
    restored: Option<Restored>,
    /// The number of this start.
    pub generation: u64,
}

/// Where a run goes on.
pub struct Resumed {
    /// The log, open for this generation.
    pub log: Arc<dyn EpochLog>,
    /// The checkpoint that it goes on from.
    pub restored: Option<Restored>,
    /// Where the partitions stand, and what has to come again.
    pub beginning: Beginning,
    /// The last epoch of the log.
    pub end: Epoch,
    /// Bytes of unpacked input, after the checkpoint, that the log covers already.
    pub read_again: u64,
    /// What its checkpoints need of its topics.
    pub needed: NeededOffsets,
}

/// A partition as it was opened now.
pub type Found = PartitionRecord;

impl State {
    /// Locks a state folder and reads its log; what is in it is removed first where the run begins from scratch.
    ///
    /// # Errors
    /// It is in use, damaged, or another topology's.
    pub fn open(
        disk: &Arc<dyn Disk>,
        store: &Arc<dyn CheckpointStore>,
        plan: &Plan,
        options: &RunOptions,
    ) -> Result<Self, StartError> {
        let from_scratch = options.writes == Writes::FromScratch;
        let folder = &plan.options.state_dir();
        let fault = |error: std::io::Error| StartError::State {
            folder: folder.to_owned(),
            reason: error.to_string(),
        };
        if let Some(kind) = network_file_system(folder) {
            return Err(StartError::Network { folder: folder.to_owned(), kind });
        }
        disk.make_folder(folder).map_err(fault)?;
        let lock = disk.lock(&folder.join(LOCK)).map_err(fault)?;
        let lock = lock.ok_or_else(|| StartError::Locked(folder.to_owned()))?;
        if plan.log_elsewhere().is_some()
            && !from_scratch
            && disk.length(&folder.join(LOG)).map_err(fault)?.is_some()
        {
            return Err(StartError::LogIsHere(folder.to_owned()));
        }
        // a run that goes on elsewhere is over before anything of it is touched
        let elsewhere = match log_elsewhere(plan, disk, options)? {
            Some(mut log) => Some((log.open(from_scratch)?, log)),
            None => None,
        };
        if plan.options.location().is_some() && elsewhere.is_none() {
            claim(&**disk, &**store, &plan.name, folder, from_scratch)?;
        }
        if from_scratch {
            // the log last: as long as it is there, what is left of the rest is refused and not taken for an old run's
            for name in [CHECKPOINTS, progress::FOLDER, SPOOL, MODELS, LOG] {
                match name {
                    CHECKPOINTS | MODELS => store.remove_folder(name),
                    _ => disk.remove(&folder.join(name)),
                }
                .map_err(fault)?;
            }
            disk.sync_folder(folder).map_err(fault)?;
        }
        let (contents, log) = match elsewhere {
            Some(found) => found,
            None => {
                let mut log = FileLogStore { disk: Arc::clone(disk), path: folder.join(LOG) };
                let found: (_, Box<dyn LogStore>) = (log.open(from_scratch)?, Box::new(log));
                found
            }
        };
        if contents.torn > 0 {
            tracing::warn!(
                bytes = contents.torn,
                "the epoch log had a torn end, which nothing depends on: cut"
            );
        }
        if let Some(start) = contents.last_start()
            && start.name != plan.name
        {
            return Err(StartError::Name {
                folder: folder.to_owned(),
                found: start.name.clone(),
                expected: plan.name.clone(),
            });
        }
        let generation = log.generation(&contents);
        let store = Arc::clone(store);
        Ok(Self { store, _lock: lock, log, contents, from_scratch, restored: None, generation })
    }

    /// Takes the newest checkpoint that counts and is whole.
    ///
    /// # Errors
    /// There is none, and the log before it is gone.
    pub fn find_checkpoint(&mut self) -> Result<(), StartError> {
        self.restored = newest_checkpoint(&self.store, &self.contents)?;
        Ok(())
    }

    /// The partitions that the log knows of a source, and how far the checkpoint and the log cover them.
    #[must_use]
    pub fn known(&self, source: &str) -> Vec<Known> {
        let positions = self.restored.as_ref().map(|restored| &restored.manifest.positions);
        let bound = self.contents.bound();
        let of_source = self.contents.partitions().filter(|partition| partition.source == source);
        let known = |record: &PartitionRecord| {
            let key = record.key();
            let covered = positions.and_then(|positions| positions.get(&key)).map_or(0, |at| at.offset);
            let bound = bound.get(key.as_str()).copied().unwrap_or(0);
            Known { record: record.clone(), covered, bound }
        };
        of_source.map(known).collect()
    }

    /// Begins a generation and finds out where it goes on. `found` are the partitions of all sources, in log order.
    ///
    /// # Errors
    /// What the run before left cannot be gone on with.
    pub fn resume(self, plan: &Plan, found: &[Found]) -> Result<(Resumed, Box<dyn Lock>), StartError> {
        let Self { _lock: lock, log, contents, from_scratch, restored, generation, .. } = self;
        let after = restored.as_ref().map_or(0, |restored| restored.manifest.epoch);
        let end = contents.last_epoch().max(after);
        refuse_what_has_changed(plan, &contents, after, end)?;
        let new = compare_files(plan, &contents, found)?;
        let replay: VecDeque<EpochRecord> =
            contents.epochs().filter(|record| record.epoch > after).cloned().collect();
        let position = |partition: &Found| {
            let key = partition.key();
            let manifest = restored.as_ref().map(|restored| &restored.manifest);
            let stored = manifest.and_then(|manifest| manifest.positions.get(&key)).copied();
            stored.unwrap_or(Position { offset: partition.start, ..Position::default() })
        };
        let positions: Vec<Position> = found.iter().map(position).collect();
        let ended = contents.epochs().last().is_some_and(|record| record.commands.contains(&Command::End));
        let start = Start {
            name: plan.name.clone(),
            configuration: plan.configuration(),
            semantics_version: SEMANTICS_VERSION,
            topology: plan.resolved(),
            nonce: None,
            anew: from_scratch,
        };
        let mut begin = vec![Body::Generation(start)];
        begin.extend(new.into_iter().map(Body::Partition));
        let needed = NeededOffsets::at_start(&contents, restored.as_ref(), found);
        let log = log.begin(contents, generation, begin)?;
        let read_again = read_again(found, &positions, &replay);
        let beginning = Beginning { after, positions, replay, ended, ..Beginning::default() };
        Ok((Resumed { log, restored, beginning, end, read_again, needed }, lock))
    }
}

/// The log, where a sink of the topology has a place for it other than the state folder.
fn log_elsewhere(
    plan: &Plan,
    disk: &Arc<dyn Disk>,
    options: &RunOptions,
) -> Result<Option<Box<dyn LogStore>>, StartError> {
    let Some((place, settings)) = plan.log_elsewhere() else { return Ok(None) };
    let context = LogContext {
        settings,
        name: &plan.name,
        state: &plan.options.state_dir(),
        disk,
        idle_epoch: Duration::from_millis(plan.options.idle_epoch.0),
        takeover_after: Duration::from_millis(plan.options.takeover_after.0),
        takeover: options.takeover,
        interrupt: &options.interrupt,
        metrics: &options.metrics,
    };
    Ok(Some((place.open)(&context)?))
}

/// From where each partition stands to where the last epoch that is replayed ends.
fn read_again(found: &[Found], positions: &[Position], replay: &VecDeque<EpochRecord>) -> u64 {
    let of_one = |(partition, from): (&Found, &Position)| {
        let key = partition.key();
        let end = replay.iter().rev().find_map(|record| record.bindings.get(&key));
        end.map_or(0, |end| end.saturating_sub(from.offset))
    };
    found.iter().zip(positions).map(of_one).sum()
}

/// The kind of the file system that a folder lies on, if it is one over a network.
fn network_file_system(folder: &Path) -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    let folder = std::path::absolute(folder).ok()?;
    let existing = folder.ancestors().find(|folder| folder.exists())?.canonicalize().ok()?;
    let fields = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let (_, kind) = fields.filter(|(at, _)| existing.starts_with(at)).max_by_key(|(at, _)| at.len())?;
    let network = ["nfs", "cifs", "smb", "9p", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs"];
    network.iter().any(|name| kind.starts_with(name)).then(|| kind.to_owned())
}
