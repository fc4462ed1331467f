//! The outputs of a replay beside the real ones: the same bytes, or the first line that is another.
//!
//! A replay that begins with a checkpoint is compared with the lines after its epoch. Limits: where the real output is
//! behind the log, a line without an epoch (a dead letter) behind its end is taken for a later epoch's; and of such lines
//! those after a checkpoint are as many bytes from the end as the replay has written.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{ReplayError, from_checkpoint::Base};
use crate::{
    connect::file::progress,
    engine::{
        Epoch,
        disk::Disk,
        log::record::EpochRecord,
        sink::{Progress, chain::Chain},
    },
    topology::{
        options::DEAD_LETTERS,
        stored::{SinkProgress, StoredState, StoredStateError},
    },
};

/// A sink of the replay and what it is compared with.
#[derive(Debug)]
pub struct Compared {
    /// Its id.
    pub id: String,
    /// What the replay writes.
    pub copy: PathBuf,
    /// The replay's progress.
    journal: PathBuf,
    /// The real output, and up to where it counts; or why it is not compared.
    real: Result<Real, String>,
}

#[derive(Debug)]
struct Real {
    path: PathBuf,
    length: u64,
    epoch: Epoch,
    epochs: usize,
    /// What comes after this epoch is compared.
    after: Epoch,
    /// The chain of hashes after the last epoch, where the output cannot be read again here.
    chain: Option<Chain>,
}

/// What a comparison gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The same bytes.
    Equal {
        /// Epochs that the real output covers.
        epochs: usize,
        /// Their bytes.
        bytes: u64,
    },
    /// Another line, from 1, of an epoch, where that is known.
    Differs {
        /// The number of the line.
        line: u64,
        /// The epoch that the line names.
        epoch: Option<Epoch>,
        /// What is there.
        what: String,
    },
    /// It is not compared.
    NotCompared(String),
}

/// What the output of a sink is to be compared with.
pub(super) fn compare_with(
    state: &StoredState,
    sinks: &[SinkProgress],
    id: &str,
    copy: PathBuf,
    folder: &Path,
    base: Option<&Base<'_>>,
) -> Compared {
    let real = || {
        let sink = sinks.iter().find(|sink| sink.id == id).ok_or("the real run has not written it yet")?;
        let written = sink.written.as_ref().map_err(ToString::to_string)?;
        let written = written.as_ref().ok_or("the real run has not written it yet")?;
        let first = state.starts().next().map(|(_, start)| start);
        let declared = first.and_then(|start| start.topology.get("sinks")?.as_array());
        let was_there = base.is_some_and(|base| base.has(id))
            || id == DEAD_LETTERS
            || declared.is_some_and(|sinks| sinks.iter().any(|sink| sink["id"] == id));
        if !was_there {
            return Err(
                "the sink was added to a state that was there: it began with what that held".to_owned()
            );
        }
        if !sink.elsewhere && std::fs::metadata(&written.path).is_ok_and(|found| !found.is_file()) {
            return Err(format!("{} is no file that can be read again", written.path.display()));
        }
        let epoch = written.progress.epoch;
        let after = base.map_or(0, Base::epoch);
        let covered = |record: &&EpochRecord| record.epoch > after && record.epoch <= epoch;
        let epochs = state.log.epochs().filter(covered).count();
        let chain = sink.elsewhere.then_some(written.progress.chain);
        Ok(Real { path: written.path.clone(), length: written.length, epoch, epochs, after, chain })
    };
    Compared { id: id.to_owned(), copy, journal: progress::path_of(folder, id), real: real() }
}

impl Compared {
    /// The last epoch that the replay may have, if what is compared is a chain.
    pub(super) fn ends(&self) -> Option<Epoch> {
        self.real.as_ref().ok().and_then(|real| real.chain.map(|_| real.epoch))
    }

    /// Compares the replay's output with the real one, line by line, up to where that counts.
    ///
    /// # Errors
    /// The replay's output cannot be read, or it was stopped before its end.
    pub fn compare(&self, disk: &dyn Disk) -> Result<Outcome, ReplayError> {
        let real = match &self.real {
            Ok(real) => real,
            Err(reason) => return Ok(Outcome::NotCompared(reason.clone())),
        };
        let fault = |error| ReplayError::Io { path: self.copy.clone(), error };
        let written = progress::written(disk, &self.journal).map_err(StoredStateError::Journal)?;
        let Progress { epoch: found, chain } = written.as_ref().map(|w| w.progress).unwrap_or_default();
        if found < real.epoch {
            return Err(ReplayError::Stopped { found, expected: real.epoch });
        }
        if let Some(expected) = real.chain {
            let bytes = written.map_or(0, |written| written.length);
            return Ok(if chain == expected {
                Outcome::Equal { epochs: real.epochs, bytes }
            } else {
                let what = format!("the chain of hashes is {expected}, that of the replay {chain}");
                Outcome::Differs { line: 0, epoch: Some(real.epoch), what }
            });
        }
        let is_same_end = found == real.epoch;
        let mut copy = BufReader::new(File::open(&self.copy).map_err(fault)?);
        let mut found = match File::open(&real.path) {
            Ok(file) => BufReader::new(file),
            Err(error) => {
                let what = format!("{}: {error}", real.path.display());
                return Ok(Outcome::Differs { line: 1, epoch: None, what });
            }
        };
        let length = copy.get_ref().metadata().map_err(fault)?.len();
        let (mut line, mut at) = match real.begins(&mut found, length) {
            Ok(begins) => begins,
            Err(error) => {
                let what = format!("{}: {error}", real.path.display());
                return Ok(Outcome::Differs { line: 1, epoch: None, what });
            }
        };
        let (first, begins) = (line, at);
        let (mut one, mut other) = (Vec::new(), Vec::new());
        while at < real.length {
            line += 1;
            one.clear();
            other.clear();
            let read = found.read_until(b'\n', &mut one);
            copy.read_until(b'\n', &mut other).map_err(fault)?;
            at += one.len() as u64;
            let what = match read {
                Err(error) => format!("{}: {error}", real.path.display()),
                Ok(0) => {
                    format!("{} ends before it, after {at} of {} bytes", real.path.display(), real.length)
                }
                Ok(_) if one == other => continue,
                Ok(_) if other.is_empty() => format!("the replay has {} lines", line - 1 - first),
                Ok(_) => format!("the replay has {}", shown(&other)),
            };
            // a line that was cut or changed may name none
            return Ok(Outcome::Differs { line, epoch: epoch_of(&other).or_else(|| epoch_of(&one)), what });
        }
        other.clear();
        copy.read_until(b'\n', &mut other).map_err(fault)?;
        match epoch_of(&other) {
            epoch if !other.is_empty() && (is_same_end || epoch.is_some_and(|epoch| epoch <= real.epoch)) => {
                let what =
                    format!("{} ends before it; the replay has {}", real.path.display(), shown(&other));
                Ok(Outcome::Differs { line: line + 1, epoch, what })
            }
            _ => Ok(Outcome::Equal { epochs: real.epochs, bytes: real.length - begins }),
        }
    }
}

impl Real {
    /// The lines and bytes that are not compared, after which the file stands; the replay has written `length` bytes.
    fn begins(&self, file: &mut BufReader<File>, length: u64) -> io::Result<(u64, u64)> {
        let (mut lines, mut at, mut line) = (0, 0, Vec::new());
        while self.after > 0 && at < self.length {
            line.clear();
            let read = file.read_until(b'\n', &mut line)? as u64;
            let is_old = match epoch_of(&line) {
                Some(epoch) => epoch <= self.after,
                None => at + length < self.length,
            };
            if read == 0 || !is_old {
                break;
            }
            (lines, at) = (lines + 1, at + read);
        }
        file.seek(SeekFrom::Start(at))?;
        Ok((lines, at))
    }
}

/// The epoch that an output line names.
fn epoch_of(line: &[u8]) -> Option<Epoch> {
    serde_json::from_slice::<Value>(line).ok()?.get("epoch")?.as_u64()
}

/// A line for people, not longer than they read.
fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end();
    match text.char_indices().nth(300) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}
