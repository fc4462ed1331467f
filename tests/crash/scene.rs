//! A state that is built by three runs, its input longer for each; what it is after each when nothing interrupts them.

use std::{path::Path, sync::Arc};

use dirigent::operators::books::Balance;

use super::{
    disk::{Fault, SimDisk},
    drive::{Ended, Start},
    input,
    outcome::{Outcome, litter},
};

/// How many epochs the input has in each run.
const EPOCHS: [usize; 3] = [4, 7, 10];
/// Lines of an epoch and partition.
const LINES: usize = 10;

/// The three runs.
pub(super) struct Scene {
    folder: tempfile::TempDir,
    pub(super) topology: String,
    legs: Vec<(Outcome, SimDisk)>,
}

impl Scene {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let topology = input::topology(folder.path(), &folder.path().join("in"));
        let mut scene = Self { folder, topology, legs: Vec::new() };
        for leg in 0..EPOCHS.len() {
            let disk = scene.before(leg, Fault::Nothing);
            let ended = scene.start(2).run(Arc::new(disk.clone())).unwrap();
            scene.legs.push((Outcome::of(&disk, scene.root(), &ended), disk.copy(Fault::Nothing)));
            scene.check(leg, &disk, &ended, "uninterrupted");
        }
        let cases = scene.legs.last().unwrap().0.output("cases.jsonl");
        for state in ["pending", "firing", "resolved"] {
            assert!(cases.contains(&format!("\"state\":\"{state}\"")), "no case is {state}:\n{cases}");
        }
        scene
    }

    /// How many runs it has.
    pub(super) fn legs(&self) -> usize {
        self.legs.len()
    }

    /// Where state and outputs lie, and the input in `in`.
    pub(super) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn start(&self, workers: usize) -> Start {
        Start::new(&self.topology, workers)
    }

    /// The disk before a run, and the input for it.
    pub(super) fn before(&self, leg: usize, fault: Fault) -> SimDisk {
        input::write(&self.root().join("in"), EPOCHS[leg], LINES);
        match leg.checked_sub(1) {
            Some(before) => self.legs[before].1.copy(fault),
            None => SimDisk::new(self.root()).copy(fault),
        }
    }

    /// The disk after a run that nothing interrupted.
    pub(super) fn after(&self, leg: usize, fault: Fault) -> SimDisk {
        let _ = self.before(leg, Fault::Nothing);
        self.legs[leg].1.copy(fault)
    }

    /// What a run is to give.
    pub(super) fn expected(&self, leg: usize) -> &Outcome {
        &self.legs[leg].0
    }

    /// Holds what a run left to the uninterrupted one; nothing needless may be left.
    pub(super) fn check(&self, leg: usize, disk: &SimDisk, ended: &Ended, how: &str) {
        self.same(leg, disk, ended, how);
        let litter = litter(disk, self.root());
        assert!(litter.is_empty(), "run {leg}, {how}: {litter:#?}");
    }

    /// Holds what a run gave to the uninterrupted one.
    pub(super) fn same(&self, leg: usize, disk: &SimDisk, ended: &Ended, how: &str) {
        let found = Outcome::of(disk, self.root(), ended);
        let differences = found.differences(self.expected(leg));
        assert!(differences.is_empty(), "run {leg}, {how}: {differences:#?}");
        assert!(found.books().values().all(Balance::balances), "{how}: {:?}", found.books());
    }

    /// Goes on after a crash until the end.
    pub(super) fn finish(&self, leg: usize, disk: &SimDisk, workers: usize, how: &str) {
        disk.told(&format!("run {leg}, {how}"));
        match self.start(workers).run(Arc::new(disk.clone())) {
            Ok(ended) => self.check(leg, disk, &ended, how),
            Err(error) => panic!("run {leg}, {how}: {error}"),
        }
    }
}
