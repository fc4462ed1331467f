//! The epoch log in a file, written by a thread of its own: whatever has been appended meanwhile shares one sync.
//!
//! The lock of the state folder is held for life, so nobody else writes here (F1 to F4 of `docs/protocol.md`). Any
//! error of a write or sync ends the run; nothing is tried again.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
};

pub use super::contents::{LogContents, format, load};
use super::{
    super::{
        Epoch,
        disk::Disk,
        journal::{Journal, JournalError},
        threads::{ThreadError, spawn},
    },
    EpochLog, LogEvents,
    record::{Body, EpochRecord, LogRecord},
};

enum Entry {
    Append(Body),
    Wait(Body, Sender<Result<(), String>>),
    Truncate(Epoch, Sender<()>),
}

/// The log of a run, in a file.
pub struct FileLog {
    entries: Mutex<Option<Sender<Entry>>>,
    waiting: Mutex<Option<(Writer, Receiver<Entry>)>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Writer {
    journal: Journal,
    records: Vec<LogRecord>,
    generation: u64,
    seq: u64,
}

impl FileLog {
    /// Opens the log for a new generation, which begins with these records; comes back when they are durable.
    ///
    /// # Errors
    /// The system refused.
    pub fn open(
        disk: Arc<dyn Disk>,
        path: &Path,
        contents: LogContents,
        generation: u64,
        begin: Vec<Body>,
    ) -> Result<Self, JournalError> {
        let seq = contents.records.last().map_or(0, |record| record.seq);
        let journal = Journal::open(disk, path, &format(), &contents.records)?;
        let mut writer = Writer { journal, records: contents.records, generation, seq };
        for body in begin {
            writer.append(body)?;
        }
        writer.journal.sync()?;
        let (sender, receiver) = channel();
        Ok(Self {
            entries: Mutex::new(Some(sender)),
            waiting: Mutex::new(Some((writer, receiver))),
            thread: Mutex::default(),
        })
    }

    fn send(&self, entry: Entry) {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entries) = &*entries {
            // a writer that has ended has said why already
            let _ = entries.send(entry);
        }
    }
}

impl Writer {
    fn append(&mut self, body: Body) -> Result<(), JournalError> {
        self.seq += 1;
        let record = LogRecord { seq: self.seq, generation: self.generation, body };
        self.journal.append(&record)?;
        self.records.push(record);
        Ok(())
    }

    /// Keeps what replaying from after an epoch needs: starts and partitions of all generations that are left, the
    /// checkpoints, and the epochs after it.
    fn truncate(&mut self, through: Epoch) -> Result<(), JournalError> {
        let there =
            |record: &LogRecord| matches!(record.body, Body::Truncated { through: t } if t >= through);
        if self.records.iter().any(there) {
            return Ok(());
        }
        let oldest =
            self.records.iter().find(|record| matches!(&record.body, Body::Epoch(e) if e.epoch > through));
        let oldest = oldest.map_or(self.generation, |record| record.generation);
        let (mut kept, mut gone) = (Vec::new(), 0);
        for record in self.records.drain(..) {
            let keep = match &record.body {
                Body::Generation(_) => record.generation >= oldest,
                Body::Partition(_) => true,
                Body::Epoch(epoch) => epoch.epoch > through,
                Body::Checkpoint(checkpoint) => checkpoint.epoch >= through,
                Body::Truncated { .. } => false,
            };
            if keep {
                kept.push(record);
            } else {
                gone = gone.max(record.seq);
            }
        }
        // what stood before the last record that is gone moves in front of the mark, which closes the gap in numbers
        let (before, after): (Vec<_>, Vec<_>) = kept.into_iter().partition(|record| record.seq < gone);
        let mut before = before;
        for (record, seq) in before.iter_mut().zip(1..) {
            record.seq = seq;
        }
        let generation = before.last().map_or(oldest, |record| record.generation);
        let mark = LogRecord { seq: before.len() as u64 + 1, generation, body: Body::Truncated { through } };
        self.records = before;
        self.records.push(mark);
        self.records.extend(after);
        self.journal.replace(&self.records)
    }

    /// Writes what has come; false when nothing will come any more. Those who wait are in `waiting` until they know.
    fn work(
        &mut self,
        entries: &Receiver<Entry>,
        events: &LogEvents,
        waiting: &mut Waiting,
    ) -> Result<bool, JournalError> {
        let Ok(first) = entries.recv() else { return Ok(false) };
        let (mut last, mut truncate) = (None, None);
        for entry in std::iter::once(first).chain(entries.try_iter()) {
            match entry {
                Entry::Append(body) => {
                    if let Body::Epoch(record) = &body {
                        last = Some(record.epoch);
                    }
                    self.append(body)?;
                }
                Entry::Wait(body, done) => {
                    self.append(body)?;
                    waiting.appended.push(done);
                }
                Entry::Truncate(through, done) => {
                    truncate = truncate.max(Some(through));
                    waiting.truncated.push(done);
                }
            }
        }
        self.journal.sync()?;
        if let Some(epoch) = last {
            (events.durable)(epoch);
        }
        for done in waiting.appended.drain(..) {
            let _ = done.send(Ok(()));
        }
        if let Some(through) = truncate {
            self.truncate(through)?;
        }
        for done in waiting.truncated.drain(..) {
            let _ = done.send(());
        }
        Ok(true)
    }
}

/// Those who wait for what they gave.
#[derive(Default)]
struct Waiting {
    appended: Vec<Sender<Result<(), String>>>,
    truncated: Vec<Sender<()>>,
}

impl EpochLog for FileLog {
    fn start(&self, events: LogEvents) -> Result<(), ThreadError> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((mut writer, entries)) = waiting else { return Ok(()) };
        let body = move || {
            // it lives longer than an error is news: who waits must not be first to tell of it, and know less
            let mut waiting = Waiting::default();
            loop {
                match writer.work(&entries, &events, &mut waiting) {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => {
                        (events.failed)(error.to_string());
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

    fn append_and_wait(&self, body: Body) -> Result<(), String> {
        let (done, outcome) = channel();
        self.send(Entry::Wait(body, done));
        outcome.recv().unwrap_or_else(|_| Err("the epoch log has ended".into()))
    }

    fn truncate(&self, through: Epoch) {
        let (done, outcome) = channel();
        self.send(Entry::Truncate(through, done));
        // a writer that has ended has said why already
        let _ = outcome.recv();
    }
}

impl Drop for FileLog {
    fn drop(&mut self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // the events hold what holds the log: its own thread may be the last to let go
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != std::thread::current().id()) {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::engine::{disk::LocalDisk, log::record::Start};

    fn start() -> Body {
        Body::Generation(Start {
            name: "t".into(),
            configuration: "c".into(),
            semantics_version: 1,
            topology: serde_json::Value::Null,
        })
    }

    fn epoch(epoch: Epoch) -> EpochRecord {
        EpochRecord { epoch, bindings: [("a/0".to_owned(), epoch * 10)].into(), commands: Vec::new() }
    }

    /// Opens a generation, appends epochs, truncates, and waits until all that is durable.
    fn run(path: &Path, epochs: std::ops::Range<Epoch>, truncate: Option<Epoch>) -> Epoch {
        let contents = load(&LocalDisk, path).expect("loads");
        let generation = contents.generation() + 1;
        let log =
            FileLog::open(LocalDisk::shared(), path, contents, generation, vec![start()]).expect("opens");
        let durable = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&durable);
        log.start(LogEvents {
            durable: Box::new(move |epoch| seen.store(epoch, Ordering::SeqCst)),
            failed: Box::new(|error| panic!("{error}")),
        })
        .expect("a thread");
        epochs.for_each(|n| log.append(epoch(n)));
        let checkpoint =
            super::super::record::CheckpointRecord { epoch: 1, path: "p".into(), manifest: "m".into() };
        log.append_and_wait(Body::Checkpoint(checkpoint)).expect("is durable");
        truncate.into_iter().for_each(|through| log.truncate(through));
        drop(log);
        durable.load(Ordering::SeqCst)
    }

    #[test]
    fn generations_follow_each_other_and_truncation_keeps_what_a_replay_needs() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("epochs.log");
        assert_eq!(run(&path, 1..5, None), 4);
        assert_eq!(run(&path, 5..9, Some(6)), 8);
        let contents = load(&LocalDisk, &path).expect("loads");
        assert_eq!(contents.epochs().map(|e| e.epoch).collect::<Vec<_>>(), [7, 8]);
        assert_eq!((contents.generation(), contents.truncated(), contents.last_epoch()), (2, 6, 8));
        assert_eq!(run(&path, 9..11, Some(20)), 10);
        let contents = load(&LocalDisk, &path).expect("loads");
        assert_eq!((contents.epochs().count(), contents.truncated(), contents.generation()), (0, 20, 3));
        assert_eq!(run(&path, 21..22, None), 21);
        assert_eq!(load(&LocalDisk, &path).expect("loads").generation(), 4);
    }

    #[test]
    fn a_record_that_is_missing_is_found() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("epochs.log");
        run(&path, 1..5, None);
        let text = std::fs::read_to_string(&path).expect("reads");
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let without: String = lines.iter().enumerate().filter(|(n, _)| *n != 3).map(|(_, l)| *l).collect();
        std::fs::write(&path, without).expect("writes");
        let error = load(&LocalDisk, &path).expect_err("a gap");
        assert!(error.to_string().contains("number"), "{error}");
    }
}
