//! Round trips, merging and refusals of collections, with rows of every type of column.

mod untyped;

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::{collection::vec, prelude::*};

mod samples;

use self::samples::*;

use super::{
    Change, Column, ColumnType, Encoder, RowReader, Rows, State, Stored, StoredError, Table, decode, encode,
    merge,
};

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(changes in any_changes()) {
        let bytes = encode(&changes, &context()).unwrap();
        prop_assert_eq!(&encode(&changes, &context()).unwrap(), &bytes, "the same rows, the same bytes");
        prop_assert_eq!(decode::<Sample>(bytes.into()).unwrap(), changes);
    }

    #[test]
    fn merged_files_are_what_a_map_says(files in vec(any_changes(), 0..5)) {
        let mut expected = BTreeMap::new();
        for change in files.iter().flatten() {
            match change {
                Change::Put(row) => drop(expected.insert(row.key.clone(), row.clone())),
                Change::Delete(key) => drop(expected.remove(std::str::from_utf8(key).unwrap())),
            }
        }
        let open = |changes: &Vec<_>| Rows::open(encode(changes, &context()).unwrap().into()).unwrap();
        let merged: Result<Vec<Sample>, _> = merge(files.iter().map(open).collect()).collect();
        prop_assert_eq!(merged.unwrap(), expected.into_values().collect::<Vec<_>>());
    }

    #[test]
    fn damage_is_found(changes in any_changes(), at: prop::sample::Index, flip in 1_u8.., cut: prop::sample::Index) {
        let mut bytes = encode(&changes, &context()).unwrap();
        prop_assert!(decode::<Sample>(Bytes::copy_from_slice(&bytes[..cut.index(bytes.len())])).is_err());
        *at.get_mut(&mut bytes[..]) ^= flip;
        prop_assert!(decode::<Sample>(bytes.into()).is_err());
    }

    #[test]
    fn any_bytes_are_refused(bytes in vec(any::<u8>(), 0..200)) {
        let tail = b"\x04\0\0\0PAR1".as_slice();
        for bytes in [bytes.clone(), [b"PAR1", &*bytes, tail].concat()] {
            prop_assert!(matches!(decode::<Sample>(bytes.into()), Err(StoredError::Foreign(_))));
        }
    }
}

#[test]
fn many_rows_lie_in_several_groups() {
    let mut changes: Vec<_> = (0..40_000).map(|n| Change::Put(sample(&format!("{n:06}")))).collect();
    changes[20_000] = Change::Delete((*b"020000").into());
    let bytes = Bytes::from(encode(&changes, &context()).unwrap());
    let rows = Rows::<Sample>::open(bytes.clone()).unwrap();
    assert_eq!((rows.len(), rows.context()), (40_000, &context()));
    assert_eq!(rows.collect::<Result<Vec<_>, _>>().unwrap(), changes);
    let mut large: Vec<_> = (10..60).map(|n| sample(&n.to_string())).collect();
    large.iter_mut().for_each(|row| row.blob = Some(vec![7; 1 << 20]));
    let large: Vec<_> = large.into_iter().map(Change::Put).collect();
    assert_eq!(decode::<Sample>(encode(&large, &context()).unwrap().into()).unwrap(), large);
}

#[test]
fn a_table_is_read_without_the_type_of_its_rows() {
    let changes = [Change::Put(sample("a")), Change::Delete((*b"b").into())];
    let state = State { id: "samples", version: 3, columns: COLUMNS };
    let mut table = Table::open(encode(&changes, &context()).unwrap().into(), state).unwrap();
    let mut next = || {
        table.next(|deleted, row| {
            let values = COLUMNS.iter().map(|_| Ok(row.value()?.map(|value| format!("{value:?}"))));
            Ok((deleted, values.collect::<Result<Vec<_>, StoredError>>()?))
        })
    };
    let (deleted, values) = next().unwrap().unwrap();
    assert_eq!((deleted, values[3].as_deref()), (false, Some("Micro(4500000)")));
    let (deleted, values) = next().unwrap().unwrap();
    assert_eq!((deleted, values[0].as_deref(), &values[1]), (true, Some("Text(\"b\")"), &None));
    assert!(next().unwrap().is_none());
}

#[test]
fn a_file_from_before_a_column_has_nulls_there() {
    let later = Column::new("later", ColumnType::Unsigned).later();
    let with = |rest: &[Column]| State {
        id: "samples",
        version: 3,
        columns: [&COLUMNS[..2], &[later], rest].concat().leak(),
    };
    let changes = [Change::Put(sample("a")), Change::Delete((*b"b").into())];
    let bytes = Bytes::from(encode(&changes, &context()).unwrap());
    // a file that has more columns is still refused
    let fewer = with(&COLUMNS[3..]);
    assert!(matches!(Table::open(bytes.clone(), fewer), Err(StoredError::Columns { .. })));
    let state = with(&COLUMNS[2..]);
    let mut table = Table::open(bytes, state).unwrap();
    let read = |row: &mut RowReader<'_>| {
        let values = state.columns.iter().map(|_| Ok(row.value()?.map(|value| format!("{value:?}"))));
        values.collect::<Result<Vec<_>, StoredError>>()
    };
    let values = table.next(|_, row| read(row)).unwrap().unwrap();
    assert_eq!((&values[2], values[4].as_deref()), (&None, Some("Micro(4500000)")));
    let values = table.next(|deleted, row| Ok((deleted, read(row)?))).unwrap().unwrap();
    assert_eq!((values.0, values.1[0].as_deref()), (true, Some("Text(\"b\")")));
}

#[test]
fn other_files_are_refused_with_what_was_found_and_expected() {
    let bytes = Bytes::from(encode(&[Change::Put(sample("a"))], &context()).unwrap());
    for (refused, says) in [
        (
            decode::<Other>(bytes.clone()).unwrap_err(),
            "the file holds the state `samples`, expected was `others`",
        ),
        (
            decode::<Newer>(bytes.clone()).unwrap_err(),
            "the file holds version 3 of the state `samples`, this program reads version 4",
        ),
        (
            decode::<Narrow>(bytes).unwrap_err(),
            "the file has the columns key: BYTE_ARRAY String, number: INT64, count: ",
        ),
    ] {
        assert!(refused.to_string().starts_with(says), "{refused}");
    }
}

#[test]
fn a_newer_format_is_refused() {
    let mut bytes = encode(&[Change::Put(sample("a"))], &context()).unwrap();
    let unsealed =
        bytes.len() - 8 - u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().unwrap()) as usize;
    bytes.drain(unsealed - 24..unsealed);
    // in the compact protocol of Thrift each string follows its length
    let at = bytes.windows(15).position(|piece| piece == b"dirigent.format").unwrap() + 15;
    let digit = (at..at + 4).find(|at| bytes[*at] == b'1').unwrap();
    bytes[digit] = b'2';
    super::seal::seal(&mut bytes).unwrap();
    let refused = decode::<Sample>(bytes.into()).unwrap_err();
    assert!(matches!(refused, StoredError::Format { found: 2, expected: 1 }), "{refused}");
}

#[test]
fn keys_must_ascend() {
    let changes = |keys: [&str; 2]| keys.map(|key| Change::Put(sample(key)));
    for keys in [["b", "a"], ["a", "a"]] {
        assert!(matches!(encode(&changes(keys), &context()), Err(StoredError::Order("samples"))));
    }
    let mut encoder = Encoder::<Sample>::new(&context()).unwrap();
    encoder.delete(b"b").unwrap();
    assert!(encoder.put(&sample("a")).is_err());
    assert!(encoder.delete(b"c\xFF").is_err(), "the key is a text");
}

#[test]
fn rows_must_fit_their_columns() {
    fn put<R: Stored>(row: &R) -> String {
        Encoder::<R>::new(&context()).unwrap().put(row).unwrap_err().to_string()
    }
    assert_eq!(put(&WrongType(sample("a"))), "the column `number` holds a value of another type");
    assert_eq!(put(&NothingThere(sample("a"))), "the column `number` holds nothing");
    assert_eq!(put(&Short(sample("a"))), "the column `number` holds no value of this row");
    assert_eq!(put(&Long(sample("a"))), "the column `` holds a value behind the last column");
}

#[test]
fn merging_ends_with_the_first_error() {
    let broken = || Err(StoredError::Damaged);
    let changes = [vec![Ok(Change::Put(sample("a"))), broken(), Ok(Change::Put(sample("c")))]];
    let mut merged = merge(changes.into_iter().map(Vec::into_iter).collect());
    let found: Vec<_> = merged.by_ref().collect();
    assert!(matches!(found[..], [Err(StoredError::Damaged)]), "{found:?}");
}
