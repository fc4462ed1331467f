//! The engine: epochs, the epoch log, intake, keyed steps, sinks and workers; generic over rows, and the only folder
//! that names timely and differential internals.
//!
//! # The way of a record
//! * [`partition`]: what a source gives: raw records in order, with offsets.
//! * [`clock`]: which epoch each record falls in, a function of the data alone.
//! * [`intake`]: chunks claimed by any free worker, stamped in order, logged, held back while too much is in flight.
//! * [`ingest`]: the source operator: claim, decode, stamp, release.
//! * [`edge`]: what flows between steps: streams of versions and differential collections.
//! * [`keyed`]: steps that act on closed epochs.
//! * [`timed`]: such steps that time alone changes, too.
//! * [`model_loop`]: the feedback edge that keeps a model's readers and its writer apart.
//! * [`sink`]: closed epochs, put in order and written by a thread of their own.
//! * [`log`]: the epoch log.
//! * [`checkpoint`]: what a run keeps to go on where it stood.
//! * [`disk`], [`journal`]: files that outlive a crash.
//! * [`arrivals`]: partitions that come while it runs.
//! * [`wall`]: epochs by the wall clock.
//! * [`threads`]: threads with a task of their own.
//! * [`workers`]: the processes' workers, their end, a panic, a stall.

pub mod arrivals;
pub mod checkpoint;
pub mod clock;
pub mod disk;
pub mod duration;
pub mod edge;
pub mod in_parts;
pub mod ingest;
pub mod intake;
pub mod journal;
pub mod keyed;
mod lines;
pub mod log;
pub mod model_loop;
pub mod partition;
pub mod sink;
pub mod sink_meter;
pub mod threads;
pub mod timed;
pub mod wall;
pub mod workers;

/// Logical time: milliseconds since 1970, strictly increasing along the log.
pub type Epoch = u64;
