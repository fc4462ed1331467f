//! Events again, later: as later versions of the same reviews, or some of them as reviews of their own.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use crate::yardstick::Outcome;

/// Events again, later.
pub(crate) struct Later {
    path: PathBuf,
    lines: BufReader<File>,
    events: u64,
    turn: u64,
    /// Every so many get an id of their own; 0: none.
    new_every: u64,
    given: u64,
    line: Vec<u8>,
    made: Vec<u8>,
}

impl Later {
    pub(crate) fn new(path: &Path, events: u64, turn: u64, new_every: u64) -> Outcome<Self> {
        let lines = BufReader::with_capacity(1 << 20, File::open(path)?);
        let (line, made) = (Vec::new(), Vec::new());
        Ok(Self { path: path.to_owned(), lines, events, turn, new_every, given: 0, line, made })
    }

    pub(crate) fn line(&mut self) -> Outcome<&[u8]> {
        self.line.clear();
        if self.lines.read_until(b'\n', &mut self.line)? == 0 {
            self.lines = BufReader::with_capacity(1 << 20, File::open(&self.path)?);
            self.turn += 1;
            self.lines.read_until(b'\n', &mut self.line)?;
        }
        self.given += 1;
        self.made.clear();
        let mut rest = &self.line[..];
        if self.new_every > 0
            && self.given.is_multiple_of(self.new_every)
            && let Some(at) = find(rest, b"\"review_id\":\"r")
        {
            let (before, after) = rest.split_at(at + 13);
            self.made.extend_from_slice(before);
            self.made.extend_from_slice(format!("{}-", self.turn).as_bytes());
            rest = after;
        }
        // 200 ms between two events
        let shift = self.turn * self.events * 200;
        if let Some(at) = find(rest, b"\"ts\":") {
            let (before, after) = rest.split_at(at + 5);
            let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if let Ok(ts) = std::str::from_utf8(&after[..digits])?.parse::<u64>() {
                self.made.extend_from_slice(before);
                self.made.extend_from_slice((ts + shift).to_string().as_bytes());
                rest = &after[digits..];
            }
        }
        self.made.extend_from_slice(rest);
        Ok(&self.made)
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
