//! What a document declares, by section and in its order: ids, kinds, settings and the references of `inputs`.
//!
//! Reading is tolerant: a component with faults keeps what is right about it, so that the resolver can go on and find
//! the other faults. Nothing is reported twice: a component that the schema refused is not given to its kind's own check.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    component::{READER_KEYS, SOURCE_KEYS, SourceCommon, target_keys},
    diagnostics::Fault,
    document::{Kind, Node, Span},
    escalation,
};
use crate::{
    connect::{
        receivers::registry::{RECEIVERS, ReceiverKind},
        registry::{SINKS, SOURCES, SinkKind, SourceKind},
    },
    operators::registry::{OPERATORS, Operator, Record},
};

/// A component as declared.
#[derive(Debug)]
pub(super) struct Declared<'a, K: 'static> {
    /// Its id.
    pub(super) id: &'a str,
    /// Where the id stands.
    pub(super) span: Span,
    /// Its kind, where `type` names one.
    pub(super) kind: Option<&'static K>,
    /// What it hands out; sources only.
    pub(super) record: Option<Record>,
    /// Renamed fields; sources only.
    pub(super) fields: BTreeMap<String, String>,
    /// The settings of its kind.
    pub(super) settings: Value,
    /// What it reads.
    pub(super) inputs: Vec<Reference<'a>>,
    /// Whether `inputs` is a list of names, so that it tells all there is to read.
    pub(super) inputs_whole: bool,
    /// Its map.
    pub(super) node: &'a Node,
    /// Whether it has no fault so far.
    pub(super) healthy: bool,
}

/// An item of `inputs`.
#[derive(Debug)]
pub(super) struct Reference<'a> {
    /// `id` or `id.output`.
    pub(super) text: &'a str,
    /// Where it stands.
    pub(super) span: Span,
}

/// All components of a document.
#[derive(Debug)]
pub(super) struct Components<'a> {
    /// The sources.
    pub(super) sources: Vec<Declared<'a, SourceKind>>,
    /// The transforms.
    pub(super) transforms: Vec<Declared<'a, Operator>>,
    /// The sinks.
    pub(super) sinks: Vec<Declared<'a, SinkKind>>,
    /// Who can be told of cases.
    pub(super) targets: Vec<Declared<'a, ReceiverKind>>,
}

impl<'a> Components<'a> {
    /// Reads a document that has been held against the schema, and adds what the kinds themselves find wrong.
    pub(super) fn read(root: &'a Node, faults: &mut Vec<Fault>) -> Self {
        let mut sources = section(root, "sources", SOURCES, |kind| kind.name, SOURCE_KEYS, faults);
        for source in &mut sources {
            if let (Some(kind), true) = (source.kind, source.healthy) {
                let found = (kind.check)(&source.settings);
                refuse(source, found.into_iter(), faults);
            }
            let mut common = Map::new();
            for entry in
                source.node.entries().iter().filter(|entry| entry.key == "record" || entry.key == "fields")
            {
                common.insert(entry.key.clone(), entry.value.to_value());
            }
            // What fails here the schema has refused already.
            if let Ok(common) = SourceCommon::deserialize(Value::Object(common)) {
                source.record = Some(common.record);
                source.fields = common.fields;
            }
        }
        let mut transforms = section(root, "transforms", OPERATORS, |kind| kind.name, READER_KEYS, faults);
        for transform in &mut transforms {
            if let (Some(kind), true) = (transform.kind, transform.healthy) {
                for pointer in kind.settings.texts {
                    read_text(transform, pointer, faults);
                }
                if !transform.healthy {
                    continue;
                }
                let found = (kind.settings.check)(&transform.settings);
                refuse(transform, found.into_iter().map(|f| (f.pointer, f.message, f.hint)), faults);
            }
        }
        let mut sinks = section(root, "sinks", SINKS, |kind| kind.name, READER_KEYS, faults);
        for sink in &mut sinks {
            if let (Some(kind), true) = (sink.kind, sink.healthy) {
                let found = (kind.check)(&sink.settings);
                refuse(sink, found.into_iter(), faults);
            }
        }
        let mut targets =
            section(root, escalation::TARGETS, RECEIVERS, |kind| kind.name, &target_keys(), faults);
        for target in &mut targets {
            if let (Some(kind), true) = (target.kind, target.healthy) {
                let mut found = (kind.check)(&target.settings);
                found.extend(escalation::faults_of_target(target.node));
                refuse(target, found.into_iter(), faults);
            }
        }
        Self { sources, transforms, sinks, targets }
    }
}

fn section<'a, K>(
    root: &'a Node,
    section: &str,
    kinds: &[&'static K],
    name: fn(&K) -> &'static str,
    common: &[&str],
    faults: &[Fault],
) -> Vec<Declared<'a, K>> {
    let declare = |entry: &'a super::document::Entry| {
        let node = &entry.value;
        let own = format!("/{section}/{}", entry.key);
        let faulty = faults.iter().any(|fault| {
            fault.pointer.strip_prefix(&own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        let wanted = node.get("type").and_then(Node::as_text);
        let settings = node.entries().iter().filter(|entry| !common.contains(&entry.key.as_str()));
        let items = match node.get("inputs").map(|inputs| &inputs.kind) {
            Some(Kind::List(items)) => items.as_slice(),
            _ => &[],
        };
        let inputs: Vec<_> = items
            .iter()
            .filter_map(|item| item.as_text().map(|text| Reference { text, span: item.span }))
            .collect();
        Declared {
            id: &entry.key,
            span: entry.key_span,
            kind: wanted.and_then(|wanted| kinds.iter().find(|kind| name(kind) == wanted).copied()),
            record: None,
            fields: BTreeMap::new(),
            settings: settings
                .map(|entry| (entry.key.clone(), entry.value.to_value()))
                .collect::<Map<_, _>>()
                .into(),
            inputs_whole: !items.is_empty() && inputs.len() == items.len(),
            inputs,
            node,
            healthy: !faulty && !node.is_broken(),
        }
    };
    let node = section.split('/').try_fold(root, |node, key| node.get(key));
    node.map(Node::entries).unwrap_or_default().iter().map(declare).collect()
}

/// Adds the faults that a kind found in its settings, each at its place.
/// Puts the text of a file beside the setting that names it, where one does.
fn read_text<K>(component: &mut Declared<'_, K>, pointer: &str, faults: &mut Vec<Fault>) {
    let Some(named) = component.settings.pointer_mut(pointer).and_then(Value::as_object_mut) else { return };
    let Some(path) = named.get("file").and_then(Value::as_str) else { return };
    match std::fs::read_to_string(path) {
        Ok(text) => {
            named.insert("text".to_owned(), Value::String(text));
        }
        Err(error) => {
            let message = format!("cannot read {path}: {error}");
            let hint = "expected a text file in UTF-8; its path counts from the working folder".to_owned();
            refuse(component, std::iter::once((format!("{pointer}/file"), message, hint)), faults);
        }
    }
}

fn refuse<K>(
    component: &mut Declared<'_, K>,
    found: impl Iterator<Item = (String, String, String)>,
    faults: &mut Vec<Fault>,
) {
    for (pointer, message, hint) in found {
        component.healthy = false;
        let span = if pointer.is_empty() { component.span } else { component.node.locate(&pointer) };
        faults.push(Fault::new(span, format!("`{}`: {message}", component.id), "here").help(hint));
    }
}
