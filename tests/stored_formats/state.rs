//! Stored states: each folder of `tests/stored_formats/state` holds what some runs left when its format was new
//! (`stored/`: the epoch log, two checkpoints, progress, models, outputs), their input and that of one run more (`in/1`, `in/2`
//! and so on), and the outputs that the last one must give, to the byte. This version must go on from there, also from
//! the older of the two checkpoints, and where nothing depends on time it must leave the same files again.
//!
//! `DIRIGENT_BLESS=1` makes the files of the present format anew: only when that was not released yet. Older ones
//! cannot be made again.

#[path = "../oracle/binary.rs"]
mod binary;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use dirigent::{
    engine::checkpoint::{Change, FileContext, KeyedChange, decode, encode},
    operators::row::Review,
};

/// The format that this version writes.
const PRESENT: &str = "format-2";

fn folder(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stored_formats/state").join(format)
}

fn write(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file is written");
    }
}

/// A folder with the topology and the input of the first `runs` runs.
fn scene(format: &str, runs: usize) -> tempfile::TempDir {
    let scene = tempfile::tempdir().expect("a folder");
    fs::copy(folder(format).join("topology.yaml"), scene.path().join("topology.yaml")).expect("a topology");
    add_input(format, scene.path(), 1..=runs);
    scene
}

fn add_input(format: &str, scene: &Path, runs: impl Iterator<Item = usize>) {
    for run in runs {
        for (name, bytes) in binary::files(&folder(format).join("in").join(run.to_string()), "") {
            let path = scene.join(name);
            let before = fs::read(&path).unwrap_or_default();
            fs::write(path, [before, bytes].concat()).expect("input is written");
        }
    }
}

/// What a run leaves: state and outputs.
fn left(scene: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = binary::files(&scene.join("state"), "state/");
    files.extend(outputs(scene));
    files
}

fn outputs(scene: &Path) -> BTreeMap<String, Vec<u8>> {
    binary::files(&scene.join("out"), "out/")
}

/// How many runs are stored: there is input for one more.
fn stored_runs(format: &str) -> usize {
    fs::read_dir(folder(format).join("in")).expect("input").count() - 1
}

/// A folder as the stored runs left it, and the input of the run after them.
fn go_on(format: &str) -> tempfile::TempDir {
    let scene = scene(format, stored_runs(format) + 1);
    write(scene.path(), &binary::files(&folder(format).join("stored"), ""));
    scene
}

fn run(scene: &Path, workers: usize) {
    binary::start(scene, workers, &[]).unwrap_or_else(|why| panic!("{why}"));
}

/// The stored runs, by this version.
fn made(format: &str) -> tempfile::TempDir {
    let scene = scene(format, 1);
    run(scene.path(), 1);
    for n in 2..=stored_runs(format) {
        add_input(format, scene.path(), n..=n);
        run(scene.path(), n);
    }
    scene
}

fn bless(format: &str) {
    for name in ["stored", "expected"] {
        if let Err(error) = fs::remove_dir_all(folder(format).join(name)) {
            println!("{name}: {error}");
        }
    }
    write(&folder(format).join("stored"), &left(made(format).path()));
    let scene = go_on(format);
    run(scene.path(), 1);
    write(&folder(format).join("expected"), &outputs(scene.path()));
    fs::write(folder(format).join("delta.parquet"), encoded(&changes(format))).expect("a delta is written");
}

/// Every third row of the stored bases as a change, and between them keys that are gone.
fn changes(format: &str) -> Vec<Change<Review>> {
    let mut rows = Vec::new();
    for (name, bytes) in binary::files(&folder(format).join("stored"), "") {
        if name.contains("current.") && name.ends_with("base.parquet") {
            rows.extend(decode::<Review>(bytes.into()).unwrap_or_else(|error| panic!("{name}: {error}")));
        }
    }
    rows.sort_by(|a, b| a.key().cmp(b.key()));
    rows.dedup_by(|a, b| a.key() == b.key());
    let change = |(n, row): (usize, Change<Review>)| match n % 3 {
        0 => row,
        _ => Change::Delete(row.key().into()),
    };
    rows.into_iter().enumerate().map(change).collect()
}

fn encoded(changes: &[Change<Review>]) -> Vec<u8> {
    let context = FileContext { step: "sentiment.current".to_owned(), shard: 0, epoch: 1_704_067_200_000 };
    encode(changes, &context).expect("a delta")
}

/// Whether a delta is on disk, and a run reads one, depends on time; so it has a file of its own.
#[test]
fn a_delta_of_every_format_is_read() {
    for format in &formats() {
        let stored = fs::read(folder(format).join("delta.parquet")).expect("a delta");
        let found = decode::<Review>(stored.clone().into()).expect("is read");
        let expected = changes(format);
        assert!(expected.len() > 20 && encoded(&found) == encoded(&expected), "{format}: {found:#?}");
        assert!(format != PRESENT || encoded(&found) == stored, "it is not written as it was");
    }
}

fn formats() -> Vec<String> {
    let folders = fs::read_dir(folder("")).expect("the folder of formats").flatten();
    let mut formats: Vec<String> =
        folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    formats.sort();
    assert!(formats.iter().any(|format| format == PRESENT), "{formats:?}");
    formats
}

#[test]
fn a_run_goes_on_from_every_format() {
    if std::env::var_os("DIRIGENT_BLESS").is_some() {
        bless(PRESENT);
    }
    for format in &formats() {
        let expected = binary::files(&folder(format).join("expected"), "");
        assert!(expected.len() > 2, "{format} has no expected outputs");
        for workers in [1, 3] {
            let scene = go_on(format);
            let verified = Command::new(env!("CARGO_BIN_EXE_dirigent"))
                .args(["state", "verify", "topology.yaml"])
                .current_dir(scene.path())
                .output()
                .expect("the binary starts");
            assert!(verified.status.success(), "{format}: {}", String::from_utf8_lossy(&verified.stderr));
            run(scene.path(), workers);
            assert!(outputs(scene.path()) == expected, "{format}, {workers} workers: other outputs");
        }
    }
}

/// The newest checkpoint is gone: the older one and the epochs of the log after it are read.
#[test]
fn the_older_checkpoint_and_the_log_are_read_too() {
    for format in &formats() {
        let scene = go_on(format);
        let manifest = |name: &String| name.ends_with("manifest.json");
        let mut manifests: Vec<_> = left(scene.path()).into_keys().filter(manifest).collect();
        assert_eq!(manifests.len(), 2, "{format} has two checkpoints");
        manifests.sort();
        fs::remove_file(scene.path().join(&manifests[1])).expect("the newest manifest is removed");
        run(scene.path(), 2);
        let expected = binary::files(&folder(format).join("expected"), "");
        assert!(outputs(scene.path()) == expected, "{format}: other outputs");
    }
}

#[test]
fn the_present_format_is_written_to_the_byte() {
    let expected = binary::files(&folder(PRESENT).join("stored"), "");
    let found = left(made(PRESENT).path());
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected));
    for kind in ["base.parquet", "card.json", "epochs.log", "safetensors", "dead-letters.jsonl"] {
        assert!(expected.keys().any(|name| name.ends_with(kind)), "no {kind} is stored");
    }
    for (name, bytes) in &expected {
        // how many epochs a writer takes at once depends on how fast they come
        let same = name.starts_with("state/progress/") || *bytes == found[name];
        assert!(same, "{name} is written in another form, and its version is the same");
    }
}
