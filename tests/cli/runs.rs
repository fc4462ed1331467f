//! `run` as it should go: exit codes, the books as the last lines, the report, the page.

use serde_json::Value;

use super::sandbox::{Sandbox, review};

/// Seconds of 2026-01-01.
const DAY_ONE: u64 = 1_767_225_600;

fn shop() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut lines: Vec<String> =
        (0..40).map(|n| review(&format!("r{n}"), &format!("p{}", n % 3), DAY_ONE + n * 3_600)).collect();
    lines.push(r#"{"review_id":"r1","op":"delete","ts":1767400000}"#.to_owned());
    lines.push("nonsense".to_owned());
    lines.push(lines[7].clone());
    sandbox.write("reviews.jsonl", lines.join("\n"));
    let feedback = |id: &str, review: &str| {
        format!(
            r#"{{"feedback_id":"{id}","review_id":"{review}","label":"negative","by":"x","ts":{DAY_ONE}}}"#
        )
    };
    sandbox.write("feedback.jsonl", format!("{}\n{}\n", feedback("f1", "r2"), feedback("f2", "nobody")));
    sandbox
}

#[test]
fn the_books_are_the_last_lines_and_balance() {
    let sandbox = shop();
    let told = sandbox.run(&[]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.out.lines().rev().take(2).all(|line| line.starts_with("books of ")), "{}", told.out);
    assert!(told.out.starts_with("45 records in "), "{}", told.out);
    let books = told.books();
    let reviews = &books["reviews"];
    assert_eq!(
        (
            reviews["in"],
            reviews["deleted"],
            reviews["dead_letter{malformed_json}"],
            reviews["dropped{unchanged}"]
        ),
        (43, 1, 1, 1)
    );
    assert_eq!(
        (books["feedback"]["in"], books["feedback"]["applied"], books["feedback"]["pending"]),
        (2, 1, 1)
    );
    // nobody reads the refused records: they are kept beside the state
    let letters = sandbox.values("state/shop/dead-letters.jsonl");
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["value"], "nonsense");
    let corrected: Vec<Value> =
        sandbox.values("out/scored.jsonl").into_iter().filter(|row| row["review_id"] == "r2").collect();
    assert_eq!(corrected.last().unwrap()["labelled_by"], "f1");
}

#[test]
fn the_report_has_books_quality_and_epochs() {
    let sandbox = shop();
    let told = sandbox.dirigent(&["run", "t.yaml", "--report", "kept/report.json", "--workers", "3"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    let report: Value = serde_json::from_str(&sandbox.text("kept/report.json")).unwrap();
    assert_eq!(
        (&report["name"], &report["workers"], &report["records"], &report["balanced"]),
        (&"shop".into(), &3.into(), &45.into(), &true.into())
    );
    assert_eq!(report["books"]["in"], 45);
    assert_eq!(report["sources"]["reviews"]["dead_letter"]["malformed_json"], 1);
    assert_eq!(report["sources"]["feedback"]["pending"], 1);
    assert_eq!(report["model"], *sandbox.values("out/models.jsonl").last().unwrap());
    let epochs = report["epochs"].as_array().unwrap();
    assert!(epochs.len() > 3 && epochs.iter().all(|epoch| epoch["epoch"].is_u64()), "{epochs:?}");
}

#[test]
fn the_published_model_can_be_read_again() {
    let sandbox = shop();
    assert_eq!(sandbox.run(&[]).code, Some(0));
    let record = &sandbox.values("out/models.jsonl")[0];
    let file = sandbox.read(&format!("state/shop/{}", record["url"].as_str().unwrap()));
    let (description, model, _) = dirigent::learning::store::load(&file).unwrap();
    assert_eq!(description.features.bits.slots(), 4_096);
    assert_eq!(Some(model.version()), record["version"].as_u64());
    assert_eq!(Some(model.labels()), record["labels"].as_u64());
}

#[test]
fn a_run_from_scratch_replaces_its_outputs() {
    let sandbox = shop();
    assert_eq!(sandbox.run(&[]).code, Some(0));
    let first = sandbox.read("out/scored.jsonl");
    sandbox.write("out/scored.jsonl", [&first[..], b"left over\n"].concat());
    assert_eq!(sandbox.dirigent(&["run", "t.yaml", "--from-scratch"]).code, Some(0));
    assert_eq!(sandbox.read("out/scored.jsonl"), first);
}

#[test]
fn the_page_needs_product_scores_and_is_written() {
    let sandbox = shop();
    let told = sandbox.dirigent(&["run", "t.yaml", "--html", "page.html"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.out.contains("page.html") && sandbox.text("page.html").contains("<svg"), "{}", told.out);
    let topology = sandbox.text("t.yaml");
    let without: Vec<&str> = topology.lines().filter(|line| !line.contains("products")).collect();
    sandbox.write("t.yaml", without.join("\n"));
    let told = sandbox.dirigent(&["run", "t.yaml", "--html", "page.html"]);
    assert_eq!(told.code, Some(78));
    assert!(told.err.contains("--html needs a file sink of product scores"), "{}", told.err);
}

#[test]
fn a_topology_without_a_learner_scores_with_what_has_seen_nothing() {
    let sandbox = shop();
    let topology = sandbox.text("t.yaml");
    sandbox.write(
        "t.yaml",
        topology.lines().filter(|line| !line.contains("learn")).collect::<Vec<_>>().join("\n"),
    );
    let told = sandbox.dirigent(&["run", "t.yaml", "--report", "report.json"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(told.books()["reviews"]["in"], 43);
    let scored = sandbox.values("out/scored.jsonl");
    let live = || scored.iter().filter(|row| row["deleted"] != true);
    assert!(
        live().count() >= 40
            && live().all(|row| row["sentiment"] == 0.5 && row["model"]["sentiment"] == "sentiment@0")
    );
    let report: Value = serde_json::from_str(&sandbox.text("report.json")).unwrap();
    assert_eq!((&report["model"], &report["epochs"]), (&Value::Null, &Value::Array(Vec::new())));
}

#[test]
fn a_run_without_input_ends() {
    let sandbox = Sandbox::new();
    let told = sandbox.run(&[]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(told.books()["reviews"]["in"], 0);
    assert!(sandbox.read("out/scored.jsonl").is_empty() && sandbox.read("out/models.jsonl").is_empty());
}

#[test]
fn wrong_command_lines_and_topologies_have_their_codes() {
    let sandbox = Sandbox::new();
    let usage: &[&[&str]] = &[
        &["run"],
        &["run", "t.yaml", "--workers", "0"],
        &["run", "t.yaml", "--workers", "many"],
        &["walk"],
        &["run", "t.yaml", "--set"],
    ];
    for arguments in usage {
        assert_eq!(sandbox.dirigent(arguments).code, Some(64), "{arguments:?}");
    }
    for set in ["epoch=soon", "sources.reviews.pth=x", "transforms.clean.inputs=[nobody]", "workers=0"] {
        let told = sandbox.run(&[set]);
        assert_eq!(told.code, Some(78), "{set}: {told:?}");
        assert!(told.err.ends_with("1 error\n") || told.err.ends_with("errors\n"), "{}", told.err);
    }
    assert!(!sandbox.path("out").exists(), "a wrong topology writes nothing");
}
