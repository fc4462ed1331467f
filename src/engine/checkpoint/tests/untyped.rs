//! Rows without their type, and what is exported of them, against rows of the type.

use bytes::Bytes;
use parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::RowAccessor,
};
use proptest::{collection::vec, prelude::*};

use super::{COLUMNS, Sample, any_changes, context};
use crate::engine::checkpoint::{
    Rows, State, Stored, encode,
    export::ParquetExport,
    merge,
    untyped::{Cell, UntypedFile},
};

proptest! {
    #[test]
    fn rows_without_their_type_are_the_same(files in vec(any_changes(), 0..5)) {
        let bytes: Vec<Bytes> = files.iter().map(|file| Bytes::from(encode(file, &context()).unwrap())).collect();
        let rows = bytes.iter().map(|bytes| Rows::<Sample>::open(bytes.clone()).unwrap()).collect();
        let expected: Vec<Sample> = merge(rows).map(Result::unwrap).collect();
        let state = State { id: Sample::ID, version: Sample::VERSION, columns: COLUMNS };
        let untyped: Vec<_> = bytes.iter().map(|bytes| UntypedFile::open(bytes.clone(), state).unwrap()).collect();
        let mut export = ParquetExport::new(Vec::new(), state, &context()).unwrap();
        let mut found = Vec::new();
        for row in merge(untyped) {
            let row = row.unwrap();
            export.put(&row).unwrap();
            found.push(row);
        }
        let texts = |n: usize| -> Vec<_> {
            let text = |cell: &Option<Cell>| match cell {
                Some(Cell::Text(text)) => Some(text.clone()),
                _ => None,
            };
            found.iter().map(|row| text(&row[n])).collect()
        };
        prop_assert_eq!(texts(0), expected.iter().map(|row| Some(row.key.clone())).collect::<Vec<_>>());
        prop_assert_eq!(texts(8), expected.iter().map(|row| row.tag.clone()).collect::<Vec<_>>());
        for (row, expected) in found.iter().zip(&expected) {
            prop_assert_eq!(&row[1], &Some(Cell::Int(expected.number)));
            prop_assert_eq!(&row[3], &expected.micro.map(Cell::Micro));
            prop_assert_eq!(&row[6], &Some(Cell::Hash16(expected.hash)));
        }
        let exported = SerializedFileReader::new(Bytes::from(export.finish().unwrap())).unwrap();
        let rows: Vec<_> = exported.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        let keys: Vec<String> = rows.iter().map(|row| row.get_string(0).unwrap().clone()).collect();
        prop_assert_eq!(keys, expected.iter().map(|row| row.key.clone()).collect::<Vec<_>>());
        prop_assert!(rows.iter().all(|row| row.len() == COLUMNS.len()));
    }
}
