//! The names at `/metrics`, with their types and labels, are those that `docs/metrics.md` lists, and the other way round.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::metrics::{Seen, seen};

type Names = BTreeMap<String, (String, BTreeSet<String>)>;

/// By name with suffix: the type, and the labels that were seen.
fn families(seen: &Seen) -> Names {
    let types = seen.text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let families = types.map(|line| line.split_once(' ').unwrap());
    families
        .map(|(family, kind)| {
            let (suffix, first) = match kind {
                "counter" => ("_total", "_total"),
                "info" => ("_info", "_info"),
                "histogram" => ("", "_count"),
                _ => ("", ""),
            };
            let samples = &seen.samples[&format!("{family}{first}")];
            let labels = samples.iter().flat_map(|(labels, _)| labels.keys().cloned()).collect();
            (format!("{family}{suffix}"), (kind.to_owned(), labels))
        })
        .collect()
}

/// The names in the documentation, with type and labels.
fn documented() -> Names {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let Some(row) = line.strip_prefix("| `") else { continue };
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [name, kind, labels, ..] = cells[..] else { continue };
        if !name.starts_with("dirigent_") && !name.starts_with("process_") {
            continue;
        }
        let labels = labels.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let entry = (kind.to_owned(), labels);
        assert!(found.insert(name.trim_end_matches('`').to_owned(), entry).is_none(), "{name} twice");
    }
    found
}

#[test]
fn every_name_is_documented_and_every_documented_name_is_there() {
    assert_eq!(families(&seen()), documented());
}
