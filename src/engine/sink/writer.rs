//! The thread that writes one shard of a sink: epochs in order, several in one act where they have queued up.
//!
//! A run that replays gives the thread epochs that stand in the output already: they are not written again, but they
//! are hashed, and at the last of them the chain must have the recorded value. A difference ends the run: it is either
//! damage or something that is not a function of log and input.

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
        sink_meter::SinkMeter,
        threads::{ThreadError, spawn},
    },
    chain::Chain,
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

/// Where closed epochs go.
pub trait Sink: Send {
    /// Writes the records of consecutive epochs up to `progress.epoch`, and the fact that it has: durably, both or
    /// neither.
    ///
    /// # Errors
    /// The outside world failed; the run ends.
    fn commit(&mut self, text: &[u8], progress: Progress) -> Result<(), SinkError>;
}

/// A shard of a sink, ready to be written.
pub struct OpenSink {
    /// Where it goes.
    pub sink: Box<dyn Sink>,
    /// What stands there; `None` for nothing at all.
    pub written: Option<Progress>,
}

/// An epoch on its way to the writer.
pub(super) struct Batch {
    pub(super) epoch: Epoch,
    pub(super) text: Vec<u8>,
    pub(super) records: u64,
    /// A checkpoint will ask for the chain after it.
    pub(super) checkpoint: bool,
}

/// What the thread needs to know besides its sink.
pub struct WriterContext {
    /// The sink's id.
    pub name: String,
    /// Its number among the shards of the run.
    pub shard: usize,
    /// Where this run begins: what was written up to there is not given to the thread.
    pub from: Progress,
    /// Shared state of all writers.
    pub writers: Arc<Writers>,
    /// The intake, to end the run when writing fails.
    pub intake: Arc<Intake>,
}

/// The thread: batches in, the last written epoch out.
pub struct Writer {
    pub(super) batches: Option<Sender<Vec<Batch>>>,
    pub(super) written: Arc<AtomicU64>,
    /// Whom to wake when something was written: known before anything is to be.
    pub(super) waker: Arc<OnceLock<SyncActivator>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread of a shard, before there is a dataflow that would wait for it.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(open: OpenSink, context: WriterContext) -> Result<Self, ThreadError> {
        let (batches, queue): (_, Receiver<Vec<Batch>>) = channel();
        let written = Arc::new(AtomicU64::new(context.from.epoch));
        let done = Arc::clone(&written);
        let waker = Arc::new(OnceLock::<SyncActivator>::new());
        let waking = Arc::clone(&waker);
        let title = format!("sink {}", context.name);
        let body = move || {
            // an operator that has gone already needs no waking
            let wake = || waking.get().is_some_and(|waker| waker.activate().is_ok());
            let mut shard = Shard::new(open, &context);
            while let Ok(mut acts) = queue.recv() {
                acts.extend(queue.try_iter().flatten());
                match shard.write(&acts) {
                    Ok(epoch) => done.store(epoch, Ordering::Release),
                    Err(error) => {
                        context.writers.fail(error);
                        context.intake.abort();
                        break;
                    }
                }
                let _ = wake();
            }
            // after a fault nothing else may be left that wakes the operator, and it holds what was not written
            let _ = wake();
        };
        let thread = spawn(&title, body)?;
        Ok(Self { batches: Some(batches), written, waker, thread: Some(thread) })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A shard while it is written.
struct Shard<'c> {
    context: &'c WriterContext,
    sink: Box<dyn Sink>,
    meter: Arc<SinkMeter>,
    /// What stood there at the start.
    recorded: Option<Progress>,
    at: Progress,
    chains: Vec<(Epoch, Chain)>,
    text: Vec<u8>,
}

impl<'c> Shard<'c> {
    fn new(open: OpenSink, context: &'c WriterContext) -> Self {
        let recorded = open.written.filter(|written| written.epoch > context.from.epoch);
        let meter = context.writers.meter(&context.name);
        Self {
            context,
            sink: open.sink,
            meter,
            recorded,
            at: context.from,
            chains: Vec::new(),
            text: Vec::new(),
        }
    }

    fn write(&mut self, batches: &[Batch]) -> Result<Epoch, SinkError> {
        self.text.clear();
        let (mut fresh, mut records) = (false, 0);
        for batch in batches {
            let chain = self.at.chain.after(batch.epoch, &batch.text);
            self.at = Progress { epoch: batch.epoch, chain };
            if batch.checkpoint {
                self.chains.push((batch.epoch, chain));
            }
            match self.recorded {
                Some(recorded) if batch.epoch < recorded.epoch => {}
                Some(recorded) => {
                    if recorded != self.at {
                        return Err(SinkError::Differs {
                            sink: self.context.name.clone(),
                            epoch: recorded.epoch,
                            recorded: recorded.chain,
                            found: chain,
                        });
                    }
                    self.recorded = None;
                }
                None => {
                    fresh = true;
                    records += batch.records;
                    self.text.extend_from_slice(&batch.text);
                }
            }
        }
        let writers = &self.context.writers;
        if fresh {
            writers.writing.fetch_add(1, Ordering::AcqRel);
            let outcome = self.sink.commit(&self.text, self.at);
            writers.writing.fetch_sub(1, Ordering::AcqRel);
            outcome?;
            writers.written_bytes.fetch_add(self.text.len() as u64, Ordering::Relaxed);
            self.meter.wrote(records);
        }
        writers.advance(self.context.shard, self.at.epoch, &mut self.chains);
        Ok(self.at.epoch)
    }
}
