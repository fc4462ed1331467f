//! The chain of hashes over a sink's output: h(E) = BLAKE3(h(E-1), E, output of E), for empty epochs too.
//!
//! What a replay gives is compared with what was recorded by one value: it says whether all epochs up to there gave the
//! same bytes.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::super::Epoch;

/// A value of the chain; by default the one before the first epoch.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Chain([u8; 32]);

impl Chain {
    /// The value after an epoch with this output.
    #[must_use]
    pub fn after(&self, epoch: Epoch, output: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0).update(&epoch.to_be_bytes()).update(output);
        Self(hasher.finalize().into())
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Chain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Chain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let hash = blake3::Hash::from_hex(&text).map_err(|_| D::Error::custom("not a hash of 64 digits"))?;
        Ok(Self(hash.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_counts_and_the_order_does() {
        let start = Chain::default();
        let both = start.after(1, b"a").after(2, b"");
        assert_ne!(both, start.after(1, b"a"));
        assert_ne!(both, start.after(2, b"").after(1, b"a"));
        assert_ne!(start.after(1, b"ab").after(2, b""), start.after(1, b"a").after(2, b"b"));
        let json = serde_json::to_string(&both).expect("json");
        assert_eq!(serde_json::from_str::<Chain>(&json).expect("reads"), both);
    }
}
