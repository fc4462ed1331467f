//! A shard's topics and its writers: steps 8, 9 and 13 of the protocol.
//!
//! The content of an epoch on a shard is the whole prefix of the log up to it, as the writer's own dataflow has it: the
//! strictest function of log and inputs there is. What is decided is held against the durable log on the spot.

use super::super::explorer::Property;
use super::log::End;
use super::rules::{Bounds, Rule};
use super::world::{Batch, DOWN, OWES_PROGRESS, OWNED, PEEKED, READY, SENT_ALL, SENT_OUTPUT, Shard, World};

impl Shard {
    /// Epochs whose output is decided.
    pub(crate) fn decided(&self) -> u8 {
        if self.pending.output { self.pending.to } else { self.shown }
    }

    fn apply(&mut self, batch: Batch) {
        if batch.output {
            (self.shown, self.generation) = (batch.to, batch.generation);
        }
        if batch.progress {
            (self.upper, self.from) = (batch.to, batch.from);
        }
    }
}

impl Bounds {
    /// The marker of a decided transaction is written.
    pub(crate) fn flush_shard(world: &mut World, shard: usize) {
        let shard = &mut world.shards[shard];
        let batch = std::mem::take(&mut shard.pending);
        shard.apply(batch);
    }

    /// A transaction's commit is decided.
    fn decide_shard(&self, world: &mut World, at: usize, batch: Batch) -> Result<(), Property> {
        let shard = &mut world.shards[at];
        if shard.joined {
            shard.joined = false;
            let late = std::mem::take(&mut shard.late);
            once(shard, late)?;
            shard.apply(late);
        }
        once(shard, batch)?;
        if self.markers && batch.output {
            shard.pending = batch;
        } else {
            shard.apply(batch);
        }
        Ok(())
    }

    /// A commit that its producer no longer waits for arrives: it ends the transaction that is open now.
    pub(crate) fn deliver_shard(&self, world: &mut World, at: usize) -> Result<(), Property> {
        let mut batch = std::mem::take(&mut world.shards[at].wire);
        for run in &mut world.runs {
            let writer = &mut run.shards[at];
            if matches!(writer.at, SENT_OUTPUT | SENT_ALL) {
                batch = Batch {
                    from: writer.upper,
                    to: writer.to,
                    generation: run.generation,
                    output: true,
                    progress: writer.at == SENT_ALL,
                };
                (writer.at, writer.to) = (DOWN, 0);
            }
        }
        self.decide_shard(world, at, batch)
    }

    /// Step 8a: `init_transactions` of a shard.
    pub(crate) fn fence_shard(&self, world: &mut World, who: usize, at: usize) -> Result<(), Property> {
        Self::flush_shard(world, at);
        let shard = &mut world.shards[at];
        (shard.wire, shard.late, shard.joined) = (Batch::default(), Batch::default(), false);
        for (other, run) in world.runs.iter_mut().enumerate() {
            let writer = &mut run.shards[at];
            if other == who || matches!(writer.at, DOWN | PEEKED) || !self.holds(Rule::ShardsAreFenced) {
                continue;
            }
            if matches!(writer.at, SENT_OUTPUT | SENT_ALL) && !self.holds(Rule::BrokerVerifies) {
                let (from, to, generation) = (writer.upper, writer.to, run.generation);
                shard.late = Batch { from, to, generation, output: true, progress: false };
            }
            (writer.at, writer.to) = (DOWN, 0);
            if !self.checkpoints {
                writer.upper = 0;
            }
        }
        let writer = &mut world.runs[who].shards[at];
        writer.at = if writer.at == PEEKED { READY } else { OWNED };
        if writer.at == OWNED && !self.fine && !self.waits { self.read_shard(world, who, at) } else { Ok(()) }
    }

    /// Steps 8b and 8c: the log is looked at for a newer generation, then progress is read and its hash compared.
    ///
    /// The look at the log goes up to the last stable offset only; with
    /// `waits` it is a reading to the end, which waits for a marker that is not there yet.
    pub(crate) fn read_shard(&self, world: &mut World, who: usize, at: usize) -> Result<(), Property> {
        let (run, shard, log) = (&mut world.runs[who], &world.shards[at], &world.log);
        if log.generation > run.generation && self.holds(Rule::ShardChecksGeneration) {
            run.at = 0;
            return Ok(());
        }
        let upper = shard.upper;
        if upper < run.base {
            let newest = run.generation >= log.generation;
            run.at = 0;
            return if newest { Err(Property::S6) } else { Ok(()) };
        }
        let (content, _) = log.decided();
        let replayed = run.base as usize..upper as usize;
        let cannot = !self.holds(Rule::ChainedHash) && shard.from < run.base && run.base < upper;
        if upper > run.durable || run.content[replayed.clone()] != content[replayed] || cannot {
            return Err(Property::S5);
        }
        let writer = &mut run.shards[at];
        let peeks = !self.holds(Rule::FenceShardBeforeReading) && writer.at != OWNED;
        writer.upper = upper;
        writer.at = if peeks { PEEKED } else { READY };
        Ok(())
    }

    /// How far a shard's writer may commit.
    pub(crate) fn committable(&self, run: &super::world::Run, at: usize) -> u8 {
        let durable = if self.holds(Rule::CommitOnlyDurable) {
            run.durable.min(run.frontier(self))
        } else {
            (run.durable + 1).min(self.epochs)
        };
        let progress = self.holds(Rule::ProgressForEmpty) || at == 0 || !self.sparse;
        if progress { durable } else { durable.min(1) }
    }

    /// Step 13: outputs and progress in one transaction.
    pub(crate) fn commit_shard(
        &self,
        world: &mut World,
        who: usize,
        at: usize,
        to: u8,
        end: End,
    ) -> Result<(), Property> {
        let (run, writer) = (world.runs[who], world.runs[who].shards[at]);
        let progress = self.holds(Rule::ProgressInTransaction);
        let batch = Batch { from: writer.upper, to, generation: run.generation, output: true, progress };
        world.timeouts += u8::from(end != End::Done);
        match end {
            End::Done | End::UnclearButDone => {
                let (mut own, (content, last)) = (run.content, world.log.decided());
                if to > run.durable {
                    own[to as usize - 1] = run.label;
                }
                if to > last || own[..to as usize] != content[..to as usize] {
                    return Err(Property::S2);
                }
                self.decide_shard(world, at, batch)?;
            }
            End::UnclearNotDone => {}
            End::OnItsWay => world.shards[at].wire = batch,
        }
        let writer = &mut world.runs[who].shards[at];
        writer.to = 0;
        if end == End::Done || !self.holds(Rule::SinkTimeoutIsNoSuccess) {
            if progress {
                (writer.at, writer.upper) = (READY, to);
            } else {
                (writer.at, writer.to) = (OWES_PROGRESS, to);
            }
        } else if !self.holds(Rule::SinkTimeoutIsNoFailure) {
            writer.at = READY;
        } else if !self.holds(Rule::NewProducerAfterTimeout) {
            writer.at = OWNED;
        } else {
            writer.at = DOWN;
        }
        Ok(())
    }

    /// Progress in a transaction of its own, where the rule that forbids it is taken away.
    pub(crate) fn commit_progress(&self, world: &mut World, who: usize, at: usize) {
        let (generation, writer) = (world.runs[who].generation, &mut world.runs[who].shards[at]);
        let batch = Batch { from: writer.upper, to: writer.to, generation, output: false, progress: true };
        (writer.at, writer.upper, writer.to) = (READY, writer.to, 0);
        world.shards[at].apply(batch);
    }
}

/// Every epoch once, in order, and nothing of an older generation after a newer one's.
fn once(shard: &Shard, batch: Batch) -> Result<(), Property> {
    if batch.output && batch.from != shard.decided() {
        return Err(Property::S1);
    }
    if batch.output && batch.generation < shard.generation {
        return Err(Property::S4);
    }
    Ok(())
}
