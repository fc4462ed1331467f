//! What may happen in a world: what comes by itself, and what each run that is alive may do next.

use super::log::End;
use super::rules::{Bounds, Rule};
use super::world::{
    BOOT, DOWN, FENCED_ANEW, FIRST, IDLE, LOAD, OWES_PROGRESS, OWNED, PEEKED, READY, RUNNING, Run, SEND,
    SENT_ALL, SENT_OUTPUT, UNCLEAR, WAIT, World,
};

/// What may happen; the first number is the run, among those alive.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Start,
    Kill(usize),
    FenceLog(usize),
    ReadLog(usize),
    CommitGeneration(usize, End),
    SeeGeneration(usize),
    Load(usize),
    Pass(usize, usize),
    AppendEpoch(usize, End),
    AppendCheckpoint(usize, End),
    ReadLogAgain(usize),
    FenceShard(usize, usize),
    ReadShard(usize, usize),
    SendOutput(usize, usize, u8),
    SendProgress(usize, usize),
    CommitShard(usize, usize, u8, End),
    CommitProgress(usize, usize),
    PutCheckpoint(usize, u8),
    CollectGarbage(usize),
    LogMarker,
    LogCommitArrives,
    ShardMarker(usize),
    ShardCommitArrives(usize),
    LateRecordJoins(usize),
    Rot(u8, u8),
}

impl Step {
    /// The run that takes it.
    pub(crate) fn run(self) -> Option<usize> {
        match self {
            Step::Kill(who)
            | Step::FenceLog(who)
            | Step::ReadLog(who)
            | Step::CommitGeneration(who, _)
            | Step::SeeGeneration(who)
            | Step::Load(who)
            | Step::Pass(who, _)
            | Step::AppendEpoch(who, _)
            | Step::AppendCheckpoint(who, _)
            | Step::ReadLogAgain(who)
            | Step::FenceShard(who, _)
            | Step::ReadShard(who, _)
            | Step::SendOutput(who, ..)
            | Step::SendProgress(who, _)
            | Step::CommitShard(who, ..)
            | Step::CommitProgress(who, _)
            | Step::PutCheckpoint(who, _)
            | Step::CollectGarbage(who) => Some(who),
            _ => None,
        }
    }
}

impl Bounds {
    fn ends(&self, world: &World, into: &mut Vec<Step>, step: impl Fn(End) -> Step) {
        into.push(step(End::Done));
        if world.timeouts < self.timeouts {
            into.extend([End::UnclearButDone, End::UnclearNotDone, End::OnItsWay].map(step));
        }
    }

    /// What may happen by itself.
    pub(crate) fn surroundings(&self, world: &World, into: &mut Vec<Step>) {
        let alive = world.alive();
        if alive == 0 && world.started <= self.starts || alive > 0 && world.started < self.starts {
            into.push(Step::Start);
        }
        if world.log.pending.kind > 0 {
            into.push(Step::LogMarker);
        } else if world.log.wire.kind > 0 {
            into.push(Step::LogCommitArrives);
        }
        for at in 0..self.shards as usize {
            let shard = &world.shards[at];
            if shard.pending.to > 0 {
                into.push(Step::ShardMarker(at));
            } else if shard.wire.to > 0 {
                into.push(Step::ShardCommitArrives(at));
            }
            let open = |run: &Run| matches!(run.shards[at].at, SENT_OUTPUT | SENT_ALL);
            if shard.late.to > 0 && !shard.joined && world.runs.iter().any(open) {
                into.push(Step::LateRecordJoins(at));
            }
        }
        if world.rotten < self.rot {
            into.extend(Self::objects(world).map(|mark| Step::Rot(mark.epoch, mark.generation)));
        }
    }

    /// What a run may do.
    pub(crate) fn of_run(&self, world: &World, who: usize, into: &mut Vec<Step>) {
        let run = &world.runs[who];
        if world.started <= self.starts {
            into.push(Step::Kill(who));
        }
        let fence_first = self.holds(Rule::FenceBeforeReading);
        match run.at {
            BOOT => into.push(if fence_first { Step::FenceLog(who) } else { Step::ReadLog(who) }),
            FIRST => into.push(if fence_first { Step::ReadLog(who) } else { Step::FenceLog(who) }),
            SEND if world.log.pending.kind == 0 => {
                self.ends(world, into, |end| Step::CommitGeneration(who, end));
            }
            WAIT if world.log.generation >= run.generation || !self.holds(Rule::GenerationReadBack) => {
                into.push(Step::SeeGeneration(who));
            }
            LOAD => into.push(Step::Load(who)),
            RUNNING => {
                self.of_log_writer(world, who, into);
                for at in 0..self.shards as usize {
                    self.of_shard_writer(world, who, at, into);
                }
                if self.checkpoints {
                    let put = (run.base + 1..=self.epochs).filter(|&epoch| self.may_put(run, epoch));
                    into.extend(put.map(|epoch| Step::PutCheckpoint(who, epoch)));
                }
                if run.garbage {
                    into.push(Step::CollectGarbage(who));
                }
            }
            _ => {}
        }
    }

    fn of_log_writer(&self, world: &World, who: usize, into: &mut Vec<Step>) {
        let run = &world.runs[who];
        if self.workers {
            let behind =
                |&worker: &usize| run.passed[worker] <= run.durable && run.passed[worker] < self.epochs;
            into.extend((0..2).filter(behind).map(|worker| Step::Pass(who, worker)));
        }
        match run.log {
            IDLE if world.log.pending.kind == 0 => {
                if self.loggable(run).0 {
                    self.ends(world, into, |end| Step::AppendEpoch(who, end));
                }
                if run.put > 0 {
                    self.ends(world, into, |end| Step::AppendCheckpoint(who, end));
                }
            }
            UNCLEAR
                if self.holds(Rule::LogErrorPath)
                    && (run.question > 0 || run.put > 0 || run.durable < self.epochs) =>
            {
                into.push(Step::FenceLog(who));
            }
            FENCED_ANEW => into.push(Step::ReadLogAgain(who)),
            _ => {}
        }
    }

    fn of_shard_writer(&self, world: &World, who: usize, at: usize, into: &mut Vec<Step>) {
        let run = &world.runs[who];
        let writer = run.shards[at];
        let settled = world.shards[at].pending.to == 0;
        match writer.at {
            DOWN if self.holds(Rule::FenceShardBeforeReading) => into.push(Step::FenceShard(who, at)),
            DOWN | OWNED if self.waits && world.log.pending.kind > 0 => {}
            DOWN | OWNED => into.push(Step::ReadShard(who, at)),
            PEEKED => into.push(Step::FenceShard(who, at)),
            READY if settled => {
                for to in writer.upper + 1..=self.committable(run, at) {
                    if self.parts {
                        into.push(Step::SendOutput(who, at, to));
                    } else {
                        self.ends(world, into, |end| Step::CommitShard(who, at, to, end));
                    }
                }
            }
            SENT_OUTPUT => into.push(Step::SendProgress(who, at)),
            SENT_ALL if settled => {
                self.ends(world, into, |end| Step::CommitShard(who, at, writer.to, end));
            }
            OWES_PROGRESS => into.push(Step::CommitProgress(who, at)),
            _ => {}
        }
    }
}
