//! It really resumes: what a checkpoint covers is not read again; and what it does not cover must be what it was.

use std::{fs, path::PathBuf, sync::Arc};

use dirigent::{
    engine::{
        checkpoint::{manifest::Manifest, store::LocalStore},
        disk::Disk,
        intake::IntakeError,
        sink::SinkError,
    },
    topology::assemble::RunError,
};

use super::{
    disk::{Crash, Fault, SimDisk},
    drive::{Ended, Start},
    outcome::{checkpoints, log},
    scene::Scene,
};

/// A disk on which a run has logged and written everything, and its only checkpoint, that of its end, does not count.
fn without_last_checkpoint(scene: &Scene, leg: usize, crash: Crash) -> SimDisk {
    let disk = scene.before(leg, Fault::StopAt("manifest.json"));
    let start = Start::new(&scene.topology.replace("checkpoint: 1ms", "checkpoint: 365d"), 1);
    assert!(start.topology != scene.topology && start.run(Arc::new(disk.clone())).is_err());
    let next = disk.after(crash, Fault::Nothing, 0);
    let contents = log(&next, scene.root());
    let newest = checkpoints(&contents).pop().map_or(0, |checkpoint| checkpoint.epoch);
    assert!(contents.epochs().any(|record| record.epoch > newest && !record.commands.is_empty()));
    assert!(contents.epochs().filter(|record| record.epoch > newest).count() > 1);
    next
}

/// Bytes of the input that the newest checkpoint of a disk does not cover.
fn not_covered(scene: &Scene, disk: &SimDisk) -> u64 {
    let newest = checkpoints(&log(disk, scene.root())).pop().unwrap();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let manifest =
        Manifest::read(&*LocalStore::shared(&shared, &scene.root().join("state")), &newest).unwrap();
    let covered: u64 = manifest.positions.values().map(|position| position.offset).sum();
    assert!(covered > 0);
    input_bytes(scene) - covered
}

fn input_files(scene: &Scene) -> Vec<PathBuf> {
    let files = fs::read_dir(scene.root().join("in")).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

fn input_bytes(scene: &Scene) -> u64 {
    input_files(scene).iter().map(|file| fs::metadata(file).unwrap().len()).sum()
}

fn read_again(ended: &Ended) -> u64 {
    ended.progress.read - ended.progress.before
}

#[test]
fn what_a_checkpoint_covers_is_not_read_again() {
    let scene = Scene::new();
    for leg in 1..scene.legs() {
        let disk = scene.before(leg, Fault::Nothing);
        let rest = not_covered(&scene, &disk);
        let ended = scene.start(3).run(Arc::new(disk.clone())).unwrap();
        assert!(ended.resumed.checkpoint > 0 && rest < input_bytes(&scene));
        assert_eq!(read_again(&ended), rest, "run {leg}");
        let again = scene.start(1).run(Arc::new(disk.clone())).unwrap();
        assert_eq!((read_again(&again), again.resumed.replayed), (0, 0), "a run that has nothing to do");
        scene.check(leg, &disk, &again, "a run that has nothing to do");
    }
    let disk = without_last_checkpoint(&scene, scene.legs() - 1, Crash::Process);
    let rest = not_covered(&scene, &disk);
    let ended = scene.start(2).run(Arc::new(disk.clone())).unwrap();
    assert!(ended.resumed.replayed > 1);
    assert_eq!(read_again(&ended), rest);
    scene.check(scene.legs() - 1, &disk, &ended, "replayed");
}

#[test]
fn an_input_that_was_changed_under_the_log_is_refused() {
    let scene = Scene::new();
    let disk = without_last_checkpoint(&scene, scene.legs() - 1, Crash::Process);
    let file = scene.root().join("in/reviews-1.jsonl");
    let good = fs::read(&file).unwrap();
    // of the last line, which no checkpoint covers
    let (mut shorter, mut other, mut longer) = (good.clone(), good.clone(), good.clone());
    let text = good.windows(8).rposition(|window| window == b"\"text\":\"").unwrap() + 8;
    shorter.remove(text);
    longer.insert(text, b'x');
    other[text] = if good[text] == b'x' { b'y' } else { b'x' };
    fs::write(&file, shorter).unwrap();
    match scene.start(2).run(Arc::new(disk.copy(Fault::Nothing))) {
        Err(RunError::Intake(IntakeError::Changed { logged, found, .. })) => {
            assert!(logged.contains("reviews/1 up to") && logged != found, "{logged}, {found}");
        }
        other => panic!("{:?}", other.err()),
    }
    // as long as before, or as a line that had no newline and has gone on: the log does not tell, but what was written does
    for changed in [other, longer] {
        fs::write(&file, changed).unwrap();
        match scene.start(2).run(Arc::new(disk.copy(Fault::Nothing))) {
            // whichever sink is first to see it
            Err(RunError::Sink(SinkError::Differs { sink, .. })) => {
                assert!(["scored", "products", "models", "dead-letters.jsonl"].contains(&&*sink), "{sink}");
            }
            other => panic!("{:?}", other.err()),
        }
    }
    fs::write(&file, &good[..good.len() / 2]).unwrap();
    let error = scene.start(2).run(Arc::new(disk.copy(Fault::Nothing))).err().unwrap().to_string();
    assert!(error.contains("reviews-1.jsonl") || error.contains("reviews/1"), "{error}");
    let mut first = good.clone();
    first[20] ^= 1;
    fs::write(&file, first).unwrap();
    let error = scene.start(2).run(Arc::new(disk.copy(Fault::Nothing))).err().unwrap().to_string();
    assert!(error.contains("reviews-1.jsonl is not the file that was read before"), "{error}");
    fs::write(&file, good).unwrap();
    scene.finish(scene.legs() - 1, &disk, 2, "with the old input again");
}

/// The second run has logged the end of its input, and crashed before a checkpoint covered it; then the input grows.
#[test]
fn an_input_may_grow_though_no_checkpoint_covers_its_end() {
    let scene = Scene::new();
    let last = scene.legs() - 1;
    for crash in [Crash::Process, Crash::Power] {
        let disk = without_last_checkpoint(&scene, last - 1, crash);
        let _ = scene.before(last, Fault::Nothing);
        scene.finish(last, &disk, 3, "grown after an end that no checkpoint covers");
    }
}
