//! Files on a disk: what a process reads, and what a power cut may leave of it.
//!
//! A process reads what was written (the page cache); a power cut leaves of each file, on its own, any length between
//! what was synced and what was written, and perhaps a torn record after it. A file whose name is not synced may be
//! gone, or be the one before: `floor` counts what is on disk under its name for certain. A sync that failed leaves
//! its pages clean and not on disk: the next one says done and has done nothing.

use super::super::bits::Bits;
use super::rules::{Bounds, Rule};

/// A file of records.
#[derive(Clone, Copy)]
pub(crate) struct File<const N: usize> {
    pub(crate) records: [u8; N],
    /// Records written.
    pub(crate) len: u8,
    /// Records on disk for certain.
    pub(crate) floor: u8,
    pub(crate) made: bool,
    /// Its name is not on disk for certain.
    pub(crate) unnamed: bool,
    /// A part of a record lies after the last one.
    pub(crate) torn: bool,
    /// 1 + the number of valid records before a bad one that is followed by valid ones.
    pub(crate) hole: u8,
    /// A sync has failed: the cache is clean, the disk has not got it.
    pub(crate) lost: bool,
    /// The length before a cut that was not synced.
    pub(crate) before: u8,
}

impl<const N: usize> Default for File<N> {
    fn default() -> Self {
        File {
            records: [0; N],
            len: 0,
            floor: 0,
            made: false,
            unnamed: false,
            torn: false,
            hole: 0,
            lost: false,
            before: 0,
        }
    }
}

impl<const N: usize> File<N> {
    pub(crate) fn append(&mut self, record: u8) {
        if self.torn {
            (self.torn, self.hole) = (false, self.len + 1);
        }
        self.records[self.len as usize] = record;
        self.len += 1;
    }

    pub(crate) fn sync(&mut self) {
        if !self.lost && !self.unnamed {
            self.floor = self.len;
            self.before = 0;
            self.records[self.len as usize..].fill(0);
        }
    }

    /// A sync that says that it failed.
    pub(crate) fn fail(&mut self) {
        self.lost = true;
    }

    pub(crate) fn cut(&mut self, len: u8) {
        self.records[len as usize..].fill(0);
        self.len = len;
        (self.torn, self.lost) = (false, self.lost && self.floor < len);
        self.floor = self.floor.min(len);
        if self.hole > len {
            self.hole = 0;
        }
    }

    /// A cut that a power cut may undo.
    pub(crate) fn cut_unsynced(&mut self, len: u8) {
        let (records, before) = (self.records, self.before.max(self.len));
        self.cut(len);
        (self.records, self.before) = (records, if before > len { before } else { 0 });
    }

    /// F2: the valid prefix is copied, synced, renamed, and the directory synced. Between these nothing is gained yet
    /// and nothing lost, so they are one step. False: refused.
    pub(crate) fn open(&mut self, bounds: &Bounds) -> bool {
        if !self.made {
            (self.made, self.unnamed) = (true, !bounds.holds(Rule::NewFileNamed));
            return true;
        }
        if self.hole > 0 {
            if bounds.holds(Rule::RefuseHole) {
                return false;
            }
            self.cut(self.hole - 1);
        }
        self.torn &= !bounds.holds(Rule::CutTornTail);
        if !bounds.holds(Rule::CopyOnOpen) {
            return true;
        }
        if !bounds.holds(Rule::CopyNotSync) {
            self.sync();
            return true;
        }
        self.lost = false;
        self.unnamed = !bounds.holds(Rule::CopyNamed);
        if !bounds.holds(Rule::CopySynced) {
            self.floor = 0;
        } else if !self.unnamed {
            self.floor = self.len;
        }
        true
    }

    /// How many things a power cut may leave.
    pub(crate) fn remains(&self) -> u8 {
        2 * (self.len.max(self.before) - self.floor) + 1
    }

    /// One of them.
    pub(crate) fn remain(&mut self, which: u8) {
        let (len, torn) = (self.floor + which / 2, which % 2 == 1);
        let hole = self.hole;
        self.before = 0;
        self.cut(len);
        (self.floor, self.torn, self.lost, self.unnamed) = (len, torn, false, false);
        self.hole = if hole > len { 0 } else { hole };
    }

    pub(crate) fn last(&self) -> u8 {
        if self.len == 0 { 0 } else { self.records[self.len as usize - 1] }
    }

    pub(crate) fn pack(&mut self, bits: &mut Bits, width: u32) {
        for record in &mut self.records {
            bits.field(record, width);
        }
        bits.field(&mut self.len, 3);
        bits.field(&mut self.floor, 3);
        bits.field(&mut self.hole, 3);
        bits.field(&mut self.before, 2);
        bits.flag(&mut self.made);
        bits.flag(&mut self.unnamed);
        bits.flag(&mut self.torn);
        bits.flag(&mut self.lost);
    }
}

/// A checkpoint's file.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Image {
    /// It has its name, for whoever reads now.
    pub(crate) there: bool,
    pub(crate) synced: bool,
    pub(crate) named: bool,
    /// What the power cut left of it cannot be read.
    pub(crate) broken: bool,
}

impl Image {
    /// How many things a power cut may leave: it, whole or in part; nothing, when its name was not synced.
    pub(crate) fn remains(&self) -> u8 {
        if !self.there || self.named && self.synced {
            1
        } else if self.named || self.synced {
            2
        } else {
            3
        }
    }

    /// One of them.
    pub(crate) fn remain(&mut self, which: u8) {
        if !self.there {
            *self = Image::default();
        } else if which == 0 {
            (self.synced, self.named) = (true, true);
        } else if which == 1 && !self.synced {
            (self.broken, self.synced, self.named) = (true, true, true);
        } else {
            *self = Image::default();
        }
    }

    pub(crate) fn pack(&mut self, bits: &mut Bits) {
        bits.flag(&mut self.there);
        bits.flag(&mut self.synced);
        bits.flag(&mut self.named);
        bits.flag(&mut self.broken);
    }
}
