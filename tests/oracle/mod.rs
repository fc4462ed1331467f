//! A naive batch oracle: what the binary must have written, worked out from the whole input at once.
//!
//! It shares no code with the crate, keeps no state between two epochs that it could recompute, and prefers the
//! slow and obvious way everywhere: every close of an epoch looks at the whole live set again. What it cannot know,
//! the sentiment of a version, it takes from the output under test and then holds everything that follows from it.
//!
//! [`decode`] reads a line, [`epochs`] cuts a partition, [`log`] puts both together in log order, [`batch`] folds
//! the log into expected lines and books, [`compare`] holds an output to them, [`cases`] makes random cases and
//! [`drive`] runs the binary on one.

pub(crate) mod alerts;
pub(crate) mod batch;
pub(crate) mod binary;
pub(crate) mod books;
pub(crate) mod cases;
pub(crate) mod compare;
pub(crate) mod condition;
pub(crate) mod decode;
pub(crate) mod drive;
pub(crate) mod epochs;
pub(crate) mod feedback;
pub(crate) mod fraction;
pub(crate) mod json;
pub(crate) mod lines;
pub(crate) mod log;
pub(crate) mod products;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod training;

mod examples;
mod vigilance;
