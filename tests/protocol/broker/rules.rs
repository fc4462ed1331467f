//! The rules of the protocol over a broker, each of which can be taken away, and the bounds within which it is walked.

/// A rule of the protocol. Taking one away is the error named beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Rule {
    /// Or: read the log, then fence it.
    FenceBeforeReading,
    /// Or: a transactional id for each generation, which fences nobody.
    OneLogWriter,
    /// Or: a generation is never written down before it is used.
    GenerationRecord,
    /// Or: a commit that says done is taken as visible.
    GenerationReadBack,
    /// Or: after an unclear append the writer does not look for a newer generation.
    LogChecksGeneration,
    /// Or: after an unclear append of a shard's progress it does not look for a newer generation.
    ShardChecksGeneration,
    /// Or: an unclear record is appended again unseen.
    ReadBeforeAppendingAgain,
    /// Or: an unclear append counts as done.
    LogTimeoutIsNoSuccess,
    /// Or: an unclear append counts as not done.
    LogTimeoutIsNoFailure,
    /// Or: a record is made as soon as one worker has passed the epoch.
    WaitForAllWorkers,
    /// Or: read a shard's progress, then fence it.
    FenceShardBeforeReading,
    /// Or: a shard's writer fences nobody.
    ShardsAreFenced,
    /// Or: an epoch is committed while its record is on its way.
    CommitOnlyDurable,
    /// Or: an unclear commit of a shard counts as done.
    SinkTimeoutIsNoSuccess,
    /// Or: an unclear commit of a shard counts as not done.
    SinkTimeoutIsNoFailure,
    /// Or: after an unclear commit the same producer goes on.
    NewProducerAfterTimeout,
    /// Or: a broker lets a late record of a fenced producer into its successor's transaction.
    BrokerVerifies,
    /// Or: epochs that the log has are cut anew on replay.
    ReplayRecordedBindings,
    /// Or: a checkpoint does not wait for the shards.
    OutputsBeforeCheckpoint,
    /// Or: a checkpoint is valid as soon as its manifest is put, the newest in the store is taken.
    ValidByRecord,
    /// Or: all generations put to the same path.
    GenerationInPath,
    /// Or: garbage is collected as soon as the manifest is put.
    GarbageAfterRecord,
    /// Or: whatever is not named is garbage.
    GarbageSparesNewer,
    /// Or: what was put and is not yet recorded is garbage.
    GarbageSparesUnclear,
    /// Or: a hash is that of one commit's epochs alone.
    ChainedHash,
    /// Or: a checkpoint names files of the one before it.
    NoSharedBase,
    /// Or: after an unclear append the writer stays as it is.
    LogErrorPath,
    /// Or: an epoch without output on a shard leaves no progress there.
    ProgressForEmpty,
    /// Or: progress is written in a transaction of its own.
    ProgressInTransaction,
}

/// How far a walk goes, and without which rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Epochs, up to 3.
    pub(crate) epochs: u8,
    /// Generations that may be started, also while others live; one more when none is left.
    pub(crate) starts: u8,
    /// Sink shards, 1 or 2.
    pub(crate) shards: u8,
    /// Commits with an unclear end.
    pub(crate) timeouts: u8,
    /// "Decided" and "visible" are two moments.
    pub(crate) markers: bool,
    /// A shard's look at the log waits for a marker that is not there yet.
    pub(crate) waits: bool,
    /// Fencing and reading are two steps, everywhere.
    pub(crate) fine: bool,
    /// Outputs and progress are sent one after the other within a transaction.
    pub(crate) parts: bool,
    /// Two workers pass an epoch one after the other.
    pub(crate) workers: bool,
    /// Checkpoints, garbage and truncation.
    pub(crate) checkpoints: bool,
    /// Checkpoints kept: 2, or 1, which is harsher.
    pub(crate) keep: u8,
    /// Files that rot.
    pub(crate) rot: u8,
    /// Shard 1 has output in epoch 1 only.
    pub(crate) sparse: bool,
    /// The rules taken away, a bit each.
    pub(crate) off: u32,
}

impl Bounds {
    /// Two generations, two shards, three epochs, one unclear commit.
    pub(crate) const BASE: Bounds = Bounds {
        epochs: 3,
        starts: 2,
        shards: 2,
        timeouts: 1,
        markers: false,
        waits: false,
        fine: false,
        parts: false,
        workers: false,
        checkpoints: false,
        keep: 2,
        rot: 0,
        sparse: false,
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
