//! `generate` and `backtest`; `validate`, `graph` and `schema` have their tests beside those of topologies.

use serde_json::Value;

use super::sandbox::Sandbox;

#[test]
fn generate_gives_the_same_bytes_for_the_same_seed() {
    let sandbox = Sandbox::new();
    let told = sandbox.dirigent(&[
        "generate",
        "--reviews",
        "500",
        "--seed",
        "7",
        "--out",
        "made/a.jsonl",
        "--feedback-out",
        "made/f.jsonl",
    ]);
    assert_eq!((told.code, told.out.as_str()), (Some(0), ""));
    assert!(told.err.starts_with("500 events ("), "{}", told.err);
    let again = sandbox.dirigent(&["generate", "--reviews", "500", "--seed", "7", "--out", "b.jsonl"]);
    assert_eq!(again.code, Some(0));
    assert!(
        sandbox.read("made/a.jsonl") == sandbox.read("b.jsonl") && sandbox.read("b.jsonl").len() > 50_000
    );
    assert!(sandbox.values("made/f.jsonl").iter().any(|line| line["label"].is_string()));
    let other = sandbox.dirigent(&["generate", "--reviews", "500", "--seed", "8", "--out", "c.jsonl"]);
    assert_eq!(other.code, Some(0));
    assert!(sandbox.read("c.jsonl") != sandbox.read("b.jsonl"));
    // without malformed lines it is text, and standard output is the default
    let file = sandbox.dirigent(&["generate", "--reviews", "200", "--malformed", "0", "--out", "d.jsonl"]);
    let printed = sandbox.dirigent(&["generate", "--reviews", "200", "--malformed", "0", "--out", "-"]);
    let default = sandbox.dirigent(&["generate", "--reviews", "200", "--malformed", "0"]);
    assert_eq!((file.code, printed.code), (Some(0), Some(0)));
    assert!(printed.out == sandbox.text("d.jsonl") && default.out == printed.out);
}

#[test]
fn generate_refuses_settings_that_contradict_themselves() {
    let sandbox = Sandbox::new();
    let wrong: &[(&[&str], &str)] = &[
        (&["--edits", "0.6", "--deletes", "0.6"], "together exceed 1"),
        (&["--german", "1.5"], "--german is a share"),
        (&["--products", "0"], "start at 1"),
        (&["--start", "yesterday"], "expected a date"),
        (&["--reviews", "many"], "--reviews"),
    ];
    for (arguments, text) in wrong {
        let told = sandbox.dirigent(&[&["generate", "--out", "x.jsonl"], *arguments].concat());
        assert_eq!(told.code, Some(64), "{arguments:?}: {told:?}");
        assert!(told.err.contains(text), "{}", told.err);
    }
    assert!(!sandbox.path("x.jsonl").exists());
    let told = sandbox.dirigent(&["generate", "--reviews", "5", "--out", "t.yaml/x.jsonl"]);
    assert_eq!(told.code, Some(1));
    assert!(told.err.contains("t.yaml"), "{}", told.err);
    let told = sandbox.dirigent(&["generate", "--reviews", "5000", "--out", "/dev/full"]);
    assert_eq!(told.code, Some(1));
    assert!(told.err.contains("cannot write what was generated"), "{}", told.err);
}

#[test]
fn backtest_reports_what_run_reports_and_writes_no_sink() {
    let sandbox = Sandbox::generated(3_000);
    let told = sandbox.dirigent(&["backtest", "t.yaml", "--report", "deep/backtest.json"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.out.ends_with("the report: deep/backtest.json\n"), "{}", told.out);
    assert!(!sandbox.path("out").exists(), "a backtest writes no sink");
    assert!(!sandbox.path("state/shop/dead-letters.jsonl").exists());
    let run = sandbox.dirigent(&["run", "t.yaml", "--report", "run.json", "--workers", "3"]);
    assert_eq!(told.books(), run.books());
    let report = |name: &str| serde_json::from_str::<Value>(&sandbox.text(name)).unwrap();
    let (backtest, run) = (report("deep/backtest.json"), report("run.json"));
    for part in ["books", "sources", "model", "epochs"] {
        assert!(!backtest[part].is_null() && backtest[part] == run[part], "{part} differs");
    }
    let model = &backtest["model"];
    for figures in ["prequential", "prequential_fading", "progressive", "progressive_fading"] {
        assert!(model[figures].is_object(), "{figures}: {model}");
    }
    let epochs: Vec<u64> =
        backtest["epochs"].as_array().unwrap().iter().map(|epoch| epoch["epoch"].as_u64().unwrap()).collect();
    assert!(epochs.len() > 100 && epochs.is_sorted_by(|a, b| a < b));

    assert_eq!(
        sandbox.dirigent(&["backtest", "t.yaml"]).code,
        Some(64),
        "a backtest without a report is for nothing"
    );
    let told = sandbox.dirigent(&["backtest", "t.yaml", "--report", "t.yaml/report.json"]);
    assert_eq!(told.code, Some(1));
    assert!(told.err.contains("cannot write t.yaml/report.json"), "{}", told.err);
    assert_eq!(sandbox.dirigent(&["backtest", "absent.yaml", "--report", "r.json"]).code, Some(78));
}
