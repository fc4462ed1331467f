//! The thread that writes a shard: the epochs of one sink, or of several that are written in one act; in order, several
//! epochs at once where they have queued up.
//!
//! Where several sinks share an act, an epoch is written when all of them have closed it: whoever reads what was written
//! sees an epoch of all of them, or of none.
//! What is written of a shard, and what is only compared, is in `shard`.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
};

use thiserror::Error;
use timely::scheduling::SyncActivator;

use super::{
    super::{
        Epoch,
        intake::Intake,
        threads::{ThreadError, spawn},
    },
    chain::Chain,
    shard::Shard,
    writers::Writers,
};

/// Why a sink cannot go on.
#[derive(Debug, Error)]
pub enum SinkError {
    /// Writing failed.
    #[error("cannot write {target}: {reason}")]
    Write {
        /// What was written to.
        target: String,
        /// What the system said.
        reason: String,
    },
    /// A newer start of the run writes there.
    #[error("start {generation} of this run has taken over")]
    Superseded {
        /// The newer start.
        generation: u64,
    },
    /// A replay gave something else than what stands in the output.
    #[error(
        "the output of sink {sink} up to epoch {epoch} is not what it was when it was written: the chain of hashes was \
         {recorded} and is {found} now. Either the input or the state was changed, or the output is no function of them \
         (a bug: please report it). Nothing was written; `dirigent run --from-scratch` begins anew"
    )]
    Differs {
        /// The id of the sink.
        sink: String,
        /// The last epoch that was written.
        epoch: Epoch,
        /// What was recorded.
        recorded: Chain,
        /// What came out now.
        found: Chain,
    },
}

/// How far a shard of a sink has written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The last epoch that is written, empty ones included.
    pub epoch: Epoch,
    /// The chain after it.
    pub chain: Chain,
}

/// What one sink has in an act.
#[derive(Clone, Copy, Debug)]
pub struct Output<'a> {
    /// Its records of consecutive epochs, in order.
    pub text: &'a [u8],
    /// How far it has written with them.
    pub progress: Progress,
}

/// Where closed epochs go.
pub trait Sink: Send {
    /// Writes the records of consecutive epochs of each of its sinks, and how far they have written with them: durably, all
    /// or nothing.
    ///
    /// # Errors
    /// The outside world failed; the run ends.
    fn commit(&mut self, outputs: &[Output<'_>]) -> Result<(), SinkError>;
}

/// A shard, ready to be written.
pub struct OpenSink {
    /// Where it goes.
    pub sink: Box<dyn Sink>,
    /// What stands there of each of its sinks; `None` for nothing at all.
    pub written: Vec<Option<Progress>>,
}

/// An epoch on its way to the writer.
pub(super) struct Batch {
    pub(super) epoch: Epoch,
    pub(super) text: Vec<u8>,
    pub(super) records: u64,
    /// A checkpoint will ask for the chain after it.
    pub(super) checkpoint: bool,
}

/// A sink whose records a shard writes.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its id.
    pub name: String,
    /// Its number among the sinks of the run.
    pub number: usize,
    /// Where this run begins: what was written up to there is not given to the thread.
    pub from: Progress,
}

/// What the thread needs to know besides its sink.
pub struct WriterContext {
    /// Whose records it writes, in the order of the opened sink.
    pub members: Vec<Member>,
    /// Shared state of all writers.
    pub writers: Arc<Writers>,
    /// The intake, to end the run when writing fails.
    pub intake: Arc<Intake>,
}

/// A sink's way to the thread: batches in, the last written epoch out.
pub struct Writer {
    member: usize,
    batches: Option<Sender<(usize, Vec<Batch>)>>,
    pub(super) written: Arc<AtomicU64>,
    /// Whom to wake when something was written: known before anything is to be.
    pub(super) waker: Arc<OnceLock<SyncActivator>>,
    thread: Option<Arc<Thread>>,
}

/// The thread, which ends when the last of its sinks has let go of it.
struct Thread(Option<JoinHandle<()>>);

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            let _ = thread.join();
        }
    }
}

impl Writer {
    /// Starts the thread of a shard, before there is a dataflow that would wait for it; a way to it for each of its sinks.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(open: OpenSink, context: WriterContext) -> Result<Vec<Self>, ThreadError> {
        let (batches, queue): (_, Receiver<(usize, Vec<Batch>)>) = channel();
        let ways: Vec<_> = context
            .members
            .iter()
            .map(|member| {
                (Arc::new(AtomicU64::new(member.from.epoch)), Arc::<OnceLock<SyncActivator>>::default())
            })
            .collect();
        let names: Vec<&str> = context.members.iter().map(|member| member.name.as_str()).collect();
        let title = format!("sink {}", names.join(", "));
        let told = ways.clone();
        let body = move || {
            // an operator that has gone already needs no waking
            let wake = || {
                for (_, waker) in &told {
                    let _ = waker.get().is_some_and(|waker| waker.activate().is_ok());
                }
            };
            let mut shard = Shard::new(open, &context);
            while let Ok(first) = queue.recv() {
                for (member, batches) in std::iter::once(first).chain(queue.try_iter()) {
                    shard.members[member].queue.extend(batches);
                }
                match shard.write() {
                    Ok(Some(epoch)) => told.iter().for_each(|(done, _)| done.store(epoch, Ordering::Release)),
                    Ok(None) => continue,
                    Err(error) => {
                        context.writers.fail(error);
                        context.intake.abort();
                        break;
                    }
                }
                wake();
            }
            // after a fault nothing else may be left that wakes the operator, and it holds what was not written
            wake();
        };
        let thread = Arc::new(Thread(Some(spawn(&title, body)?)));
        let way = |(member, (written, waker))| Self {
            member,
            batches: Some(batches.clone()),
            written,
            waker,
            thread: Some(Arc::clone(&thread)),
        };
        Ok(ways.into_iter().enumerate().map(way).collect())
    }

    /// Hands over closed epochs, in order.
    pub(super) fn send(&self, closed: Vec<Batch>) {
        if let Some(batches) = &self.batches {
            // a writer that has ended has said why already
            let _ = batches.send((self.member, closed));
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // the last one to go waits for the thread, which ends when nobody can send any more
        self.batches = None;
        self.thread = None;
    }
}
