//! What a run says when its store cannot be used, and what it does not say: its credentials.

use std::fs;

use super::{
    sandbox::{Sandbox, Told},
    server::{FOLDER, Server},
};

/// The run ended with 1, said this, and no credentials.
fn refused(server: &Server, told: &Told, says: &[&str]) {
    assert_eq!(told.code, Some(1), "{told:?}");
    for text in says {
        assert!(told.err.contains(text), "{text:?} is not in {told:?}");
    }
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        let (_, value) = server.environment.iter().find(|(found, _)| *found == name).unwrap();
        assert!(!told.err.contains(value) && !told.out.contains(value), "{name} in {told:?}");
    }
}

#[test]
fn a_wrong_bucket_is_named() {
    let server = Server::s3();
    let sandbox = Sandbox::new(100, "s3://elsewhere/state");
    let told = sandbox.run(&server, &[]);
    refused(&server, &told, &["s3://elsewhere/state", "there is no such bucket"]);
    assert!(sandbox.files("out").is_empty(), "nothing was written");
}

#[test]
fn wrong_credentials_are_said_and_not_shown() {
    let mut server = Server::s3();
    let sandbox = Sandbox::remote(100, &server);
    for (name, wrong) in
        [("AWS_SECRET_ACCESS_KEY", "wrong-secret-1234"), ("AWS_ACCESS_KEY_ID", "AKIAWRONG1234567")]
    {
        let at = server.environment.iter().position(|(found, _)| *found == name).unwrap();
        let right = std::mem::replace(&mut server.environment[at].1, wrong.to_owned());
        let told = sandbox.run(&server, &[]);
        refused(&server, &told, &[&server.url(), "permission denied", "AWS_"]);
        server.environment[at].1 = right;
    }
    let told = sandbox.run(&server, &[]);
    assert_eq!(told.code, Some(0), "{told:?}");
}

#[test]
fn the_checkpoints_of_another_folder_or_topology_are_not_touched() {
    let server = Server::s3();
    let first = Sandbox::remote(500, &server);
    assert_eq!(first.run(&server, &[]).code, Some(0));
    let before = server.objects(FOLDER);
    let other = Sandbox::remote(500, &server);
    refused(&server, &other.run(&server, &[]), &[&server.url(), "--from-scratch"]);
    let renamed = ["--set", "name=other", "--from-scratch"];
    refused(&server, &other.run(&server, &renamed), &["the topology `shop`"]);
    assert!(before == server.objects(FOLDER));
    assert_eq!(other.run(&server, &["--from-scratch"]).code, Some(0), "the same topology begins anew");
    refused(&server, &first.run(&server, &[]), &["another folder"]);
}

/// Puts are made once for an epoch and a start; what lies there already is somebody else's.
#[test]
fn a_manifest_of_another_run_is_not_replaced() {
    let server = Server::s3();
    let rarely = ["--set", "checkpoint=1h"];
    let first = Sandbox::remote(500, &server);
    assert_eq!(first.run(&server, &rarely).code, Some(0));
    let objects = server.objects(&format!("{FOLDER}/checkpoints"));
    let (name, content) = objects.iter().find(|(name, _)| name.ends_with("/manifest.json")).unwrap();
    for (folder, content, code) in [("second", b"{}".to_vec(), 1), ("third", content.clone(), 0)] {
        let path = format!("{folder}/checkpoints/{name}");
        server.put(&path, content.clone());
        let second = Sandbox::new(500, &server.url_of(folder));
        let told = second.run(&server, &rarely);
        assert_eq!(told.code, Some(code), "{told:?}");
        if code == 1 {
            refused(&server, &told, &[&path, "is there already with another content"]);
        }
        let left = server.objects(&format!("{folder}/checkpoints"));
        assert!(left.contains(&(name.clone(), content)), "it is not replaced");
    }
}

#[test]
fn a_store_that_goes_away_ends_the_run() {
    let server = Server::s3();
    let sandbox = Sandbox::remote(6_000, &server);
    let mut run = sandbox.start(&server, &[]);
    assert_eq!(
        sandbox.until(&mut run, || sandbox.checkpoints() > 0),
        None,
        "its first checkpoint is not its last"
    );
    let (environment, url) = (server.environment.clone(), server.url());
    drop(server);
    let code = sandbox.until(&mut run, || false).unwrap();
    let logged = fs::read_to_string(sandbox.path("logged")).unwrap();
    assert_eq!(code, Some(1), "{logged}");
    // a file of a checkpoint, or the model at the end of the input, whichever comes first
    let fault = logged.lines().find(|line| line.contains(&format!(" {url}/"))).unwrap_or(&logged);
    assert!(fault.contains("ERROR") && fault.contains("cannot ") && fault.contains("retries"), "{fault}");

    let output = sandbox.command(None, &["run", "t.yaml"]).envs(environment).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("cannot read {url}")) && said.contains("retries"), "{said}");
}

#[test]
fn what_is_refused_needs_a_sink() {
    let sandbox = Sandbox::new(10, "s3://reviews/state");
    let topology = fs::read_to_string(sandbox.path("t.yaml")).unwrap();
    let without: String =
        topology.lines().filter(|line| !line.contains("refused:")).map(|l| format!("{l}\n")).collect();
    fs::write(sandbox.path("t.yaml"), without).unwrap();
    let told = sandbox.dirigent(None, &["validate", "t.yaml"]);
    let names = "clean.dead_letters, corrected.dead_letters";
    assert!(told.code == Some(78) && told.err.contains(names), "{told:?}");
}
