//! From a file to a plan: parse, `--set`, variables, schema, resolve; every stage adds its faults, and all are told at once.
//!
//! Only a text that is no YAML ends it early: there is nothing to go on with.

use std::{collections::BTreeMap, path::Path};

use miette::Severity;

use super::{
    conform::conform,
    diagnostics::{Diagnosis, Fault, TopologyErrors, Warning, diagnose},
    document::{Document, Kind, Text},
    plan::Plan,
    resolve::resolve,
    schema, set, variables, yaml,
};

/// Reads a topology file, with the values of `--set` options and of environment variables.
///
/// # Errors
/// Everything that is wrong with it, in order of position.
pub fn load(path: &Path, sets: &[String]) -> Result<(Plan, Vec<Warning>), TopologyErrors> {
    let refuse = |message: String, help: &str| TopologyErrors {
        errors: vec![Diagnosis::without_source(message, Some(help.to_owned()))],
        warnings: Vec::new(),
    };
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| {
        refuse(format!("cannot read {name}: {error}"), "give the path of a topology file")
    })?;
    let text = String::from_utf8(bytes)
        .map_err(|_| refuse(format!("{name} is not UTF-8"), "a topology is a YAML file in UTF-8"))?;
    load_str(&name, &text, sets, &|variable| std::env::var(variable).ok())
}

/// Reads a topology from a text; `name` stands for it in diagnostics.
///
/// # Errors
/// Everything that is wrong with it, in order of position.
pub fn load_str(
    name: &str,
    text: &str,
    sets: &[String],
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<(Plan, Vec<Warning>), TopologyErrors> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut root, mut faults) = yaml::parse(text, 0, 0);
    let mut texts = vec![Text { name: name.to_owned(), text: text.to_owned() }];
    let mut used = BTreeMap::new();
    let mut warnings = Vec::new();
    let mut plan = None;
    if root.kind == Kind::Null && sets.is_empty() {
        faults.push(
            Fault::new(root.span, "the topology is empty", "expected `name: ...` and more")
                .help("a topology has a `name`, a `clock`, `sources`, `transforms` and `sinks`"),
        );
    } else if root.kind != Kind::Broken {
        for option in sets {
            texts.push(set::apply(&mut root, option, texts.len(), &mut faults));
        }
        used = variables::interpolate(&mut root, text, lookup, &mut faults);
        faults.extend(conform(&root, &schema::topology()));
        plan = resolve(&root, &mut faults, &mut warnings);
    }
    let document = Document { texts, variables: used };
    let warnings = diagnose(&document, warnings, Severity::Warning);
    match plan {
        Some(plan) if faults.is_empty() => Ok((plan, warnings)),
        _ => Err(TopologyErrors { errors: diagnose(&document, faults, Severity::Error), warnings }),
    }
}
