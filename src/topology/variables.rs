//! `${NAME}`, `${NAME:-default}` and `$$` inside parsed scalars.
//!
//! Replacing happens after parsing, so a value can never add keys or break the structure. A plain scalar is typed again
//! afterwards (`workers: ${N}` is a number), a quoted one stays text. The default counts when the variable is not set
//! or empty, as in a shell; it has no variables in it and ends at the first `}`. A `$` before anything else stands for
//! itself. Keys and `--set` values are taken as they are.

use std::collections::BTreeMap;

use super::{
    diagnostics::Fault,
    document::{Kind, Node, Span},
    scalar,
};

/// Looks an environment variable up.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Replaces the variables in a tree whose text is `source`; returns the ones it used.
pub(super) fn interpolate(
    node: &mut Node,
    source: &str,
    lookup: Lookup<'_>,
    faults: &mut Vec<Fault>,
) -> BTreeMap<String, String> {
    let mut used = BTreeMap::new();
    walk(node, source, lookup, faults, &mut used);
    used
}

fn walk(
    node: &mut Node,
    source: &str,
    lookup: Lookup<'_>,
    faults: &mut Vec<Fault>,
    used: &mut BTreeMap<String, String>,
) {
    let (span, plain) = (node.span, node.plain);
    match &mut node.kind {
        Kind::List(items) => items.iter_mut().for_each(|item| walk(item, source, lookup, faults, used)),
        Kind::Map(entries) => {
            entries.iter_mut().for_each(|entry| walk(&mut entry.value, source, lookup, faults, used));
        }
        Kind::Text(text) if span.text == 0 && text.contains('$') => match replace(text, lookup, used) {
            Ok((text, secret)) => {
                node.secret = secret;
                node.kind = if plain { scalar::plain(&text) } else { Kind::Text(text) };
            }
            Err(refused) => {
                faults.extend(refused.into_iter().map(|(what, fault)| {
                    // Point at the variable where it stands as written, else (escapes) at the whole scalar.
                    let at = source[span.start..span.end].find(&what).map_or(span, |offset| {
                        let start = span.start + offset;
                        Span { start, end: start + what.len(), ..span }
                    });
                    Fault { span: at, ..fault }
                }));
                node.kind = Kind::Broken;
            }
        },
        _ => {}
    }
}

type Refused = Vec<(String, Fault)>;

fn replace(
    text: &str,
    lookup: Lookup<'_>,
    used: &mut BTreeMap<String, String>,
) -> Result<(String, bool), Refused> {
    let (mut out, mut secret, mut refused) = (String::with_capacity(text.len()), false, Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("$$") {
            out.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix("${") {
            let Some((inside, after)) = after.split_once('}') else {
                let fault = Fault::new(Span::default(), "a variable that does not end", "expected `}`");
                refused.push((rest.to_owned(), fault.help("write `$$` for a dollar sign")));
                break;
            };
            match variable(inside, lookup) {
                Ok((value, from_environment)) => {
                    out.push_str(&value);
                    if let Some(name) = from_environment {
                        secret = true;
                        used.insert(name.to_owned(), value);
                    }
                }
                Err(fault) => refused.push((format!("${{{inside}}}"), *fault)),
            }
            rest = after;
        } else {
            out.push('$');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    if refused.is_empty() { Ok((out, secret)) } else { Err(refused) }
}

/// The value of `NAME` or `NAME:-default`, and the name if the value came from the environment.
fn variable<'a>(inside: &'a str, lookup: Lookup<'_>) -> Result<(String, Option<&'a str>), Box<Fault>> {
    let (name, default) = inside.split_once(":-").map_or((inside, None), |(name, value)| (name, Some(value)));
    let head = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !head || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(Box::new(
            Fault::new(
                Span::default(),
                format!("`{name}` is not the name of a variable"),
                "expected letters, digits and `_`",
            )
            .help("write ${NAME} or ${NAME:-default}; `$$` is a dollar sign"),
        ));
    }
    match (lookup(name), default) {
        (Some(value), None) => Ok((value, Some(name))),
        (Some(value), Some(_)) if !value.is_empty() => Ok((value, Some(name))),
        (_, Some(default)) => Ok((default.to_owned(), None)),
        (None, None) => Err(Box::new(
            Fault::new(
                Span::default(),
                format!("the environment variable `{name}` is not set"),
                "it has no default",
            )
            .help(format!("set it, or give a default: ${{{name}:-value}}")),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces() {
        let lookup = |name: &str| match name {
            "A" => Some("x".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let replaced = |text| replace(text, &lookup, &mut BTreeMap::new()).map(|(text, _)| text).ok();
        for (text, expected) in [
            ("${A}", "x"),
            ("-${A}-${A}-", "-x-x-"),
            ("$${A}", "${A}"),
            ("$$$${A}", "$${A}"),
            ("$A $", "$A $"),
            ("${B:-d}", "d"),
            ("${A:-d}", "x"),
            ("${EMPTY:-d}", "d"),
            ("${EMPTY}", ""),
            ("${B:-}", ""),
            ("${B:-a:-b}", "a:-b"),
        ] {
            assert_eq!(replaced(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["${B}", "${", "${}", "${1A}", "${A-b}", "${A"] {
            assert_eq!(replaced(text), None, "{text}");
        }
    }
}
