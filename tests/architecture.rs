//! The arrows between the folders of `src/`, read from the sources: what a folder may name, and what only one may.
//!
//! It looks at `crate::` paths, in `use` lines and outside them, and at chains of `super::` that leave the folder.
//! Comments do not count.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use dirigent::operators::registry::OPERATORS;

/// Each folder, and those it may name.
const ARROWS: &[(&str, &[&str])] = &[
    ("cli", &["serve", "topology", "operators", "connect", "engine", "learning", "records", "telemetry"]),
    ("serve", &["records", "learning", "telemetry"]),
    ("topology", &["operators", "connect", "engine", "telemetry"]),
    ("operators", &["engine", "records", "learning", "telemetry"]),
    ("connect", &["engine", "records", "telemetry"]),
    ("engine", &["telemetry"]),
    ("learning", &["records", "telemetry"]),
    ("records", &[]),
    ("telemetry", &[]),
];

/// The crates that only the engine names.
const DATAFLOW: &[&str] = &["timely", "differential_dataflow", "timely_container", "timely_communication"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All Rust files below a folder, with their text without comments.
fn files(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = without_comments(&fs::read_to_string(&path).unwrap());
            found.push((path, text));
        }
    }
    found
}

fn without_comments(text: &str) -> String {
    let code = |line: &str| match line.find("//") {
        Some(at) if line[..at].trim().is_empty() || line[..at].ends_with(' ') => line[..at].to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(code).collect::<Vec<_>>().join("\n")
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn word(text: &str) -> &str {
    text.split(|c| !is_word(c)).next().unwrap_or_default()
}

/// Where a word stands in a text, on its own.
fn words<'a>(text: &'a str, wanted: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(wanted)
        .map(|(at, _)| at)
        .filter(move |&at| !text[..at].ends_with(is_word) && !text[at + wanted.len()..].starts_with(is_word))
}

/// The modules at the root of the crate that a text names.
fn named_folders(text: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for at in words(text, "crate") {
        let Some(rest) = text[at + "crate".len()..].trim_start().strip_prefix("::") else { continue };
        let rest = rest.trim_start();
        match rest.strip_prefix('{') {
            Some(group) => named.extend(group_heads(group)),
            None => drop(named.insert(word(rest).to_owned())),
        }
    }
    // `super::super::x` may reach the root: what follows counts if it has the name of a folder.
    for (at, chain) in text.match_indices("super::super::") {
        let rest = text[at + chain.len()..].trim_start_matches("super::");
        let heads = match rest.strip_prefix('{') {
            Some(group) => group_heads(group),
            None => vec![word(rest).to_owned()],
        };
        named.extend(heads.into_iter().filter(|head| ARROWS.iter().any(|(folder, _)| folder == head)));
    }
    named
}

/// The first words of the items of `{a::b, c::{d, e}, f}`.
fn group_heads(group: &str) -> Vec<String> {
    let (mut depth, mut heads, mut item) = (0_usize, Vec::new(), String::new());
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(std::mem::take(&mut item)),
            _ if depth == 0 => item.push(c),
            _ => {}
        }
    }
    heads.push(item);
    heads.iter().map(|item| word(item.trim()).to_owned()).filter(|head| !head.is_empty()).collect()
}

#[test]
fn the_reader_finds_paths() {
    let text = "use crate::{\n    engine::{keyed, duration::Millis},\n    records::Review,\n};\nfn f(x: crate::serve::X) {}\n// crate::cli\nlet y = super::super::telemetry::Y; // crate::main";
    let named = named_folders(&without_comments(text));
    assert_eq!(named.into_iter().collect::<Vec<_>>(), ["engine", "records", "serve", "telemetry"]);
    assert_eq!(words("timely::x un_timely timely_ a.timely", "timely").count(), 2);
}

#[test]
fn arrows_point_down() {
    let mut wrong = Vec::new();
    for (folder, allowed) in ARROWS {
        let own = files(&source().join(folder));
        assert!(!own.is_empty(), "{folder} has no files");
        for (path, text) in own {
            for named in named_folders(&text) {
                let known = ARROWS.iter().any(|(known, _)| *known == named);
                if known && named != *folder && !allowed.contains(&named.as_str()) {
                    wrong.push(format!("{} names `{named}`; {folder} may name {allowed:?}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that point up:\n{}", wrong.join("\n"));
}

#[test]
fn every_folder_has_its_rule() {
    for entry in fs::read_dir(source()).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_dir()) {
        let name = entry.file_name().into_string().unwrap();
        assert!(ARROWS.iter().any(|(folder, _)| *folder == name), "no rule for src/{name}");
    }
}

#[test]
fn only_the_engine_names_the_dataflow_crates() {
    let engine = source().join("engine");
    for (path, text) in files(&source()).iter().filter(|(path, _)| !path.starts_with(&engine)) {
        for name in DATAFLOW {
            assert_eq!(words(text, name).count(), 0, "{} names {name}", path.display());
        }
    }
    let named = files(&engine).iter().any(|(_, text)| words(text, "timely").next().is_some());
    let others = files(&engine).len() > 3;
    assert!(named || !others, "the engine names no dataflow crate: is this test still reading it?");
}

/// What the topology knows of a step, it knows from the registry.
#[test]
fn the_topology_knows_no_step_by_name() {
    for (path, text) in files(&source().join("topology")) {
        for name in OPERATORS.iter().map(|operator| operator.name) {
            for form in [
                format!("\"{name}\""),
                format!("`{name}`"),
                format!("type: {name}"),
                format!("operators::{name}"),
                format!("{name}::"),
                format!(".{name}\""),
            ] {
                assert!(!text.contains(&form), "{} names the step {name}: {form}", path.display());
            }
        }
    }
}

/// What ARCHITECTURE.md names is there.
#[test]
fn paths_in_the_architecture_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let folders: BTreeSet<&str> = ["src", "tests", "benches", "docs", "fuzz", "kafka", "topologies"].into();
    // in a line of its own, every second part lies between backticks
    let named: BTreeSet<&str> = text
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(|name| name.split_once('/').is_some_and(|(folder, _)| folders.contains(folder)))
        .collect();
    assert!(named.len() > 20, "ARCHITECTURE.md names only {named:?}");
    let missing: Vec<&&str> = named.iter().filter(|name| !root.join(name).exists()).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names what is not there: {missing:?}");
}
