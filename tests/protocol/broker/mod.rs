//! The protocol over a broker: what comes of a step, and what is looked for in each state.
//!
//! Any run is killed at any step, is paused for as long as it likes and wakes; a rival may be started at any moment.
//! When nobody is left one more is started, the rescue, which is not killed: so liveness also speaks of a crash of all.

mod checkpoint;
mod log;
mod packing;
pub(crate) mod rules;
mod shard;
mod steps;
mod world;

use super::explorer::{Model, Property};
use log::End;
use rules::Bounds;
use steps::Step;
use world::{BOOT, CHECKPOINT, EPOCH, LOAD, Mark, RUNNING, Run, SENT_ALL, SENT_OUTPUT, World};

/// Has output of a second generation; everything visible; a zombie awake; a start from a checkpoint; a truncated log;
/// a rescue; a commit on its way.
pub(crate) const LANDMARKS: [&str; 7] =
    ["second generation", "all visible", "zombie", "from a checkpoint", "truncated", "rescue", "on its way"];

impl Bounds {
    fn start(world: &mut World) {
        world.started += 1;
        let free = world.alive();
        world.runs[free] = Run { at: BOOT, label: world.started, ..Run::default() };
    }

    fn act(&self, world: &mut World, step: Step) -> Result<(), Property> {
        match step {
            Step::Start => Self::start(world),
            Step::Kill(who) => world.runs[who].at = 0,
            Step::FenceLog(who) => self.fence_log(world, who)?,
            Step::ReadLog(who) => self.read_log(world, who),
            Step::CommitGeneration(who, end) => self.commit_generation(world, who, end)?,
            Step::SeeGeneration(who) => {
                world.runs[who].at = LOAD;
                if !self.checkpoints {
                    self.load(world, who)?;
                }
            }
            Step::Load(who) => self.load(world, who)?,
            Step::Pass(who, worker) => world.runs[who].passed[worker] += 1,
            Step::AppendEpoch(who, end) => self.append(world, who, EPOCH, end)?,
            Step::AppendCheckpoint(who, end) => self.append(world, who, CHECKPOINT, end)?,
            Step::ReadLogAgain(who) => self.read_again(world, who),
            Step::FenceShard(who, at) => self.fence_shard(world, who, at)?,
            Step::ReadShard(who, at) => self.read_shard(world, who, at)?,
            Step::SendOutput(who, at, to) => {
                let writer = &mut world.runs[who].shards[at];
                (writer.at, writer.to) = (SENT_OUTPUT, to);
            }
            Step::SendProgress(who, at) => world.runs[who].shards[at].at = SENT_ALL,
            Step::CommitShard(who, at, to, end) => self.commit_shard(world, who, at, to, end)?,
            Step::CommitProgress(who, at) => self.commit_progress(world, who, at),
            Step::PutCheckpoint(who, epoch) => self.put(world, who, epoch)?,
            Step::CollectGarbage(who) => self.collect(world, who),
            Step::LogMarker => self.flush_log(world)?,
            Step::LogCommitArrives => self.deliver_log(world)?,
            Step::ShardMarker(at) => Self::flush_shard(world, at),
            Step::ShardCommitArrives(at) => self.deliver_shard(world, at)?,
            Step::LateRecordJoins(at) => world.shards[at].joined = true,
            Step::Rot(epoch, generation) => self.rot(world, Mark { epoch, generation }),
        }
        world.close_ranks();
        Ok(())
    }
}

impl Model<7> for Bounds {
    type State = World;
    type Step = Step;

    fn first(&self) -> World {
        World::default()
    }

    fn steps(&self, world: &World, into: &mut Vec<Step>) {
        self.surroundings(world, into);
        for who in 0..world.alive() {
            self.of_run(world, who, into);
        }
    }

    fn take(&self, world: &World, step: Step) -> Result<World, Property> {
        let mut next = *world;
        self.act(&mut next, step).map(|()| next)
    }

    fn check(&self, world: &World) -> Result<(), Property> {
        if self.newest_is_whole(world) { Ok(()) } else { Err(Property::S4) }
    }

    fn pack(&self, world: &World) -> [u64; 7] {
        world.pack(self.shards == 2 && !self.sparse)
    }

    fn unpack(&self, words: &[u64; 7]) -> World {
        World::unpack(words)
    }

    fn is_fault(&self, world: &World, step: Step) -> bool {
        match step {
            Step::Start => world.alive() > 0,
            Step::Kill(_) | Step::LateRecordJoins(_) | Step::Rot(..) => true,
            Step::CommitGeneration(_, end)
            | Step::AppendEpoch(_, end)
            | Step::AppendCheckpoint(_, end)
            | Step::CommitShard(.., end) => end != End::Done,
            _ => false,
        }
    }

    fn is_goal(&self, world: &World) -> bool {
        let shards = &world.shards[..self.shards as usize];
        world.log.last == self.epochs && shards.iter().all(|shard| shard.upper == self.epochs)
    }

    fn landmarks(&self, world: &World) -> u32 {
        let runs = &world.runs[..world.alive()];
        let shards = &world.shards;
        [
            shards.iter().any(|shard| shard.generation > 1),
            self.is_goal(world),
            runs.iter().any(|run| run.at == RUNNING && run.generation < world.log.generation),
            runs.iter().any(|run| run.base > 0),
            world.log.truncated > 0,
            world.started > self.starts,
            shards.iter().any(|shard| shard.wire.to > 0) || world.log.wire.kind > 0,
        ]
        .into_iter()
        .enumerate()
        .fold(0, |all, (bit, there)| all | u32::from(there) << bit)
    }

    fn describe(&self, world: &World, step: Step) -> String {
        match step.run() {
            Some(who) => format!("run {}: {step:?}", world.runs[who].label),
            None => format!("{step:?}"),
        }
    }
}
