//! Sinks: closed epochs, put in order on one worker and written by a thread of their own.
//!
//! A batch leaves for the writer when the sink's frontier has passed its epoch and the epoch is durable in the log. The
//! sink holds the epoch's capability until the writer has said that it is written: the frontier behind the sinks is what
//! has been committed, and back-pressure follows from it. Waiting for the outside happens on the writer's thread only.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
};

use thiserror::Error;
use timely::{
    container::CapacityContainerBuilder,
    dataflow::{
        Scope,
        channels::pact::Exchange,
        operators::{Capability, generic::Operator},
    },
    scheduling::SyncActivator,
};

use super::{Epoch, edge::Stream, intake::Intake, lines::ordered, sink_meter::SinkMeter};

pub use super::lines::Lines;

/// Writing failed.
#[derive(Debug, Error)]
#[error("cannot write {target}: {reason}")]
pub struct SinkError {
    /// What was written to.
    pub target: String,
    /// What the system said.
    pub reason: String,
}

/// Where closed epochs go.
pub trait Sink: Send {
    /// Writes the records of consecutive epochs, the last of which is `epoch`.
    ///
    /// # Errors
    /// The outside world failed; the run ends.
    fn write(&mut self, epoch: Epoch, text: &[u8]) -> Result<(), SinkError>;

    /// Everything has been written.
    ///
    /// # Errors
    /// The outside world failed.
    fn finish(&mut self) -> Result<(), SinkError>;
}

/// What all sinks of a run share with whoever watches them.
#[derive(Debug, Default)]
pub struct Writers {
    writing: AtomicU64,
    written_bytes: AtomicU64,
    failed: AtomicBool,
    failure: std::sync::Mutex<Option<SinkError>>,
    meters: std::sync::Mutex<BTreeMap<String, Arc<SinkMeter>>>,
}

impl Writers {
    /// Whether some writer waits for the outside right now.
    #[must_use]
    pub fn waiting(&self) -> bool {
        self.writing.load(Ordering::Acquire) > 0
    }

    /// Bytes written by all sinks.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes.load(Ordering::Relaxed)
    }

    /// How far each sink is, by name.
    #[must_use]
    pub fn meters(&self) -> BTreeMap<String, Arc<SinkMeter>> {
        self.meters.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn meter(&self, sink: &str) -> Arc<SinkMeter> {
        let mut meters = self.meters.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(meters.entry(sink.to_owned()).or_default())
    }

    /// The first fault of a writer.
    pub fn take_failure(&self) -> Option<SinkError> {
        self.failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }
}

/// The lines of one epoch, and how many they are.
struct Batch {
    epoch: Epoch,
    text: Vec<u8>,
    records: u64,
}

/// The writer's thread: batches in, the last written epoch out.
struct Writer {
    batches: Option<Sender<Batch>>,
    written: Arc<AtomicU64>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Writer {
    fn start(
        mut sink: Box<dyn Sink>,
        name: &str,
        waker: SyncActivator,
        writers: Arc<Writers>,
        intake: Arc<Intake>,
        meter: Arc<SinkMeter>,
    ) -> Self {
        let (batches, queue): (_, Receiver<Batch>) = channel();
        let written = Arc::new(AtomicU64::new(0));
        let done = Arc::clone(&written);
        let body = move || {
            let write = |outcome: Result<(), SinkError>| {
                if let Err(error) = outcome {
                    writers
                        .failure
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .get_or_insert(error);
                    writers.failed.store(true, Ordering::Release);
                    intake.abort();
                }
                !writers.failed.load(Ordering::Acquire)
            };
            while let Ok(Batch { mut epoch, mut text, mut records }) = queue.recv() {
                while let Ok(next) = queue.try_recv() {
                    epoch = next.epoch;
                    text.extend_from_slice(&next.text);
                    records += next.records;
                }
                writers.writing.fetch_add(1, Ordering::AcqRel);
                let outcome = sink.write(epoch, &text);
                writers.writing.fetch_sub(1, Ordering::AcqRel);
                writers.written_bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
                if !write(outcome) {
                    break;
                }
                meter.wrote(records);
                done.store(epoch, Ordering::Release);
                let _ = waker.activate();
            }
            let finished = sink.finish();
            write(finished);
            // after a fault nothing else may be left that wakes the operator, and it holds what was not written
            let _ = waker.activate();
        };
        let thread = std::thread::Builder::new().name(format!("sink {name}")).spawn(body);
        Self { batches: Some(batches), written, thread: thread.ok() }
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

/// What a sink needs to know of the run.
#[derive(Clone)]
pub struct SinkContext {
    /// The intake, for durability and the last epoch.
    pub intake: Arc<Intake>,
    /// Shared state of all writers.
    pub writers: Arc<Writers>,
    /// The worker that owns the sink.
    pub owner: usize,
}

/// Builds a sink; what comes back says which epochs it has committed. `open` is called on the owner only.
pub fn sink<'s>(
    scope: Scope<'s, u64>,
    input: Stream<'s, Lines>,
    name: &str,
    context: SinkContext,
    open: impl FnOnce() -> Option<Box<dyn Sink>>,
) -> Stream<'s, ()> {
    let owner = context.owner as u64;
    let sink = if scope.index() == context.owner { open() } else { None };
    let title = name.to_owned();
    input.unary_frontier::<CapacityContainerBuilder<Vec<()>>, _, _, _>(
        Exchange::new(move |_: &Lines| owner),
        name,
        move |_, info| {
            let waker = scope.worker().sync_activator_for(info.address.to_vec());
            let SinkContext { intake, writers, .. } = context;
            let meter = (scope.index() as u64 == owner).then(|| writers.meter(&title));
            let mut writer = sink.zip(meter.clone()).map(|(sink, meter)| {
                Writer::start(sink, &title, waker, Arc::clone(&writers), Arc::clone(&intake), meter)
            });
            let mut held: BTreeMap<Epoch, (Capability<u64>, Vec<Lines>)> = BTreeMap::new();
            let mut uncommitted: VecDeque<Capability<u64>> = VecDeque::new();
            move |(input, frontier), _output| {
                input.for_each(|capability, blocks| {
                    if let Some(&epoch) = capability.least() {
                        held.entry(epoch)
                            .or_insert_with(|| (capability.delayed(&epoch, 0), Vec::new()))
                            .1
                            .append(blocks);
                    }
                });
                if intake.aborted() {
                    held.clear();
                    uncommitted.clear();
                    return;
                }
                while let Some(entry) = held.first_entry() {
                    let epoch = *entry.key();
                    if frontier.less_equal(&epoch) || (epoch > intake.durable() && epoch <= intake.limit()) {
                        break;
                    }
                    let (_, (capability, blocks)) = entry.remove_entry();
                    let text = ordered(&blocks);
                    if epoch > intake.limit() || text.is_empty() {
                        continue;
                    }
                    if let Some(batches) = writer.as_ref().and_then(|writer| writer.batches.as_ref()) {
                        // a writer that has ended has said why already
                        let records = blocks.iter().map(|block| block.len() as u64).sum();
                        let _ = batches.send(Batch { epoch, text, records });
                        uncommitted.push_back(capability);
                    }
                }
                if let Some(running) = &writer {
                    let written = running.written.load(Ordering::Acquire);
                    while uncommitted.front().is_some_and(|capability| *capability.time() <= written) {
                        uncommitted.pop_front();
                    }
                }
                if let Some(meter) = &meter {
                    let unwritten = uncommitted.front().map(|capability| *capability.time());
                    let open = frontier.frontier().first().copied();
                    let next = unwritten.into_iter().chain(held.keys().next().copied()).chain(open).min();
                    meter.committed(next.unwrap_or(Epoch::MAX));
                }
                if frontier.is_empty() && held.is_empty() && uncommitted.is_empty() {
                    writer = None;
                }
            }
        },
    )
}
