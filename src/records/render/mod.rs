//! Output records as JSON lines, written by hand: the hot path knows its keys, and allocates nothing here.
//!
//! A view holds what a record's fields borrow; each line is byte for byte what serde_json makes of the record's
//! struct, which tests hold, and ends without a newline. Fractions come in units of 1e-6 and are written by
//! [`write_micro`](super::number::write_micro).

mod dead_letter;
mod json;
mod product_score;
mod scored_review;

pub use dead_letter::{DeadLetterView, dead_letter, dead_letter_headers};
pub use product_score::{ProductFigures, ProductView, product_score};
pub use scored_review::{ScoredView, scored_review};

use json::{integer, put, string};

/// What a sink takes for one output record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    #[default]
    /// A line of JSON, which says of a key that is gone that it is.
    Line,
    /// A [message](super::message): JSON under a key, with headers; nothing for a key that is gone.
    Message,
}

/// Appends what a file has for a key that is gone; `key_field` is `review_id`, `product_id`, ...
pub fn tombstone(key_field: &str, key: &str, epoch: u64, out: &mut Vec<u8>) {
    put(out, "{");
    string(out, key_field);
    put(out, ":");
    string(out, key);
    put(out, ",\"epoch\":");
    integer(out, epoch);
    put(out, ",\"deleted\":true}");
}

/// What a renderer appends.
#[cfg(test)]
fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = b"before ".to_vec();
    write(&mut out);
    String::from_utf8(out).unwrap().strip_prefix("before ").unwrap().to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_tombstone_names_its_key() {
        let line = written(|out| tombstone("product_id", "a\"b", 7, out));
        assert_eq!(line, r#"{"product_id":"a\"b","epoch":7,"deleted":true}"#);
        let parsed: BTreeMap<String, serde_json::Value> = serde_json::from_str(&line).unwrap();
        assert_eq!(parsed.len(), 3);
    }
}
