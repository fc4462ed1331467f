//! The log topic and its writers: steps 2 to 5, 11 and 12 of the protocol.
//!
//! `init_transactions` (here: fencing) finishes or aborts what its predecessor left and voids a commit still on its
//! way; then nobody else can commit. An append ends as done; as unclear and done; as unclear and not done; or as a
//! commit still on its way, which the next fencing voids.

use super::super::explorer::Property;
use super::rules::{Bounds, Rule};
use super::world::{
    BOOT, CHECKPOINT, EPOCH, FENCED_ANEW, FIRST, GENERATION, IDLE, LOAD, Mark, PARTIAL, RUNNING, Record, Run,
    SEND, UNCLEAR, WAIT, World,
};

/// How a commit ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    UnclearButDone,
    UnclearNotDone,
    OnItsWay,
}

impl Run {
    /// The record that its log writer would append, of a kind.
    pub(crate) fn record(&self, kind: u8, all_passed: bool) -> Record {
        let (at, content) = match kind {
            EPOCH => (self.durable + 1, self.label | if all_passed { 0 } else { PARTIAL }),
            CHECKPOINT => (self.put, 0),
            _ => (0, 0),
        };
        Record { kind, at, generation: self.generation, content }
    }

    /// What it does once its record is durable.
    fn logged(&mut self, kind: u8) {
        (self.log, self.question) = (IDLE, 0);
        if kind == EPOCH {
            self.content[self.durable as usize] = self.label;
            self.durable += 1;
        } else if kind == CHECKPOINT {
            self.previous = self.current;
            self.current = Mark { epoch: self.put, generation: self.generation };
            (self.put, self.garbage) = (0, true);
        }
    }

    /// How far all of its workers are.
    pub(crate) fn frontier(&self, bounds: &Bounds) -> u8 {
        if bounds.workers { self.passed[0].min(self.passed[1]) } else { self.durable }
    }
}

impl Bounds {
    /// Whether the next epoch may be logged, and whether all workers have passed it.
    pub(crate) fn loggable(&self, run: &Run) -> (bool, bool) {
        let next = run.durable + 1;
        let passed = |worker: usize| !self.workers || run.passed[worker] >= next;
        let (any, all) = (passed(0) || passed(1), passed(0) && passed(1));
        (next <= self.epochs && if self.holds(Rule::WaitForAllWorkers) { all } else { any }, all)
    }

    /// A record becomes visible.
    fn push(&self, world: &mut World, record: Record) -> Result<(), Property> {
        let older = record.generation < world.log.generation;
        match record.kind {
            GENERATION if record.generation <= world.log.generation => return Err(Property::S0),
            EPOCH if record.at != world.log.last + 1 || older => return Err(Property::S0),
            EPOCH => {
                world.log.last = record.at;
                world.log.content[record.at as usize - 1] = record.content;
            }
            CHECKPOINT if older || record.at > world.log.last => return Err(Property::S0),
            CHECKPOINT => {
                self.covered(world, record.at)?;
                let free = world.log.checkpoints.iter_mut().find(|mark| mark.epoch == 0).unwrap();
                *free = Mark { epoch: record.at, generation: record.generation };
            }
            _ => {}
        }
        world.log.generation = record.generation;
        Ok(())
    }

    /// The marker of a decided transaction is written.
    pub(crate) fn flush_log(&self, world: &mut World) -> Result<(), Property> {
        let record = std::mem::take(&mut world.log.pending);
        if record.kind > 0 { self.push(world, record) } else { Ok(()) }
    }

    fn decide_log(&self, world: &mut World, record: Record) -> Result<(), Property> {
        if self.markers {
            world.log.pending = record;
            Ok(())
        } else {
            self.push(world, record)
        }
    }

    /// A commit that its producer no longer waits for arrives.
    pub(crate) fn deliver_log(&self, world: &mut World) -> Result<(), Property> {
        let record = std::mem::take(&mut world.log.wire);
        self.decide_log(world, record)
    }

    /// `init_transactions` of the log writer, by a run that starts or by one whose append was unclear.
    pub(crate) fn fence_log(&self, world: &mut World, who: usize) -> Result<(), Property> {
        self.flush_log(world)?;
        world.log.wire = Record::default();
        if self.holds(Rule::OneLogWriter) {
            for (other, run) in world.runs.iter_mut().enumerate() {
                if other == who {
                    continue;
                }
                match run.at {
                    SEND => run.at = 0,
                    FIRST if self.holds(Rule::FenceBeforeReading) => run.at = 0,
                    WAIT | LOAD | RUNNING => run.log = UNCLEAR,
                    _ => {}
                }
            }
        }
        let run = &mut world.runs[who];
        match run.at {
            BOOT => run.at = FIRST,
            FIRST => run.at = SEND,
            _ if !self.holds(Rule::ReadBeforeAppendingAgain) => (run.log, run.question) = (IDLE, 0),
            _ => {
                run.log = FENCED_ANEW;
                if !self.fine {
                    self.read_again(world, who);
                }
            }
        }
        Ok(())
    }

    /// Step 3 of a start: the log is read to its end.
    pub(crate) fn read_log(&self, world: &mut World, who: usize) {
        let log = world.log;
        let run = &mut world.runs[who];
        run.generation = log.generation + 1;
        (run.durable, run.content) = (log.last, log.content);
        run.seen = log.checkpoints.iter().filter(|mark| mark.epoch > 0).count() as u8;
        run.at = match run.at {
            BOOT => FIRST,
            _ if self.holds(Rule::GenerationRecord) => SEND,
            _ => LOAD,
        };
    }

    /// Step 4: the generation record.
    pub(crate) fn commit_generation(&self, world: &mut World, who: usize, end: End) -> Result<(), Property> {
        let record = world.runs[who].record(GENERATION, true);
        self.commit_log(world, record, end)?;
        let run = &mut world.runs[who];
        if end == End::Done || !self.holds(Rule::LogTimeoutIsNoSuccess) {
            run.at = WAIT;
        } else {
            *run = Run { at: BOOT, label: run.label, ..Run::default() };
        }
        Ok(())
    }

    fn commit_log(&self, world: &mut World, record: Record, end: End) -> Result<(), Property> {
        world.timeouts += u8::from(end != End::Done);
        match end {
            End::Done | End::UnclearButDone => self.decide_log(world, record)?,
            End::UnclearNotDone => {}
            End::OnItsWay => world.log.wire = record,
        }
        Ok(())
    }

    /// Step 11: the next record of a kind is appended.
    pub(crate) fn append(&self, world: &mut World, who: usize, kind: u8, end: End) -> Result<(), Property> {
        let run = world.runs[who];
        let record = run.record(kind, self.loggable(&run).1);
        let decided = matches!(end, End::Done | End::UnclearButDone);
        if kind == CHECKPOINT && decided && !self.is_true(world, &run, run.put) {
            return Err(Property::S4);
        }
        self.commit_log(world, record, end)?;
        let run = &mut world.runs[who];
        if end == End::Done || !self.holds(Rule::LogTimeoutIsNoSuccess) {
            run.logged(kind);
        } else if self.holds(Rule::LogTimeoutIsNoFailure) {
            (run.log, run.question) = (UNCLEAR, kind);
        }
        Ok(())
    }

    /// Step 12: after an unclear append, and after fencing, the log is read to its end.
    pub(crate) fn read_again(&self, world: &mut World, who: usize) {
        let log = world.log;
        let run = &mut world.runs[who];
        if log.generation > run.generation && self.holds(Rule::LogChecksGeneration) {
            run.at = 0;
            return;
        }
        let mine = Mark { epoch: run.put, generation: run.generation };
        let there = match run.question {
            EPOCH => log.last > run.durable && log.content[run.durable as usize] & !PARTIAL == run.label,
            CHECKPOINT => log.checkpoints.contains(&mine),
            _ => false,
        };
        if there {
            run.logged(run.question);
        } else {
            (run.log, run.question) = (IDLE, 0);
        }
    }
}
