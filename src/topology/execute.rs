//! Runs what was assembled: first all threads that the dataflow waits for, then the workers, and in the end everything that
//! has to be let go of, in order.
//!
//! A thread that cannot be started ends the run before there is a dataflow that would wait for it.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use super::{
    assemble::{Assembly, RunError},
    build::build,
    open::sink_ids,
    options::Clock,
};
use crate::{
    connect::escalation::{self, Escalation},
    engine::{
        arrivals::look_for_partitions,
        sink::{Member, Writer, WriterContext},
        threads::ThreadError,
        wall::cut_epochs,
        workers,
    },
};

/// How often followed sources are looked at for new files, and for such as have lost their name.
const LOOK: Duration = Duration::from_secs(1);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Assembly {
    /// Runs until the input has ended and everything is committed, or the run was asked to stop.
    ///
    /// # Errors
    /// The outside world failed.
    pub fn execute(mut self) -> Result<(), RunError> {
        let over = Arc::new(AtomicBool::new(false));
        let timeout = Duration::from_millis(self.plan.options.stall_timeout.0);
        workers::watch_for_stalls(
            Arc::clone(&self.run.intake),
            Arc::clone(&self.writers),
            timeout,
            Arc::clone(&over),
        );
        let mut threads = Vec::new();
        let mut escalation = None;
        let started = self.start_threads(&over, &mut threads).and_then(|()| {
            escalation = self.escalation.take().map(escalation::start).transpose()?;
            Ok(())
        });
        let outcome = match started {
            Ok(()) => self.run_workers().map_err(RunError::Engine),
            Err(error) => Err(error.into()),
        };
        if self.run.intake.aborted() || outcome.is_err() {
            self.run.intake.abort();
            self.writers.give_up();
        }
        self.run.intake.checkpoints().close();
        over.store(true, Ordering::Release);
        // before another run may tell anybody
        escalation.into_iter().for_each(Escalation::stop);
        for thread in threads {
            let _ = thread.join();
        }
        self.run.intake.release();
        if let Some(error) = self.writers.take_failure() {
            return Err(error.into());
        }
        if let Some(error) = self.run.intake.take_failure() {
            return Err(error.into());
        }
        outcome?;
        if self.run.intake.aborted() { Err(RunError::Aborted) } else { Ok(()) }
    }

    /// Starts all threads that the dataflow would wait for; those that are to be waited for at the end go to `threads`.
    fn start_threads(
        &mut self,
        over: &Arc<AtomicBool>,
        threads: &mut Vec<JoinHandle<()>>,
    ) -> Result<(), ThreadError> {
        threads.extend(self.store_checkpoints()?);
        self.run.intake.start_log()?;
        let intake = || Arc::clone(&self.run.intake);
        let ids: Vec<&str> = sink_ids(&self.plan).collect();
        let shards = std::mem::take(&mut *lock(&self.sinks.shards));
        for (numbers, open) in shards {
            let member = |&number: &usize| Member {
                name: ids[number].to_owned(),
                number,
                from: self.sinks.slots[number].from,
            };
            let members = numbers.iter().map(member).collect();
            let context = WriterContext { members, writers: Arc::clone(&self.writers), intake: intake() };
            for (number, writer) in numbers.iter().zip(Writer::start(open, context)?) {
                *lock(&self.sinks.slots[*number].writer) = Some(writer);
            }
        }
        if self.plan.options.clock == Clock::Wall {
            let every = Duration::from_millis(self.plan.options.epoch.0);
            // it may sleep for long, and has nothing to finish
            drop(cut_epochs(intake(), self.options.wall.clone(), every, Arc::clone(over))?);
        }
        if !self.arrivals.is_empty() {
            let arrivals = std::mem::take(&mut self.arrivals);
            let log = Arc::clone(&self.log);
            threads.push(look_for_partitions(intake(), log, arrivals, LOOK, Arc::clone(over))?);
        }
        Ok(())
    }

    fn run_workers(&self) -> Result<(), String> {
        let (plan, run, writers, sinks) = (
            Arc::clone(&self.plan),
            Arc::clone(&self.run),
            Arc::clone(&self.writers),
            Arc::clone(&self.sinks),
        );
        workers::run(self.options.workers, move |scope| build(scope, &plan, &run, &writers, &sinks))
    }
}
