//! `--set a.b.c=value`: overrides a value of the file, or adds one.
//!
//! Options apply in order, before variables and before validation. A value that starts with `[`, `{` or a quote is
//! parsed as YAML; anything else is a plain scalar as it stands, so that `path=-` and `path=*.jsonl` mean what they
//! say. Maps on the way are made where they are missing; a number picks an item of a list that is there.

use super::{
    diagnostics::Fault,
    document::{Entry, Kind, Node, Span, Text},
    scalar, yaml,
};

/// Applies one option, whose text gets the index `index`.
pub(super) fn apply(root: &mut Node, option: &str, index: usize, faults: &mut Vec<Fault>) -> Text {
    if let Err(fault) = set(root, option, index, faults) {
        faults.push(fault.help("--set takes a path and a value, such as --set sources.reviews.path=FILE"));
    }
    Text { name: "--set".into(), text: option.to_owned() }
}

/// A fault at a place of the option.
fn fault(span: Span, message: String, label: impl Into<String>) -> Box<Fault> {
    Box::new(Fault::new(span, message, label))
}

fn set(root: &mut Node, option: &str, index: usize, faults: &mut Vec<Fault>) -> Result<(), Box<Fault>> {
    let span = |start: usize, end: usize| Span { text: index, start, end };
    let Some((path, value)) = option.split_once('=') else {
        return Err(fault(
            span(0, option.len()),
            format!("--set {option}: there is no `=` in it"),
            "expected `path=value`",
        ));
    };
    let start = path.len() + 1;
    let value = if value.starts_with(['[', '{', '"', '\'']) {
        let (node, wrong) = yaml::parse(value, index, start);
        faults.extend(wrong);
        node
    } else {
        Node { kind: scalar::plain(value), span: span(start, option.len()), plain: true, secret: false }
    };

    let mut node = root;
    let mut offset = 0;
    for key in path.split('.') {
        let key_span = span(offset, offset + key.len());
        offset += key.len() + 1;
        if key.is_empty() {
            return Err(fault(
                key_span,
                format!("--set {path}: a name is missing"),
                "expected names with dots between",
            ));
        }
        if node.kind == Kind::Null {
            node.kind = Kind::Map(Vec::new());
            node.span = key_span;
        }
        node = match &mut node.kind {
            Kind::Map(entries) => {
                let at = entries.iter().position(|entry| entry.key == key).unwrap_or_else(|| {
                    let value = Node { kind: Kind::Null, span: key_span, plain: true, secret: false };
                    entries.push(Entry { key: key.to_owned(), key_span, value });
                    entries.len() - 1
                });
                &mut entries[at].value
            }
            Kind::List(items) => {
                let len = items.len();
                let item = key.parse::<usize>().ok().and_then(|at| items.get_mut(at));
                item.ok_or_else(|| {
                    fault(
                        key_span,
                        format!("--set {path}: the list has no item `{key}`"),
                        format!("expected a number below {len}"),
                    )
                })?
            }
            Kind::Broken => return Ok(()),
            _ => {
                return Err(fault(
                    key_span,
                    format!("--set {path}: what stands above `{key}` is not a map"),
                    "has no names below it",
                ));
            }
        };
    }
    *node = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn root() -> Node {
        yaml::parse("a: {b: 1, l: [x, y]}\ne:\n", 0, 0).0
    }

    #[test]
    fn overrides_and_adds() {
        let mut root = root();
        let mut faults = Vec::new();
        for (index, option) in
            ["a.b=-", "a.l.1=z=z", "a.new.deep=[1, '2']", "e.f=true", "c=\"5\"", "d=5"].iter().enumerate()
        {
            apply(&mut root, option, index + 1, &mut faults);
        }
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(
            root.to_value(),
            json!({"a": {"b": "-", "l": ["x", "z=z"], "new": {"deep": [1, "2"]}}, "e": {"f": true}, "c": "5", "d": 5})
        );
    }

    #[test]
    fn refuses_what_has_no_place() {
        for option in ["a.b", "a.b.c=1", "a.l.2=1", "a.l.x=1", "a..b=1", "=1", "a.b=[1", "a.b=\"x"] {
            let mut faults = Vec::new();
            apply(&mut root(), option, 1, &mut faults);
            assert_eq!(faults.len(), 1, "{option}");
            assert_eq!(faults[0].span.text, 1, "{option}");
        }
    }
}
