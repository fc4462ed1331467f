//! It really checks: what is damaged, cut or gone is named, or an older checkpoint is used; nothing wrong ever comes out.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use dirigent::topology::assemble::RunError;

use super::{
    disk::{Fault, SimDisk},
    outcome::{checkpoints, kept, log},
    random::Random,
    scene::Scene,
};

/// Goes on over a damaged disk with the same input: refused, or the bytes that were expected. What was told.
fn go_on(scene: &Scene, disk: &SimDisk, how: &str) -> Option<String> {
    let leg = scene.legs() - 1;
    let _ = scene.before(leg, Fault::Nothing);
    disk.told(how);
    match scene.start(2).run(Arc::new(disk.clone())) {
        Ok(ended) => {
            scene.same(leg, disk, &ended, how);
            None
        }
        Err(error) => Some(told(&error)),
    }
}

fn told(error: &RunError) -> String {
    match error {
        RunError::Open(open) => format!("{open} ({})", open.hint),
        error => error.to_string(),
    }
}

/// What an error may call a file: itself, its sink, or the log.
fn names(told: &str, path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    let sink = name.split('.').next().unwrap_or_default();
    let is_log = name == "epochs.log" && told.contains("log");
    told.contains(&*name) || told.contains(&format!("sink {sink}")) || is_log
}

fn whole(scene: &Scene) -> SimDisk {
    scene.after(scene.legs() - 1, Fault::Nothing)
}

/// Files that a run looks at again; a published model is for others to read.
fn durable_files(disk: &SimDisk) -> Vec<(PathBuf, Vec<u8>)> {
    let files = disk.files().into_iter();
    files.filter(|(path, bytes)| !path.starts_with("state/models") && !bytes.is_empty()).collect()
}

#[test]
fn a_flipped_bit_is_named_or_an_older_checkpoint_is_used() {
    let scene = Scene::new();
    let mut random = Random::new(5);
    let (mut refused, mut used) = (BTreeMap::<String, usize>::new(), BTreeMap::<String, usize>::new());
    for (path, good) in durable_files(&whole(&scene)) {
        let many = if path.extension().is_some_and(|ending| ending == "parquet") { 1 } else { 4 };
        for n in 0..many {
            let disk = whole(&scene);
            let at = if n == 0 { good.len() - 1 } else { random.below(good.len()) };
            let bit = random.below(8);
            let mut bytes = good.clone();
            bytes[at] ^= 1 << bit;
            disk.replace(&path, Some(bytes));
            let how = format!("bit {bit} of byte {at} of {} in {}", good.len(), path.display());
            let kind = path.file_name().unwrap().to_string_lossy().into_owned();
            match go_on(&scene, &disk, &how) {
                None => *used.entry(kind).or_default() += 1,
                Some(told) => {
                    assert!(names(&told, &path), "{how}: {told}");
                    *refused.entry(kind).or_default() += 1;
                }
            }
        }
    }
    // an output that was changed is not written to
    for sink in ["scored", "products", "models", "dead"] {
        assert_eq!(refused.get(&format!("{sink}.jsonl")), Some(&4), "{sink}: {refused:#?}");
    }
    assert!(
        refused.contains_key("epochs.log") && used.contains_key("manifest.json"),
        "{refused:#?} {used:#?}"
    );
    println!("refused by name: {refused:#?}; gone on from what is whole, to the same bytes: {used:#?}");
}

#[test]
fn what_is_gone_or_cut_is_refused_by_name() {
    let scene = Scene::new();
    let refusal = |path: &str, shorter: bool| {
        let disk = whole(&scene);
        let path = Path::new(path);
        let rest = shorter.then(|| disk.files()[path].split_last().unwrap().1.to_vec());
        disk.replace(path, rest);
        go_on(&scene, &disk, &format!("{} is gone or cut", path.display())).unwrap()
    };
    for (path, shorter, words) in [
        ("state/progress/scored.log", false, "not written by this topology's state"),
        ("state/progress/dead-letters.jsonl.log", false, "not written by this topology's state"),
        ("state/epochs.log", false, "a part of the log is gone"),
        ("out/scored.jsonl", false, "it has 0 bytes"),
        ("out/products.jsonl", true, "that were written"),
    ] {
        let told = refusal(path, shorter);
        assert!(told.contains(words) && told.contains("--from-scratch"), "{path}: {told}");
    }
}

#[test]
fn without_any_checkpoint_that_is_whole_a_run_is_refused() {
    let scene = Scene::new();
    let disk = whole(&scene);
    let both = kept(&disk, scene.root());
    let manifest = |n: usize| Path::new("state").join(&both[n].0.path).join("manifest.json");
    assert_eq!(both.len(), 2);
    disk.replace(&manifest(0), None);
    let grown = scene.after(scene.legs() - 2, Fault::Nothing);
    let newest = checkpoints(&log(&grown, scene.root())).pop().unwrap();
    grown.replace(&Path::new("state").join(newest.path).join("manifest.json"), None);
    assert_eq!(go_on(&scene, &grown, "the newest manifest is gone, and the input has grown"), None);
    assert_eq!(go_on(&scene, &disk.copy(Fault::Nothing), "the newest manifest is gone"), None);
    disk.replace(&manifest(1), None);
    let told = go_on(&scene, &disk, "both manifests are gone").unwrap();
    assert!(
        told.contains("no checkpoint can be used") && told.contains("manifest.json is missing"),
        "{told}"
    );
}
