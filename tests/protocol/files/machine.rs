//! A machine: the files, and the processes that run on it (one, as long as the lock holds).
//!
//! A record of the log is an epoch with its content, or a checkpoint. The content of an epoch is the number of the
//! process that cut it, in the order of starts, and whether it covers the journaled record: two processes always cut
//! an epoch differently, the worst case.

use super::super::bits::Bits;
use super::disk::{File, Image};

pub(crate) const EPOCHS: usize = 3;
pub(crate) const PROCESSES: usize = 2;

/// Set in the content of an epoch that covers the journaled record.
pub(crate) const RECEIVED: u8 = 8;

/// A record of the log: epoch and content, or a checkpoint's epoch and no content.
pub(crate) fn record(epoch: u8, content: u8) -> u8 {
    epoch << 4 | content
}

pub(crate) fn epoch_of(record: u8) -> u8 {
    record >> 4
}

pub(crate) fn content_of(record: u8) -> u8 {
    record & 15
}

/// Where a process is.
pub(crate) const OPEN_LOG: u8 = 1;
pub(crate) const OPEN_OUTPUT: u8 = 2;
pub(crate) const LOAD: u8 = 3;
pub(crate) const RUN: u8 = 4;

/// What it has appended to the log without a sync.
pub(crate) const EPOCH: u8 = 1;
pub(crate) const CHECKPOINT: u8 = 2;

/// Where its sink is.
pub(crate) const NOTHING: u8 = 0;
pub(crate) const OUTPUT_WRITTEN: u8 = 1;
pub(crate) const OUTPUT_SYNCED: u8 = 2;
pub(crate) const PROGRESS_WRITTEN: u8 = 3;
/// Progress stands and output is not synced, where the rule that forbids it is taken away.
pub(crate) const OWES_OUTPUT: u8 = 4;

/// Where its checkpoint is, besides `NOTHING`.
pub(crate) const WRITTEN: u8 = 1;
pub(crate) const SYNCED: u8 = 2;
pub(crate) const RENAMED: u8 = 3;
pub(crate) const NAMED: u8 = 4;
pub(crate) const RECORDED: u8 = 5;
pub(crate) const GARBAGE: u8 = 6;
pub(crate) const TRUNCATE: u8 = 7;

/// A process; all zero is none.
#[derive(Clone, Copy, Default)]
pub(crate) struct Process {
    pub(crate) at: u8,
    pub(crate) label: u8,
    pub(crate) content: [u8; EPOCHS],
    pub(crate) base: u8,
    pub(crate) durable: u8,
    /// The kind of record in the log that it has not synced.
    pub(crate) unsynced: u8,
    pub(crate) upper: u8,
    /// What it is writing out.
    pub(crate) to: u8,
    pub(crate) sink: u8,
    pub(crate) checkpoint: u8,
    pub(crate) checkpointed: u8,
}

/// Everything.
#[derive(Clone, Copy, Default)]
pub(crate) struct Machine {
    pub(crate) log: File<6>,
    /// Epochs cut off its head.
    pub(crate) truncated: u8,
    pub(crate) journal: File<1>,
    pub(crate) output: File<EPOCHS>,
    pub(crate) progress: File<EPOCHS>,
    pub(crate) images: [Image; EPOCHS],
    pub(crate) processes: [Process; PROCESSES],
    /// What anybody has ever read of an epoch.
    pub(crate) shown: [u8; EPOCHS],
    /// A journaled record was answered.
    pub(crate) answered: bool,
    /// A start has refused: the operator must look.
    pub(crate) refused: bool,
    pub(crate) started: u8,
    pub(crate) cuts: u8,
    pub(crate) crashes: u8,
    pub(crate) failures: u8,
    pub(crate) rotten: u8,
    pub(crate) tampered: u8,
}

impl Machine {
    fn part(&mut self, at: usize, bits: &mut Bits) {
        match at {
            0 => {
                self.log.pack(bits, 6);
                bits.field(&mut self.truncated, 2);
                bits.flag(&mut self.answered);
                bits.flag(&mut self.refused);
                bits.field(&mut self.started, 3);
            }
            1 => {
                self.output.pack(bits, 4);
                self.progress.pack(bits, 6);
            }
            2 => {
                self.journal.pack(bits, 3);
                for image in &mut self.images {
                    image.pack(bits);
                }
                for content in &mut self.shown {
                    bits.field(content, 4);
                }
                bits.field(&mut self.cuts, 2);
                bits.field(&mut self.crashes, 2);
                bits.field(&mut self.failures, 1);
                bits.field(&mut self.rotten, 1);
                bits.field(&mut self.tampered, 1);
            }
            _ => {
                let process = &mut self.processes[at - 3];
                bits.field(&mut process.at, 3);
                bits.field(&mut process.label, 3);
                for content in &mut process.content {
                    bits.field(content, 4);
                }
                bits.field(&mut process.base, 2);
                bits.field(&mut process.durable, 2);
                bits.field(&mut process.unsynced, 2);
                bits.field(&mut process.upper, 2);
                bits.field(&mut process.to, 2);
                bits.field(&mut process.sink, 3);
                bits.field(&mut process.checkpoint, 3);
                bits.field(&mut process.checkpointed, 2);
            }
        }
    }

    /// The words of this machine.
    pub(crate) fn pack(mut self) -> [u64; 5] {
        std::array::from_fn(|at| {
            let mut bits = Bits::empty();
            self.part(at, &mut bits);
            bits.word()
        })
    }

    /// The machine of these words.
    pub(crate) fn unpack(words: &[u64; 5]) -> Machine {
        let mut machine = Machine::default();
        for (at, &word) in words.iter().enumerate() {
            machine.part(at, &mut Bits::of(word));
        }
        machine
    }

    /// The content of an epoch in the log, as it is read now.
    pub(crate) fn content(&self, epoch: u8) -> Option<u8> {
        let epochs = self.log.records[..self.log.len as usize].iter();
        let of = |&&record: &&u8| content_of(record) > 0 && epoch_of(record) == epoch;
        epochs.filter(of).map(|&record| content_of(record)).next_back()
    }

    /// Epochs that the log has, as it is read now.
    pub(crate) fn logged(&self) -> u8 {
        let epochs = self.log.records[..self.log.len as usize].iter().rev();
        epochs.copied().find(|&record| content_of(record) > 0).map_or(0, epoch_of)
    }
}
