//! Partitions that come and end while a run goes on, found by a thread that looks for them now and then.
//!
//! What it finds is durable in the log before anything follows from it: a partition is read only then, so its record comes
//! before every epoch that covers a record of it, and a restart or a replay reads what the log names and looks for nothing.
//! Nothing here is in the way of the records: the intake learns of a partition when it is there.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{
    intake::{Intake, IntakeError},
    log::{
        EpochLog,
        record::{Body, PartitionRecord},
    },
    partition::{Partition, PartitionEntry, SourceError},
    threads::{ThreadError, spawn},
};

/// How often a thread looks whether it is to end.
const TICK: Duration = Duration::from_millis(20);

/// Something that was found.
pub struct Found {
    /// What goes to the log.
    pub record: PartitionRecord,
    /// What follows when it is durable there.
    pub then: Then,
}

/// What follows when a record is durable.
pub enum Then {
    /// The partition is read.
    Read(Box<dyn Partition>),
    /// This is done.
    Do(Box<dyn FnOnce() + Send>),
    /// It is known, and that is all.
    Nothing,
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reads = matches!(self.then, Then::Read(_));
        write!(f, "{:?}{}", self.record, if reads { ", to be read" } else { "" })
    }
}

/// Looks for what changes about the partitions of a source.
pub trait Arrivals: Send {
    /// What has changed since it was asked last, in the order in which it is to be logged.
    ///
    /// # Errors
    /// The outside world failed; the run cannot go on.
    fn look(&mut self) -> Result<Vec<Found>, SourceError>;
}

/// Looks so often at each of these sources, by rank, until it is over.
///
/// # Errors
/// The thread cannot be started.
pub fn look_for_partitions(
    intake: Arc<Intake>,
    log: Arc<dyn EpochLog>,
    mut sources: Vec<(usize, Box<dyn Arrivals>)>,
    every: Duration,
    over: Arc<AtomicBool>,
) -> Result<JoinHandle<()>, ThreadError> {
    let body = move || {
        while !over.load(Ordering::Acquire) && !intake.aborted() {
            let looked = Instant::now();
            for (source, arrivals) in &mut sources {
                if let Err(error) = look(&intake, &*log, *source, &mut **arrivals) {
                    return intake.fail(error);
                }
            }
            while looked.elapsed() < every && !over.load(Ordering::Acquire) && !intake.aborted() {
                std::thread::sleep(TICK.min(every));
            }
        }
    };
    spawn("new files", body)
}

fn look(
    intake: &Arc<Intake>,
    log: &dyn EpochLog,
    source: usize,
    arrivals: &mut dyn Arrivals,
) -> Result<(), IntakeError> {
    for Found { record, then } in arrivals.look()? {
        let (number, name, address) = (record.number, record.name.clone(), record.address());
        log.append_and_wait(Body::Partition(record)).map_err(IntakeError::Log)?;
        match then {
            Then::Read(partition) => intake.add(PartitionEntry { source, number, name, address, partition }),
            Then::Do(then) => then(),
            Then::Nothing => {}
        }
    }
    Ok(())
}
