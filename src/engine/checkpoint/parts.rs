//! What the steps of a run give to a checkpoint: rows that have changed, or whole files.
//!
//! Rows of one step come from several workers, in the order in which they changed; no key comes from two of them.
//! [`RowsPart::settle`] leaves the last change of each key, by shard and sorted by key.

use std::{any::Any, mem, thread};

use bytes::Bytes;

use super::{
    super::Epoch,
    collection::{Change, FileContext, KeyedChange, Stored, StoredError, shard_of},
    decoder::Rows,
    encoder::Encoder,
    merging::merge,
};

/// How many shards a collection has: the same for ever, or old files would lie in the wrong ones.
pub const SHARDS: u32 = 8;

/// What a step gives.
pub enum Part {
    /// Rows under keys.
    Rows(Box<dyn RowsPart>),
    /// Whole files, made elsewhere than on the worker.
    Files(FilesPart),
}

/// Whole files of a step.
pub struct FilesPart {
    /// The id of the step.
    pub step: String,
    /// Makes them: name and content.
    pub make: MakeFiles,
}

/// Makes files, or says why not.
pub type MakeFiles = Box<dyn FnOnce() -> Result<Vec<MadeFile>, String> + Send>;

/// A whole file of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeFile {
    /// Its name.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Where below the state the same content may lie already, durable and for good: then it is not written again.
    pub lies_at: Option<String>,
}

/// Rows of one step, of whatever type.
pub trait RowsPart: Send + Sync {
    /// The id of the step.
    fn step(&self) -> &str;

    /// Id and version of its state.
    fn state(&self) -> (&'static str, u32);

    /// Takes what another worker gave for the same step.
    fn add(&mut self, other: Box<dyn RowsPart>);

    /// Leaves the last change of each key, by shard and sorted, with so many threads.
    fn settle(&mut self, threads: usize);

    /// Changes in a shard.
    fn len(&self, shard: u32) -> u64;

    /// The file of a shard's changes, in the memory of `room`.
    ///
    /// # Errors
    /// A row cannot be stored.
    fn delta(&self, shard: u32, epoch: Epoch, room: Vec<u8>) -> Result<Vec<u8>, StoredError>;

    /// The file of all rows of a shard, from older files (oldest first) and these changes, in the memory of `room`; and
    /// how many there are.
    ///
    /// # Errors
    /// A file is damaged, or a row cannot be stored.
    fn base(
        &self,
        files: Vec<Bytes>,
        shard: u32,
        epoch: Epoch,
        room: Vec<u8>,
    ) -> Result<(Vec<u8>, u64), StoredError>;

    /// Itself, to be taken apart by its type.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

/// Changed rows of one type.
#[derive(Debug)]
pub struct Changes<R> {
    step: String,
    /// As they came; empty once settled.
    came: Vec<Change<R>>,
    shards: Vec<Vec<Change<R>>>,
}

impl<R: Stored + Clone + Sync + 'static> Changes<R> {
    /// The part of a step on one worker: changes in the order in which they happened.
    #[must_use]
    pub fn part(step: &str, came: Vec<Change<R>>) -> Part {
        Part::Rows(Box::new(Self { step: step.to_owned(), came, shards: Vec::new() }))
    }
}

impl<R> Changes<R> {
    fn context(&self, shard: u32, epoch: Epoch) -> FileContext {
        FileContext { step: self.step.clone(), shard, epoch }
    }
}

impl<R: Stored + Clone + Sync + 'static> RowsPart for Changes<R> {
    fn step(&self) -> &str {
        &self.step
    }

    fn state(&self) -> (&'static str, u32) {
        (R::ID, R::VERSION)
    }

    fn add(&mut self, other: Box<dyn RowsPart>) {
        if let Ok(other) = other.into_any().downcast::<Self>() {
            self.came.extend(other.came);
        }
    }

    fn settle(&mut self, threads: usize) {
        self.shards = (0..SHARDS).map(|_| Vec::new()).collect();
        for change in self.came.drain(..) {
            let shard = shard_of(change.key(), SHARDS) as usize;
            self.shards[shard].push(change);
        }
        thread::scope(|scope| {
            for shards in self.shards.chunks_mut((SHARDS as usize).div_ceil(threads)) {
                scope.spawn(move || shards.iter_mut().for_each(last_of_each_key));
            }
        });
    }

    fn len(&self, shard: u32) -> u64 {
        self.shards[shard as usize].len() as u64
    }

    fn delta(&self, shard: u32, epoch: Epoch, room: Vec<u8>) -> Result<Vec<u8>, StoredError> {
        let mut encoder = Encoder::within(room, &self.context(shard, epoch))?;
        encoder.put_all(&self.shards[shard as usize])?;
        encoder.finish()
    }

    fn base(
        &self,
        files: Vec<Bytes>,
        shard: u32,
        epoch: Epoch,
        room: Vec<u8>,
    ) -> Result<(Vec<u8>, u64), StoredError> {
        let mut sorted: Vec<Box<dyn Iterator<Item = Result<Change<R>, StoredError>> + '_>> = Vec::new();
        for file in files {
            sorted.push(Box::new(Rows::<R>::open(file)?));
        }
        sorted.push(Box::new(self.shards[shard as usize].iter().cloned().map(Ok)));
        let mut encoder = Encoder::<R>::within(room, &self.context(shard, epoch))?;
        let mut rows = 0;
        for row in merge(sorted) {
            encoder.put(&row?)?;
            rows += 1;
        }
        Ok((encoder.finish()?, rows))
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// Sorts changes by key and leaves the last of each.
fn last_of_each_key<R: Stored>(changes: &mut Vec<Change<R>>) {
    // by the first bytes of the keys, which lie side by side; of equal keys the last change comes first, and stays
    let mut order: Vec<(u128, usize)> =
        changes.iter().zip(0..).map(|(change, n)| (prefix(change.key()), n)).collect();
    order.sort_unstable_by(|(a, n), (b, m)| {
        a.cmp(b).then_with(|| changes[*n].key().cmp(changes[*m].key())).then_with(|| m.cmp(n))
    });
    order.dedup_by(|(a, n), (b, m)| a == b && changes[*n].key() == changes[*m].key());
    let mut all: Vec<Option<Change<R>>> = mem::take(changes).into_iter().map(Some).collect();
    changes.extend(order.into_iter().filter_map(|(_, n)| all[n].take()));
}

/// The first 16 bytes of a key, as a number that is in the order of keys.
fn prefix(key: &[u8]) -> u128 {
    let mut first = [0; 16];
    let len = key.len().min(16);
    first[..len].copy_from_slice(&key[..len]);
    u128::from_be_bytes(first)
}
