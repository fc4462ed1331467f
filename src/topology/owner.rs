//! Whose checkpoints a remote `state` holds: they are one state with the local folder that has the log.
//!
//! The lock of the local folder keeps a second run away on this machine only. So the first start puts an object beside the
//! checkpoints, and the same mark into the folder; later starts hold one against the other. A start from another folder,
//! or of another topology, is refused before anything is removed; `--from-scratch` takes over what the same topology had.
//! Limit: a run that is going on elsewhere does not notice that.

use std::{
    hash::{BuildHasher, RandomState},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use super::start_error::StartError;
use crate::engine::{
    checkpoint::{manifest::hash, store::CheckpointStore},
    disk::{Disk, put},
};

/// The object in the store, and the file in the local folder.
pub(super) const OWNER: &str = "OWNER.json";

/// Version of the form of a mark.
const FORMAT: u32 = 1;

/// Ties a store to a local folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    format: u32,
    /// The name of the topology.
    name: String,
    /// Different for each folder.
    folder: String,
}

impl Mark {
    /// One that no other folder has; no output depends on it.
    fn new(name: &str, folder: &Path) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let any = RandomState::new().hash_one(std::process::id());
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let folder = hash(format!("{now} {any} {}", folder.display()).as_bytes());
        Self { format: FORMAT, name: name.to_owned(), folder }
    }
}

/// Makes sure that the checkpoints in a store are those of a local folder, or that there are none yet.
///
/// # Errors
/// They are another folder's or another topology's, or the store cannot be used.
pub(super) fn claim(
    disk: &dyn Disk,
    store: &dyn CheckpointStore,
    name: &str,
    folder: &Path,
    from_scratch: bool,
) -> Result<(), StartError> {
    let place = || store.place(OWNER).display().to_string();
    let local = folder.join(OWNER);
    let fault = |reason: String| StartError::State { folder: folder.to_owned(), reason };
    let mark = |place: String, bytes: Option<Vec<u8>>| match bytes.map(|bytes| serde_json::from_slice(&bytes))
    {
        None => Ok(None),
        Some(Ok(Mark { format, .. })) if format != FORMAT => {
            Err(fault(format!("{place} has format {format}, this program reads {FORMAT}")))
        }
        Some(Ok(mark)) => Ok(Some(mark)),
        Some(Err(error)) => Err(fault(format!("{place} cannot be read: {error}"))),
    };
    let own = disk.read(&local).map_err(|error| fault(error.to_string()))?;
    let own = mark(local.display().to_string(), own)?;
    let found = store.read(OWNER).map_err(|error| fault(error.to_string()))?;
    let found = mark(place(), found)?;
    if found.is_some() && found == own {
        return Ok(());
    }
    if let Some(found) = found.as_ref().filter(|found| !from_scratch || found.name != name) {
        let url = store.place("").display().to_string();
        let (url, folder) = (url.trim_end_matches('/').to_owned(), folder.to_owned());
        return Err(StartError::Owned { url, name: found.name.clone(), folder });
    }
    // one that was made before the store could be reached does for a store that has none
    let new =
        own.filter(|own| found.is_none() && own.name == name).unwrap_or_else(|| Mark::new(name, folder));
    let json = serde_json::to_vec(&new).map_err(|error| fault(error.to_string()))?;
    put(disk, &local, &json).map_err(|error| fault(error.to_string()))?;
    let claimed = if found.is_some() { store.put(OWNER, &json) } else { store.put_new(OWNER, &json) };
    claimed.map_err(|error| fault(error.to_string()))
}
