//! What a table's sink writes: a line for a key whose row differs from the one last published, a tombstone for a
//! key that was published and is gone, ordered by epoch and then by key as bytes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// A published table.
#[derive(Debug)]
pub(crate) struct Table {
    key_field: &'static str,
    published: BTreeMap<String, Value>,
    lines: Vec<Value>,
}

impl Table {
    pub(crate) fn new(key_field: &'static str) -> Self {
        Self { key_field, published: BTreeMap::new(), lines: Vec::new() }
    }

    /// Closes an epoch in which the table is `rows` (without their `epoch`).
    pub(crate) fn close(&mut self, epoch: u64, rows: BTreeMap<String, Value>) {
        let keys: BTreeSet<&String> = self.published.keys().chain(rows.keys()).collect();
        for key in keys {
            match (self.published.get(key), rows.get(key)) {
                (before, Some(row)) if before != Some(row) => {
                    let mut line = row.clone();
                    line["epoch"] = json!(epoch);
                    self.lines.push(line);
                }
                (Some(_), None) => {
                    self.lines.push(json!({ self.key_field: key, "epoch": epoch, "deleted": true }));
                }
                _ => {}
            }
        }
        self.published = rows;
    }

    pub(crate) fn into_lines(self) -> Vec<Value> {
        self.lines
    }
}
