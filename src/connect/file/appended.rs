//! A file that a source reads, where it is appended to: each append is synced.
//!
//! Half a line that a crash has left is ended, so that it is refused by whoever reads it and the next one is whole.

use std::{path::PathBuf, sync::Arc};

use crate::{
    connect::{
        ends::{Appended, AppendedRecord},
        registry::OpenError,
    },
    engine::disk::{Disk, DiskFile, folder_of},
};

/// The file that a source reads.
pub(super) fn open(path: &str, disk: &Arc<dyn Disk>) -> Box<dyn Appended> {
    Box::new(AppendedFile { disk: Arc::clone(disk), path: PathBuf::from(path), file: None })
}

struct AppendedFile {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Option<Box<dyn DiskFile>>,
}

impl AppendedFile {
    fn fault(&self, reason: &std::io::Error) -> OpenError {
        OpenError {
            target: self.path.display().to_string(),
            reason: reason.to_string(),
            hint: "records are appended there: can this user write there?".into(),
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

impl Appended for AppendedFile {
    fn read_all(&mut self) -> Result<Vec<Vec<u8>>, OpenError> {
        let bytes = self.disk.read(&self.path).map_err(|error| self.fault(&error))?.unwrap_or_default();
        let lines = bytes.split(|byte| *byte == b'\n');
        Ok(lines.filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect())
    }

    fn append(&mut self, records: &[AppendedRecord]) -> Result<(), OpenError> {
        let mut text = Vec::new();
        for record in records {
            text.extend_from_slice(&record.value);
            text.push(b'\n');
        }
        self.write(&text).map_err(|error| self.fault(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::disk::LocalDisk;

    #[test]
    fn what_is_appended_is_read_and_half_a_line_hurts_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/deliveries.jsonl");
        let disk: Arc<dyn Disk> = LocalDisk::shared();
        let record = |n: u32| AppendedRecord { key: "k".into(), value: format!("{{\"n\": {n}}}").into() };
        let name = path.to_str().unwrap();
        let mut first = open(name, &disk);
        assert!(first.read_all().unwrap().is_empty());
        first.append(&[record(1), record(2)]).unwrap();
        first.append(&[record(3)]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 5]).unwrap();
        let mut again = open(name, &disk);
        again.append(&[record(4)]).unwrap();
        let torn = whole[whole.len() - 9..whole.len() - 5].to_vec();
        let expected = [record(1).value, record(2).value, torn, record(4).value];
        assert_eq!(again.read_all().unwrap(), expected);
    }
}
