//! What exactly-once rests on: an aborted transaction is invisible, and whoever was fenced commits nothing.

use std::time::Duration;

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    producer::Producer,
};
use serde_json::json;

use super::{
    broker::Broker,
    clients::{cluster, flush, fresh_topic, read_to, send, unique, writer},
};

const WAIT: Duration = Duration::from_secs(120);

#[test]
fn an_aborted_transaction_is_invisible_to_those_who_read_what_is_committed() {
    let Some(broker) = Broker::shared() else { return };
    let settings = broker.settings(&json!({}));
    let topic = fresh_topic(&settings, "aborted");
    let (writer, state) = writer(&settings, Some(&unique("aborts")));
    writer.init_transactions(WAIT).unwrap();
    for (value, commits) in [("one", true), ("two", false), ("three", true)] {
        writer.begin_transaction().unwrap();
        send(&writer, &topic, "k", value);
        flush(&writer);
        if commits {
            writer.commit_transaction(WAIT).unwrap();
        } else {
            writer.abort_transaction(WAIT).unwrap();
        }
    }
    let end = cluster(&settings).watermarks(&topic, 0).unwrap().high;
    assert_eq!(end, 6, "three records, and what became of each");
    assert_eq!(read_to(&settings, &topic, end, false), ["one", "three"]);
    assert_eq!(read_to(&settings, &topic, end, true), ["one", "two", "three"]);
    assert_eq!((state.delivered(), state.undelivered()), ((3, 14), None));
}

#[test]
fn a_fenced_producer_commits_nothing() {
    let Some(broker) = Broker::shared() else { return };
    let settings = broker.settings(&json!({}));
    let topic = fresh_topic(&settings, "fenced");
    let id = unique("fences");
    let (older, _) = writer(&settings, Some(&id));
    older.init_transactions(WAIT).unwrap();
    older.begin_transaction().unwrap();
    send(&older, &topic, "k", "older");
    flush(&older);
    let (newer, _) = writer(&settings, Some(&id));
    newer.init_transactions(WAIT).unwrap();
    let error = older.commit_transaction(WAIT).unwrap_err();
    let KafkaError::Transaction(error) = error else { panic!("{error}") };
    assert!(
        matches!(
            error.code(),
            RDKafkaErrorCode::Fenced
                | RDKafkaErrorCode::ProducerFenced
                | RDKafkaErrorCode::InvalidProducerEpoch
        ),
        "{error}"
    );
    assert!(error.is_fatal(), "{error}");
    newer.begin_transaction().unwrap();
    send(&newer, &topic, "k", "newer");
    flush(&newer);
    newer.commit_transaction(WAIT).unwrap();
    let end = cluster(&settings).watermarks(&topic, 0).unwrap().high;
    assert_eq!(read_to(&settings, &topic, end, false), ["newer"]);
}
