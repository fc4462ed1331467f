//! What is removed once a checkpoint counts: the files that neither it nor the other one that is kept names, then the log up
//! to the older of the two.
//!
//! What a newer generation has put there is not touched, nor what another program has: only folders that are named like
//! those of checkpoints are looked into.

use std::{
    collections::{BTreeSet, VecDeque},
    io,
};

use super::{
    super::Epoch,
    builder::BuilderContext,
    manifest::{FileEntry, MANIFEST},
};

/// The folder of all checkpoints below the state.
pub const CHECKPOINTS: &str = "checkpoints";

/// The checkpoints that count, oldest first, with their files.
#[derive(Default)]
pub(super) struct Kept(VecDeque<(Epoch, BTreeSet<String>)>);

impl Kept {
    /// A checkpoint counts from now on.
    pub(super) fn push(&mut self, epoch: Epoch, folder: &str, files: &[FileEntry]) {
        let files = files.iter().map(|file| file.path.clone());
        self.0.push_back((epoch, files.chain([format!("{folder}/{MANIFEST}")]).collect()));
    }

    /// The newest counts no more.
    pub(super) fn forget_newest(&mut self) {
        self.0.pop_back();
    }

    /// Whether there are two.
    pub(super) fn two(&self) -> bool {
        self.0.len() == 2
    }

    /// Removes what neither of the two newest names, then what the log need not keep.
    pub(super) fn collect(&mut self, context: &BuilderContext) -> io::Result<()> {
        while self.0.len() > 2 {
            self.0.pop_front();
        }
        for folder in context.store.list(CHECKPOINTS)? {
            let of_newer = generation_of(&folder).is_none_or(|generation| generation > context.generation);
            if of_newer {
                continue;
            }
            let (mut left, path) = (0, format!("{CHECKPOINTS}/{folder}"));
            for name in context.store.list(&path)? {
                let below = format!("{path}/{name}");
                if self.0.iter().any(|(_, named)| named.contains(&below)) {
                    left += 1;
                } else {
                    context.store.remove(&below)?;
                }
            }
            if left == 0 {
                context.store.remove_folder(&path)?;
            }
        }
        if let [(older, _), _] = self.0.make_contiguous() {
            context.log.truncate(*older);
        }
        Ok(())
    }
}

fn generation_of(folder: &str) -> Option<u64> {
    folder.split_once('-')?.1.parse().ok()
}
