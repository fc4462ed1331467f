//! What a look at a folder finds.

use std::fs;

use super::*;

/// A folder, and what looks after the `.jsonl` files in it.
fn watched() -> (tempfile::TempDir, Watch) {
    let folder = tempfile::tempdir().expect("folder");
    let pattern = folder.path().join("*.jsonl*").display().to_string();
    let watch = Watch::new("s", &pattern, 1_000, 3, Vec::new());
    (folder, watch)
}

/// What a look finds: name, number, bytes of the beginning, end. What follows is done.
fn look(watch: &mut Watch) -> Vec<(String, u32, u64, Option<u64>)> {
    let found = watch.look().expect("looks").into_iter().map(|Found { record, then }| {
        if let Then::Do(then) = then {
            then();
        }
        let name = Path::new(&record.name).file_name().expect("a name").to_string_lossy().into_owned();
        (name, record.number, record.identity.bytes, record.end)
    });
    found.collect()
}

#[test]
fn files_are_partitions_from_their_first_line_on() {
    let (folder, mut watch) = watched();
    for (name, text) in [("b.jsonl", "b\n"), ("c.jsonl", ""), ("d.jsonl", "begun"), ("a.jsonl", "aa\n")] {
        fs::write(folder.path().join(name), text).expect("writes");
    }
    fs::write(folder.path().join("e.jsonl.gz"), "an archive").expect("writes");
    let found = |name: &str, number, bytes| (name.to_owned(), number, bytes, None);
    assert_eq!(look(&mut watch), [found("a.jsonl", 3, 3), found("b.jsonl", 4, 2)]);
    assert!(look(&mut watch).is_empty());
    fs::write(folder.path().join("d.jsonl"), "begun\nand ended\n").expect("writes");
    // what tells a file from another says more when it has grown
    fs::write(folder.path().join("b.jsonl"), "b\n".repeat(3_000)).expect("writes");
    assert_eq!(look(&mut watch), [found("d.jsonl", 5, 16), found("b.jsonl", 4, BEGINNING)]);
    // another name is no other file
    fs::rename(folder.path().join("a.jsonl"), folder.path().join("z.jsonl")).expect("renames");
    assert!(look(&mut watch).is_empty());
}

#[test]
fn a_file_without_its_name_ends_when_it_has_not_grown_for_a_look() {
    let (folder, mut watch) = watched();
    let path = folder.path().join("a.jsonl");
    fs::write(&path, "one\n").expect("writes");
    assert_eq!(look(&mut watch).len(), 1);
    let rotated = folder.path().join("rotated");
    fs::rename(&path, &rotated).expect("renames");
    fs::write(&path, "").expect("writes");
    // there is no line in the new one yet
    assert!(look(&mut watch).is_empty() && look(&mut watch).is_empty());
    fs::write(&path, "new\n").expect("writes");
    assert_eq!(look(&mut watch), [("a.jsonl".to_owned(), 4, 4, None)]);
    fs::write(&rotated, "one\ntwo\nth").expect("writes");
    // its beginning says more, and it has grown
    assert_eq!(look(&mut watch), [("a.jsonl".to_owned(), 3, 10, None)]);
    assert_eq!(look(&mut watch), [("a.jsonl".to_owned(), 3, 10, Some(10))]);
    assert!(look(&mut watch).is_empty());
    // its number stays its own as long as a name leads to it
    assert_eq!(watch.files.len(), 2);
    fs::remove_file(&rotated).expect("removes");
    assert!(look(&mut watch).is_empty());
    assert_eq!(watch.files.len(), 1);
    fs::remove_file(&path).expect("removes");
    assert!(look(&mut watch).is_empty());
    assert_eq!(look(&mut watch), [("a.jsonl".to_owned(), 4, 4, Some(4))]);
    assert!(watch.files.is_empty());
}
