//! Standard input, which one source of a run may take: that of the process, or what a test puts in its place.

use std::{
    fmt,
    io::{self, Read},
    sync::{Arc, Mutex, PoisonError},
};

/// Standard input, until somebody takes it.
#[derive(Clone)]
pub struct StandardInput(Arc<Mutex<Option<Box<dyn Read + Send>>>>);

impl StandardInput {
    /// That of the process.
    #[must_use]
    pub fn system() -> Self {
        Self::from(io::stdin())
    }

    /// Something else.
    #[must_use]
    pub fn from(input: impl Read + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::new(input)))))
    }

    /// What it brings; nothing for whoever comes second.
    #[must_use]
    pub fn take(&self) -> Box<dyn Read + Send> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.unwrap_or_else(|| Box::new(io::empty()))
    }
}

impl fmt::Debug for StandardInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StandardInput")
    }
}
