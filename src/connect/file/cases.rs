//! The cases that a file sink has committed: its lines up to where its progress says, and no further.
//!
//! The progress is followed as the sink writes it. Lines behind it may be cut and written again.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::progress::{Record, path_of};
use crate::{
    connect::{
        escalation::{
            ends::{CommittedCases, case_line},
            planner::CaseLine,
        },
        registry::{CasesContext, OpenError},
    },
    engine::{disk::Disk, journal::Tail},
};

/// How much is read at once.
const BLOCK: u64 = 8 << 20;

/// Reads the cases of a sink that writes to `file`.
pub(super) fn open(file: &Path, context: &CasesContext<'_>) -> Box<dyn CommittedCases> {
    Box::new(FileCases {
        disk: Arc::clone(context.disk),
        progress: Tail::new(context.disk, &path_of(context.state, context.id)),
        file: file.to_owned(),
        committed: 0,
        opened_at: None,
        read: 0,
        rest: Vec::new(),
    })
}

struct FileCases {
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

impl CommittedCases for FileCases {
    fn read(&mut self) -> Result<(Vec<CaseLine>, bool), OpenError> {
        let fault = |reason: String| OpenError {
            target: self.file.display().to_string(),
            reason,
            hint: "cases are read where the run writes them: can this user read there?".into(),
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
        let lines = self.rest[..whole].split(|byte| *byte == b'\n').filter_map(case_line).collect();
        self.rest.drain(..whole);
        Ok((lines, self.read >= opened_at))
    }
}
