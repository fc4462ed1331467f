//! The proxy of the tests does what it says, and what a transaction is worth when the network fails in the middle of its end.

use std::time::{Duration, Instant};

use dirigent::connect::kafka::connection::ConnectionSettings;
use rdkafka::producer::Producer;
use serde_json::json;

use super::{
    broker::{Broker, HANG, settings},
    clients::{Writer, cluster, flush, fresh_topic, read_to, send, unique, writer},
    proxy::{END_TXN, Moment, PRODUCE, Proxy},
};

/// A broker behind a proxy, and both ways to it: through the proxy, and around it.
fn broker() -> Option<(Proxy, Broker, [ConnectionSettings; 2])> {
    let (proxy, broker, through) = Broker::behind_a_proxy()?;
    let through = settings(&through, &json!({"librdkafka": {"socket.timeout.ms": 2000}}));
    let around = broker.settings(&json!({}));
    Some((proxy, broker, [through, around]))
}

/// Commits a record, with the connection cut at the end of the transaction.
fn commit(proxy: &Proxy, writer: &Writer, topic: &str, value: &str, moment: Moment) {
    writer.begin_transaction().unwrap();
    send(writer, topic, "k", value);
    flush(writer);
    let before = proxy.caught();
    proxy.cut_at(END_TXN, moment);
    writer.commit_transaction(HANG).unwrap();
    assert_eq!(proxy.caught(), before + 1, "the commit went through an unbroken network");
}

#[test]
fn a_commit_over_a_network_that_fails_in_its_middle_is_done_once() {
    let Some((proxy, _broker, [through, around])) = broker() else { return };
    let topic = fresh_topic(&around, "cut");
    let (writer, _) = writer(&through, Some(&unique("cuts")));
    writer.init_transactions(HANG).unwrap();
    commit(&proxy, &writer, &topic, "never asked", Moment::BeforeRequest);
    commit(&proxy, &writer, &topic, "never answered", Moment::BeforeAnswer);
    // records, too, are sent again when nobody knows whether they came
    writer.begin_transaction().unwrap();
    proxy.cut_at(PRODUCE, Moment::BeforeAnswer);
    send(&writer, &topic, "k", "sent twice");
    flush(&writer);
    writer.commit_transaction(HANG).unwrap();
    assert_eq!(proxy.caught(), 3);
    let end = cluster(&around).watermarks(&topic, 0).unwrap().high;
    assert_eq!(read_to(&around, &topic, end, false), ["never asked", "never answered", "sent twice"]);
    assert_eq!(read_to(&around, &topic, end, true).len(), 3);
}

#[test]
fn a_network_that_is_slow_cut_or_silent_heals() {
    let Some((proxy, _broker, [through, around])) = broker() else { return };
    let topic = fresh_topic(&around, "weather");
    let (writer, state) = writer(&through, None);
    let delivered = |count: u64| {
        let started = Instant::now();
        while state.delivered().0 < count {
            assert!(started.elapsed() < HANG, "{:?} of {count}", state.delivered());
            writer.poll(Duration::from_millis(20));
        }
    };
    send(&writer, &topic, "k", "fair");
    delivered(1);
    proxy.slow(Duration::from_millis(300));
    let started = Instant::now();
    send(&writer, &topic, "k", "slow");
    delivered(2);
    assert!(started.elapsed() >= Duration::from_millis(600), "there and back");
    proxy.cut();
    send(&writer, &topic, "k", "cut");
    writer.poll(Duration::from_millis(300));
    assert_eq!(state.delivered().0, 2);
    proxy.heal();
    delivered(3);
    proxy.silence();
    send(&writer, &topic, "k", "silent");
    // nobody hears of it: the client gives the request up after its own time
    let errors = state.errors();
    let started = Instant::now();
    while state.errors() == errors {
        assert!(started.elapsed() < HANG, "the silence is not noticed");
        writer.poll(Duration::from_millis(20));
    }
    assert_eq!(state.delivered().0, 3);
    proxy.heal();
    delivered(4);
    proxy.cut_once();
    send(&writer, &topic, "k", "again");
    delivered(5);
    let end = cluster(&around).watermarks(&topic, 0).unwrap().high;
    assert_eq!(read_to(&around, &topic, end, false), ["fair", "slow", "cut", "silent", "again"]);
}
