//! Outcomes of deliveries in a file that a source of the run follows: each append is synced.
//!
//! Half a line that a crash has left is ended, so that it is refused by whoever reads it and the next one is whole.

use std::{path::PathBuf, sync::Arc};

use crate::{
    connect::{escalation::ends::Outcomes, registry::OpenError},
    engine::disk::{Disk, DiskFile, folder_of},
    records::DeliveryOutcome,
};

/// The outcomes in a file.
pub(super) fn open(path: &str, disk: &Arc<dyn Disk>) -> Box<dyn Outcomes> {
    Box::new(FileOutcomes { disk: Arc::clone(disk), path: PathBuf::from(path), file: None })
}

struct FileOutcomes {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Option<Box<dyn DiskFile>>,
}

impl FileOutcomes {
    fn fault(&self, reason: &std::io::Error) -> OpenError {
        OpenError {
            target: self.path.display().to_string(),
            reason: reason.to_string(),
            hint: "outcomes of deliveries are appended there: can this user write there?".into(),
        }
    }

    fn write(&mut self, text: &[u8]) -> std::io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => {
                self.disk.make_folder(folder_of(&self.path))?;
                let length = self.disk.length(&self.path)?.unwrap_or(0);
                let last = self.disk.read_range(&self.path, length.saturating_sub(1), length);
                let torn = length > 0 && last? != b"\n";
                let mut file = self.disk.append_to(&self.path)?;
                if torn {
                    file.append(b"\n")?;
                }
                self.disk.sync_folder(folder_of(&self.path))?;
                file
            }
        };
        file.append(text)?;
        file.sync()?;
        // after a fault it is opened anew, and what was torn is ended
        self.file = Some(file);
        Ok(())
    }
}

impl Outcomes for FileOutcomes {
    fn read_all(&mut self) -> Result<Vec<DeliveryOutcome>, OpenError> {
        let bytes = self.disk.read(&self.path).map_err(|error| self.fault(&error))?.unwrap_or_default();
        // what is no outcome, the step that reads it refuses
        let lines = bytes.split(|byte| *byte == b'\n');
        Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }

    fn append(&mut self, outcomes: &[DeliveryOutcome]) -> Result<(), OpenError> {
        let mut text = Vec::new();
        for outcome in outcomes {
            // nothing in it can fail to serialize: keys are strings, numbers are finite
            let _ = serde_json::to_writer(&mut text, outcome);
            text.push(b'\n');
        }
        self.write(&text).map_err(|error| self.fault(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::disk::LocalDisk,
        records::{CaseEvent, DeliveryResult},
    };

    #[test]
    fn what_is_appended_is_read_and_half_a_line_hurts_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/deliveries.jsonl");
        let disk: Arc<dyn Disk> = LocalDisk::shared();
        let outcome = |n: u32| DeliveryOutcome {
            delivery_id: n.to_string(),
            case_id: "drift:m:1".into(),
            fired: 1,
            target: "shop".into(),
            event: CaseEvent::Firing,
            step: 1,
            result: DeliveryResult::Failed,
            attempts: n,
            reason: Some("no\nanswer".into()),
            ts: None,
            case: None,
        };
        let name = path.to_str().unwrap();
        let mut first = open(name, &disk);
        assert_eq!(first.read_all().unwrap(), []);
        first.append(&[outcome(1), outcome(2)]).unwrap();
        first.append(&[outcome(3)]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 5]).unwrap();
        let mut again = open(name, &disk);
        again.append(&[outcome(4)]).unwrap();
        assert_eq!(again.read_all().unwrap(), [outcome(1), outcome(2), outcome(4)]);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 4);
    }
}
