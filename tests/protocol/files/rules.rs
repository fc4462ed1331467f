//! The rules of the protocol over files, each of which can be taken away, and the bounds within which it is walked.

/// A rule of the protocol. Taking one away is the error named beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Rule {
    /// F1. Or: two processes at once.
    Lock,
    /// F2. Or: what follows a torn tail is appended after it.
    CutTornTail,
    /// F2. Or: a bad record and all the valid ones after it are cut.
    RefuseHole,
    /// F2. Or: a tail is taken for durable because it can be read.
    CopyOnOpen,
    /// F2. Or: the file is synced where it lies.
    CopyNotSync,
    /// F2. Or: the copy is renamed before it is synced.
    CopySynced,
    /// F2. Or: the directory is not synced after the rename.
    CopyNamed,
    /// F2. Or: the directory is not synced after a file was created.
    NewFileNamed,
    /// F3. Or: an output that is too short is taken as it is.
    OutputChecked,
    /// F3. Or: an output is not cut to what its progress says.
    OutputCut,
    /// F3. Or: that cut is not synced.
    OutputCutSynced,
    /// F4. Or: an epoch is written out while its record is not synced.
    LogSyncedBeforeOutput,
    /// F4. Or: progress is written while the output is not synced.
    OutputSyncedBeforeProgress,
    /// F4. Or: progress counts as soon as it is written.
    ProgressSynced,
    /// F4. Or: a failed sync is tried again.
    SyncErrorEnds,
    /// F5. Or: a checkpoint does not wait for progress.
    CheckpointAfterProgress,
    /// F5. Or: a checkpoint is renamed before it is synced.
    CheckpointSynced,
    /// F5. Or: a checkpoint is recorded before its directory is synced.
    CheckpointNamed,
    /// F5. Or: garbage is collected when the record is written, not yet synced.
    GarbageAfterRecord,
    /// F5. Or: the log is truncated before the record is written.
    TruncationAfterRecord,
    /// Step 10. Or: a journaled record is released before it is synced.
    JournalSyncedBeforeRelease,
    /// Step 10. Or: a journaled record is answered before it is synced.
    JournalSyncedBeforeAnswer,
}

/// How far a walk goes, and without which rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Epochs, up to 3.
    pub(crate) epochs: u8,
    /// Power cuts, up to 3.
    pub(crate) cuts: u8,
    /// Crashes of the process alone, up to 3.
    pub(crate) crashes: u8,
    /// Syncs that fail, 0 or 1.
    pub(crate) failures: u8,
    /// Records of the log that rot, 0 or 1.
    pub(crate) rot: u8,
    /// Times that somebody shortens the output, 0 or 1.
    pub(crate) tampering: u8,
    /// With a journal of received records, at most one of them.
    pub(crate) journal: bool,
    /// With checkpoints.
    pub(crate) checkpoints: bool,
    /// The rules taken away, a bit each.
    pub(crate) off: u32,
}

impl Bounds {
    /// Three epochs, a power cut and a crash.
    pub(crate) const BASE: Bounds = Bounds {
        epochs: 3,
        cuts: 1,
        crashes: 1,
        failures: 0,
        rot: 0,
        tampering: 0,
        journal: false,
        checkpoints: false,
        off: 0,
    };

    /// The same with a rule taken away.
    pub(crate) const fn without(mut self, rule: Rule) -> Bounds {
        self.off |= 1 << rule as u8;
        self
    }

    /// Whether a rule holds.
    pub(crate) fn holds(&self, rule: Rule) -> bool {
        self.off & 1 << rule as u8 == 0
    }
}
