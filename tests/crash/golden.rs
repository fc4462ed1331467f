//! The golden topologies, each crashed at operations of its run and gone on with by another number of workers: the files
//! are those of `expected/`, as those of an uninterrupted run are.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    disk::{Crash, Fault, SimDisk},
    drive::Start,
};

/// A case, its input copied below a root of its own.
struct Case {
    name: String,
    root: tempfile::TempDir,
    start: Start,
    expected: BTreeMap<String, Vec<u8>>,
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file()).collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

impl Case {
    fn new(folder: &Path) -> Self {
        let root = tempfile::tempdir().unwrap();
        for file in files(folder) {
            fs::copy(&file, root.path().join(name(&file))).unwrap();
        }
        let below = format!("{}/", root.path().display());
        let lines = fs::read_to_string(folder.join("topology.yaml")).unwrap();
        let lines = lines.lines().map(|line| {
            let line = line.replace("path: \"", &format!("path: \"{below}"));
            let plain = !line.contains("path: \"");
            let line = if plain { line.replace("path: ", &format!("path: {below}")) } else { line };
            let line = line.replace("{ file: ", &format!("{{ file: {below}"));
            line.replace("file:./", &format!("file:{below}")) + "\n"
        });
        let topology = lines.collect::<String>() + "checkpoint: 1ms\n";
        let expected = files(&folder.join("expected")).into_iter();
        let expected = expected.map(|file| (name(&file), fs::read(file).unwrap())).collect();
        Self { name: name(folder), root, start: Start::new(&topology, 1), expected }
    }

    fn start(&self, workers: usize) -> Start {
        Start { workers, ..self.start.clone() }
    }

    /// Holds the outputs to what is expected: a dead letter names the file it is from, which lies elsewhere here.
    fn check(&self, disk: &SimDisk, how: &str) {
        let root = format!("{}/", self.root.path().display());
        for (name, expected) in &self.expected {
            let found = disk.files().remove(&Path::new("out").join(name)).unwrap_or_default();
            let found = String::from_utf8(found).unwrap().replace(&root, "");
            assert!(found.as_bytes() == expected, "{}, {how}: {name} is\n{found}", self.name);
        }
    }
}

#[test]
fn golden_topologies_survive_crashes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut folders: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let (step, mut taken) = (if super::points::all() { 1 } else { 61 }, 0);
    for (n, folder) in folders.iter().enumerate() {
        let case = Case::new(folder);
        let mut crashes = 0;
        for at in (n as u64..).step_by(step) {
            let crash = if crashes % 2 == 0 { Crash::Process } else { Crash::Power };
            let disk = SimDisk::new(case.root.path()).copy(Fault::Stop(at));
            let workers = 1 + crashes % 4;
            let outcome = case.start(workers).run(Arc::new(disk.clone()));
            let Some(struck) = disk.struck() else {
                outcome.unwrap();
                case.check(&disk, "uninterrupted");
                break;
            };
            let next = disk.after(crash, Fault::Nothing, at);
            let how = format!("{crash:?} crash at {at}, {struck}");
            let again = case.start(1 + (workers + 1) % 4).run(Arc::new(next.clone()));
            again.unwrap_or_else(|error| panic!("{}, {how}: {error}", case.name));
            case.check(&next, &how);
            crashes += 1;
        }
        assert!(crashes > 1, "{} has been crashed {crashes} times", case.name);
        taken += crashes;
    }
    println!("{taken} crashes of {} golden topologies", folders.len());
}
