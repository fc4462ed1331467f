//! The thread that writes a log: whatever has been appended meanwhile is made durable in one act.
//!
//! What that act is, a [`LogWriter`] knows: an append to a file and one sync, or a transaction. Any error of it ends the run;
//! nothing is tried again here.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
};

use super::{
    super::{
        Epoch,
        threads::{ThreadError, spawn},
    },
    EpochLog, LogError, LogEvents,
    record::{Body, EpochRecord},
};

/// What makes records durable.
pub trait LogWriter: Send {
    /// Appends records, in order; they are durable when it comes back.
    ///
    /// # Errors
    /// They are not, or it cannot be told; the run ends.
    fn append(&mut self, bodies: Vec<Body>) -> Result<(), LogError>;

    /// Forgets epochs up to this one.
    ///
    /// # Errors
    /// The outside world failed; the run ends.
    fn truncate(&mut self, through: Epoch) -> Result<(), LogError>;
}

enum Entry {
    Append(Body),
    Wait(Body, Sender<Result<(), LogError>>),
    Truncate(Epoch, Sender<()>),
}

/// A writer whose thread has not started, and what it will write.
type Idle = (Box<dyn LogWriter>, Receiver<Entry>);

/// A log with a thread of its own.
pub struct ThreadedLog {
    begins_at: u64,
    entries: Mutex<Option<Sender<Entry>>>,
    waiting: Mutex<Option<Idle>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The writer is inside of an act.
    writing: Arc<AtomicBool>,
}

impl ThreadedLog {
    /// A log whose thread has not started; `begins_at` is where the records of its generation begin.
    #[must_use]
    pub fn new(writer: Box<dyn LogWriter>, begins_at: u64) -> Self {
        let (sender, receiver) = channel();
        Self {
            begins_at,
            entries: Mutex::new(Some(sender)),
            waiting: Mutex::new(Some((writer, receiver))),
            thread: Mutex::default(),
            writing: Arc::default(),
        }
    }

    fn send(&self, entry: Entry) {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entries) = &*entries {
            // a writer that has ended has said why already
            let _ = entries.send(entry);
        }
    }
}

/// Those who wait for what they gave.
#[derive(Default)]
struct Waiting {
    appended: Vec<Sender<Result<(), LogError>>>,
    truncated: Vec<Sender<()>>,
}

/// Writes what has come; false when nothing will come any more. Those who wait are in `waiting` until they know.
fn work(
    writer: &mut dyn LogWriter,
    entries: &Receiver<Entry>,
    events: &LogEvents,
    waiting: &mut Waiting,
    writing: &AtomicBool,
) -> Result<bool, LogError> {
    let Ok(first) = entries.recv() else { return Ok(false) };
    writing.store(true, Ordering::Release);
    let (mut last, mut truncate, mut bodies) = (None, None, Vec::new());
    for entry in std::iter::once(first).chain(entries.try_iter()) {
        match entry {
            Entry::Append(body) => {
                if let Body::Epoch(record) = &body {
                    last = Some(record.epoch);
                }
                bodies.push(body);
            }
            Entry::Wait(body, done) => {
                bodies.push(body);
                waiting.appended.push(done);
            }
            Entry::Truncate(through, done) => {
                truncate = truncate.max(Some(through));
                waiting.truncated.push(done);
            }
        }
    }
    if !bodies.is_empty() {
        writer.append(bodies)?;
    }
    if let Some(epoch) = last {
        (events.durable)(epoch);
    }
    for done in waiting.appended.drain(..) {
        let _ = done.send(Ok(()));
    }
    if let Some(through) = truncate {
        writer.truncate(through)?;
    }
    for done in waiting.truncated.drain(..) {
        let _ = done.send(());
    }
    writing.store(false, Ordering::Release);
    Ok(true)
}

impl EpochLog for ThreadedLog {
    fn begins_at(&self) -> u64 {
        self.begins_at
    }

    fn waiting(&self) -> bool {
        self.writing.load(Ordering::Acquire)
    }

    fn start(&self, events: LogEvents) -> Result<(), ThreadError> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((mut writer, entries)) = waiting else { return Ok(()) };
        let writing = Arc::clone(&self.writing);
        let body = move || {
            // it lives longer than an error is news: who waits must not be first to tell of it, and know less
            let mut waiting = Waiting::default();
            loop {
                match work(&mut *writer, &entries, &events, &mut waiting, &writing) {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => {
                        (events.failed)(error);
                        return;
                    }
                }
            }
        };
        let thread = spawn("epoch log", body)?;
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    fn append(&self, record: EpochRecord) {
        self.send(Entry::Append(Body::Epoch(record)));
    }

    fn append_and_wait(&self, body: Body) -> Result<(), LogError> {
        let (done, outcome) = channel();
        self.send(Entry::Wait(body, done));
        outcome.recv().unwrap_or_else(|_| Err(LogError::Write("the epoch log has ended".into())))
    }

    fn truncate(&self, through: Epoch) {
        let (done, outcome) = channel();
        self.send(Entry::Truncate(through, done));
        // a writer that has ended has said why already
        let _ = outcome.recv();
    }
}

impl Drop for ThreadedLog {
    fn drop(&mut self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // the events hold what holds the log: its own thread may be the last to let go
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != std::thread::current().id()) {
            let _ = thread.join();
        }
    }
}
