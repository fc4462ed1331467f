//! A world as seven words, and back.
//!
//! The first two words are a shard each, with all that the runs know of it: so worlds that differ only by which shard is
//! which become the same by putting these two in order. (The ways that are printed may therefore exchange them.)

use super::super::bits::Bits;
use super::world::{Batch, Mark, Record, World};

fn mark(bits: &mut Bits, mark: &mut Mark) {
    bits.field(&mut mark.epoch, 2);
    if mark.epoch == 0 {
        return bits.skip(3);
    }
    bits.field(&mut mark.generation, 3);
}

fn record(bits: &mut Bits, record: &mut Record) {
    bits.field(&mut record.kind, 2);
    if record.kind == 0 {
        return bits.skip(9);
    }
    bits.field(&mut record.at, 2);
    bits.field(&mut record.generation, 3);
    bits.field(&mut record.content, 4);
}

fn batch(bits: &mut Bits, batch: &mut Batch) {
    bits.field(&mut batch.to, 2);
    if batch.to == 0 {
        return bits.skip(7);
    }
    bits.field(&mut batch.from, 2);
    bits.field(&mut batch.generation, 3);
    bits.flag(&mut batch.output);
    bits.flag(&mut batch.progress);
}

impl World {
    /// A shard with all that the runs know of it: one word, so that two shards are exchanged by exchanging words.
    fn shard(&mut self, at: usize, bits: &mut Bits) {
        let shard = &mut self.shards[at];
        bits.field(&mut shard.shown, 2);
        bits.field(&mut shard.generation, 3);
        bits.field(&mut shard.upper, 2);
        bits.field(&mut shard.from, 2);
        batch(bits, &mut shard.pending);
        batch(bits, &mut shard.wire);
        batch(bits, &mut shard.late);
        bits.flag(&mut shard.joined);
        for run in &mut self.runs {
            let writer = &mut run.shards[at];
            bits.field(&mut writer.at, 3);
            bits.field(&mut writer.upper, 2);
            bits.field(&mut writer.to, 2);
        }
    }

    fn log(&mut self, bits: &mut Bits) {
        let log = &mut self.log;
        bits.field(&mut log.last, 2);
        for content in &mut log.content {
            bits.field(content, 4);
        }
        bits.field(&mut log.generation, 3);
        bits.field(&mut log.truncated, 2);
        record(bits, &mut log.pending);
        record(bits, &mut log.wire);
        for checkpoint in &mut log.checkpoints {
            mark(bits, checkpoint);
        }
    }

    fn rest(&mut self, bits: &mut Bits) {
        let [mut low, mut high] = self.store.to_le_bytes();
        bits.field(&mut low, 8);
        bits.field(&mut high, 8);
        self.store = u16::from_le_bytes([low, high]);
        bits.field(&mut self.started, 3);
        bits.field(&mut self.timeouts, 2);
        bits.field(&mut self.rotten, 1);
    }

    fn run(&mut self, at: usize, bits: &mut Bits) {
        let run = &mut self.runs[at];
        bits.field(&mut run.at, 3);
        bits.field(&mut run.label, 3);
        bits.field(&mut run.generation, 3);
        bits.field(&mut run.seen, 3);
        bits.field(&mut run.base, 2);
        bits.field(&mut run.durable, 2);
        for content in &mut run.content {
            bits.field(content, 4);
        }
        bits.field(&mut run.passed[0], 2);
        bits.field(&mut run.passed[1], 2);
        bits.field(&mut run.log, 2);
        bits.field(&mut run.question, 2);
        mark(bits, &mut run.current);
        mark(bits, &mut run.previous);
        bits.field(&mut run.put, 2);
        bits.flag(&mut run.garbage);
    }

    fn part(&mut self, at: usize, bits: &mut Bits) {
        match at {
            0 | 1 => self.shard(at, bits),
            2 => self.log(bits),
            3 => self.rest(bits),
            _ => self.run(at - 4, bits),
        }
    }

    /// The words of this world; with `alike`, the same for worlds that differ by which shard is which.
    pub(crate) fn pack(mut self, alike: bool) -> [u64; 7] {
        let mut words = std::array::from_fn(|at| {
            let mut bits = Bits::empty();
            if at < 4 || self.runs[at - 4].at > 0 {
                self.part(at, &mut bits);
            }
            bits.word()
        });
        if alike && words[0] < words[1] {
            words.swap(0, 1);
        }
        words
    }

    /// The world of these words.
    pub(crate) fn unpack(words: &[u64; 7]) -> World {
        let mut world = World::default();
        for (at, &word) in words.iter().enumerate() {
            if word > 0 {
                world.part(at, &mut Bits::of(word));
            }
        }
        world
    }
}
