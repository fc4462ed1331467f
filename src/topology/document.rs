//! A topology file as a tree whose nodes know where they stand.
//!
//! A scalar keeps whether it was plain: `5` is a number, `"5"` is text. A node whose fault has been reported is
//! [`Kind::Broken`], and no later stage complains about it again.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

/// A place: bytes `start..end` of one of the document's texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    /// Index of the text: 0 is the file, others are `--set` options.
    pub(super) text: usize,
    /// First byte.
    pub(super) start: usize,
    /// Byte after the last.
    pub(super) end: usize,
}

impl Span {
    /// Its length in bytes.
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }
}

/// A text that spans point into.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// A path, or `--set`.
    pub(super) name: String,
    /// What it says.
    pub(super) text: String,
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The value.
    pub(super) kind: Kind,
    /// The place: of a list or map, its first line.
    pub(super) span: Span,
    /// Whether it was written without quotes, as plain scalars are.
    pub(super) plain: bool,
    /// Whether an environment variable is in it, so that it must not be printed.
    pub(super) secret: bool,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file.
    Map(Vec<Entry>),
    /// A value whose fault has been reported.
    Broken,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// An entry of a map.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// The key.
    pub(super) key: String,
    /// Where the key stands.
    pub(super) key_span: Span,
    /// The value.
    pub(super) value: Node,
}

/// What a tree was made of.
#[derive(Clone, Debug)]
pub(super) struct Document {
    /// The file, then the `--set` options.
    pub(super) texts: Vec<Text>,
    /// The environment variables in it: name and value.
    pub(super) variables: BTreeMap<String, String>,
}

impl Document {
    /// Replaces the values of environment variables by their names. Short values are replaced only where they stand
    /// alone, very short ones not at all: they are no secrets, and are parts of any message.
    pub(super) fn redact(&self, message: &str) -> String {
        let mut text = message.to_owned();
        for (name, value) in self.variables.iter().filter(|(_, value)| value.len() >= 4) {
            let name = format!("${{{name}}}");
            if value.len() >= 8 {
                text = text.replace(value, &name);
                continue;
            }
            let mut from = 0;
            while let Some(at) = text[from..].find(value.as_str()).map(|at| from + at) {
                let end = at + value.len();
                let inside = text[..at].ends_with(char::is_alphanumeric)
                    || text[end..].starts_with(char::is_alphanumeric);
                if inside {
                    from = end;
                } else {
                    text.replace_range(at..end, &name);
                    from = at + name.len();
                }
            }
        }
        text
    }
}

impl Node {
    /// The entries of a map; none of anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The value under a key.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The text of a scalar that is text.
    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether a fault has been reported in it.
    pub(super) fn is_broken(&self) -> bool {
        match &self.kind {
            Kind::Broken => true,
            Kind::List(items) => items.iter().any(Node::is_broken),
            Kind::Map(entries) => entries.iter().any(|entry| entry.value.is_broken()),
            _ => false,
        }
    }

    /// The value as JSON.
    pub(super) fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Null | Kind::Broken => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(value) => Value::Number(value.clone()),
            Kind::Text(value) => Value::String(value.clone()),
            Kind::List(items) => items.iter().map(Node::to_value).collect(),
            Kind::Map(entries) => Value::Object(
                entries.iter().map(|e| (e.key.clone(), e.value.to_value())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// The place a JSON pointer below this node means; of a missing value, its nearest parent's.
    pub(super) fn locate(&self, pointer: &str) -> Span {
        let mut node = self;
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            let next = match &node.kind {
                Kind::List(items) => part.parse::<usize>().ok().and_then(|index| items.get(index)),
                _ => node.get(&part),
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node.span
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_variables_are_not_told() {
        let variables = [("A", "long-secret"), ("B", "file"), ("C", "5")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let document = Document { texts: Vec::new(), variables };
        assert_eq!(
            document.redact("file xlong-secretx profiles (file) 5 file"),
            "${B} x${A}x profiles (${B}) 5 ${B}"
        );
    }
}
