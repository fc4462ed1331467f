//! What a file sink has committed: its lines up to where its progress says, and no further.
//!
//! The progress is followed as the sink writes it. Lines behind it may be cut and written again.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::progress::{Record, path_of};
use crate::{
    connect::{
        ends::{Committed, CommittedRecord},
        registry::{CommittedContext, OpenError},
    },
    engine::{disk::Disk, journal::Tail},
};

/// How much is read at once.
const BLOCK: u64 = 8 << 20;

/// Reads what a sink has written to `file`.
pub(super) fn open(file: &Path, context: &CommittedContext<'_>) -> Box<dyn Committed> {
    Box::new(CommittedLines {
        disk: Arc::clone(context.disk),
        progress: Tail::new(context.disk, &path_of(context.state, context.id)),
        file: file.to_owned(),
        committed: 0,
        opened_at: None,
        read: 0,
        rest: Vec::new(),
    })
}

struct CommittedLines {
    disk: Arc<dyn Disk>,
    progress: Tail<Record>,
    file: PathBuf,
    committed: u64,
    /// What was committed when it was looked at first.
    opened_at: Option<u64>,
    read: u64,
    /// The beginning of a line.
    rest: Vec<u8>,
}

impl Committed for CommittedLines {
    fn read(&mut self) -> Result<(Vec<CommittedRecord>, bool), OpenError> {
        let fault = |reason: String| OpenError {
            target: self.file.display().to_string(),
            reason,
            hint: "it is read where the run writes it: can this user read there?".into(),
        };
        for record in self.progress.read().map_err(|error| fault(error.to_string()))? {
            if let Record::Progress { length, .. } = record {
                self.committed = length;
            }
        }
        let opened_at = *self.opened_at.get_or_insert(self.committed);
        let to = self.committed.min(self.read + BLOCK);
        if to > self.read {
            let bytes = self.disk.read_range(&self.file, self.read, to);
            self.rest.extend(bytes.map_err(|error| fault(error.to_string()))?);
            self.read = to;
        }
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines = self.rest[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let record = |line: &[u8]| CommittedRecord { key: None, value: Some(line.to_vec()) };
        let lines = lines.map(record).collect();
        self.rest.drain(..whole);
        Ok((lines, self.read >= opened_at))
    }
}
