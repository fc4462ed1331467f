//! Lines and offsets of plain, packed, followed and damaged files.

use std::io::Write;

use super::{super::growing::FollowedFile, *};

fn lines(path: &Path, max_record_bytes: usize) -> Vec<(u64, u64, u64, Vec<u8>)> {
    let mut reader = LineReader::open(path, "test".into(), max_record_bytes).expect("opens");
    let mut all = Vec::new();
    loop {
        let mut chunk = RawChunk::default();
        let more = reader.read(&mut chunk, 2, 64).expect("reads");
        all.extend(chunk.records.iter().map(|r| (r.offset, r.next, r.length, chunk.of(r).to_vec())));
        if !more {
            return all;
        }
    }
}

#[test]
fn offsets_count_blank_lines_marks_and_cut_lines() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("a.jsonl");
    std::fs::write(&path, b"\xEF\xBB\xBF{1}\r\n\n \t\r\n0123456789ABC\n{last}").expect("writes");
    let expected: Vec<(u64, u64, u64, &[u8])> =
        vec![(0, 8, 4, b"{1}\r"), (13, 27, 13, b"0123456789"), (27, 33, 6, b"{last}")];
    assert_eq!(
        lines(&path, 10),
        expected.iter().map(|(o, n, l, b)| (*o, *n, *l, b.to_vec())).collect::<Vec<_>>()
    );
}

#[test]
fn it_ends_where_it_is_told_to() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("a.jsonl");
    std::fs::write(&path, b"one\ntwo\nthree\n").expect("writes");
    let mut reader = LineReader::open(&path, "a".into(), 99).expect("opens").until(6);
    let mut chunk = RawChunk::default();
    assert!(!reader.read(&mut chunk, 9, 99).expect("reads"));
    let lines: Vec<_> = chunk.records.iter().map(|r| (r.next, chunk.of(r))).collect();
    assert_eq!(lines, [(4, &b"one"[..]), (6, b"tw")]);
}

#[test]
fn a_line_longer_than_the_buffer_is_one_record() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("a.jsonl");
    let long = vec![b'x'; 3 * BUFFER + 17];
    std::fs::write(&path, [&long[..], b"\nend\n"].concat()).expect("writes");
    let read = lines(&path, 1_000);
    assert_eq!((read[0].2, read[0].3.len(), read[1].0), (long.len() as u64, 1_000, long.len() as u64 + 1));
}

#[test]
fn unpacks_gzip_and_zstandard_and_joins_members() {
    let folder = tempfile::tempdir().expect("folder");
    let gz = folder.path().join("a.gz");
    let mut packed = Vec::new();
    for part in ["one\ntw", "o\n"] {
        let mut encoder = flate2::write::GzEncoder::new(&mut packed, flate2::Compression::fast());
        encoder.write_all(part.as_bytes()).expect("packs");
        encoder.finish().expect("packs");
    }
    std::fs::write(&gz, packed).expect("writes");
    let zst = folder.path().join("a.zst");
    std::fs::write(&zst, zstd::encode_all(&b"one\ntwo\n"[..], 1).expect("packs")).expect("writes");
    for path in [gz, zst] {
        assert_eq!(
            lines(&path, 99).into_iter().map(|l| (l.0, l.3)).collect::<Vec<_>>(),
            [(0, b"one".to_vec()), (4, b"two".to_vec())]
        );
    }
}

#[test]
fn a_damaged_archive_is_an_error_with_its_place() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("a.gz");
    std::fs::write(&path, b"this is not gzip").expect("writes");
    let mut reader = LineReader::open(&path, "a.gz".into(), 99).expect("opens");
    let error = reader.read(&mut RawChunk::default(), 9, 99).expect_err("damaged");
    assert!(error.to_string().starts_with("cannot read a.gz at offset 0: "), "{error}");
}

#[test]
fn a_followed_file_gives_whole_lines_as_they_come() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("a.jsonl");
    std::fs::write(&path, b"one\ntw").expect("writes");
    let file = FollowedFile::open(&path, None).expect("opens");
    let mut reader = LineReader::follow(Box::new(Arc::clone(&file)), "a".into(), 99);
    let mut next = || {
        let mut chunk = RawChunk::default();
        let more = reader.read(&mut chunk, 9, 99)?;
        let lines = chunk.records.iter().map(|r| (r.offset, r.next, chunk.of(r).to_vec()));
        Ok::<_, SourceError>((lines.collect::<Vec<_>>(), more))
    };
    let append = |name: &str, text: &str| {
        let mut file =
            std::fs::OpenOptions::new().append(true).open(folder.path().join(name)).expect("opens");
        file.write_all(text.as_bytes()).expect("writes");
    };
    assert_eq!(next().expect("reads"), (vec![(0, 4, b"one".to_vec())], true));
    assert_eq!(next().expect("reads"), (vec![], true));
    append("a.jsonl", "o\nthree\n");
    let expected = vec![(4, 8, b"two".to_vec()), (8, 14, b"three".to_vec())];
    assert_eq!(next().expect("reads"), (expected, true));
    // its name is another's now; it is read on, to the end that it is given
    std::fs::rename(&path, folder.path().join("a.1")).expect("renames");
    std::fs::write(&path, b"another\n").expect("writes");
    append("a.1", "four\nfi");
    assert_eq!(next().expect("reads"), (vec![(14, 19, b"four".to_vec())], true));
    assert_eq!(file.close().expect("closes"), 21);
    append("a.1", "ve\n");
    assert_eq!(next().expect("reads"), (vec![], true), "the log has no end of it yet");
    file.end_is_logged();
    assert_eq!(next().expect("reads"), (vec![(19, 21, b"fi".to_vec())], false));
    assert_eq!(next().expect("reads"), (vec![], false));
}

#[test]
fn a_followed_file_that_was_cut_is_an_error_with_both_lengths() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("a.jsonl");
    std::fs::write(&path, b"one\ntwo\n").expect("writes");
    let file = FollowedFile::open(&path, None).expect("opens");
    let mut reader = LineReader::follow(Box::new(file), "a.jsonl".into(), 99);
    assert!(reader.read(&mut RawChunk::default(), 9, 99).expect("reads"));
    std::fs::write(&path, b"new\n").expect("writes");
    let error = reader.read(&mut RawChunk::default(), 9, 99).expect_err("cut").to_string();
    for text in ["a.jsonl at offset 8", "had 8 bytes", "has 4 now", "copytruncate", "start again"] {
        assert!(error.contains(text), "{error}");
    }
}
