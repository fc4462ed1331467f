//! Checkpoints: choosing one at a start (step 6), putting, recording, collecting garbage and truncating (15 to 19).
//!
//! A checkpoint is one object of the store, named by epoch and generation. Its content is that of its run at the epoch;
//! it is held against the log when its record is appended.

use super::super::explorer::Property;
use super::rules::{Bounds, Rule};
use super::world::{DOWN, EPOCHS, GENERATIONS, LOAD, Mark, OWNED, PEEKED, RUNNING, Run, World};

/// All names that a checkpoint can have, the newest first.
fn names() -> impl Iterator<Item = Mark> {
    let epochs = (1..=EPOCHS as u8).rev();
    epochs.flat_map(|epoch| (1..=GENERATIONS).rev().map(move |generation| Mark { epoch, generation }))
}

impl Bounds {
    /// Every shard has shown, or decided, what a checkpoint covers.
    pub(crate) fn covered(&self, world: &World, epoch: u8) -> Result<(), Property> {
        let short = |at: usize| world.shards[at].decided() < epoch;
        if (0..self.shards as usize).any(short) { Err(Property::S3) } else { Ok(()) }
    }

    /// Whether the state of a run at an epoch is that of the log.
    pub(crate) fn is_true(&self, world: &World, run: &Run, epoch: u8) -> bool {
        let (content, last) = world.log.decided();
        epoch <= last && run.content[..epoch as usize] == content[..epoch as usize]
    }

    /// The checkpoint that a start takes: none (the empty state), one, or nothing that would do.
    fn choose(&self, world: &World, seen: usize) -> Option<Mark> {
        let usable = |mark: Mark| world.store & mark.object() != 0 && mark.epoch >= world.log.truncated;
        let empty = || (world.log.truncated == 0).then(Mark::default);
        if !self.holds(Rule::ValidByRecord) {
            return names().find(|&mark| usable(mark)).or_else(empty);
        }
        let recorded = world.log.checkpoints[..seen].iter().rev().copied();
        recorded.into_iter().find(|&mark| usable(mark)).or_else(empty)
    }

    /// Steps 6 and 7: the run takes its checkpoint and replays what the log has after it.
    pub(crate) fn load(&self, world: &mut World, who: usize) -> Result<(), Property> {
        let run = world.runs[who];
        let twin = |(other, run_of): (usize, &Run)| {
            other != who && run_of.at >= LOAD && run_of.generation == run.generation
        };
        if world.runs.iter().enumerate().any(twin) {
            return Err(Property::S7);
        }
        let chosen = self.choose(world, run.seen as usize);
        let newest = run.generation >= world.log.generation;
        let run = &mut world.runs[who];
        let Some(checkpoint) = chosen else {
            run.at = 0;
            return if newest { Err(Property::S6) } else { Ok(()) };
        };
        (run.at, run.seen) = (RUNNING, 0);
        (run.base, run.current) = (checkpoint.epoch, checkpoint);
        if self.workers {
            run.passed = [run.durable; 2];
        }
        if !self.holds(Rule::ReplayRecordedBindings) {
            run.content[run.base as usize..run.durable as usize].fill(run.label);
        }
        Ok(())
    }

    /// Whether a run may put a checkpoint at an epoch.
    pub(crate) fn may_put(&self, run: &Run, epoch: u8) -> bool {
        let reported = |at: usize| {
            let writer = run.shards[at];
            writer.upper >= epoch && !matches!(writer.at, OWNED | PEEKED)
        };
        let covered = (0..self.shards as usize).all(reported) || !self.holds(Rule::OutputsBeforeCheckpoint);
        run.put == 0 && epoch > run.current.epoch && epoch <= run.durable && covered
    }

    /// The manifest is put, with all that it names.
    pub(crate) fn put(&self, world: &mut World, who: usize, epoch: u8) -> Result<(), Property> {
        let run = world.runs[who];
        let mark = Mark { epoch, generation: run.generation };
        if !self.holds(Rule::GenerationInPath) {
            let same_path = names().filter(|other| other.epoch == epoch);
            world.store &= !same_path.fold(0, |all, other| all | other.object());
        }
        world.store |= mark.object();
        if !self.holds(Rule::ValidByRecord) {
            self.covered(world, epoch)?;
            let run = &mut world.runs[who];
            (run.previous, run.current, run.garbage) = (run.current, mark, true);
            return Ok(());
        }
        let run = &mut world.runs[who];
        run.put = epoch;
        run.garbage |= !self.holds(Rule::GarbageAfterRecord);
        Ok(())
    }

    /// Steps 18 and 19: garbage, then truncation.
    pub(crate) fn collect(&self, world: &mut World, who: usize) {
        let run = &mut world.runs[who];
        run.garbage = false;
        let unclear = Mark { epoch: run.put, generation: run.generation };
        let mut kept = [run.current, run.previous];
        if run.put > 0 && !self.holds(Rule::GarbageAfterRecord) {
            kept = [unclear, run.current];
        }
        let kept = &kept[..self.keep as usize];
        let (own, oldest) = (run.generation, kept[kept.len() - 1].epoch);
        for mark in names() {
            let named = kept.contains(&mark) || mark == unclear && self.holds(Rule::GarbageSparesUnclear);
            let newer = mark.generation > own && self.holds(Rule::GarbageSparesNewer);
            if !named && !newer {
                world.store &= !mark.object();
            }
        }
        world.log.truncated = world.log.truncated.max(oldest);
    }

    /// A file rots, and with it every checkpoint that names it.
    pub(crate) fn rot(&self, world: &mut World, object: Mark) {
        world.rotten += 1;
        world.store &= !object.object();
        if !self.holds(Rule::NoSharedBase) {
            let later = names().filter(|mark| mark.epoch > object.epoch);
            world.store &= !later.fold(0, |all, mark| all | mark.object());
        }
    }

    /// What may rot.
    pub(crate) fn objects(world: &World) -> impl Iterator<Item = Mark> {
        names().filter(|mark| world.store & mark.object() != 0)
    }

    /// The newest checkpoint is whole, and the log still has all that comes after it.
    pub(crate) fn newest_is_whole(&self, world: &World) -> bool {
        if self.rot > 0 {
            return true;
        }
        let newest = if self.holds(Rule::ValidByRecord) {
            world.log.newest()
        } else {
            Self::objects(world).next().unwrap_or_default()
        };
        let there = newest.epoch == 0 || world.store & newest.object() != 0;
        there && newest.epoch >= world.log.truncated
    }
}

/// A writer that has never read its shard knows nothing of it.
const _: () = assert!(DOWN == 0);
