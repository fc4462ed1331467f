//! The same input gives the same bytes: run after run, with any number of workers, the model's file included.

use std::collections::BTreeMap;

use super::sandbox::Sandbox;

/// Every file that a run has written, by path.
fn written(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for folder in ["out", "state/shop", "state/shop/models"] {
        for entry in std::fs::read_dir(sandbox.path(folder)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                let name = format!("{folder}/{}", entry.file_name().into_string().unwrap());
                let content = sandbox.read(&name);
                files.insert(name, content);
            }
        }
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
        let told = sandbox.dirigent(&["run", "t.yaml", "--workers", workers]);
        assert_eq!(told.code, Some(0), "{told:?}");
        let now = (written(&sandbox), told.books());
        let names: Vec<&String> = now.0.keys().collect();
        assert!(names.len() == 5 && names[4].ends_with(".safetensors"), "{names:?}");
        let first = first.get_or_insert_with(|| now.clone());
        for (name, content) in &first.0 {
            assert!(
                !content.is_empty() && now.0.get(name) == Some(content),
                "{name} differs with {workers} workers"
            );
        }
        assert_eq!(now.1, first.1);
    }
}
