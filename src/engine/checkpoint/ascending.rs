//! Keys that ascend strictly, in one file of a collection: held to that when it is written, and when it is read.

use super::collection::StoredError;

/// The last key of a file so far.
#[derive(Debug, Default)]
pub(super) struct Ascending(Option<Vec<u8>>);

impl Ascending {
    /// Takes the next key of a state's file.
    ///
    /// # Errors
    /// It is not above the last one.
    pub(super) fn next(&mut self, key: &[u8], state: &'static str) -> Result<(), StoredError> {
        match &mut self.0 {
            Some(last) if last.as_slice() >= key => return Err(StoredError::Order(state)),
            Some(last) => {
                last.clear();
                last.extend_from_slice(key);
            }
            None => self.0 = Some(key.to_vec()),
        }
        Ok(())
    }
}
