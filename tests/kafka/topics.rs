//! Topics: made twice, described, told from one that was made anew under the same name.

use std::time::{Duration, Instant};

use dirigent::connect::kafka::{topics::Watermarks, wanted::WantedTopic};
use serde_json::json;

use super::{
    broker::{Broker, HANG},
    clients::{cluster, flush, fresh_topic, send, topic, unique, writer},
};

#[test]
fn topics_are_made_once_and_described() {
    let Some(broker) = Broker::shared() else { return };
    let cluster = cluster(&broker.settings(&json!({})));
    assert_eq!(cluster.brokers().unwrap(), 1);
    let name = unique("shop");
    let wanted = [WantedTopic::log(&name), WantedTopic::progress(&name, 3)];
    let to_make = wanted.each_ref().map(|wanted| wanted.to_make(1, 6, None));
    assert_eq!(cluster.create(&to_make).unwrap(), [true, true]);
    assert_eq!(cluster.create(&to_make).unwrap(), [false, false]);
    let names = to_make.each_ref().map(|topic| topic.name.as_str());
    let listed = cluster.names().unwrap();
    assert!(names.iter().all(|name| listed.iter().any(|listed| listed == name)), "{listed:?}");
    let absent = unique("absent");
    let described = cluster.describe(&[names[0], &absent, names[1]]).unwrap();
    assert_eq!(described[1], None);
    let [log, progress] = [0, 2].map(|at| described[at].clone().unwrap());
    assert_eq!((log.partitions, log.replication, progress.partitions), (1, 1, 3));
    assert_eq!((log.setting("cleanup.policy"), log.setting("retention.ms")), ("delete", "-1"));
    assert_ne!(log.id, progress.id);
    assert_eq!(wanted[0].differences(&log, 1), []);
    assert_eq!(wanted[1].differences(&progress, 1), []);
}

#[test]
fn a_topic_that_was_made_anew_has_another_id() {
    let Some(broker) = Broker::shared() else { return };
    let cluster = cluster(&broker.settings(&json!({})));
    let name = unique("anew");
    let id = || cluster.describe(&[&name]).unwrap().remove(0).map(|topic| topic.id);
    cluster.create(&[topic(&name, 1)]).unwrap();
    let first = id().unwrap();
    assert_eq!(id().as_ref(), Some(&first));
    assert_eq!(first.len(), 22, "16 bytes as base64: {first}");
    cluster.delete(&[&name]).unwrap();
    assert_eq!(id(), None);
    cluster.delete(&[&name]).unwrap();
    cluster.create(&[topic(&name, 1)]).unwrap();
    assert_ne!(id().unwrap(), first);
}

/// A consumer of what is committed would be told the last stable offset instead.
#[test]
fn the_end_of_a_partition_counts_open_transactions() {
    use rdkafka::producer::Producer;
    let Some(broker) = Broker::shared() else { return };
    let settings = broker.settings(&json!({}));
    let name = fresh_topic(&settings, "ends");
    let cluster = cluster(&settings);
    assert_eq!(cluster.watermarks(&name, 0).unwrap(), Watermarks { low: 0, high: 0 });
    let (writer, _) = writer(&settings, Some(&unique("ends-of")));
    writer.init_transactions(Duration::from_secs(60)).unwrap();
    writer.begin_transaction().unwrap();
    send(&writer, &name, "k", "open");
    flush(&writer);
    assert_eq!(cluster.watermarks(&name, 0).unwrap(), Watermarks { low: 0, high: 1 });
    writer.commit_transaction(Duration::from_secs(60)).unwrap();
    // the record of the commit comes a moment after the commit is said to be done
    let started = Instant::now();
    while cluster.watermarks(&name, 0).unwrap() != (Watermarks { low: 0, high: 2 }) {
        assert!(started.elapsed() < HANG, "{:?}", cluster.watermarks(&name, 0));
    }
    let error = cluster.watermarks(&name, 7).unwrap_err().to_string();
    assert!(error.contains("no such topic or partition"), "{error}");
}
