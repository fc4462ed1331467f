//! Three nodes: one is lost and comes back, one is held and goes on.

use dirigent::connect::kafka::wanted::WantedTopic;
use rdkafka::producer::Producer;
use serde_json::json;

use super::{
    broker::{Broker, HANG, Wish},
    clients::{cluster, flush, read_to, send, writer},
};

/// A node that says nothing is lost after six seconds instead of nine.
const WISH: &Wish =
    &Wish { three_nodes: true, secure: false, proxy: None, set: &["broker.session.timeout.ms=6000"] };

#[test]
fn a_log_outlives_one_node_of_three() {
    let Some(broker) = Broker::start(WISH) else { return };
    // a new leader may take its time on a busy machine
    let patient = json!({"message.timeout.ms": 150_000, "transaction.timeout.ms": 180_000});
    let settings = broker.settings(&json!({ "librdkafka": patient }));
    let asked = cluster(&settings);
    assert_eq!(asked.brokers().unwrap(), 3);
    let log = WantedTopic::log("shop");
    asked.create(&[log.to_make(3, 6, None)]).unwrap();
    let found = asked.describe(&[&log.name]).unwrap().remove(0).unwrap();
    assert_eq!((found.replication, found.setting("min.insync.replicas")), (3, "2"));
    assert_eq!(log.differences(&found, 3), []);
    let (writer, _) = writer(&settings, Some("dirigent.shop.log"));
    writer.init_transactions(HANG).unwrap();
    let append = |value: &str| {
        writer.begin_transaction().unwrap();
        send(&writer, &log.name, "k", value);
        flush(&writer);
        writer.commit_transaction(HANG).unwrap();
    };
    append("all");
    broker.command("kill", Some(1));
    append("two");
    broker.command("up", None);
    append("three");
    broker.command("pause", Some(2));
    append("again two");
    broker.command("resume", Some(2));
    broker.command("status", None);
    append("all again");
    let end = cluster(&settings).watermarks(&log.name, 0).unwrap().high;
    let values = ["all", "two", "three", "again two", "all again"];
    assert_eq!(read_to(&settings, &log.name, end, false), values);
    assert_eq!(read_to(&settings, &log.name, end, true), values);
}
