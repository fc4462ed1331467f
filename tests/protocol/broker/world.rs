//! What there is: the log topic, a progress topic for each shard, the object store, and the runs that are alive.
//!
//! A *run* is a started Dirigent; its label, 1 and up in the order of starts, stands for what it would cut: two runs
//! always cut an epoch differently, the worst case, so the content of an epoch is the label of the run whose record
//! the log has. A run that is dead is not there; one that is paused is one that takes no step for a while.
//!
//! Whoever is fenced learns of it at once. A real writer learns it at its next commit, which then does nothing: the
//! states between are the same to everybody else.

/// Epochs, checkpoints and shards there can be at most.
pub(crate) const EPOCHS: usize = 3;
pub(crate) const SHARDS: usize = 2;
/// Runs alive at the same time, and generations ever.
pub(crate) const RUNS: usize = 3;
pub(crate) const GENERATIONS: u8 = 5;
/// Set in the content of an epoch whose record was made before all workers had passed it.
pub(crate) const PARTIAL: u8 = 8;

/// Kinds of records of the log.
pub(crate) const GENERATION: u8 = 1;
pub(crate) const EPOCH: u8 = 2;
pub(crate) const CHECKPOINT: u8 = 3;

/// A record of the log: kind 0 is none.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) kind: u8,
    /// The epoch, or the checkpoint's.
    pub(crate) at: u8,
    pub(crate) generation: u8,
    pub(crate) content: u8,
}

/// A checkpoint: epoch 0 is none.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) epoch: u8,
    pub(crate) generation: u8,
}

impl Mark {
    /// Its bit in the store.
    pub(crate) fn object(self) -> u16 {
        1 << ((self.epoch - 1) * GENERATIONS + self.generation - 1)
    }
}

/// The log topic, as read_committed shows it, and what is about to appear in it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Log {
    pub(crate) last: u8,
    pub(crate) content: [u8; EPOCHS],
    pub(crate) generation: u8,
    pub(crate) checkpoints: [Mark; 4],
    pub(crate) truncated: u8,
    /// Decided, its marker not yet written.
    pub(crate) pending: Record,
    /// A commit on its way, of a producer that gave up waiting.
    pub(crate) wire: Record,
}

impl Log {
    /// The decided log: the contents of its epochs, and how many there are.
    pub(crate) fn decided(&self) -> ([u8; EPOCHS], u8) {
        let (mut content, mut last) = (self.content, self.last);
        if self.pending.kind == EPOCH {
            last = self.pending.at;
            content[last as usize - 1] = self.pending.content;
        }
        (content, last)
    }

    /// The newest checkpoint record, decided ones too.
    pub(crate) fn newest(&self) -> Mark {
        if self.pending.kind == CHECKPOINT {
            return Mark { epoch: self.pending.at, generation: self.pending.generation };
        }
        self.checkpoints.iter().rev().find(|mark| mark.epoch > 0).copied().unwrap_or_default()
    }
}

/// A transaction of a shard: outputs of the epochs after `from` up to `to`, and progress.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) from: u8,
    /// 0 is no batch.
    pub(crate) to: u8,
    pub(crate) generation: u8,
    pub(crate) output: bool,
    pub(crate) progress: bool,
}

/// A shard's topics.
#[derive(Clone, Copy, Default)]
pub(crate) struct Shard {
    /// Epochs shown.
    pub(crate) shown: u8,
    /// The generation of the last one.
    pub(crate) generation: u8,
    /// Progress, and where the commit began that wrote it.
    pub(crate) upper: u8,
    pub(crate) from: u8,
    pub(crate) pending: Batch,
    pub(crate) wire: Batch,
    /// Records of a fenced producer that have not arrived yet, or have, in its successor's transaction.
    pub(crate) late: Batch,
    pub(crate) joined: bool,
}

/// Where a run is.
pub(crate) const BOOT: u8 = 1;
pub(crate) const FIRST: u8 = 2;
pub(crate) const SEND: u8 = 3;
pub(crate) const WAIT: u8 = 4;
pub(crate) const LOAD: u8 = 5;
pub(crate) const RUNNING: u8 = 6;

/// Where its log writer is.
pub(crate) const IDLE: u8 = 0;
pub(crate) const UNCLEAR: u8 = 1;
pub(crate) const FENCED_ANEW: u8 = 2;

/// Where its writer of a shard is.
pub(crate) const DOWN: u8 = 0;
pub(crate) const OWNED: u8 = 1;
pub(crate) const PEEKED: u8 = 2;
pub(crate) const READY: u8 = 3;
pub(crate) const SENT_OUTPUT: u8 = 4;
pub(crate) const SENT_ALL: u8 = 5;
pub(crate) const OWES_PROGRESS: u8 = 6;

/// A run's writer of a shard.
#[derive(Clone, Copy, Default)]
pub(crate) struct Writer {
    pub(crate) at: u8,
    /// What it knows to be committed.
    pub(crate) upper: u8,
    /// What it is committing.
    pub(crate) to: u8,
}

/// A run; all zero is none.
#[derive(Clone, Copy, Default)]
pub(crate) struct Run {
    pub(crate) at: u8,
    pub(crate) label: u8,
    pub(crate) generation: u8,
    /// Checkpoint records before its own generation record.
    pub(crate) seen: u8,
    /// The checkpoint it started from.
    pub(crate) base: u8,
    /// What it knows to be durable, and the content as its own dataflow has it.
    pub(crate) durable: u8,
    pub(crate) content: [u8; EPOCHS],
    /// Epochs each worker has passed, when they are told apart.
    pub(crate) passed: [u8; 2],
    pub(crate) log: u8,
    /// The kind of the record in question.
    pub(crate) question: u8,
    pub(crate) shards: [Writer; SHARDS],
    /// The newest checkpoint it knows to be valid, the one before, and its put without a durable record.
    pub(crate) current: Mark,
    pub(crate) previous: Mark,
    pub(crate) put: u8,
    pub(crate) garbage: bool,
}

/// Everything.
#[derive(Clone, Copy, Default)]
pub(crate) struct World {
    pub(crate) log: Log,
    pub(crate) shards: [Shard; SHARDS],
    /// Whole checkpoints, a bit each.
    pub(crate) store: u16,
    pub(crate) runs: [Run; RUNS],
    pub(crate) started: u8,
    pub(crate) timeouts: u8,
    pub(crate) rotten: u8,
}

impl World {
    /// Takes out the runs that have ended, so that only those alive tell two worlds apart.
    pub(crate) fn close_ranks(&mut self) {
        let mut kept = 0;
        for at in 0..RUNS {
            let run = self.runs[at];
            if run.at > 0 {
                self.runs[at] = Run::default();
                self.runs[kept] = run;
                kept += 1;
            }
        }
    }

    /// The runs alive.
    pub(crate) fn alive(&self) -> usize {
        self.runs.iter().take_while(|run| run.at > 0).count()
    }
}
