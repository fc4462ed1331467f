//! A followed source at a start: which file is which partition, whatever the files are called by now.
//!
//! The log says how each partition begins and how far it was read. A file is taken for a partition when it begins like it
//! and is long enough: first the one of that name, then any other that the source's path matches or that lies in the same
//! folder, since rotation renames (and may pack: the unpacked content counts). One that is not found may be gone if the
//! checkpoint covers all that the log has of it; else the start is refused. What is no known partition is a new one.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    growing::{FollowedFile, Growing},
    identity::{begins_like, unpacked_beginning},
    input::{FileId, file_id, open_input, packing},
    lines::LineReader,
    watch::{Tracked, Watch},
};
use crate::{
    connect::registry::{Known, OpenError, OpenSource, OpenedSource, SourceContext},
    engine::{
        disk::folder_of,
        log::record::Identity,
        partition::{Partition, RawChunk, SourceError},
    },
};

/// The files that a path names, in name order.
pub(super) fn files_that_match(pattern: &str) -> Result<Vec<PathBuf>, glob::PatternError> {
    let matches = glob::glob(pattern)?;
    let mut paths: Vec<PathBuf> = matches.filter_map(Result::ok).filter(|path| !path.is_dir()).collect();
    paths.sort();
    Ok(paths)
}

/// A file that may be a partition.
struct Candidate {
    path: PathBuf,
    id: FileId,
    length: u64,
    /// Of its unpacked content.
    beginning: Vec<u8>,
    /// The source's path matches it.
    matches: bool,
    taken: bool,
}

/// A partition whose file is gone: nothing more of it is read.
struct Gone;

impl Partition for Gone {
    fn read(&mut self, _: &mut RawChunk, _: usize, _: usize) -> Result<bool, SourceError> {
        Ok(false)
    }

    fn seek(&mut self, _: u64) -> Result<(), SourceError> {
        Ok(())
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (0, Some(0))
    }
}

/// Opens a followed source.
pub(super) fn open(pattern: &str, context: &SourceContext<'_>) -> Result<OpenedSource, OpenError> {
    let matches = files_that_match(pattern).map_err(|error| {
        fault(pattern, error.to_string(), "`*`, `?`, `[a-z]` and `**` are known in a path")
    })?;
    let mut candidates = Vec::new();
    for path in matches {
        candidates.extend(candidate(path, true)?);
    }
    let mut found: Vec<Option<usize>> = vec![None; context.known.len()];
    // the newest of a name first: it is the one that has it still
    for (known, found) in context.known.iter().zip(&mut found).rev() {
        let has_its_name = |c: &Candidate| c.path == Path::new(&known.record.name);
        *found = take(&mut candidates, |candidate| has_its_name(candidate) && is_it(candidate, known));
    }
    for (known, found) in context.known.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
        // of an empty beginning nothing can be known again
        if known.record.identity.bytes > 0 {
            add_siblings(&mut candidates, folder_of(Path::new(&known.record.name)));
            *found = take(&mut candidates, |candidate| is_it(candidate, known));
        }
    }
    let mut opened = OpenedSource { partitions: Vec::new(), arrivals: None };
    let mut tracked = Vec::new();
    for (known, found) in context.known.iter().zip(found) {
        let record = &known.record;
        let partition = match found.map(|found| &candidates[found]) {
            Some(candidate) => open_known(candidate, known, context, &mut tracked)
                .map_err(|error| fault(&record.name, error.to_string(), READABLE))?,
            None => {
                may_be_gone(known, &candidates)?;
                Box::new(Gone)
            }
        };
        opened.partitions.push(OpenSource {
            name: record.name.clone(),
            identity: record.identity.clone(),
            start: 0,
            topic: None,
            partition,
        });
    }
    if context.reads_on {
        let next = context.known.last().map_or(0, |known| known.record.number + 1);
        let mut watch = Watch::new(context.id, pattern, context.max_record_bytes, next, tracked);
        let here = candidates.iter().any(|candidate| candidate.matches);
        if !here {
            tracing::warn!(source = context.id, path = pattern, "no such file yet: it is waited for");
        }
        let came = watch.new_files().map_err(|error| fault(pattern, error.to_string(), READABLE))?;
        opened.partitions.extend(came.into_iter().map(|(record, reader)| OpenSource {
            name: record.name,
            identity: record.identity,
            start: 0,
            topic: None,
            partition: Box::new(reader),
        }));
        opened.arrivals = Some(Box::new(watch));
    }
    Ok(opened)
}

const READABLE: &str = "can it be read by this user?";

fn fault(target: &str, reason: String, hint: &str) -> OpenError {
    OpenError { target: target.to_owned(), reason, hint: hint.to_owned() }
}

/// A file as it is now; `None` where there is none any more.
fn candidate(path: PathBuf, matches: bool) -> Result<Option<Candidate>, OpenError> {
    let name = path.display().to_string();
    let Ok(metadata) = std::fs::metadata(&path) else { return Ok(None) };
    if !metadata.is_file() {
        let hint = "a pipe ends when who writes there does: leave `follow` out, or let it write to a file";
        return Err(fault(&name, "it is a pipe or a device, and cannot be followed".into(), hint));
    }
    let beginning = unpacked_beginning(&path).map_err(|error| fault(&name, error.to_string(), READABLE))?;
    let (id, length) = (file_id(&metadata), metadata.len());
    Ok(Some(Candidate { path, id, length, beginning, matches, taken: false }))
}

/// Adds what else lies in a folder and can be read.
fn add_siblings(candidates: &mut Vec<Candidate>, folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths.into_iter().filter(|path| path.is_file()) {
        // a name of the working folder is written without it
        let path = path.strip_prefix("./").map(Path::to_owned).unwrap_or(path);
        if let Ok(Some(candidate)) = candidate(path, false)
            && !candidates.iter().any(|other| other.id == candidate.id)
        {
            candidates.push(candidate);
        }
    }
}

fn take(candidates: &mut [Candidate], is_it: impl Fn(&Candidate) -> bool) -> Option<usize> {
    let found = candidates.iter().position(|candidate| !candidate.taken && is_it(candidate))?;
    candidates[found].taken = true;
    Some(found)
}

/// How long a file has to be at least to be a partition.
fn needed(known: &Known) -> u64 {
    known.record.end.unwrap_or(0).max(known.covered).max(known.bound)
}

fn is_it(candidate: &Candidate, known: &Known) -> bool {
    begins_like(&candidate.beginning, &known.record.identity)
        && match packing(&candidate.path) {
            None => candidate.length >= needed(known),
            Some(_) => open_input(&candidate.path, needed(known), &Arc::default()).is_ok(),
        }
}

fn open_known(
    candidate: &Candidate,
    known: &Known,
    context: &SourceContext<'_>,
    tracked: &mut Vec<Tracked>,
) -> std::io::Result<Box<dyn Partition>> {
    let record = &known.record;
    if candidate.path != Path::new(&record.name) {
        let (file, now) = (&record.name, candidate.path.display().to_string());
        tracing::info!(source = context.id, file, now, "a file has another name now");
    }
    let (path, name) = (&candidate.path, record.name.clone());
    // where nothing new is read, what the log covers is all there is
    let end = record.end.or((!context.reads_on).then(|| needed(known)));
    if packing(path).is_some() {
        let reader = LineReader::open(path, name, context.max_record_bytes)?;
        return Ok(Box::new(reader.until(end.unwrap_or(u64::MAX))));
    }
    let file = FollowedFile::open(path, end)?;
    tracked.push(Tracked::new(record.clone(), path.clone(), candidate.id, Arc::clone(&file)));
    let growing: Box<dyn Growing> = Box::new(file);
    Ok(Box::new(LineReader::follow(growing, name, context.max_record_bytes)))
}

/// Refuses a start that cannot do without a file.
fn may_be_gone(known: &Known, candidates: &[Candidate]) -> Result<(), OpenError> {
    let Known { record, covered, bound } = known;
    let cut = candidates.iter().find(|candidate| {
        !candidate.taken
            && candidate.path == Path::new(&record.name)
            && record.identity.bytes > 0
            && begins_like(&candidate.beginning, &record.identity)
    });
    if let Some(cut) = cut {
        return Err(fault(
            &record.name,
            format!(
                "it was read up to byte {} before, and is shorter now ({} bytes): it was cut",
                needed(known),
                cut.length
            ),
            "put what it was in the same folder, under any name, and it is read on there; or begin anew with --from-scratch",
        ));
    }
    if bound > covered {
        let Identity { bytes, hash } = &record.identity;
        return Err(fault(
            &record.name,
            format!(
                "bytes {covered} to {bound} of it have to be read again, since no checkpoint covers them, and neither it nor \
                 another file in {} begins like it (the BLAKE3 of its first {bytes} bytes is {hash}) and is as long",
                folder_of(Path::new(&record.name)).display()
            ),
            "put it back into that folder, under any name, packed (.gz, .zst) or not; or begin anew with --from-scratch",
        ));
    }
    if record.end.is_some() {
        tracing::info!(file = record.name, bytes = covered, "a file that was read to its end is gone");
    } else {
        tracing::warn!(
            file = record.name,
            bytes = covered,
            "a file is gone; what it had up to this byte was read, and what came after it is not"
        );
    }
    Ok(())
}
