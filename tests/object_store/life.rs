//! The life of a run whose checkpoints are in a bucket: killed again and again, a store that sleeps, one that lost an
//! object, looking at it, beginning anew.

use std::fs;

use super::{
    sandbox::Sandbox,
    server::{FOLDER, Server},
};

/// The published models.
fn models(server: &Server) -> Vec<(String, Vec<u8>)> {
    server.objects(&format!("{FOLDER}/models"))
}

#[test]
fn killed_runs_over_s3_end_with_the_bytes_of_one_that_was_not() {
    killed_runs_end_with_the_bytes_of_one_that_was_not(&Server::s3());
}

#[cfg(feature = "azure")]
#[test]
fn killed_runs_over_azure_end_with_the_bytes_of_one_that_was_not() {
    killed_runs_end_with_the_bytes_of_one_that_was_not(&Server::azure());
}

fn killed_runs_end_with_the_bytes_of_one_that_was_not(server: &Server) {
    let whole = Sandbox::new(6_000, "file:./state/shop");
    let told = whole.dirigent(None, &["run", "t.yaml"]);
    assert_eq!(told.code, Some(0), "{told:?}");

    let sandbox = Sandbox::remote(6_000, server);
    let mut killed = 0;
    for (kill, workers) in ["1", "3", "2"].into_iter().enumerate() {
        let before = sandbox.checkpoints();
        let mut run = sandbox.start(server, &["--workers", workers]);
        let over = sandbox.until(&mut run, || sandbox.checkpoints() > before);
        if over.is_none() {
            run.kill().unwrap();
            run.wait().unwrap();
            killed += 1;
        }
        // the first one has it all before it: its first checkpoint is not its last
        assert!(kill > 0 || killed == 1, "{}", fs::read_to_string(sandbox.path("logged")).unwrap());
    }
    // a store that does not answer for a while only takes longer
    server.signal("STOP");
    let mut run = sandbox.start(server, &["--workers", "4"]);
    let mut looks = 0;
    let over = sandbox.until(&mut run, || {
        looks += 1;
        looks == 1_000
    });
    assert_eq!(over, None, "it needs the store");
    server.signal("CONT");
    let code = sandbox.until(&mut run, || false).unwrap();
    let logged = fs::read_to_string(sandbox.path("logged")).unwrap();
    assert_eq!(code, Some(0), "{logged}");

    assert!(whole.files("out") == sandbox.files("out"), "the outputs differ");
    assert!(whole.files("state/shop/models") == models(server), "the models differ");
    assert!(!models(server).is_empty());
    for local in ["checkpoints", "models"] {
        assert!(!sandbox.path("state/shop").join(local).exists(), "{local} lie in the store");
    }
    let told = sandbox.dirigent(Some(server), &["state", "verify", "t.yaml"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    let manifests = server.objects(&format!("{FOLDER}/checkpoints"));
    let manifests = manifests.iter().filter(|(name, _)| name.ends_with("manifest.json")).count();
    assert!(manifests <= 2, "what is not kept was removed");
}

#[test]
fn a_damaged_manifest_is_named_and_the_older_checkpoint_used() {
    let server = Server::s3();
    let sandbox = Sandbox::remote(1_500, &server);
    let all = fs::read(sandbox.path("reviews.jsonl")).unwrap();
    let half = all.len() / 2 + all[all.len() / 2..].iter().position(|byte| *byte == b'\n').unwrap() + 1;
    // no checkpoint but that of each end
    let rarely = ["--set", "checkpoint=1h"];
    for reviews in [&all[..half], &all[..]] {
        fs::write(sandbox.path("reviews.jsonl"), reviews).unwrap();
        let told = sandbox.run(&server, &rarely);
        assert_eq!(told.code, Some(0), "{told:?}");
    }
    let outputs = sandbox.files("out");

    let told = sandbox.dirigent(Some(&server), &["state", "show", "t.yaml", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((&shown["store"], &shown["folder"]), (&server.url().into(), &"./state/shop".into()));
    assert_eq!(shown["checkpoints"].as_array().unwrap().len(), 2);
    let [newest, older] = [0, 1].map(|n| shown["checkpoints"][n]["path"].as_str().unwrap().to_owned());
    let told = sandbox.dirigent(Some(&server), &["state", "show", "t.yaml"]);
    assert!(told.out.contains(&format!("state in ./state/shop and {}", server.url())), "{told:?}");

    let export = ["state", "export", "t.yaml", "--step", "sentiment.current", "--out"];
    let rows = |file: &str| {
        let told = sandbox.dirigent(Some(&server), &[&export[..], &[file]].concat());
        assert_eq!(told.code, Some(0), "{told:?}");
        fs::read_to_string(sandbox.path(file)).unwrap().lines().count()
    };
    let exported = rows("all.jsonl");

    let path = format!("{FOLDER}/{newest}/manifest.json");
    let objects = server.objects(&format!("{FOLDER}/{newest}"));
    let (_, whole) = objects.into_iter().find(|(name, _)| name == "manifest.json").unwrap();
    let mut damaged = whole.clone();
    damaged[100] ^= 1;
    server.put(&path, damaged);
    let told = sandbox.dirigent(Some(&server), &["state", "verify", "t.yaml"]);
    let named = format!("damaged: s3://reviews/{path}: its hash is");
    assert!(told.code == Some(1) && told.err.contains(&named), "{told:?}");
    assert!(rows("older.jsonl") < exported, "of the older one");
    let told = sandbox.run(&server, &rarely);
    assert!(told.code == Some(0) && told.err.contains("an older one is tried"), "{told:?}");
    let resumed = older.strip_prefix("checkpoints/").unwrap().split('-').next().unwrap();
    assert!(told.err.contains(resumed), "it goes on from epoch {resumed}: {told:?}");
    assert!(outputs == sandbox.files("out"), "the outputs differ");
}

#[test]
fn a_run_from_scratch_replaces_what_is_in_the_store() {
    let server = Server::s3();
    let sandbox = Sandbox::remote(1_000, &server);
    for _ in 0..2 {
        let told = sandbox.run(&server, &["--from-scratch"]);
        assert_eq!(told.code, Some(0), "{told:?}");
        let stale = format!("{FOLDER}/checkpoints/1-9/stale.parquet");
        server.put(&stale, b"of a generation that is to come".to_vec());
        server.put(&format!("{FOLDER}/models/stale.safetensors"), b"stale".to_vec());
    }
    let told = sandbox.run(&server, &["--from-scratch"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    let left = server.objects(FOLDER);
    assert!(left.iter().any(|(name, _)| name.ends_with("manifest.json")));
    assert!(!left.iter().any(|(name, _)| name.contains("stale")), "{:?}", left.iter().map(|l| &l.0));
    assert_eq!(models(&server).len(), 1);
}
