//! The books: every input record ends once, in exactly one way, or is pending.

use std::collections::BTreeMap;

use serde_json::Value;

use super::log::Origin;

/// How many records of a source ended how: `applied`, `dropped.filtered`, `dead_letter.empty_text`, ..., and `in`.
pub(crate) type Books = BTreeMap<String, u64>;

/// The end of each record, by where it lies.
#[derive(Debug, Default)]
pub(crate) struct Ledger(BTreeMap<Origin, String>);

impl Ledger {
    /// Books the end of a record; a second end is a mistake of the oracle.
    pub(crate) fn book(&mut self, origin: &Origin, end: &str) {
        let before = self.0.insert(origin.clone(), end.to_owned());
        assert_eq!(before, None, "{origin:?} is booked as {end} too");
    }

    pub(crate) fn is_booked(&self, origin: &Origin) -> bool {
        self.0.contains_key(origin)
    }

    /// The end of one record.
    pub(crate) fn end(&self, source: &str, index: u64, offset: u64) -> Option<&str> {
        self.0.get(&(source.to_owned(), index, offset)).map(String::as_str)
    }

    /// The books of one source.
    pub(crate) fn of(&self, source: &str) -> Books {
        let mut books = Books::new();
        for (_, end) in self.0.iter().filter(|(origin, _)| origin.0 == source) {
            *books.entry(end.clone()).or_default() += 1;
            *books.entry("in".to_owned()).or_default() += 1;
        }
        books
    }
}

/// Reads the books of a report, `{"in", "applied", ..., "dropped": {reason: n}, "dead_letter": {code: n}}`; what is
/// zero counts as absent.
pub(crate) fn read(report: &Value) -> Result<Books, String> {
    let mut books = Books::new();
    let mut add = |name: String, count: &Value| match count.as_u64() {
        Some(0) => Ok(()),
        Some(count) => {
            books.insert(name, count);
            Ok(())
        }
        None => Err(format!("books: {name} is {count}")),
    };
    for name in ["in", "applied", "superseded", "deleted", "pending"] {
        add(name.to_owned(), &report[name])?;
    }
    for name in ["dropped", "dead_letter"] {
        let parts = report[name].as_object().ok_or(format!("books: {name} is {}", report[name]))?;
        for (part, count) in parts {
            add(format!("{name}.{part}"), count)?;
        }
    }
    Ok(books)
}

/// The sum of two books.
pub(crate) fn sum(a: &Books, b: &Books) -> Books {
    let mut total = a.clone();
    for (end, count) in b {
        *total.entry(end.clone()).or_default() += count;
    }
    total
}
