//! Object stores as places of checkpoints and published models: `s3://`, `gs://` and `az://`.
//!
//! A URL names bucket and folder, nothing else: endpoint and credentials come from the environment variables that each
//! cloud's own tools read, so no topology, log or message holds them. Each kind is there when the program was built with
//! its cargo feature; a URL is understood without it, so that it can be said what is missing.
//!
//! # Layout
//! * `remote`: the store over such a URL. [`patient`]: what happens while it does not answer. [`error`]: what goes wrong there, in words.

pub mod error;
pub mod patient;
#[cfg(feature = "remote-state")]
mod remote;

use std::{fmt, sync::Arc};

pub use error::StoreError;

use crate::engine::checkpoint::store::CheckpointStore;

/// A kind of object store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// How its URLs begin.
    pub scheme: &'static str,
    /// The cargo feature that brings it.
    pub feature: &'static str,
    /// How the environment variables begin that it reads.
    pub variables: &'static str,
    /// Whether this program was built with it.
    pub is_built: bool,
}

/// All kinds.
pub const KINDS: [Kind; 3] = [
    Kind { scheme: "s3", feature: "s3", variables: "AWS_", is_built: cfg!(feature = "s3") },
    Kind { scheme: "gs", feature: "gcs", variables: "GOOGLE_", is_built: cfg!(feature = "gcs") },
    Kind { scheme: "az", feature: "azure", variables: "AZURE_", is_built: cfg!(feature = "azure") },
];

/// A folder in an object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The kind of store.
    pub kind: Kind,
    /// The bucket; with `az`, the container.
    pub bucket: String,
    /// The folder in it, without a slash at either end; may be empty.
    pub prefix: String,
}

impl Location {
    /// Reads a URL; `None` where it does not begin like one of an object store.
    ///
    /// # Errors
    /// What is wrong with it. It is not repeated: somebody may have written a password into it.
    pub fn parse(url: &str) -> Option<Result<Self, &'static str>> {
        let (scheme, rest) = url.split_once(':')?;
        let kind = KINDS.into_iter().find(|kind| kind.scheme == scheme)?;
        let Some(rest) = rest.strip_prefix("//") else { return Some(Err("`//` is missing behind the `:`")) };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_end_matches('/');
        let is_plain =
            |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || ['-', '_', '.', '='].contains(&c));
        let is_name = |part: &str| !part.is_empty() && part != "." && part != ".." && is_plain(part);
        Some(if bucket.contains('@') || prefix.contains(['?', '#']) {
            Err("it holds more than a bucket and a folder")
        } else if !is_name(bucket) {
            Err("it names no bucket")
        } else if !(prefix.is_empty() || prefix.split('/').all(is_name)) {
            Err(
                "its folder has an empty part, or one of other characters than letters, digits, `-`, `_`, `.` and `=`",
            )
        } else {
            Ok(Self { kind, bucket: bucket.to_owned(), prefix: prefix.to_owned() })
        })
    }

    /// The store there.
    ///
    /// # Errors
    /// The program was built without it, or the environment does not say how to reach it.
    pub fn open(&self) -> Result<Arc<dyn CheckpointStore>, StoreError> {
        #[cfg(feature = "remote-state")]
        if self.kind.is_built {
            return Ok(Arc::new(remote::RemoteStore::open(self)?));
        }
        Err(StoreError::NotBuilt { scheme: self.kind.scheme, feature: self.kind.feature })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(f, "{}://{}{slash}{}", self.kind.scheme, self.bucket, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_a_bucket_and_a_folder() {
        for (url, bucket, prefix, shown) in [
            ("s3://reviews/state/shop", "reviews", "state/shop", "s3://reviews/state/shop"),
            ("gs://reviews/", "reviews", "", "gs://reviews"),
            ("az://c-1/a.b/day=3/", "c-1", "a.b/day=3", "az://c-1/a.b/day=3"),
        ] {
            let location = Location::parse(url).unwrap().unwrap();
            assert_eq!((location.bucket.as_str(), location.prefix.as_str()), (bucket, prefix));
            assert_eq!(location.to_string(), shown);
        }
        for no_store in ["state/shop", "./s3", "file:./state", "ftp://x/y", "s3"] {
            assert_eq!(Location::parse(no_store), None, "{no_store}");
        }
        for wrong in [
            "s3:bucket",
            "s3://",
            "s3:///state",
            "s3://key:secret@bucket/state",
            "az://bucket/state?sig=secret",
            "gs://bucket/a//b",
            "gs://bucket/../b",
            "gs://bucket/a b",
        ] {
            let problem = Location::parse(wrong).unwrap().unwrap_err();
            assert!(!problem.contains("secret"), "{problem}");
        }
    }

    #[test]
    fn a_store_that_was_not_built_in_says_how_to_get_it() {
        for kind in KINDS.into_iter().filter(|kind| !kind.is_built) {
            let location = Location::parse(&format!("{}://bucket/state", kind.scheme)).unwrap().unwrap();
            let error = location.open().unwrap_err().to_string();
            assert!(error.contains(&format!("--features {}", kind.feature)), "{error}");
        }
    }
}
