//! Golden topologies: each folder of `tests/golden` holds a topology, its input and, under `expected/`, every file
//! that it must write to `out/`, to the byte, with 1 to 4 workers.
//!
//! `DIRIGENT_BLESS=1` writes `expected/` anew from one worker; a folder without expected files fails.

#[path = "oracle/binary.rs"]
mod binary;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn folder(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(case)
}

/// The files under `out/` after a run of the case with so many workers.
fn outputs(case: &str, workers: usize) -> BTreeMap<String, Vec<u8>> {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, bytes) in binary::files(&folder(case), "") {
        if !name.contains('/') {
            fs::write(directory.path().join(name), bytes).expect("a copy of the case");
        }
    }
    binary::start(directory.path(), workers, &[]).unwrap_or_else(|why| panic!("{case}: {why}"));
    binary::files(&directory.path().join("out"), "")
}

/// The first line in which two files differ.
fn difference(expected: &[u8], actual: &[u8]) -> String {
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(String::from).collect::<Vec<_>>();
    let (expected, actual) = (lines(expected), lines(actual));
    let i = (0..).find(|&i| expected.get(i) != actual.get(i) || i >= expected.len()).unwrap_or_default();
    format!("line {}:\n  expected {:?}\n  actual   {:?}", i + 1, expected.get(i), actual.get(i))
}

fn check(case: &str) {
    let expected_folder = folder(case).join("expected");
    if std::env::var_os("DIRIGENT_BLESS").is_some() {
        let outputs = outputs(case, 1);
        if expected_folder.exists() {
            fs::remove_dir_all(&expected_folder).expect("a folder to replace");
        }
        fs::create_dir_all(&expected_folder).expect("a folder");
        for (name, bytes) in outputs {
            fs::write(expected_folder.join(name), bytes).expect("an expected file");
        }
    }
    let expected = binary::files(&expected_folder, "");
    assert!(!expected.is_empty(), "{case} has no expected files; DIRIGENT_BLESS=1 makes them");
    for workers in 1..=4 {
        let actual = outputs(case, workers);
        assert!(
            expected.keys().eq(actual.keys()),
            "{case}: expected {:?}, not {:?}",
            expected.keys(),
            actual.keys()
        );
        for (name, bytes) in &expected {
            let same = *bytes == actual[name];
            assert!(same, "{case}, {workers} workers, {name}, {}", difference(bytes, &actual[name]));
        }
    }
}

#[test]
fn alerts() {
    check("alerts");
}

#[test]
fn basic() {
    check("basic");
}

#[test]
fn feedback() {
    check("feedback");
}

#[test]
fn duplicates() {
    check("duplicates");
}

#[test]
fn filter() {
    check("filter");
}

#[test]
fn alignment() {
    check("alignment");
}

#[test]
fn grave_words() {
    check("grave-words");
}

#[test]
fn messages() {
    check("messages");
}

#[test]
fn moved_cases() {
    check("moved-cases");
}

#[test]
fn moves() {
    check("moves");
}

#[test]
fn wrong_clock() {
    check("wrong-clock");
}

#[test]
fn every_folder_is_a_test() {
    let folders = fs::read_dir(folder("")).expect("the folder of cases").flatten();
    let mut names: Vec<_> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let tested = [
        "alerts",
        "alignment",
        "basic",
        "duplicates",
        "feedback",
        "filter",
        "grave-words",
        "messages",
        "moved-cases",
        "moves",
        "wrong-clock",
    ];
    assert_eq!(names, tested);
}
