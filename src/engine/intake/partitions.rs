//! Which partitions there are, and what places call them: the rank of the source and the number within it.

use std::sync::Arc;

use super::{Intake, PartitionState, Position, lock};
use crate::engine::partition::{Address, Partition, PartitionEntry, RawChunk, SourceError};

/// How many bits of a place's partition are its number within the source; those above are the source's rank.
const NUMBER_BITS: u32 = 20;
/// The largest number of a partition within its source.
pub const NUMBER: u32 = (1 << NUMBER_BITS) - 1;

/// What places call a partition: the rank of its source and its number, which stay what they are when others come.
pub(super) fn place(source: usize, number: u32) -> u32 {
    (source as u32) << NUMBER_BITS | number
}

/// The last partition before this one that has its source and its name.
pub(super) fn predecessor(earlier: &[PartitionState], partition: &PartitionState) -> Option<usize> {
    earlier.iter().rposition(|p| (p.source, &p.name) == (partition.source, &partition.name))
}

impl Intake {
    /// A partition that has come; nothing of it falls in an epoch that is cut.
    pub(in crate::engine) fn add(self: &Arc<Self>, mut entry: PartitionEntry) {
        self.listen(&mut *entry.partition, entry.source);
        let mut state = lock(&self.state);
        let source_id = &self.source_ids[entry.source];
        let (clock, from) = (self.settings.clock, Position::default());
        let mut partition = PartitionState::new(entry, source_id, clock, from, state.uncut);
        partition.after = predecessor(&state.partitions, &partition);
        partition.done = state.closed;
        state.partitions.push(partition);
        self.wake(&state);
    }

    /// Lets go of all partitions: nothing is read any more.
    pub fn release(&self) {
        for partition in &lock(&self.state).partitions {
            *lock(&partition.reader) = Box::new(Released);
        }
    }

    /// What the outside calls a partition, by what places call it.
    #[must_use]
    pub fn address(&self, place: u32) -> Address {
        let state = lock(&self.state);
        let partition = state.partitions.iter().find(|partition| partition.place == place);
        partition.map(|partition| partition.address.clone()).unwrap_or_default()
    }

    /// Has a source's operators asked at once when a partition has records again, where that can be told.
    pub(super) fn listen(self: &Arc<Self>, partition: &mut dyn Partition, source: usize) {
        let intake = Arc::downgrade(self);
        partition.when_records_come(Arc::new(move || {
            let Some(intake) = intake.upgrade() else { return };
            // a lock of its own: whoever calls may hold one that a reader waits for
            for (of, waker) in lock(&intake.listening).iter() {
                if *of == source {
                    // a worker that has ended already needs no waking
                    let _ = waker.activate();
                }
            }
        }));
    }

    /// The number of a partition within its source, by what places call it.
    #[must_use]
    pub fn number(&self, place: u32) -> u32 {
        place & NUMBER
    }

    /// The rank of a partition's source, by what places call the partition.
    #[must_use]
    pub fn source(&self, partition: u32) -> usize {
        (partition >> NUMBER_BITS) as usize
    }
}

/// A partition that was let go of.
struct Released;

impl Partition for Released {
    fn read(&mut self, _: &mut RawChunk, _: usize, _: usize) -> Result<bool, SourceError> {
        Ok(false)
    }

    fn seek(&mut self, _: u64) -> Result<(), SourceError> {
        Ok(())
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (0, None)
    }
}
