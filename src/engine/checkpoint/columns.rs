//! The columns of a stored collection: names and types that any tool that reads Parquet understands, and how each type
//! is written.
//!
//! The first column is the key; a column `deleted` follows the others. In the file every other column may be null,
//! since the row of a deleted key has nothing but its key. How a column is encoded follows from its type and from
//! whether it takes few different values: the same rows give the same bytes.

use std::sync::Arc;

use parquet::{
    basic::{Compression, Encoding, ZstdLevel},
    errors::ParquetError,
    file::{
        metadata::{KeyValue, SortingColumn},
        properties::{EnabledStatistics, WriterProperties, WriterVersion},
    },
    schema::{
        parser::parse_message_type,
        types::{ColumnPath, Type},
    },
};

/// The last column: the key is gone.
pub(super) const DELETED: &str = "deleted";

/// Who wrote the file: the same for every build, since it is part of the bytes.
const CREATED_BY: &str = "dirigent";

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8.
    Text,
    /// Any bytes.
    Bytes,
    /// A signed integer.
    Int,
    /// An integer from 0 to 2^64 - 1.
    Unsigned,
    /// A number in units of 1e-6: a decimal with six places.
    Micro,
    /// Milliseconds since 1970, UTC.
    Instant,
    /// Yes or no.
    Bool,
    /// A 128-bit hash: 16 bytes, the highest first.
    Hash16,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in the file.
    pub name: &'static str,
    /// Its type.
    pub kind: ColumnType,
    /// Whether a row may be without it.
    pub nullable: bool,
    /// Whether it takes few different values: then it is written with a dictionary.
    pub few: bool,
    /// Whether its bytes are packed already: then nothing is spent on compressing them.
    pub packed: bool,
    /// Whether files may be without it that were written before there was such a column: null in all of their rows.
    pub later: bool,
}

impl Column {
    /// A column that every row has.
    #[must_use]
    pub const fn new(name: &'static str, kind: ColumnType) -> Self {
        Self { name, kind, nullable: false, few: false, packed: false, later: false }
    }

    /// The same, but a row may be without it.
    #[must_use]
    pub const fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// The same, with few different values.
    #[must_use]
    pub const fn few(self) -> Self {
        Self { few: true, ..self }
    }

    /// The same, of bytes that would not get smaller.
    #[must_use]
    pub const fn packed(self) -> Self {
        Self { packed: true, ..self }
    }

    /// The same, nullable, and missing in files of earlier versions.
    #[must_use]
    pub const fn later(self) -> Self {
        Self { nullable: true, later: true, ..self }
    }
}

/// The schema of a file in the language of Parquet.
pub(super) fn schema(state: &str, columns: &[Column]) -> Result<Arc<Type>, ParquetError> {
    let text = format!("{}  REQUIRED BOOLEAN {DELETED};\n}}", fields(state, columns));
    parse_message_type(&text).map(Arc::new)
}

/// The same of a file without deleted keys.
pub(super) fn plain_schema(state: &str, columns: &[Column]) -> Result<Arc<Type>, ParquetError> {
    parse_message_type(&format!("{}}}", fields(state, columns))).map(Arc::new)
}

/// A schema that is not closed yet.
fn fields(state: &str, columns: &[Column]) -> String {
    let mut text = format!("message {state} {{\n");
    for (n, Column { name, kind, .. }) in columns.iter().enumerate() {
        let presence = if n == 0 { "REQUIRED" } else { "OPTIONAL" };
        let (physical, logical) = match kind {
            ColumnType::Text => ("BYTE_ARRAY", " (STRING)"),
            ColumnType::Bytes => ("BYTE_ARRAY", ""),
            ColumnType::Int => ("INT64", ""),
            ColumnType::Unsigned => ("INT64", " (INTEGER(64,false))"),
            ColumnType::Micro => ("INT64", " (DECIMAL(18,6))"),
            ColumnType::Instant => ("INT64", " (TIMESTAMP(MILLIS,true))"),
            ColumnType::Bool => ("BOOLEAN", ""),
            ColumnType::Hash16 => ("FIXED_LEN_BYTE_ARRAY (16)", ""),
        };
        text += &format!("  {presence} {physical} {name}{logical};\n");
    }
    text
}

/// How a file is written.
pub(super) fn properties(
    columns: &[Column],
    metadata: Vec<KeyValue>,
) -> Result<Arc<WriterProperties>, ParquetError> {
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_created_by(CREATED_BY.to_owned())
        .set_key_value_metadata(Some(metadata))
        .set_sorting_columns(Some(vec![SortingColumn {
            column_idx: 0,
            descending: false,
            nulls_first: false,
        }]))
        .set_compression(Compression::UNCOMPRESSED)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true);
    for (n, column) in columns.iter().enumerate() {
        let path = ColumnPath::from(column.name);
        properties = properties.set_column_dictionary_enabled(path.clone(), column.few);
        let encoding = match column.kind {
            // for the sorted keys too: an encoding of what they share would cost an allocation a row to read
            ColumnType::Text | ColumnType::Bytes => Encoding::DELTA_LENGTH_BYTE_ARRAY,
            ColumnType::Int | ColumnType::Unsigned | ColumnType::Micro | ColumnType::Instant => {
                Encoding::DELTA_BINARY_PACKED
            }
            ColumnType::Bool => Encoding::RLE,
            ColumnType::Hash16 => Encoding::PLAIN,
        };
        properties = properties.set_column_encoding(path.clone(), encoding);
        // what its encoding has packed already gets no smaller
        if matches!(column.kind, ColumnType::Text | ColumnType::Bytes) && !column.few && !column.packed {
            let zstd = Compression::ZSTD(ZstdLevel::try_new(1)?);
            properties = properties.set_column_compression(path.clone(), zstd);
        }
        if matches!(column.kind, ColumnType::Bytes | ColumnType::Hash16) && n > 0 {
            properties = properties.set_column_statistics_enabled(path, EnabledStatistics::None);
        }
    }
    Ok(Arc::new(properties.build()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_place_in_the_schema() {
        let kinds = [
            ColumnType::Text,
            ColumnType::Bytes,
            ColumnType::Int,
            ColumnType::Unsigned,
            ColumnType::Micro,
            ColumnType::Instant,
            ColumnType::Bool,
            ColumnType::Hash16,
        ];
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let columns: Vec<Column> =
            names.iter().zip(kinds).map(|(name, kind)| Column::new(name, kind)).collect();
        let schema = schema("rows", &columns).unwrap();
        let fields: Vec<&str> = schema.get_fields().iter().map(|field| field.name()).collect();
        assert_eq!((schema.name(), &fields[..8], fields[8]), ("rows", &names[..], DELETED));
        assert!(!schema.get_fields()[0].is_optional() && schema.get_fields()[1].is_optional());
    }
}
