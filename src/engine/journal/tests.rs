//! What survives a cut or a flipped bit at every place of a journal.

use std::io::Write;

use super::*;
use crate::engine::disk::LocalDisk;

fn format() -> Format {
    Format { format: "test journal".into(), version: 1 }
}

fn journal(path: &Path, records: &[u32]) {
    let mut journal = Journal::open::<u32>(LocalDisk::shared(), path, &format(), &[]).expect("opens");
    for record in records {
        journal.append(record).expect("appends");
    }
    journal.sync().expect("syncs");
}

fn contents(path: &Path) -> Result<(Vec<u32>, usize), JournalError> {
    let contents = read(&LocalDisk, path, &format())?.expect("is there");
    Ok((contents.records, contents.torn))
}

#[test]
fn what_was_synced_is_read_again() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("j");
    assert!(read::<u32>(&LocalDisk, &path, &format()).expect("reads").is_none());
    journal(&path, &[7, 8, 9]);
    assert_eq!(contents(&path).expect("reads"), (vec![7, 8, 9], 0));
}

#[test]
fn a_torn_tail_is_cut_wherever_it_was_torn() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("j");
    journal(&path, &[7, 8, 9, 10]);
    let bytes = std::fs::read(&path).expect("reads");
    let ends: Vec<usize> =
        bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1).collect();
    for cut in 0..=bytes.len() {
        std::fs::write(&path, &bytes[..cut]).expect("writes");
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let expected = [7, 8, 9, 10][..whole.saturating_sub(1)].to_vec();
        let torn = cut - whole.checked_sub(1).map_or(0, |last| ends[last]);
        assert_eq!(contents(&path).expect("reads"), (expected, torn), "cut at {cut}");
    }
}

#[test]
fn damage_before_good_records_is_refused_with_its_place() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("j");
    journal(&path, &[1, 2, 3]);
    let good = std::fs::read(&path).expect("reads");
    let second = good.iter().position(|&b| b == b'\n').expect("a line") + 1;
    // every byte of every record but the last one; with its line break the last one would be a part of it
    let last = good[..good.len() - 1].iter().rposition(|&b| b == b'\n').expect("a line") + 1;
    for at in 0..last - 1 {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(&path, &bytes).expect("writes");
        let error = contents(&path).expect_err("damaged");
        assert!(matches!(error, JournalError::Damaged { .. }), "{at}: {error}");
        if at >= second {
            assert!(error.to_string().contains("at byte "), "{error}");
        }
    }
}

#[test]
fn a_flipped_bit_of_the_last_record_is_no_torn_end() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("j");
    journal(&path, &[1, 2, 3]);
    let good = std::fs::read(&path).expect("reads");
    let last = good[..good.len() - 1].iter().rposition(|&b| b == b'\n').expect("a line") + 1;
    for bit in 0..8 * (good.len() - last) {
        let mut bytes = good.clone();
        bytes[last + bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &bytes).expect("writes");
        let (_, torn) = contents(&path).expect("reads");
        assert!(is_changed(&bytes[bytes.len() - torn..]), "bit {bit}");
    }
    for cut in last + 1..good.len() {
        assert!(!is_changed(&good[last..cut]), "cut at {cut}");
    }
}

#[test]
fn another_format_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("j");
    journal(&path, &[1]);
    let newer = Format { version: 2, ..format() };
    let error = read::<u32>(&LocalDisk, &path, &newer).expect_err("foreign");
    assert!(error.to_string().contains("is not a test journal of version 2"), "{error}");
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).expect("opens");
    let mut wrong = Vec::new();
    line(&mut wrong, b"\"text\"");
    file.write_all(&wrong).expect("writes");
    let error = contents(&path).expect_err("no number");
    assert!(error.to_string().contains("record 3"), "{error}");
}
