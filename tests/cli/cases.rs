//! `dirigent cases`, beside a live run: people list and show cases, and what they say is in the cases soon after.

use super::{
    follow::{append, until},
    sandbox::Sandbox,
};

const TOPOLOGY: &str = r#"name: shop
clock: wall
epoch: 20ms
idle_epoch: 50ms
sources:
  reviews: { type: file, path: reviews.jsonl, follow: true }
  feedback: { type: file, record: feedback, path: feedback.jsonl, follow: true }
  commands: { type: file, record: case_command, path: commands.jsonl, follow: true, fields: { case_id: case } }
transforms:
  clean: { type: clean, inputs: [reviews] }
  sentiment: { type: sentiment, inputs: [clean], slots: 4096 }
  corrected: { type: apply_feedback, inputs: [sentiment, feedback] }
  unique: { type: deduplicate, inputs: [corrected] }
  products: { type: product_scores, inputs: [unique] }
  alerts: { type: alerts, inputs: [unique, commands], severe_review: { sentiment: 1 } }
sinks:
  cases: { type: file, inputs: [alerts], path: out/cases.jsonl }
  products: { type: file, inputs: [products], path: out/products.jsonl }
"#;

/// What a command printed, where it ended well.
fn said(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let told = sandbox.dirigent(arguments);
    assert_eq!(told.code, Some(0), "{arguments:?}: {told:?}");
    told.out
}

/// What a command complained about.
fn refused(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let told = sandbox.dirigent(arguments);
    assert_eq!((told.code, told.out.as_str()), (Some(1), ""), "{arguments:?}");
    told.err
}

#[test]
fn cases_are_listed_shown_and_acted_upon_while_a_run_goes_on() {
    let sandbox = Sandbox::new();
    sandbox.write("t.yaml", TOPOLOGY);
    assert_eq!(said(&sandbox, &["cases", "list", "t.yaml"]), "no open case\n");
    let mut running = sandbox.start(&["run", "t.yaml"]);
    running.wait_for("running topology");
    let review = |n: usize, text: &str| {
        let line = format!(
            r#"{{"review_id":"r{n}","product_id":"kettle","user_id":"u","rating":1,"text":"{text} {n}"}}"#
        );
        append(&sandbox, "reviews.jsonl", &(line + "\n"));
        let line = format!(r#"{{"feedback_id":"f{n}","review_id":"r{n}","label":"negative"}}"#);
        append(&sandbox, "feedback.jsonl", &(line + "\n"));
    };
    review(1, "Broke at once,");
    review(2, "It caught fire,");
    let list = |state: &str| said(&sandbox, &["cases", "list", "t.yaml", "--state", state]);
    until(&mut running, "two cases fire", || list("firing").lines().count() == 3);
    let table = list("firing");
    let graver_first: Vec<&str> = table.lines().skip(1).map(str::trim).collect();
    assert!(
        graver_first[0].starts_with("severe_review:r2:") && graver_first[0].contains("critical"),
        "{table}"
    );
    assert!(
        graver_first[1].starts_with("severe_review:r1:") && graver_first[1].contains("warning"),
        "{table}"
    );
    let id = graver_first[0].split_whitespace().next().unwrap();
    let shown = || said(&sandbox, &["cases", "show", "t.yaml", id]);
    let text = shown();
    for part in ["firing, critical", "grave words  fire", "kettle", "negative share", "now 100.0 %", "█"] {
        assert!(text.contains(part), "{part}: {text}");
    }

    let by = ["--by", "ann", "--note", "ticket 7"];
    let written = said(&sandbox, &[&["cases", "ack", "t.yaml", id][..], &by].concat());
    assert!(written.contains("ack of") && written.contains("`commands`"), "{written}");
    until(&mut running, "it is acknowledged", || shown().contains("acknowledged, critical"));
    let text = shown();
    assert!(text.contains("by           ann") && text.contains("note         ticket 7"), "{text}");
    said(&sandbox, &["cases", "note", "t.yaml", id, "--note", "ticket 8"]);
    until(&mut running, "the note is there", || list("acknowledged").contains("ticket 8"));
    said(&sandbox, &["cases", "resolve", "t.yaml", id]);
    until(&mut running, "it is over", || shown().contains("resolved     command"));
    assert!(!said(&sandbox, &["cases", "list", "t.yaml"]).contains(id));
    said(&sandbox, &["cases", "reopen", "t.yaml", id]);
    until(&mut running, "it fires again", || list("firing").contains(id));
    let line = said(&sandbox, &["cases", "list", "t.yaml", "--json", "--state", "all"]);
    let case: serde_json::Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    assert_eq!((case["case_id"].as_str(), case["state"].as_str()), (Some(id), Some("firing")));

    // what cannot act is not written
    let commands = sandbox.text("commands.jsonl");
    assert_eq!(commands.lines().count(), 4);
    assert!(
        refused(&sandbox, &["cases", "ack", "t.yaml", "severe_review:r9:1"]).contains("there is no case")
    );
    assert!(refused(&sandbox, &["cases", "reopen", "t.yaml", id]).contains("is open already"));
    assert!(refused(&sandbox, &["cases", "note", "t.yaml", id]).contains("--note TEXT"));
    assert_eq!(sandbox.text("commands.jsonl"), commands);
    running.signal("TERM");
    let told = running.end();
    assert_eq!(told.code, Some(0), "{told:?}");
    // every command acted
    assert_eq!(told.books()["commands"]["applied"], 4, "{told:?}");
}

#[test]
fn a_topology_without_commands_or_cases_says_what_to_add() {
    let sandbox = Sandbox::new();
    let without = TOPOLOGY.replace(", commands]", "]");
    let without: String = without
        .lines()
        .filter(|line| !line.starts_with("  commands:"))
        .map(|line| format!("{line}\n"))
        .collect();
    sandbox.write("t.yaml", &without);
    let says = refused(&sandbox, &["cases", "ack", "t.yaml", "x"]);
    assert!(
        says.contains("has no source of `record: case_command`") && says.contains("follow: true"),
        "{says}"
    );
    let without: String = without
        .lines()
        .filter(|line| !line.starts_with("  cases:"))
        .map(|line| format!("{line}\n"))
        .collect();
    sandbox.write("t.yaml", &without);
    let told = sandbox.dirigent(&["cases", "list", "t.yaml"]);
    assert!(told.code == Some(1) && told.err.contains("no sink of the topology takes cases"), "{told:?}");
    sandbox.write("t.yaml", TOPOLOGY.replace("path: commands.jsonl", "path: commands-*.jsonl"));
    let says = refused(&sandbox, &["cases", "ack", "t.yaml", "x"]);
    assert!(says.contains("`commands`: records are appended to one file"), "{says}");
}
