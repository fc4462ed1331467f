//! The two ends of a topology, for those beside the run: what a sink has committed, and what a source reads from.
//!
//! A run may be going on: what is committed is read up to where it is, and what is appended a source reads like anything else.

use super::registry::OpenError;

/// A record of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedRecord {
    /// Its key, where the output has keys.
    pub key: Option<Vec<u8>>,
    /// Its value; none of a tombstone.
    pub value: Option<Vec<u8>>,
}

/// Reads what is committed in an output, from its beginning.
pub trait Committed: Send {
    /// The records that have come since, in order; it may wait for a moment, and gives nothing where nothing has come. The second
    /// says whether everything that was committed when it was opened has been given.
    ///
    /// # Errors
    /// It cannot be read now; it may be asked again.
    fn read(&mut self) -> Result<(Vec<CommittedRecord>, bool), OpenError>;
}

/// A record that is appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendedRecord {
    /// Its key, where the input has keys.
    pub key: String,
    /// Its value, one line.
    pub value: Vec<u8>,
}

/// What a source reads from, where it is appended to.
pub trait Appended: Send {
    /// The values of all records that are there, in order.
    ///
    /// # Errors
    /// It cannot be read now; it may be asked again.
    fn read_all(&mut self) -> Result<Vec<Vec<u8>>, OpenError>;

    /// Appends some, so that they stay.
    ///
    /// # Errors
    /// Some may not be there; they may be appended again.
    fn append(&mut self, records: &[AppendedRecord]) -> Result<(), OpenError>;
}
