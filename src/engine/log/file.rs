//! The epoch log in a file: whatever is appended at once shares one sync.
//!
//! The lock of the state folder is held for life, so nobody else writes here (F1 to F4 of `docs/protocol.md`). Any
//! error of a write or sync ends the run; nothing is tried again.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

pub use super::contents::{LogContents, format, load};
use super::{
    super::{
        Epoch,
        disk::Disk,
        journal::{Journal, JournalError},
    },
    EpochLog, LogError, LogStore, LogStoreError,
    contents::Needed,
    record::{Body, LogRecord},
    writing::{LogWriter, ThreadedLog},
};

/// A log in a file.
#[derive(Debug)]
pub struct FileLogStore {
    /// The disk that it lies on.
    pub disk: Arc<dyn Disk>,
    /// The file.
    pub path: PathBuf,
}

impl LogStore for FileLogStore {
    fn open(&mut self, _: bool) -> Result<LogContents, LogStoreError> {
        Ok(load(&*self.disk, &self.path)?)
    }

    fn begin(
        self: Box<Self>,
        contents: LogContents,
        generation: u64,
        begin: Vec<Body>,
    ) -> Result<Arc<dyn EpochLog>, LogStoreError> {
        let writer = Writer::open(self.disk, &self.path, contents, generation, begin)?;
        Ok(Arc::new(ThreadedLog::new(Box::new(writer), 0)))
    }
}

struct Writer {
    journal: Journal,
    records: Vec<LogRecord>,
    generation: u64,
    seq: u64,
}

impl Writer {
    fn open(
        disk: Arc<dyn Disk>,
        path: &Path,
        contents: LogContents,
        generation: u64,
        begin: Vec<Body>,
    ) -> Result<Self, JournalError> {
        let seq = contents.records.last().map_or(0, |record| record.seq);
        let journal = Journal::open(disk, path, &format(), &contents.records)?;
        let mut writer = Self { journal, records: contents.records, generation, seq };
        writer.append_all(begin)?;
        Ok(writer)
    }

    fn append_all(&mut self, bodies: Vec<Body>) -> Result<(), JournalError> {
        for body in bodies {
            self.seq += 1;
            let record = LogRecord { seq: self.seq, generation: self.generation, body };
            self.journal.append(&record)?;
            self.records.push(record);
        }
        self.journal.sync()
    }

    fn cut(&mut self, through: Epoch) -> Result<(), JournalError> {
        let there =
            |record: &LogRecord| matches!(record.body, Body::Truncated { through: t, .. } if t >= through);
        if self.records.iter().any(there) {
            return Ok(());
        }
        let needed = Needed::after(&self.records, through, self.generation);
        let (kept, gone): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.records).into_iter().partition(|record| needed.has(record));
        let gone = gone.last().map_or(0, |record| record.seq);
        // what stood before the last record that is gone moves in front of the mark, which closes the gap in numbers
        let (mut before, after): (Vec<_>, Vec<_>) = kept.into_iter().partition(|record| record.seq < gone);
        for (record, seq) in before.iter_mut().zip(1..) {
            record.seq = seq;
        }
        let generation = before.last().map_or(needed.oldest, |record| record.generation);
        let body = Body::Truncated { through, kept: Vec::new() };
        let mark = LogRecord { seq: before.len() as u64 + 1, generation, body };
        self.records = before;
        self.records.push(mark);
        self.records.extend(after);
        self.journal.replace(&self.records)
    }
}

impl LogWriter for Writer {
    fn append(&mut self, bodies: Vec<Body>) -> Result<(), LogError> {
        self.append_all(bodies).map_err(|error| LogError::Write(error.to_string()))
    }

    fn truncate(&mut self, through: Epoch) -> Result<(), LogError> {
        self.cut(through).map_err(|error| LogError::Write(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::{super::LogEvents, *};
    use crate::engine::{
        disk::LocalDisk,
        log::record::{EpochRecord, Start},
    };

    fn start() -> Body {
        Body::Generation(Start {
            name: "t".into(),
            configuration: "c".into(),
            semantics_version: 1,
            topology: serde_json::Value::Null,
            ..Start::default()
        })
    }

    fn epoch(epoch: Epoch) -> EpochRecord {
        EpochRecord { epoch, bindings: [("a/0".to_owned(), epoch * 10)].into(), commands: Vec::new() }
    }

    /// Opens a generation, appends epochs, truncates, and waits until all that is durable.
    fn run(path: &Path, epochs: std::ops::Range<Epoch>, truncate: Option<Epoch>) -> Epoch {
        let contents = load(&LocalDisk, path).expect("loads");
        let generation = contents.generation() + 1;
        let store = FileLogStore { disk: LocalDisk::shared(), path: path.to_owned() };
        let log = Box::new(store).begin(contents, generation, vec![start()]).expect("opens");
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
