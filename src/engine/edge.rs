//! What flows between steps.
//!
//! A *stream* carries versions, duplicates included; a *table* is a differential collection: updates `(row, epoch,
//! diff)` with one live row a key, so that any operator of differential can follow. An update with diff 0 changes
//! nothing and consolidates to nothing; steps use it to say which record touched a row last (see `operators::row`).

pub use differential_dataflow::AsCollection;
use differential_dataflow::VecCollection;
use timely::dataflow::{StreamVec, operators::Concatenate};
pub use timely::{ExchangeData, dataflow::Scope};

/// A stream of records, each at the time of its message.
pub type Stream<'s, D> = StreamVec<'s, u64, D>;

/// An update of a table.
pub type Update<R> = (R, u64, isize);

/// A differential collection with one live row a key.
pub type Table<'s, R> = VecCollection<'s, u64, R, isize>;

/// The updates of a table, as a stream.
#[must_use]
pub fn updates<R: Clone + 'static>(table: Table<'_, R>) -> Stream<'_, Update<R>> {
    table.inner
}

/// One stream of several.
#[must_use]
pub fn merge<'s, D: Clone + 'static>(
    scope: Scope<'s, u64>,
    mut streams: Vec<Stream<'s, D>>,
) -> Stream<'s, D> {
    match streams.len() {
        1 => streams.remove(0),
        _ => scope.concatenate(streams),
    }
}
