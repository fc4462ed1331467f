//! Checkpoints: what a run has to keep to go on where it stood.
//!
//! # Layout
//! * [`collection`]: what a step keeps as rows under keys, the files of one shard, and what is wrong with one.
//! * [`columns`]: the columns of such a file; [`values`]: what is in them; [`rows`]: the values of one row, in and out.
//! * [`encoder`], [`table`], [`decoder`]: from changes to the bytes of a file, and back.
//! * [`merging`]: a base and its deltas read as one collection; `ascending`: that their keys go up.
//! * [`untyped`]: rows without their type, for whoever looks from outside; [`export`]: as a file for other tools.
//! * `seal`: the checksum inside a file.
//! * [`announce`]: when a checkpoint is taken, and its parts; [`parts`]: what the steps give.
//! * [`builder`]: the thread that stores it; `line`: which files of a shard are made anew; `in_order`: on several
//!   threads; `garbage`: what is removed then; [`manifest`]: what it holds, and reading it again; [`restore`]: back
//!   into the dataflow.
//! * [`store`]: where its files lie; `folder`: in a folder of this machine.

pub mod announce;
mod ascending;
pub mod builder;
pub mod collection;
pub mod columns;
pub mod decoder;
pub mod encoder;
pub mod export;
mod folder;
mod garbage;
mod in_order;
mod line;
pub mod manifest;
pub mod merging;
pub mod parts;
pub mod restore;
pub mod restored;
pub mod rows;
mod seal;
pub mod store;
pub mod table;
#[cfg(test)]
mod tests;
pub mod untyped;
pub mod values;

pub use collection::{Change, FileContext, KeyedChange, Stored, StoredError, shard_of};
pub use columns::{Column, ColumnType};
pub use decoder::{Rows, decode};
pub use encoder::{Encoder, encode};
pub use merging::{Merged, merge};
pub use rows::{RowReader, RowWriter};
pub use table::{State, Table};
pub use values::Value;
