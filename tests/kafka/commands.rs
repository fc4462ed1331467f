//! The real binary: `produce` and `consume`, what they write, say and return.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use dirigent::connect::kafka::topics::TopicToMake;
use serde_json::{Value, json};

use super::{
    broker::{Broker, free_ports},
    clients::{cluster, topic, unique},
};

/// The binary in a folder, with something on its standard input.
pub(super) fn dirigent(folder: &Path, brokers: &str, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dirigent"))
        .args(arguments)
        .current_dir(folder)
        .env("KAFKA", brokers)
        .env_remove("RUST_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs it to its end, which has to be a good one; what it printed.
fn runs(folder: &Path, brokers: &str, arguments: &[&str]) -> String {
    let output = dirigent(folder, brokers, arguments, "");
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// A topic of three partitions.
fn three(broker: &Broker) -> String {
    let name = unique("commands");
    cluster(&broker.settings(&json!({}))).create(&[topic(&name, 3)]).unwrap();
    name
}

#[test]
fn what_is_produced_is_consumed_by_key_and_in_order() {
    let Some(broker) = Broker::shared() else { return };
    let (folder, brokers, topic) = (tempfile::tempdir().unwrap(), broker.bootstrap(), three(broker));
    let at = folder.path();
    let (file, generated) = ("reviews.jsonl", ["generate", "--reviews", "2000", "--words", "5", "--out"]);
    runs(at, &brokers, &[generated.as_slice(), &[file]].concat());
    let told = runs(at, &brokers, &["produce", file, "--topic", &topic]);
    let written: Vec<Vec<u8>> =
        fs::read(at.join(file)).unwrap().split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    let written: Vec<&Vec<u8>> = written.iter().filter(|line| !line.is_empty()).collect();
    assert!(told.starts_with(&format!("{} records written", written.len())), "{told}");
    let printed =
        dirigent(at, &brokers, &["consume", "--topic", &topic, "--from-beginning", "--to-end"], "").stdout;
    let mut printed: Vec<&[u8]> = printed.split(|b| *b == b'\n').filter(|line| !line.is_empty()).collect();
    let mut expected: Vec<&[u8]> = written.iter().map(|line| line.as_slice()).collect();
    printed.sort_unstable();
    expected.sort_unstable();
    assert!(printed == expected, "{} lines came of {}", printed.len(), expected.len());
    // with everything: the key of each, and all records of a key in one partition, in the order of the file
    let whole =
        runs(at, &brokers, &["consume", "--topic", &topic, "--from-beginning", "--to-end", "--headers"]);
    let mut partitions = std::collections::BTreeMap::new();
    for line in whole.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let value =
            record["value"].as_str().map(|value| serde_json::from_str::<Value>(value).unwrap_or_default());
        let id = value.unwrap_or_default()["review_id"].clone();
        match id {
            Value::String(id) => {
                assert_eq!(record["key"], id.as_str(), "{line}");
                assert_eq!(
                    *partitions.entry(id).or_insert_with(|| record["partition"].clone()),
                    record["partition"]
                );
            }
            _ => assert_eq!(record["key"], Value::Null, "{line}"),
        }
        assert!(record["offset"].is_i64() && record["timestamp"].as_i64().unwrap() > 0, "{line}");
    }
    let used: std::collections::BTreeSet<i64> =
        partitions.values().map(|partition| partition.as_i64().unwrap()).collect();
    assert_eq!(used.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn packed_files_standard_input_and_other_keys() {
    let Some(broker) = Broker::shared() else { return };
    let (folder, brokers) = (tempfile::tempdir().unwrap(), broker.bootstrap());
    let at = folder.path();
    let consumed = |topic: &str| {
        let whole =
            runs(at, &brokers, &["consume", "--topic", topic, "--from-beginning", "--to-end", "--headers"]);
        let records = whole.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut records: Vec<String> =
            records.map(|record| format!("{} {}", record["key"], record["value"])).collect();
        records.sort();
        records
    };
    let lines = "{\"review_id\":1,\"by\":\"x\"}\n\n  \nno json\r\n{\"by\":\"y\"}";
    fs::write(at.join("f.zst"), zstd::encode_all(lines.as_bytes(), 1).unwrap()).unwrap();
    let topic = three(broker);
    runs(at, &brokers, &["produce", "f.zst", "--topic", &topic]);
    let values = [r#""{\"by\":\"y\"}""#, r#""no json""#, r#""{\"review_id\":1,\"by\":\"x\"}""#];
    let mut expected =
        [format!("null {}", values[0]), format!("null {}", values[1]), format!("\"1\" {}", values[2])];
    expected.sort();
    assert_eq!(consumed(&topic), expected);
    let topic = three(broker);
    let piped =
        dirigent(at, &brokers, &["produce", "-", "--topic", &topic, "--key", "by", "--rate", "1000"], lines);
    assert_eq!(piped.status.code(), Some(0), "{}", text(&piped.stderr));
    let mut expected =
        [format!("\"y\" {}", values[0]), format!("null {}", values[1]), format!("\"x\" {}", values[2])];
    expected.sort();
    assert_eq!(consumed(&topic), expected);
    let topic = three(broker);
    dirigent(at, &brokers, &["produce", "-", "--topic", &topic, "--no-key"], lines);
    assert!(consumed(&topic).iter().all(|record| record.starts_with("null ")));
    // from now on: nothing is there
    assert_eq!(runs(at, &brokers, &["consume", "--topic", &topic, "--to-end"]), "");
    let some = runs(at, &brokers, &["consume", "--topic", &topic, "--from-beginning", "--max", "2"]);
    assert_eq!(some.lines().count(), 2);
}

/// Records over the limit of the topic are given up, and that is a failure.
#[test]
fn what_a_broker_does_not_take_is_a_failure() {
    let Some(broker) = Broker::shared() else { return };
    let (folder, brokers) = (tempfile::tempdir().unwrap(), broker.bootstrap());
    let small =
        TopicToMake { config: vec![("max.message.bytes", "2000".to_owned())], ..topic(&unique("small"), 1) };
    cluster(&broker.settings(&json!({}))).create(std::slice::from_ref(&small)).unwrap();
    let long = format!("{{\"text\":\"{}\"}}\n", "x".repeat(5_000));
    let refused = dirigent(folder.path(), &brokers, &["produce", "-", "--topic", &small.name], &long);
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0), "{}", text(&refused.stderr));
    let told = text(&refused.stderr);
    assert!(
        told.contains(&format!("cannot write to `{}`: ", small.name)) && told.contains("too large"),
        "{told}"
    );
}

#[test]
fn what_is_wrong_is_said_with_the_exit_code_of_its_kind() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = format!("127.0.0.1:{}", free_ports(1)[0]);
    fs::write(folder.path().join("f"), "x\n").unwrap();
    for (arguments, code, says) in [
        (&["produce", "f"][..], 64, "--topic"),
        (&["produce", "f", "--topic", "t", "--rate", "0"], 64, "--rate"),
        (&["produce", "f", "--topic", "t", "--no-key", "--key", "k"], 64, "--no-key"),
        (&["produce", "f", "--topic", "t", "--property", "s3cret"], 64, "expected KEY=VALUE"),
        (&["produce", "f", "--topic", "t", "--property", "acks=1"], 78, "`acks` is not yours to set"),
        (&["consume", "--topic", "t", "--property", "isolation.level=x"], 78, "only what is committed"),
        (&["consume", "--topic", "t", "--brokers", "kafka"], 78, "has no port"),
        (&["consume", "--topic", "t", "--property-file", "none"], 78, "cannot read none"),
        (
            &[
                "consume",
                "--topic",
                "t",
                "--property",
                "ssl.ca.location=none",
                "--property",
                "security.protocol=ssl",
            ],
            78,
            "cannot read none, which `ssl.ca.location` names",
        ),
        (&["produce", "none", "--topic", "t"], 1, "cannot read none"),
        (&["topics", "create", "none.yaml"], 78, "cannot read none.yaml"),
    ] {
        let output = dirigent(folder.path(), &nowhere, arguments, "");
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(says) && !told.contains("s3cret"), "{arguments:?}: {told}");
    }
    let Some(broker) = Broker::shared() else { return };
    for arguments in [&["produce", "f", "--topic", "none"][..], &["consume", "--topic", "none"]] {
        let output = dirigent(folder.path(), &broker.bootstrap(), arguments, "");
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("there is no such topic or partition"), "{output:?}");
    }
}
