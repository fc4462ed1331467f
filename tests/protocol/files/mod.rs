//! The protocol over files: what may happen in a state, and what comes of it.
//!
//! The lock keeps zombies away, so the adversary is the disk: the process crashes at any step, which loses nothing that
//! was written; the power is cut at any step, which loses what `disk.rs` says; a sync fails. A supervisor starts the
//! process again.

mod disk;
mod machine;
mod process;
pub(crate) mod rules;

use super::explorer::{Model, Property};
use machine::{
    LOAD, Machine, NAMED, NOTHING, OPEN_LOG, OPEN_OUTPUT, OUTPUT_SYNCED, OUTPUT_WRITTEN, OWES_OUTPUT,
    PROGRESS_WRITTEN, Process, RECEIVED, RECORDED, RUN, WRITTEN,
};
use rules::{Bounds, Rule};

/// A file whose sync may fail.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Synced {
    Log,
    Journal,
    Output,
    Progress,
}

/// What may happen; the first number is the process.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Start,
    OpenLog(usize),
    OpenOutput(usize),
    Load(usize),
    AppendReceived(usize),
    SyncJournal,
    AppendEpoch(usize, bool),
    SyncLog(usize),
    WriteOutput(usize, u8),
    Sink(usize),
    BeginCheckpoint(usize, u8),
    Checkpoint(usize),
    SyncFails(usize, Synced),
    Crash(usize),
    PowerCut { log: u8, journal: u8, output: u8, progress: u8, images: [u8; 3] },
    Rot(u8),
    Shorten,
}

/// Everything visible after a power cut; a torn tail; a start from a checkpoint; a truncated log; a failed sync; a
/// restart that finds more output than progress.
pub(crate) const LANDMARKS: [&str; 6] = [
    "all visible after a cut",
    "torn",
    "from a checkpoint",
    "truncated",
    "failed sync",
    "output past progress",
];

impl Bounds {
    fn of_process(&self, machine: &Machine, who: usize, into: &mut Vec<Step>) {
        let process = &machine.processes[who];
        if process.at > 0 && machine.crashes < self.crashes {
            into.push(Step::Crash(who));
        }
        match process.at {
            OPEN_LOG => into.push(Step::OpenLog(who)),
            OPEN_OUTPUT => into.push(Step::OpenOutput(who)),
            LOAD => into.push(Step::Load(who)),
            RUN => self.of_running(machine, who, into),
            _ => {}
        }
    }

    fn of_running(&self, machine: &Machine, who: usize, into: &mut Vec<Step>) {
        let process = &machine.processes[who];
        let journal = &machine.journal;
        let may_fail = machine.failures < self.failures;
        let mut sync = |step: Step, file: Synced| {
            into.push(step);
            if may_fail {
                into.push(Step::SyncFails(who, file));
            }
        };
        if journal.len > 0 && !machine.answered {
            sync(Step::SyncJournal, Synced::Journal);
        }
        if process.unsynced > 0 {
            sync(Step::SyncLog(who), Synced::Log);
        }
        match process.sink {
            OUTPUT_WRITTEN if self.holds(Rule::OutputSyncedBeforeProgress) => {
                sync(Step::Sink(who), Synced::Output);
            }
            OUTPUT_WRITTEN | OUTPUT_SYNCED => into.push(Step::Sink(who)),
            PROGRESS_WRITTEN => sync(Step::Sink(who), Synced::Progress),
            OWES_OUTPUT => sync(Step::Sink(who), Synced::Output),
            _ => {
                let to = process.upper + 1..=self.writable(process);
                into.extend(to.map(|to| Step::WriteOutput(who, to)));
            }
        }
        if self.journal && journal.len == 0 {
            into.push(Step::AppendReceived(who));
        }
        if process.unsynced == 0 && process.durable < self.epochs {
            let before = process.durable > 0 && process.content[process.durable as usize - 1] & RECEIVED > 0;
            let releasable =
                if self.holds(Rule::JournalSyncedBeforeRelease) { machine.answered } else { journal.len > 0 };
            if !before {
                into.push(Step::AppendEpoch(who, false));
            }
            if releasable {
                into.push(Step::AppendEpoch(who, true));
            }
        }
        match process.checkpoint {
            NOTHING if self.checkpoints => {
                let epochs = process.checkpointed + 1..=self.coverable(process);
                into.extend(epochs.map(|epoch| Step::BeginCheckpoint(who, epoch)));
            }
            NOTHING | RECORDED => {}
            NAMED if process.unsynced > 0 => {}
            _ => into.push(Step::Checkpoint(who)),
        }
    }

    fn power_cuts(machine: &Machine, into: &mut Vec<Step>) {
        let [first, second, third] = machine.images.map(|image| image.remains());
        for log in 0..machine.log.remains() {
            for journal in 0..machine.journal.remains() {
                for output in 0..machine.output.remains() {
                    for progress in 0..machine.progress.remains() {
                        for image in 0..first * second * third {
                            let images = [image % first, image / first % second, image / first / second];
                            into.push(Step::PowerCut { log, journal, output, progress, images });
                        }
                    }
                }
            }
        }
    }

    fn fail(&self, machine: &mut Machine, who: usize, file: Synced) {
        machine.failures += 1;
        match file {
            Synced::Log => machine.log.fail(),
            Synced::Journal => machine.journal.fail(),
            Synced::Output => machine.output.fail(),
            Synced::Progress => machine.progress.fail(),
        }
        if self.holds(Rule::SyncErrorEnds) {
            machine.processes[who] = Process::default();
        }
    }

    fn act(&self, machine: &mut Machine, step: Step) -> Result<(), Property> {
        match step {
            Step::Start => Self::start(machine),
            Step::OpenLog(who) => self.open_log(machine, who)?,
            Step::OpenOutput(who) => self.open_output(machine, who)?,
            Step::Load(who) => self.load(machine, who)?,
            Step::AppendReceived(who) => {
                machine.journal.append(machine.processes[who].label);
                machine.answered = !self.holds(Rule::JournalSyncedBeforeAnswer);
            }
            Step::SyncJournal => {
                machine.journal.sync();
                machine.answered = true;
            }
            Step::AppendEpoch(who, received) => Self::append_epoch(machine, who, received)?,
            Step::SyncLog(who) => self.sync_log(machine, who),
            Step::WriteOutput(who, to) => Self::write_output(machine, who, to)?,
            Step::Sink(who) => self.sink(machine, who),
            Step::BeginCheckpoint(who, epoch) => {
                let process = &mut machine.processes[who];
                (process.checkpoint, process.checkpointed) = (WRITTEN, epoch);
            }
            Step::Checkpoint(who) => self.checkpoint(machine, who),
            Step::SyncFails(who, file) => self.fail(machine, who, file),
            Step::Crash(who) => {
                machine.crashes += 1;
                machine.processes[who] = Process::default();
            }
            Step::PowerCut { log, journal, output, progress, images } => {
                machine.cuts += 1;
                machine.processes = Default::default();
                machine.log.remain(log);
                machine.journal.remain(journal);
                machine.output.remain(output);
                machine.progress.remain(progress);
                for (image, which) in machine.images.iter_mut().zip(images) {
                    image.remain(which);
                }
            }
            Step::Rot(at) => {
                machine.rotten += 1;
                machine.log.hole = at + 1;
            }
            Step::Shorten => {
                machine.tampered += 1;
                machine.output.cut(machine.output.len - 1);
            }
        }
        Ok(())
    }
}

impl Model<5> for Bounds {
    type State = Machine;
    type Step = Step;

    fn first(&self) -> Machine {
        Machine::default()
    }

    fn steps(&self, machine: &Machine, into: &mut Vec<Step>) {
        let running = machine.processes.iter().filter(|process| process.at > 0).count();
        if running == 0 && !machine.refused || running == 1 && !self.holds(Rule::Lock) && machine.started < 2
        {
            into.push(Step::Start);
        }
        for who in 0..machine.processes.len() {
            self.of_process(machine, who, into);
        }
        if machine.cuts < self.cuts && machine.started > 0 {
            Self::power_cuts(machine, into);
        }
        if running == 0 && machine.rotten < self.rot && machine.log.hole == 0 {
            into.extend((1..machine.log.len).map(|at| Step::Rot(at - 1)));
        }
        if running == 0 && machine.tampered < self.tampering && machine.output.len > 0 {
            into.push(Step::Shorten);
        }
    }

    fn take(&self, machine: &Machine, step: Step) -> Result<Machine, Property> {
        let mut next = *machine;
        self.act(&mut next, step).map(|()| next)
    }

    fn check(&self, machine: &Machine) -> Result<(), Property> {
        if machine.processes.iter().all(|process| process.at != RUN) {
            return Ok(());
        }
        let output = &machine.output.records[..machine.output.len as usize];
        let logged = |(at, &content): (usize, &u8)| machine.content(at as u8 + 1) == Some(content);
        if output.iter().enumerate().all(logged) { Ok(()) } else { Err(Property::S2) }
    }

    fn pack(&self, machine: &Machine) -> [u64; 5] {
        machine.pack()
    }

    fn unpack(&self, words: &[u64; 5]) -> Machine {
        Machine::unpack(words)
    }

    fn is_fault(&self, machine: &Machine, step: Step) -> bool {
        match step {
            Step::Start => machine.processes.iter().any(|process| process.at > 0),
            Step::SyncFails(..) | Step::Crash(_) | Step::PowerCut { .. } | Step::Rot(_) | Step::Shorten => {
                true
            }
            _ => false,
        }
    }

    fn is_goal(&self, machine: &Machine) -> bool {
        machine.output.len == self.epochs
            && machine.processes.iter().any(|process| process.at == RUN && process.upper == self.epochs)
    }

    fn landmarks(&self, machine: &Machine) -> u32 {
        let processes = &machine.processes;
        [
            self.is_goal(machine) && machine.cuts > 0,
            machine.log.torn,
            processes.iter().any(|process| process.base > 0),
            machine.truncated > 0,
            machine.failures > 0,
            machine.output.len > machine.progress.len
                && processes.iter().any(|process| process.at == OPEN_OUTPUT),
        ]
        .into_iter()
        .enumerate()
        .fold(0, |all, (bit, there)| all | u32::from(there) << bit)
    }

    fn describe(&self, _: &Machine, step: Step) -> String {
        format!("{step:?}")
    }
}
