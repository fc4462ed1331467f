//! What a run says when its store cannot be used, and what it does not say: its credentials.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    time::Duration,
};

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
fn a_store_that_stays_away_ends_a_run_at_its_end_and_its_start() {
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
    let fault = |line: &&str| line.contains("ERROR") && line.contains(&format!(" {url}/"));
    let fault = logged.lines().find(fault).unwrap_or(&logged);
    assert!(fault.contains("cannot ") && fault.contains("retries"), "{fault}");

    let output = sandbox.command(None, &["run", "t.yaml"]).envs(environment).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("cannot read {url}")) && said.contains("retries"), "{said}");
}

/// Whatever the store does, what has come is written; its checkpoint is stored when the store is back.
#[test]
fn a_stream_goes_on_while_the_store_does_not_answer() {
    let mut server = Server::s3();
    // what sleeps takes a request and does not answer
    server.environment.push(("AWS_TIMEOUT", "300ms".to_owned()));
    let sandbox = Sandbox::remote(300, &server);
    let live = [
        "clock=wall",
        "epoch=20ms",
        "checkpoint=50ms",
        "sources.reviews.follow=true",
        "sources.feedback.follow=true",
    ];
    let live: Vec<&str> = live.iter().flat_map(|set| ["--set", set]).collect();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut run = sandbox.start(&server, &[&live[..], &["--listen", &address]].concat());
    let add = |id: &str| {
        let mut reviews = fs::File::options().append(true).open(sandbox.path("reviews.jsonl")).unwrap();
        let line =
            format!(r#"{{"review_id":"{id}","product_id":"p","rating":5,"text":"good","ts":1767225600}}"#);
        writeln!(reviews, "{line}").unwrap();
    };
    let logged = || fs::read_to_string(sandbox.path("logged")).unwrap();
    let stored = || logged().matches(" checkpoint epoch=").count();
    let written = |id: &str| {
        let scored = fs::read_to_string(sandbox.path("out/scored.jsonl")).unwrap_or_default();
        scored.contains(&format!(r#""review_id":"{id}""#))
    };
    assert_eq!(sandbox.until(&mut run, || stored() > 1), None, "it stores checkpoints");

    server.signal("STOP");
    let retries = || sample(&address, "dirigent_checkpoint_retries_total{}");
    assert_eq!(sandbox.until(&mut run, || retries() > 0.0), None, "it tries again");
    assert_eq!(sample(&address, r#"dirigent_status{status="degraded"}"#), 1.0);
    let before = stored();
    add("meanwhile");
    assert_eq!(sandbox.until(&mut run, || written("meanwhile")), None, "the stream goes on");
    let tried = retries();
    assert_eq!(sandbox.until(&mut run, || retries() > tried), None, "it goes on trying");
    assert_eq!(stored(), before, "none counts that is not stored");
    let warned = logged().lines().any(|line| line.contains("WARN") && line.contains(&server.url()));
    assert!(warned && !logged().contains("ERROR"), "{}", logged());

    server.signal("CONT");
    assert_eq!(sandbox.until(&mut run, || stored() > before + 2), None, "checkpoints are stored again");
    assert_eq!(sample(&address, r#"dirigent_status{status="running"}"#), 1.0);
    add("afterwards");
    assert_eq!(sandbox.until(&mut run, || written("afterwards")), None, "the stream goes on");
    assert!(Command::new("kill").args(["-TERM", &run.id().to_string()]).status().unwrap().success());
    assert_eq!(sandbox.until(&mut run, || false), Some(Some(0)), "{}", logged());
    for look in [&["state", "verify", "t.yaml"][..], &["replay", "t.yaml", "--into", "again"]] {
        let told = sandbox.dirigent(Some(&server), &[look, &live].concat());
        assert!(told.code == Some(0) && !told.out.contains("differs"), "{told:?}");
    }
}

/// A metric of a run; 0 where it does not answer.
fn sample(address: &str, name: &str) -> f64 {
    let ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(stream, "GET /metrics HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    };
    let answer = ask().unwrap_or_default();
    let value = answer.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or(0.0)
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
