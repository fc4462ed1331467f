//! Rows of every type of column, and changes of them by chance.

use std::collections::BTreeMap;

use proptest::{collection::vec, option, prelude::*};

use super::super::{
    Change, Column,
    ColumnType::{self, Bool, Hash16, Instant, Int, Micro, Text, Unsigned},
    FileContext, RowReader, RowWriter, Stored, StoredError,
};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) key: String,
    pub(super) number: i64,
    pub(super) count: Option<u64>,
    pub(super) micro: Option<i64>,
    pub(super) at: i64,
    pub(super) flag: Option<bool>,
    pub(super) hash: [u64; 2],
    pub(super) blob: Option<Vec<u8>>,
    pub(super) tag: Option<String>,
}

pub(super) const COLUMNS: &[Column] = &[
    Column::new("key", Text),
    Column::new("number", Int),
    Column::new("count", Unsigned).nullable(),
    Column::new("micro", Micro).nullable().few(),
    Column::new("at", Instant),
    Column::new("flag", Bool).nullable(),
    Column::new("hash", Hash16),
    Column::new("blob", ColumnType::Bytes).nullable(),
    Column::new("tag", Text).nullable().few(),
];

impl Stored for Sample {
    const ID: &'static str = "samples";
    const VERSION: u32 = 3;
    const COLUMNS: &'static [Column] = COLUMNS;

    fn key(&self) -> &[u8] {
        self.key.as_bytes()
    }

    fn put(&self, row: &mut RowWriter<'_>) {
        row.text(self.key.as_str());
        row.int(self.number);
        row.unsigned(self.count);
        row.micro(self.micro);
        row.instant(self.at);
        row.bool(self.flag);
        row.hash(self.hash);
        row.bytes(self.blob.as_deref());
        row.text(self.tag.as_deref());
    }

    fn take(row: &mut RowReader<'_>) -> Result<Self, StoredError> {
        Ok(Self {
            key: row.text()?.to_owned(),
            number: row.int()?,
            count: row.unsigned_or_null()?,
            micro: row.micro_or_null()?,
            at: row.instant()?,
            flag: row.bool_or_null()?,
            hash: row.hash()?,
            blob: row.bytes_or_null()?.map(<[u8]>::to_vec),
            tag: row.text_or_null()?.map(str::to_owned),
        })
    }
}

/// The same rows under other names, versions and columns, and one that writes no such row.
macro_rules! variants {
    ($($name:ident: $id:literal, $version:literal, $columns:expr, $put:expr;)*) => {$(
        #[derive(Debug)]
        pub(super) struct $name(pub(super) Sample);

        impl Stored for $name {
            const ID: &'static str = $id;
            const VERSION: u32 = $version;
            const COLUMNS: &'static [Column] = $columns;

            fn key(&self) -> &[u8] {
                self.0.key()
            }

            fn put(&self, row: &mut RowWriter<'_>) {
                let put: fn(&Sample, &mut RowWriter<'_>) = $put;
                put(&self.0, row);
            }

            fn take(row: &mut RowReader<'_>) -> Result<Self, StoredError> {
                Sample::take(row).map(Self)
            }
        }
    )*};
}

variants! {
    Other: "others", 3, COLUMNS, Sample::put;
    Newer: "samples", 4, COLUMNS, Sample::put;
    Narrow: "samples", 3, &[Column::new("key", Text), Column::new("number", Unsigned)], |sample, row| {
        row.text(sample.key.as_str());
        row.unsigned(7);
    };
    WrongType: "samples", 3, COLUMNS, |sample, row| {
        row.text(sample.key.as_str());
        row.unsigned(7);
    };
    NothingThere: "samples", 3, COLUMNS, |sample, row| {
        row.text(sample.key.as_str());
        row.int(None);
    };
    Short: "samples", 3, COLUMNS, |sample, row| row.text(sample.key.as_str());
    Long: "samples", 3, COLUMNS, |sample, row| {
        sample.put(row);
        row.int(1);
    };
}

pub(super) fn context() -> FileContext {
    FileContext { step: "current".to_owned(), shard: 3, epoch: 1_700_000_000_000 }
}

pub(super) fn sample(key: &str) -> Sample {
    Sample {
        key: key.to_owned(),
        number: -1,
        count: Some(u64::MAX),
        micro: Some(4_500_000),
        at: 1_700_000_000_123,
        flag: Some(true),
        hash: [1, 2 << 60],
        blob: Some(vec![0, 255]),
        tag: Some("en".to_owned()),
    }
}

pub(super) fn any_sample() -> impl Strategy<Value = Sample> {
    (
        ("[a-zé]{0,3}", any::<i64>(), any::<Option<u64>>(), option::of(0_i64..5_000_000)),
        (any::<i64>(), any::<Option<bool>>(), any::<[u64; 2]>()),
        (option::of(vec(any::<u8>(), 0..20)), option::of("(en|de|)")),
    )
        .prop_map(|((key, number, count, micro), (at, flag, hash), (blob, tag))| Sample {
            key,
            number,
            count,
            micro,
            at,
            flag,
            hash,
            blob,
            tag,
        })
}

/// Changes by ascending key, each key once.
pub(super) fn any_changes() -> impl Strategy<Value = Vec<Change<Sample>>> {
    vec((any_sample(), any::<bool>()), 0..40).prop_map(|changes| {
        let change = |(sample, gone): (Sample, bool)| {
            let key: Box<[u8]> = sample.key().into();
            (key.clone(), if gone { Change::Delete(key) } else { Change::Put(sample) })
        };
        changes.into_iter().map(change).collect::<BTreeMap<_, _>>().into_values().collect()
    })
}
