//! Values and rules of a schema in words for people.

use serde_json::Value;

use super::{
    diagnostics::list,
    document::{Kind, Node},
};

/// What a setting is for, with its choices.
pub(super) fn about(property: &Value, root: &Value) -> Option<String> {
    let description = property.get("description").and_then(Value::as_str)?;
    let target = property.get("$ref").and_then(Value::as_str).map(|target| target.trim_start_matches('#'));
    let choices = target.and_then(|target| root.pointer(target)).unwrap_or(property);
    let names: Vec<&str> = choices
        .get("enum")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    Some(if names.is_empty() {
        description.to_owned()
    } else {
        format!("{description} One of {}.", list(&names))
    })
}

/// What a pattern takes, in words.
pub(super) fn expectation(schema: &Value) -> Option<String> {
    if let Some(words) = schema.get("x-expected").and_then(Value::as_str) {
        return Some(words.to_owned());
    }
    let mut words = schema.get("description").and_then(Value::as_str)?.trim_end_matches('.').chars();
    let first = words.next()?;
    Some(first.to_lowercase().chain(words).collect())
}

/// A value after "cannot be".
pub(super) fn told(node: &Node) -> String {
    match &node.kind {
        Kind::Number(_) | Kind::Bool(_) | Kind::Text(_) if node.secret => "what its variable holds".into(),
        Kind::Number(value) => value.to_string(),
        _ => found(node),
    }
}

/// A value after "found"; one that a variable gave is not told.
pub(super) fn found(node: &Node) -> String {
    match &node.kind {
        Kind::Null => "nothing".into(),
        Kind::List(_) => "a list".into(),
        Kind::Map(_) => "a map".into(),
        _ if node.secret => "the value of a variable".into(),
        Kind::Bool(value) => format!("`{value}`"),
        Kind::Number(value) => format!("the number {value}"),
        Kind::Text(text) if text.is_empty() => "empty text".into(),
        Kind::Text(text) if text.chars().count() > 60 => "this text".into(),
        Kind::Text(text) if node.plain => format!("`{text}`"),
        Kind::Text(text) => format!("the text `{text}`"),
        Kind::Broken => "a value with a fault".into(),
    }
}
