//! A strict reader of OpenMetrics 1.0 text, as far as a run writes it; anything it does not know fails the test.

use std::collections::{BTreeMap, BTreeSet};

/// Labels of a sample.
pub(super) type Labels = BTreeMap<String, String>;

/// Samples by name with suffix.
pub(super) type Samples = BTreeMap<String, Vec<(Labels, f64)>>;

fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

fn labels(text: &str) -> Labels {
    let mut labels = Labels::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, quoted) = rest.split_once("=\"").unwrap_or_else(|| panic!("no value in {text:?}"));
        assert!(is_name(name), "label {name:?} in {text:?}");
        let mut value = String::new();
        let mut chars = quoted.char_indices();
        let end = loop {
            let (at, c) = chars.next().unwrap_or_else(|| panic!("no end of a value in {text:?}"));
            match c {
                '"' => break at,
                '\\' => value.push(match chars.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, c @ ('\\' | '"'))) => c,
                    other => panic!("escape {other:?} in {text:?}"),
                }),
                '\n' => panic!("a line break in {text:?}"),
                c => value.push(c),
            }
        };
        assert!(labels.insert(name.to_owned(), value).is_none(), "label {name} twice in {text:?}");
        rest = &quoted[end + 1..];
        if let Some(more) = rest.strip_prefix(',') {
            assert!(!more.is_empty(), "a comma at the end of {text:?}");
            rest = more;
        } else {
            assert!(rest.is_empty(), "{rest:?} after a value in {text:?}");
        }
    }
    labels
}

/// Reads an exposition; every family is declared once, before its samples, which stand together.
pub(super) fn parse(text: &str) -> Samples {
    let text = text.strip_suffix("# EOF\n").expect("the text ends with # EOF");
    let mut types: BTreeMap<String, String> = BTreeMap::new();
    let mut helped = BTreeSet::new();
    let mut current = String::new();
    let mut series = BTreeSet::new();
    let mut samples = Samples::new();
    for line in text.lines() {
        if let Some(meta) = line.strip_prefix("# ") {
            let mut parts = meta.splitn(3, ' ');
            let (keyword, family, rest) =
                (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
            let ours = family.starts_with("dirigent_") || family.starts_with("process_");
            assert!(is_name(family) && ours, "{line}");
            if family != current {
                assert!(
                    !types.contains_key(family) && !helped.contains(family),
                    "{family} is spread over the text"
                );
                current = family.to_owned();
            }
            match keyword {
                "TYPE" => {
                    assert!(["counter", "gauge", "histogram", "info"].contains(&rest), "{line}");
                    assert!(types.insert(family.to_owned(), rest.to_owned()).is_none(), "{line}: twice");
                    assert!(
                        !["_total", "_info", "_bucket", "_sum", "_count"]
                            .iter()
                            .any(|suffix| family.ends_with(suffix)),
                        "{family}: the suffix belongs to the samples"
                    );
                }
                "HELP" => assert!(!rest.is_empty() && helped.insert(family.to_owned()), "{line}"),
                "UNIT" => assert!(family.ends_with(&format!("_{rest}")), "{line}"),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (id, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line:?} is no sample"));
        let (name, labels) = match id.split_once('{') {
            Some((name, rest)) => (name, labels(rest.strip_suffix('}').unwrap_or_else(|| panic!("{line}")))),
            None => (id, Labels::new()),
        };
        let suffix =
            name.strip_prefix(current.as_str()).unwrap_or_else(|| panic!("{name} stands under {current:?}"));
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        match types.get(&current).map(String::as_str) {
            Some("counter") => assert!(suffix == "_total" && value >= 0.0 && value.is_finite(), "{line}"),
            Some("gauge") => assert!(suffix.is_empty(), "{line}"),
            Some("histogram") => assert!(
                value >= 0.0
                    && match suffix {
                        "_bucket" => labels.contains_key("le"),
                        "_sum" | "_count" => !labels.contains_key("le"),
                        _ => false,
                    },
                "{line}"
            ),
            Some("info") => assert!(suffix == "_info" && value == 1.0, "{line}"),
            _ => panic!("{name} has no type"),
        }
        assert!(helped.contains(&current), "{current} has no help");
        assert!(series.insert((name.to_owned(), labels.clone())), "{id} twice");
        samples.entry(name.to_owned()).or_default().push((labels, value));
    }
    for family in types.iter().filter(|(_, kind)| *kind == "histogram").map(|(family, _)| family) {
        histogram(family, &samples);
    }
    samples
}

/// The series of a histogram: buckets by ascending bound that never fall and end with the count at `+Inf`.
fn histogram(family: &str, samples: &Samples) {
    let part = |suffix: &str| samples.get(&format!("{family}_{suffix}")).cloned().unwrap_or_default();
    let counts = part("count");
    assert_eq!(counts.len(), part("sum").len(), "{family}: a count and a sum each");
    let mut buckets: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
    for (mut labels, n) in part("bucket") {
        let bound = labels.remove("le").unwrap().parse().unwrap();
        buckets.entry(labels).or_default().push((bound, n));
    }
    assert_eq!(counts.len(), buckets.len(), "{family}: buckets for each count");
    for (labels, count) in counts {
        let found = &buckets[&labels];
        assert!(found.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{family}: {found:?}");
        assert_eq!(found.last(), Some(&(f64::INFINITY, count)), "{family}: {found:?}");
    }
}

#[test]
fn the_reader_is_strict() {
    let whole = "# HELP dirigent_a Help.\n# TYPE dirigent_a counter\ndirigent_a_total{b=\"c\\\"d\\\\\",e=\"\"} 1\n# EOF\n";
    let samples = parse(whole);
    assert_eq!(samples["dirigent_a_total"][0].0["b"], "c\"d\\");
    for (from, to) in [
        ("# EOF\n", ""),
        ("_total", ""),
        ("# TYPE dirigent_a counter\n", ""),
        ("# HELP dirigent_a Help.\n", ""),
        ("counter", "gauge"),
        (" 1\n", " x\n"),
        ("e=", "b="),
        ("e=", "3="),
        ("\"\"}", "\"}"),
        ("} 1\n", "} 1\ndirigent_b_total 1\n"),
        ("} 1\n", ",} 1\n"),
    ] {
        let wrong = whole.replace(from, to);
        assert!(std::panic::catch_unwind(|| parse(&wrong)).is_err(), "{wrong}");
    }
    let whole = "# HELP dirigent_h Help.\n# TYPE dirigent_h histogram\ndirigent_h_sum 1.5\ndirigent_h_count 3\n\
                 dirigent_h_bucket{le=\"1.0\"} 2\ndirigent_h_bucket{le=\"+Inf\"} 3\n# EOF\n";
    assert_eq!(parse(whole)["dirigent_h_bucket"].len(), 2);
    for (from, to) in [
        ("dirigent_h_sum 1.5\n", ""),
        ("} 3\n", "} 4\n"),
        ("} 2\n", "} 4\n"),
        ("+Inf", "2.0"),
        ("{le=\"1.0\"}", ""),
        ("\"1.0\"", "\"x\""),
    ] {
        let wrong = whole.replace(from, to);
        assert!(std::panic::catch_unwind(|| parse(&wrong)).is_err(), "{wrong}");
    }
}
