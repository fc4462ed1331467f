//! What a process does: it opens its files (F1 to F3), writes epochs (F4) and checkpoints (F5).

use super::super::explorer::Property;
use super::machine::{
    CHECKPOINT, EPOCH, GARBAGE, LOAD, Machine, NAMED, NOTHING, OPEN_LOG, OPEN_OUTPUT, OUTPUT_SYNCED,
    OUTPUT_WRITTEN, OWES_OUTPUT, PROGRESS_WRITTEN, Process, RECEIVED, RECORDED, RENAMED, RUN, SYNCED,
    TRUNCATE, WRITTEN, content_of, epoch_of, record,
};
use super::rules::{Bounds, Rule};

impl Bounds {
    /// F1: the lock is taken.
    pub(crate) fn start(machine: &mut Machine) {
        machine.started += 1;
        let free = machine.processes.iter().position(|process| process.at == 0).unwrap();
        machine.processes[free] = Process { at: OPEN_LOG, label: machine.started, ..Process::default() };
    }

    /// F2: log, journal and progress are opened.
    pub(crate) fn open_log(&self, machine: &mut Machine, who: usize) -> Result<(), Property> {
        let valid = machine.log.open(self) && machine.journal.open(self) && machine.progress.open(self);
        if !valid {
            return self.refuse(machine, who);
        }
        if machine.answered && machine.journal.len == 0 {
            return Err(Property::Kept);
        }
        machine.processes[who].at = OPEN_OUTPUT;
        Ok(())
    }

    /// F3: the output is held against its progress, and cut to it.
    pub(crate) fn open_output(&self, machine: &mut Machine, who: usize) -> Result<(), Property> {
        let upper = epoch_of(machine.progress.last());
        let output = &mut machine.output;
        if !output.made {
            (output.made, output.unnamed) = (true, !self.holds(Rule::NewFileNamed));
        }
        if output.len < upper && self.holds(Rule::OutputChecked) {
            return self.refuse(machine, who);
        }
        let output = &mut machine.output;
        if self.holds(Rule::OutputCut) && output.len >= upper {
            if self.holds(Rule::OutputCutSynced) {
                output.cut(upper);
                output.sync();
            } else {
                output.cut_unsynced(upper);
            }
        }
        machine.processes[who].at = LOAD;
        Ok(())
    }

    /// A start that refuses, rightly only if somebody has been at the files.
    fn refuse(&self, machine: &mut Machine, who: usize) -> Result<(), Property> {
        machine.processes[who] = Process::default();
        machine.refused = true;
        if machine.rotten + machine.tampered > 0 { Ok(()) } else { Err(Property::S6) }
    }

    /// The newest recorded checkpoint is taken, the log replayed, the hash compared.
    pub(crate) fn load(&self, machine: &mut Machine, who: usize) -> Result<(), Property> {
        let mut process = machine.processes[who];
        let records = &machine.log.records[..machine.log.len as usize];
        for &entry in records {
            let at = epoch_of(entry);
            if content_of(entry) > 0 {
                process.content[at as usize - 1] = content_of(entry);
                process.durable = at;
                if content_of(entry) & RECEIVED > 0 && machine.journal.len == 0 {
                    return Err(Property::S6);
                }
            } else {
                process.base = at;
            }
        }
        if process.base > 0 {
            let image = machine.images[process.base as usize - 1];
            if !image.there || image.broken {
                return Err(Property::S4);
            }
        }
        let progress = machine.progress.last();
        process.upper = epoch_of(progress);
        if process.upper < process.base {
            return Err(Property::S3);
        }
        if process.upper > process.durable || machine.truncated > process.base {
            return Err(Property::S6);
        }
        if process.upper > 0 && process.content[process.upper as usize - 1] != content_of(progress) {
            return Err(Property::S5);
        }
        if machine.shown[process.durable as usize..].iter().any(|&content| content > 0) {
            return Err(Property::Kept);
        }
        (process.at, process.checkpointed) = (RUN, process.base);
        machine.processes[who] = process;
        Ok(())
    }

    /// F4: the next epoch is appended to the log, with or without the journaled record.
    pub(crate) fn append_epoch(machine: &mut Machine, who: usize, received: bool) -> Result<(), Property> {
        let next = machine.logged() + 1;
        let process = &mut machine.processes[who];
        if next != process.durable + 1 {
            return Err(Property::S0);
        }
        let content = process.label | if received { RECEIVED } else { 0 };
        machine.log.append(record(next, content));
        process.content[next as usize - 1] = content;
        process.unsynced = EPOCH;
        Ok(())
    }

    /// F4: the log is synced.
    pub(crate) fn sync_log(&self, machine: &mut Machine, who: usize) {
        machine.log.sync();
        let process = &mut machine.processes[who];
        if process.unsynced == EPOCH {
            process.durable += 1;
        } else if self.holds(Rule::GarbageAfterRecord) {
            process.checkpoint = GARBAGE;
        }
        process.unsynced = 0;
    }

    /// How far output may be written.
    pub(crate) fn writable(&self, process: &Process) -> u8 {
        let ahead = process.unsynced == EPOCH && !self.holds(Rule::LogSyncedBeforeOutput);
        process.durable + u8::from(ahead)
    }

    /// F4: the outputs of one or several epochs are appended; whoever follows the file sees them.
    pub(crate) fn write_output(machine: &mut Machine, who: usize, to: u8) -> Result<(), Property> {
        let process = machine.processes[who];
        for epoch in process.upper + 1..=to {
            let at = epoch as usize - 1;
            if machine.output.len as usize != at {
                return Err(Property::S1);
            }
            let content = process.content[at];
            machine.output.append(content);
            if machine.shown[at] > 0 && machine.shown[at] != content {
                return Err(Property::Kept);
            }
            machine.shown[at] = content;
        }
        let process = &mut machine.processes[who];
        (process.to, process.sink) = (to, OUTPUT_WRITTEN);
        Ok(())
    }

    /// F4: the sink's next step after its output is written.
    pub(crate) fn sink(&self, machine: &mut Machine, who: usize) {
        let process = &mut machine.processes[who];
        match process.sink {
            OUTPUT_WRITTEN if self.holds(Rule::OutputSyncedBeforeProgress) => {
                machine.output.sync();
                process.sink = OUTPUT_SYNCED;
            }
            OUTPUT_WRITTEN | OUTPUT_SYNCED => {
                machine.progress.append(record(process.to, process.content[process.to as usize - 1]));
                process.sink = PROGRESS_WRITTEN;
                if !self.holds(Rule::ProgressSynced) {
                    (process.upper, process.sink) = (process.to, NOTHING);
                }
            }
            PROGRESS_WRITTEN => {
                machine.progress.sync();
                process.upper = process.to;
                process.sink =
                    if self.holds(Rule::OutputSyncedBeforeProgress) { NOTHING } else { OWES_OUTPUT };
            }
            _ => {
                machine.output.sync();
                process.sink = NOTHING;
            }
        }
        if process.sink == NOTHING {
            process.to = 0;
        }
    }

    /// The epoch whose checkpoint may be begun, at most.
    pub(crate) fn coverable(&self, process: &Process) -> u8 {
        if self.holds(Rule::CheckpointAfterProgress) { process.upper } else { process.durable }
    }

    /// F5: the next step of a checkpoint that was begun.
    pub(crate) fn checkpoint(&self, machine: &mut Machine, who: usize) {
        let process = &mut machine.processes[who];
        let epoch = process.checkpointed;
        let image = &mut machine.images[epoch as usize - 1];
        process.checkpoint = match process.checkpoint {
            WRITTEN if self.holds(Rule::CheckpointSynced) => SYNCED,
            WRITTEN | SYNCED => {
                let synced = process.checkpoint == SYNCED;
                (image.there, image.synced, image.named, image.broken) = (true, synced, false, false);
                if self.holds(Rule::CheckpointNamed) { RENAMED } else { NAMED }
            }
            RENAMED => {
                image.named = true;
                NAMED
            }
            NAMED => {
                if !self.holds(Rule::TruncationAfterRecord) {
                    machine.truncated = epoch;
                    machine.log.open(self);
                }
                machine.log.append(record(epoch, 0));
                process.unsynced = CHECKPOINT;
                if self.holds(Rule::GarbageAfterRecord) { RECORDED } else { GARBAGE }
            }
            GARBAGE => {
                machine.images[..epoch as usize - 1].fill_with(Default::default);
                if self.holds(Rule::GarbageAfterRecord) { TRUNCATE } else { NOTHING }
            }
            _ => {
                machine.truncated = epoch;
                machine.log.open(self);
                NOTHING
            }
        };
    }
}
