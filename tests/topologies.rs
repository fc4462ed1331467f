//! Topology files: what right ones become, and what people are told about wrong ones.
//!
//! Each file of `tests/wrong/` has a snapshot of everything that `validate` says about it. The commands are run as the real binary.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use dirigent::{
    connect::object_store::KINDS,
    topology::{
        diagnostics::TopologyErrors,
        graph, load_str,
        plan::{From, Plan},
        reference, schema,
    },
};

const TOPOLOGIES: &[&str] = &["demo", "messages", "reviews", "reviews-files"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn environment(name: &str) -> Option<String> {
    match name {
        "SECRET" => Some("hunter2-hunter2".into()),
        "FOUR" => Some("4".into()),
        _ => None,
    }
}

fn read(text: &str, sets: &[&str]) -> Result<Plan, TopologyErrors> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    load_str("topology.yaml", text, &sets, &environment).map(|(plan, _)| plan)
}

fn topology(name: &str) -> (Plan, usize) {
    let text = fs::read_to_string(root().join(format!("topologies/{name}.yaml"))).unwrap();
    let (plan, warnings) =
        load_str(name, &text, &[], &|_| None).unwrap_or_else(|e| panic!("{}", e.render(false)));
    (plan, warnings.len())
}

fn files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn wrong_topologies_are_explained() {
    let files = files("tests/wrong");
    assert!(files.len() >= 20);
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        match load_str(&format!("{name}.yaml"), &text, &[], &environment) {
            Ok(_) => panic!("{name} is not refused"),
            Err(errors) => {
                let told = errors.render(false);
                assert!(!told.contains("hunter2"), "a secret is printed:\n{told}");
                insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
                    insta::assert_snapshot!(format!("wrong-{name}"), told);
                });
            }
        }
    }
}

#[test]
fn errors_come_all_at_once_in_order_of_position() {
    let text = fs::read_to_string(root().join("tests/wrong/many.yaml")).unwrap();
    let errors = read(&text, &[]).unwrap_err();
    let told: Vec<String> = errors.errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "`sources.reviews` has no `path`",
            "unknown key `pth` in `sources.reviews`",
            "`clean` reads `revews`, which does not exist",
            "`transforms.sentiment.slots` must be a whole number",
            "`unique` (type `deduplicate`) cannot read `clean`",
            "`sinks.scored.type` cannot be `fil`",
        ]
    );
}

#[test]
fn ready_topologies_are_right() {
    for name in TOPOLOGIES {
        let (plan, warnings) = topology(name);
        assert_eq!(warnings, 0, "{name}");
        let current = plan.steps.iter().filter(|step| step.inserted).count();
        assert_eq!(current, 1, "{name}");
        assert!(plan.unread_dead_letters().is_empty(), "{name}");
        insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(format!("{name}-mermaid"), graph::mermaid(&plan));
            insta::assert_snapshot!(format!("{name}-dot"), graph::dot(&plan));
            insta::assert_snapshot!(format!("{name}-svg"), graph::svg(&plan));
        });
    }
}

const SMALL: &str = "
name: small
clock: event
sources:
  reviews: { type: file, path: reviews.jsonl }
transforms:
  unique: { type: deduplicate, inputs: [sentiment] }
  products: { type: product_scores, inputs: [sentiment] }
  learn: { type: learn, inputs: [unique], model: sentiment }
  sentiment: { type: sentiment, inputs: [clean], slots: 1024 }
  clean: { type: clean, inputs: [reviews] }
sinks:
  scored: { type: file, inputs: [sentiment], path: scored.jsonl }
  products-out: { type: file, inputs: [products], path: products.jsonl }
";

#[test]
fn the_topology_of_the_readme_is_right() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let yaml = text.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let plan = read(yaml, &[]).unwrap_or_else(|errors| panic!("{}", errors.render(false)));
    assert_eq!((plan.sources.len(), plan.sinks.len()), (2, 4));
    assert!(plan.unread_dead_letters().is_empty());
}

/// The first reader of a source decodes it for all: it must know what the others need.
#[test]
fn readers_of_one_source_share_what_they_need() {
    let text = "
name: small
clock: event
sources:
  reviews: { type: file, path: reviews.jsonl }
transforms:
  plain: { type: clean, inputs: [reviews] }
  scored: { type: clean, inputs: [reviews] }
  sentiment: { type: sentiment, inputs: [scored] }
sinks:
  refused: { type: file, inputs: [plain.dead_letters], path: refused.jsonl }
  out: { type: file, inputs: [sentiment], path: out.jsonl }
";
    let plan = read(text, &[]).unwrap_or_else(|errors| panic!("{}", errors.render(false)));
    let demand = |id: &str| &plan.steps.iter().find(|step| step.id == id).unwrap().demand;
    assert!(demand("plain").features.is_some());
    assert_eq!(demand("plain"), demand("scored"));
}

/// The form that `docs` and other programs rely on, with files for topics; a sink may have the id of what it reads.
#[test]
fn the_form_of_the_contract_is_taken() {
    let text = r#"
name: reviews                      # identity of its state, topics and transactional ids
clock: event
epoch: 100ms
state: file:./state/reviews
checkpoint: 10s
sources:
  reviews:  { type: file, path: "${REVIEWS:-data/*.jsonl}", follow: false }
  feedback: { type: file, record: feedback, path: "${FEEDBACK:-feedback.jsonl}" }
transforms:
  clean:     { type: clean, inputs: [reviews] }
  sentiment: { type: sentiment, inputs: [clean] }
  corrected: { type: apply_feedback, inputs: [sentiment, feedback] }
  unique:    { type: deduplicate, inputs: [corrected] }
  products:  { type: product_scores, inputs: [unique] }
  learn:     { type: learn, inputs: [unique], model: sentiment }
sinks:
  scored:   { type: file, inputs: [unique], path: out/scored.jsonl }
  products: { type: file, inputs: [products], path: out/products.jsonl }
  models:   { type: file, inputs: [learn.models], path: out/models.jsonl }
"#;
    let plan = read(text, &[]).unwrap();
    assert_eq!(plan.options.state_dir(), Path::new("./state/reviews"));
    assert_eq!(plan.sources[0].settings["path"], "data/*.jsonl");
    let unread: Vec<String> = plan.unread_dead_letters().iter().map(|from| plan.reference(from)).collect();
    assert_eq!(unread, ["clean.dead_letters", "corrected.dead_letters"]);
    let ports = &plan.steps.iter().find(|step| step.id == "corrected").unwrap().inputs;
    assert_eq!(plan.reference(&ports[0][0]), "sentiment.current");
    assert_eq!(ports[1], [From::Source(1)]);
}

#[test]
fn state_lies_in_an_object_store_that_was_built_in() {
    let refused =
        ["sinks.refused.type=file", "sinks.refused.inputs=[clean.dead_letters]", "sinks.refused.path=r"];
    let with = |state: &str| read(SMALL, &[&refused[..], &[&format!("state={state}")]].concat());
    for kind in KINDS {
        let url = format!("{}://bucket/state/small", kind.scheme);
        match with(&url) {
            Ok(plan) => {
                assert!(kind.is_built, "{url}");
                assert_eq!(plan.options.location().unwrap().to_string(), url);
                let local = Path::new("./state").join(&plan.name);
                assert_eq!(plan.options.state_dir(), local, "the log needs a disk");
                let errors = read(SMALL, &[&format!("state={url}")]).unwrap_err().render(false);
                assert!(errors.contains("no sink reads what is refused: clean.dead_letters"), "{errors}");
            }
            Err(errors) => {
                let errors = errors.render(false);
                let help = format!("--features {}", kind.feature);
                assert!(!kind.is_built && errors.contains(&help), "{url}: {errors}");
            }
        }
        let errors = with(&format!("{}://bucket//small", kind.scheme)).unwrap_err().render(false);
        assert!(errors.contains("no URL of a bucket and a folder"), "{errors}");
    }
}

#[test]
fn a_step_is_put_in_once_for_each_edge_and_shared() {
    let plan = read(SMALL, &[]).unwrap();
    let ids: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["clean", "sentiment", "sentiment.current", "unique", "products", "learn"]);
    let current = From::Step { step: 2, output: 0 };
    assert!(plan.steps[2].inserted);
    assert_eq!(plan.steps[3].inputs, [vec![current]]);
    assert_eq!(plan.steps[4].inputs, [vec![current]]);
    assert_eq!(plan.sinks[0].inputs, [current]);
    assert_eq!(plan.edge_type(&current).to_string(), "table<review_id, scored_review>");
    assert_eq!(plan.reference(&From::Step { step: 0, output: 1 }), "clean.dead_letters");
    assert_eq!(plan.unread_dead_letters(), [From::Step { step: 0, output: 1 }]);
}

#[test]
fn a_learner_knows_its_scorer_and_demands_reach_the_decoder() {
    let plan = read(SMALL, &[]).unwrap();
    assert_eq!(plan.steps[5].learns, Some(1));
    let clean = &plan.steps[0].demand;
    assert_eq!(clean.features, Some(serde_json::json!({"slots": 1024, "characters": false})));
    assert!(clean.keep_features);
    // What is needed of the text is needed upstream only.
    assert!(!plan.steps[4].demand.keep_features);
    assert!(plan.steps[3].demand.features.is_none());
}

#[test]
fn a_filter_keeps_the_type_of_what_it_reads() {
    for (inputs, edge) in [
        ("[clean]", "stream<cleaned_review>"),
        ("[sentiment]", "stream<scored_review>"),
        ("[unique]", "table<review_id, scored_review>"),
    ] {
        let passed = format!(
            "transforms.passed={{type: filter, inputs: {inputs}, condition: {{field: lang, eq: de}}}}"
        );
        let plan = read(SMALL, &[&passed]).unwrap();
        let step = plan.steps.iter().find(|step| step.id == "passed").unwrap();
        assert_eq!(step.outputs[0].to_string(), edge);
    }
}

#[test]
fn options_override_values_before_validation() {
    let plan = read(
        SMALL,
        &[
            "sources.reviews.path=-",
            "epoch=1d",
            "workers=3",
            "languages=[fr, en]",
            "sources.reviews.fields.product_id=asin",
        ],
    )
    .unwrap();
    assert_eq!(plan.sources[0].settings["path"], "-");
    assert_eq!(plan.sources[0].fields["product_id"], "asin");
    assert_eq!(plan.options.epoch.0, 86_400_000);
    assert_eq!(plan.options.workers, Some(3));
    assert_eq!(plan.options.languages, ["fr", "en"]);
    // A value that is overridden needs no variable.
    let variable = SMALL.replace("reviews.jsonl", "\"${NOT_SET}\"");
    assert!(read(&variable, &[]).is_err());
    assert!(read(&variable, &["sources.reviews.path=x"]).is_ok());
}

#[test]
fn faults_of_options_point_into_them() {
    let errors = read(
        SMALL,
        &["epoch=soon", "sources.reviews.pth=x", "name.first=x", "workers", "sinks.new.type=file"],
    );
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("set", errors.unwrap_err().render(false));
    });
}

#[test]
fn variables_are_typed_like_the_scalars_they_stand_in() {
    let plan =
        read(&format!("{SMALL}workers: ${{FOUR}}\nstate: \"file:./${{FOUR}}/$${{x}}\"\n"), &[]).unwrap();
    assert_eq!(plan.options.workers, Some(4));
    assert_eq!(plan.options.state_dir(), Path::new("./4/${x}"));
    let quoted = read(&format!("{SMALL}workers: \"${{FOUR}}\"\n"), &[]).unwrap_err();
    assert_eq!(quoted.to_string(), "`workers` must be a whole number");
}

#[test]
fn unread_parts_are_warned_about() {
    let text = SMALL.replace("sources:", "sources:\n  more: { type: file, path: more.jsonl }");
    let (plan, warnings) = load_str(
        "t.yaml",
        &text.replace(
            "products-out: { type: file, inputs: [products]",
            "x: { type: file, inputs: [clean.dead_letters]",
        ),
        &[],
        &|_| None,
    )
    .unwrap();
    assert_eq!(plan.sources.len(), 1);
    let told: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["nobody reads the source `more`", "nobody reads `products`"]);
}

#[test]
fn json_is_a_topology_too() {
    let json = serde_json::json!({"name": "j", "clock": "event",
        "sources": {"reviews": {"type": "file", "path": "r.jsonl"}},
        "transforms": {"clean": {"type": "clean", "inputs": ["reviews"]}},
        "sinks": {"refused": {"type": "file", "inputs": ["clean.dead_letters"], "path": "x.jsonl"}}});
    assert_eq!(read(&json.to_string(), &[]).unwrap().name, "j");
    assert_eq!(read(&format!("\u{feff}{json:#}").replace('\n', "\r\n"), &[]).unwrap().name, "j");
}

#[test]
fn places_are_right_after_umlauts_and_carriage_returns() {
    for newline in ["\n", "\r\n"] {
        let text = format!("# Übung 😀\n{}", SMALL.trim_start()).replace("slots: 1024", "slotz: 1024");
        let told = read(&text.replace('\n', newline), &[]).unwrap_err().render(false);
        assert!(told.contains("topology.yaml:10:50"), "{told}");
    }
}

/// Whatever is cut off or left out, the answer is a plan or an explanation.
#[test]
fn no_damage_to_a_file_is_a_panic() {
    let text = SMALL.replace("reviews.jsonl", "'${A:-ü}'").replace("1024", "[&x *x, !!y \"z\"]");
    let (mut refused, mut taken) = (0, 0);
    for (at, c) in text.char_indices() {
        for damaged in [text[..at].to_owned(), format!("{}{}", &text[..at], &text[at + c.len_utf8()..])] {
            match read(&damaged, &[]) {
                Ok(_) => taken += 1,
                Err(errors) => {
                    assert!(!errors.errors.is_empty());
                    // Each is drawn, with its place.
                    assert!(errors.errors.iter().all(|error| error.render(false).contains("topology.yaml:")));
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 900 && taken == 0, "{refused} refused, {taken} taken");
}

#[test]
fn the_reference_is_up_to_date() {
    let path = root().join("docs/reference.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, reference::markdown()).unwrap();
    }
    let hint = "run `UPDATE=1 cargo test --test topologies` and commit docs/reference.md";
    assert!(fs::read_to_string(&path).unwrap_or_default() == reference::markdown(), "{hint}");
}

fn dirigent(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dirigent")).args(arguments).current_dir(folder).output().unwrap()
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_validate_command() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("right.yaml"), SMALL).unwrap();
    fs::write(folder.path().join("wrong.yaml"), SMALL.replace("slots", "slotz")).unwrap();
    fs::write(
        folder.path().join("unread.yaml"),
        SMALL.replace("sources:", "sources:\n  more: { type: file, path: more.jsonl }"),
    )
    .unwrap();

    let (code, out, err) = told(&dirigent(folder.path(), &["validate", "right.yaml"]));
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (Some(0), "right.yaml: 1 source, 6 steps, 2 sinks: ok\n", "")
    );

    let (code, out, err) = told(&dirigent(folder.path(), &["validate", "wrong.yaml"]));
    assert_eq!((code, out.as_str()), (Some(78), ""));
    assert!(err.contains("unknown key `slotz`") && err.contains("did you mean `slots`?"), "{err}");
    assert!(
        err.contains("wrong.yaml:10:50") && err.ends_with("1 error\n") && !err.contains('\u{1b}'),
        "{err}"
    );

    let (code, _, err) =
        told(&dirigent(folder.path(), &["validate", "wrong.yaml", "--set", "transforms.sentiment.slots=8"]));
    assert_eq!(code, Some(78));
    assert!(err.contains("expected 1024 to 67108864") && err.ends_with("2 errors\n"), "{err}");

    fs::write(folder.path().join("reviews.jsonl"), "kept").unwrap();
    for command in ["validate", "run"] {
        let set = "sinks.scored.path=./reviews.jsonl";
        let (code, _, err) = told(&dirigent(folder.path(), &[command, "right.yaml", "--set", set]));
        assert_eq!(code, Some(78), "{err}");
        assert!(err.contains("which `reviews` reads") && err.ends_with("1 error\n"), "{err}");
        assert_eq!(fs::read(folder.path().join("reviews.jsonl")).unwrap(), b"kept");
    }

    let (code, out, err) = told(&dirigent(folder.path(), &["validate", "unread.yaml"]));
    assert_eq!(code, Some(0));
    assert!(out.ends_with(": ok\n") && err.contains("nobody reads the source `more`"), "{err}");
    assert_eq!(told(&dirigent(folder.path(), &["validate", "--deny-warnings", "unread.yaml"])).0, Some(78));

    let (code, _, err) = told(&dirigent(folder.path(), &["validate", "absent.yaml"]));
    assert_eq!(code, Some(78));
    assert!(err.contains("cannot read absent.yaml"), "{err}");

    for usage in [&["validate"][..], &["validate", "--nonsense", "right.yaml"], &["nonsense"], &[]] {
        assert_eq!(told(&dirigent(folder.path(), usage)).0, Some(64), "{usage:?}");
    }
    assert_eq!(told(&dirigent(folder.path(), &["--help"])).0, Some(0));
}

#[test]
fn the_graph_command() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("right.yaml"), SMALL).unwrap();
    let plan = read(SMALL, &[]).unwrap();
    let (code, out, _) = told(&dirigent(folder.path(), &["graph", "right.yaml"]));
    assert_eq!((code, out), (Some(0), graph::mermaid(&plan)));
    let (code, out, _) = told(&dirigent(folder.path(), &["graph", "right.yaml", "--format", "dot"]));
    assert_eq!((code, out), (Some(0), graph::dot(&plan)));
    let (code, out, _) =
        told(&dirigent(folder.path(), &["graph", "right.yaml", "--format", "svg", "--out", "g.svg"]));
    assert_eq!((code, out.as_str()), (Some(0), ""));
    assert_eq!(fs::read_to_string(folder.path().join("g.svg")).unwrap(), graph::svg(&plan));
    assert_eq!(
        told(&dirigent(folder.path(), &["graph", "right.yaml", "--out", "no/such/folder"])).0,
        Some(1)
    );
    assert_eq!(told(&dirigent(folder.path(), &["graph", "right.yaml", "--format", "png"])).0, Some(64));
    assert_eq!(told(&dirigent(folder.path(), &["graph", "absent.yaml"])).0, Some(78));
}

#[test]
fn the_schema_command() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, _) = told(&dirigent(folder.path(), &["schema"]));
    assert_eq!(code, Some(0));
    let printed: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(printed, schema::topology());
    assert_eq!(printed["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let (code, _, _) = told(&dirigent(folder.path(), &["schema", "--reference", "--out", "reference.md"]));
    assert_eq!(code, Some(0));
    assert_eq!(fs::read_to_string(folder.path().join("reference.md")).unwrap(), reference::markdown());
}
