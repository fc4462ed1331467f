//! Appends notifications to a file, one CloudEvent a line, synced before they count as delivered.
//!
//! The file is opened anew for each attempt, so that it may be moved away while a run goes on. What an attempt that
//! failed, or a crash, has left of a line is cut: nobody was told that it is there, so it comes again. Whole lines of such an
//! attempt stay and come twice, with the same `id`.
//!
//! Limit: of a pipe or a device nothing can be cut; half a line stays there.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::{Delivery, DeliveryError, Receiver, cloud_events::CloudEvent, registry::ReceiverKind};
use crate::{
    connect::{
        file::sink::check,
        place::Place,
        registry::{OpenError, Target},
    },
    engine::disk::{Disk, folder_of},
};

/// How much is read at once to find the end of the last line.
const BLOCK: u64 = 1 << 16;
/// What a line begins with.
const BEGINNING: &[u8] = br#"{"specversion":"1.0","id":"#;

/// Settings of a log file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    /// The file that is appended, JSON lines. Its folder is made if it is not there. It may be moved away at any time; nothing else may write it.
    pub path: String,
}

/// The registry entry.
pub const LOG: ReceiverKind = ReceiverKind {
    name: "log",
    summary: "Appends notifications to a file, one CloudEvent a line.",
    schema: || schema_for!(LogSettings),
    check,
    target: |settings| {
        let path = path_of(settings);
        Some(Target { setting: "path", words: format!("file {path}"), place: Place::file(Path::new(path)) })
    },
    open: |settings, context| {
        let path = PathBuf::from(path_of(settings));
        let log = Log { disk: Arc::clone(context.disk), path };
        log.ready().map_err(|error| OpenError {
            target: log.path.display().to_string(),
            reason: error.to_string(),
            hint: "can this user write there?".into(),
        })?;
        Ok(Box::new(log))
    },
};

fn path_of(settings: &Value) -> &str {
    settings.get("path").and_then(Value::as_str).unwrap_or_default()
}

struct Log {
    disk: Arc<dyn Disk>,
    path: PathBuf,
}

impl Log {
    /// Makes the file if it is not there, and cuts what is behind its last whole line.
    fn ready(&self) -> io::Result<()> {
        self.disk.make_folder(folder_of(&self.path))?;
        if self.disk.is_stream(&self.path) {
            return Ok(());
        }
        match self.disk.length(&self.path)? {
            None => {
                self.disk.append_to(&self.path)?.sync()?;
                self.disk.sync_folder(folder_of(&self.path))
            }
            Some(length) => {
                let kept = self.end_of_lines(length)?;
                if kept == length {
                    return Ok(());
                }
                let begun =
                    self.disk.read_range(&self.path, kept, length.min(kept + BEGINNING.len() as u64))?;
                if !BEGINNING.starts_with(&begun) {
                    let reason = "its last line has no end and is no notification: is it the right file?";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
                }
                self.disk.cut(&self.path, kept)
            }
        }
    }

    fn end_of_lines(&self, length: u64) -> io::Result<u64> {
        let mut to = length;
        while to > 0 {
            let from = to.saturating_sub(BLOCK);
            let bytes = self.disk.read_range(&self.path, from, to)?;
            if let Some(at) = memchr::memrchr(b'\n', &bytes) {
                return Ok(from + at as u64 + 1);
            }
            to = from;
        }
        Ok(0)
    }

    fn append(&self, lines: &[u8]) -> io::Result<()> {
        self.ready()?;
        let mut file = self.disk.append_to(&self.path)?;
        file.append(lines)?;
        file.sync()
    }
}

impl Receiver for Log {
    fn deliver(&mut self, delivery: &Delivery) -> Result<(), DeliveryError> {
        let mut lines = Vec::new();
        for notification in &delivery.notifications {
            CloudEvent::new(&delivery.topology, notification).write(&mut lines);
            lines.push(b'\n');
        }
        self.append(&lines).map_err(|error| DeliveryError::Unavailable {
            reason: format!("cannot append to {}: {error}", self.path.display()),
            retry_after: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;
    use crate::{
        connect::receivers::{registry::ReceiverContext, samples},
        engine::disk::LocalDisk,
    };

    fn open(path: &Path) -> Result<Box<dyn Receiver>, OpenError> {
        let disk: Arc<dyn Disk> = Arc::new(LocalDisk);
        let settings = json!({ "path": path });
        assert_eq!((LOG.check)(&settings), []);
        (LOG.open)(&settings, &ReceiverContext { id: "service", topology: "shop", disk: &disk })
    }

    #[test]
    fn lines_are_events_and_half_a_line_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out/alerts.jsonl");
        let mut log = open(&path).unwrap();
        let both = samples::delivery(vec![samples::drop_fires(), samples::severe_ends()]);
        log.deliver(&both).unwrap();
        let first = fs::read(&path).unwrap();
        let ids: Vec<_> = String::from_utf8_lossy(&first)
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone())
            .collect();
        let expected = both.notifications.iter().map(|n| super::super::cloud_events::token(&n.key));
        assert_eq!(ids, expected.collect::<Vec<_>>());
        let half = [&first[..], BEGINNING, &vec![b'x'; 2 * BLOCK as usize]].concat();
        fs::write(&path, half).unwrap();
        log.deliver(&both).unwrap();
        assert_eq!(fs::read(&path).unwrap(), first.repeat(2));
        fs::rename(&path, folder.path().join("out/moved.jsonl")).unwrap();
        log.deliver(&both).unwrap();
        assert_eq!(fs::read(&path).unwrap(), first);
        fs::write(&path, &BEGINNING[..5]).unwrap();
        drop(open(&path).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"");
        fs::write(&path, "{\"somebody\": 1}").unwrap();
        assert!(open(&path).err().unwrap().reason.contains("is it the right file?"));
        assert_eq!(fs::read(&path).unwrap(), b"{\"somebody\": 1}");
    }

    #[test]
    fn what_cannot_be_written_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out/alerts.jsonl");
        let mut log = open(&path).unwrap();
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path.parent().unwrap(), "a file where the folder was").unwrap();
        let Err(DeliveryError::Unavailable { reason, retry_after: None }) =
            log.deliver(&samples::delivery(vec![samples::drop_fires()]))
        else {
            panic!("it cannot be written");
        };
        assert!(reason.starts_with(&format!("cannot append to {}: ", path.display())), "{reason}");
        let refused = open(&path).err().unwrap();
        assert!(refused.to_string().contains("alerts.jsonl"), "{refused}");
        assert_eq!((LOG.check)(&json!({"path": "-"})).len(), 1);
    }
}
