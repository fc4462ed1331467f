//! The same input gives the same bytes: run after run, with any number of workers, models, log and checkpoint included.

use std::collections::BTreeMap;

use super::sandbox::Sandbox;

/// Adds every file below a folder, by path.
fn collect(sandbox: &Sandbox, folder: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(sandbox.path(folder)).unwrap().map(Result::unwrap) {
        let name = format!("{folder}/{}", entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            collect(sandbox, &name, files);
        } else {
            let content = sandbox.read(&name);
            files.insert(name, content);
        }
    }
}

/// Every file that a run has written. Of the progress of a sink only where it ends: epochs that have queued up are
/// written in one act, which depends on the speed of things.
fn written(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    collect(sandbox, "out", &mut files);
    collect(sandbox, "state", &mut files);
    assert_eq!(files.remove("state/shop/LOCK"), Some(Vec::new()));
    for (_, progress) in files.iter_mut().filter(|(name, _)| name.contains("/progress/")) {
        *progress = progress.trim_ascii_end().split(|byte| *byte == b'\n').next_back().unwrap().to_vec();
    }
    files
}

#[test]
fn runs_and_workers_change_no_byte() {
    let sandbox = Sandbox::generated(20_000);
    let mut first = None;
    for workers in ["2", "2", "1", "3", "4"] {
        for folder in ["out", "state"] {
            let _ = std::fs::remove_dir_all(sandbox.path(folder));
        }
        // one checkpoint, at the end: when others are taken is a matter of time
        let told = sandbox.dirigent(&["run", "t.yaml", "--workers", workers, "--set", "checkpoint=1h"]);
        assert_eq!(told.code, Some(0), "{told:?}");
        let now = (written(&sandbox), told.books());
        let count = |part: &str| now.0.keys().filter(|name| name.contains(part)).count();
        assert_eq!(
            ["out/", "dead-letters.jsonl", "state/shop/models/", "epochs.log", "/progress/", "manifest.json"]
                .map(count),
            [3, 2, 1, 1, 4, 1],
            "{:?}",
            now.0.keys()
        );
        assert!(count(".base.parquet") > 10, "{:?}", now.0.keys());
        let first = first.get_or_insert_with(|| now.clone());
        assert!(first.0.keys().eq(now.0.keys()), "{:?} {:?}", first.0.keys(), now.0.keys());
        for (name, content) in &first.0 {
            assert!(!content.is_empty() && now.0[name] == *content, "{name} differs with {workers} workers");
        }
        assert_eq!(now.1, first.1);
    }
}
