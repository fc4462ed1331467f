//! The topics of a topology: which there are, and what `topics create`, `topics show` and `validate --connect` make of them.

use std::{fs, path::Path};

use dirigent::{
    connect::kafka::topics::TopicToMake,
    topology::{kafka_topics::ClusterTopics, load::load_str},
};
use serde_json::json;

use super::{
    broker::Broker,
    clients::{cluster, topic, unique},
    commands::{dirigent, text},
};

/// A topology whose names begin with `name`.
fn topology(name: &str, brokers: &str) -> String {
    let yaml = "\
name: NAME
clock: wall
sources:
  reviews: { type: kafka, topics: [NAME-reviews, NAME-old], CONNECTION }
  feedback: { type: kafka, record: feedback, topics: [NAME-feedback, '^NAME-more-.*'], CONNECTION }
transforms:
  clean: { type: clean, inputs: [reviews] }
  sentiment: { type: sentiment, inputs: [clean] }
  corrected: { type: apply_feedback, inputs: [sentiment, feedback] }
  learn: { type: learn, inputs: [corrected], model: sentiment }
sinks:
  scored: { type: kafka, inputs: [corrected], topic: NAME-scored, CONNECTION }
  models: { type: kafka, inputs: [learn.models], topic: NAME-models, CONNECTION }
  dead: { type: kafka, inputs: [clean.dead_letters, corrected.dead_letters], topic: NAME-dead, CONNECTION }
";
    yaml.replace("NAME", name).replace("CONNECTION", &format!("bootstrap_servers: '{brokers}'"))
}

fn told(yaml: &str) -> String {
    let (plan, _) = load_str("t.yaml", yaml, &[], &|_| None).unwrap();
    let cluster = |cluster: &ClusterTopics| {
        let topics =
            cluster.topics.iter().map(|topic| format!("{} {:?} {}", topic.name, topic.used_as, topic.user));
        let lines: Vec<String> = topics.chain(cluster.patterns.iter().cloned()).collect();
        format!("{}\n{}", cluster.connection.bootstrap_servers, lines.join("\n"))
    };
    plan.kafka_topics().iter().map(cluster).collect::<Vec<_>>().join("\n\n")
}

#[test]
fn topics_follow_from_sources_sinks_and_the_run_itself() {
    insta::assert_snapshot!(told(&topology("shop", "a:1")), @r"
    a:1
    shop-reviews Input source `reviews`
    shop-old Input source `reviews`
    shop-feedback Input source `feedback`
    shop-scored Table sink `scored`
    shop-models Table sink `models`
    shop-dead Stream sink `dead`
    shop.epochs Log epoch log
    shop.progress Progress { shards: 1 } progress of the sinks
    source `feedback` reads the topics that match ^shop-more-.*
    ");
    let elsewhere =
        topology("shop", "a:1").replacen("bootstrap_servers: 'a:1'", "bootstrap_servers: 'b:1'", 1);
    insta::assert_snapshot!(told(&elsewhere), @r"
    b:1
    shop-reviews Input source `reviews`
    shop-old Input source `reviews`

    a:1
    shop-feedback Input source `feedback`
    shop-scored Table sink `scored`
    shop-models Table sink `models`
    shop-dead Stream sink `dead`
    shop.epochs Log epoch log
    shop.progress Progress { shards: 1 } progress of the sinks
    source `feedback` reads the topics that match ^shop-more-.*
    ");
}

/// What a command returns, and what it says, with the name of the topology left out.
fn says(folder: &Path, name: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = dirigent(folder, "", arguments, "");
    let plain = |bytes: &[u8]| text(bytes).replace(name, "shop");
    (output.status.code(), plain(&output.stdout), plain(&output.stderr))
}

/// The lines of a table, with single spaces, and ids left out.
fn table(text: &str) -> String {
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "id").unwrap_or(words.len());
        words[..at].join(" ")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn topics_are_made_once_shown_and_checked() {
    let Some(broker) = Broker::shared() else { return };
    let (folder, name) = (tempfile::tempdir().unwrap(), format!("{}x", unique("shop")));
    let at = folder.path();
    fs::write(at.join("t.yaml"), topology(&name, &broker.bootstrap())).unwrap();
    // nothing is there
    let (code, _, err) = says(at, &name, &["validate", "t.yaml", "--connect"]);
    assert_eq!((code, err.matches("error: there is no topic `shop-").count()), (Some(78), 6), "{err}");
    let (code, _, err) = says(at, &name, &["validate", "t.yaml"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let (code, out, _) = says(at, &name, &["topics", "show", "t.yaml"]);
    assert_eq!((code, out.matches("is not there").count()), (Some(0), 8), "{out}");
    // a topic that somebody has made with other settings stays as it is
    let scored = TopicToMake { config: vec![], ..topic(&format!("{name}-scored"), 2) };
    cluster(&broker.settings(&json!({}))).create(&[scored]).unwrap();
    let create = ["topics", "create", "t.yaml", "--partitions", "3"];
    let (code, out, err) = says(at, &name, &create);
    assert_eq!(code, Some(0), "{err}");
    insta::assert_snapshot!(table(&out), @r"
    shop-reviews input, source `reviews` made, 3 partitions, 1 replica
    shop-old input, source `reviews` made, 3 partitions, 1 replica
    shop-feedback input, source `feedback` made, 3 partitions, 1 replica
    shop-scored table, sink `scored` is there, 2 partitions, 1 replica
    shop-models table, sink `models` made, 3 partitions, 1 replica
    shop-dead stream, sink `dead` made, 3 partitions, 1 replica
    shop.epochs log, epoch log made, 1 partition, 1 replica
    shop.progress progress, progress of the sinks made, 1 partition, 1 replica
    ");
    insta::assert_snapshot!(err, @r"
    warning: `shop-scored` (sink `scored`): `cleanup.policy` is `delete`, expected `compact`: the state of a key disappears when its last record is old
    note: source `feedback` reads the topics that match ^shop-more-.*: they are not looked at
    ");
    // once more: nothing is made
    let (code, again, _) = says(at, &name, &create);
    assert_eq!((code, again.as_str()), (Some(0), out.replace("made", "is there").as_str()));
    let (code, out, _) = says(at, &name, &["topics", "show", "t.yaml"]);
    assert_eq!(code, Some(0));
    insta::assert_snapshot!(table(&out), @r"
    shop-reviews input, source `reviews` 3 partitions, 1 replica, 0 offsets, cleanup.policy delete,
    shop-old input, source `reviews` 3 partitions, 1 replica, 0 offsets, cleanup.policy delete,
    shop-feedback input, source `feedback` 3 partitions, 1 replica, 0 offsets, cleanup.policy delete,
    shop-scored table, sink `scored` 2 partitions, 1 replica, 0 offsets, cleanup.policy delete,
    shop-models table, sink `models` 3 partitions, 1 replica, 0 offsets, cleanup.policy compact,
    shop-dead stream, sink `dead` 3 partitions, 1 replica, 0 offsets, cleanup.policy delete,
    shop.epochs log, epoch log 1 partition, 1 replica, 0 offsets, cleanup.policy delete,
    shop.progress progress, progress of the sinks 1 partition, 1 replica, 0 offsets, cleanup.policy delete,
    ");
    let (code, out, err) = says(at, &name, &["validate", "t.yaml", "--connect"]);
    assert_eq!((code, err.matches("warning: ").count()), (Some(0), 1), "{err}");
    assert!(out.contains(": 8 topics"), "{out}");
}

#[test]
fn what_breaks_exactly_once_is_an_error() {
    let Some(broker) = Broker::shared() else { return };
    let (folder, name) = (tempfile::tempdir().unwrap(), format!("{}x", unique("breaks")));
    let at = folder.path();
    fs::write(at.join("t.yaml"), topology(&name, &broker.bootstrap())).unwrap();
    let compacted = vec![("cleanup.policy", "compact".to_owned())];
    let wrong = [
        TopicToMake { config: compacted.clone(), ..topic(&format!("{name}.epochs"), 2) },
        topic(&format!("{name}.progress"), 1),
        TopicToMake { config: compacted, ..topic(&format!("{name}-reviews"), 1) },
    ];
    cluster(&broker.settings(&json!({}))).create(&wrong).unwrap();
    let (code, out, err) = says(at, &name, &["topics", "create", "t.yaml"]);
    assert_eq!(code, Some(78), "{out}");
    insta::assert_snapshot!(err, @r"
    error: `shop-reviews` (source `reviews`): `cleanup.policy` is `compact` with `min.compaction.lag.ms` 0, expected `delete`, or a lag of 3600000: an epoch that is run again after a crash would find other records than the first time
    error: `shop.epochs` (epoch log): it has 2 partitions, expected 1: the log is one sequence, and has no order over several
    error: `shop.epochs` (epoch log): `cleanup.policy` is `compact`, expected `delete`: compaction removes records that a restart needs
    error: `shop.epochs` (epoch log): `retention.ms` is 604800000, expected -1: records that a restart needs would disappear by themselves
    error: `shop.progress` (progress of the sinks): `retention.ms` is 604800000, expected -1: records that a restart needs would disappear by themselves
    note: source `feedback` reads the topics that match ^shop-more-.*: they are not looked at
    ");
    let (code, _, checked) = says(at, &name, &["validate", "t.yaml", "--connect"]);
    assert_eq!((code, checked.matches("error: ").count()), (Some(78), 5), "{checked}");
}
