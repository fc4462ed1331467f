//! The receiver `kafka`: notifications on a topic, as CloudEvents in binary mode, and what is said where they cannot be written.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use dirigent::{
    connect::{
        kafka::{connection::ConnectionSettings, receiver::RECEIVER},
        receivers::{Delivery, DeliveryError, Event, Notification, Receiver, registry::ReceiverContext},
    },
    engine::disk::{Disk, LocalDisk},
};
use rdkafka::{Message, consumer::Consumer, message::Headers};
use serde_json::{Value, json};

use super::{
    broker::{Broker, HANG, free_ports},
    clients::{fresh_topic, reader, unique},
};

fn open(bootstrap: &str, topic: &str, timeout: &str) -> Box<dyn Receiver> {
    let settings = json!({"bootstrap_servers": bootstrap, "topic": topic, "timeout": timeout});
    assert_eq!((RECEIVER.check)(&settings), []);
    let disk: Arc<dyn Disk> = Arc::new(LocalDisk);
    (RECEIVER.open)(&settings, &ReceiverContext { id: "bus", topology: "shop", disk: &disk }).unwrap()
}

fn notification(product: &str, state: &str) -> Notification {
    let case_id = format!("product_drop:{product}:5");
    let case = json!({
        "case_id": case_id, "kind": "product_drop", "severity": "warning", "product_id": product, "review_id": null,
        "state": state, "opened": 5, "updated": 1_767_225_661_234_u64,
        "evidence": {
            "method": "ewma", "before": null, "after": null, "since": null, "z": null, "surprise": null, "ewma": 4.5,
            "cusum": null, "sentiment": null, "rating": null, "sections": [], "reviews": [], "model": {}, "by": null,
            "fired": null, "deliveries": {},
            "resolved": null,
        },
        "step": 2, "note": null,
    });
    let event = if state == "firing" { Event::Firing } else { Event::Resolved };
    Notification {
        key: format!("{case_id}/{state}"),
        event,
        step: 2,
        case: serde_json::from_value(case).unwrap(),
    }
}

fn delivery(notifications: Vec<Notification>) -> Delivery {
    Delivery { key: "k".into(), topology: "shop".into(), receiver: "bus".into(), notifications }
}

#[test]
fn notifications_are_cloud_events_on_a_topic() {
    let Some(broker) = Broker::shared() else { return };
    let settings: ConnectionSettings = broker.settings(&json!({}));
    let topic = fresh_topic(&settings, "alerts");
    let mut bus = open(&broker.bootstrap(), &topic, "120s");
    let sent = [notification("A", "firing"), notification("B\n", "firing"), notification("A", "resolved")];
    bus.deliver(&delivery(sent[..2].to_vec())).unwrap();
    bus.deliver(&delivery(sent[2..].to_vec())).unwrap();
    let reader = reader(&settings, &topic, false);
    let started = Instant::now();
    for expected in &sent {
        let record = loop {
            assert!(started.elapsed() < HANG, "a notification does not come");
            if let Some(record) = reader.poll(Duration::from_millis(20)) {
                break record.unwrap();
            }
        };
        assert_eq!(record.key().unwrap(), expected.case.case_id.as_bytes());
        let value: Value = serde_json::from_slice(record.payload().unwrap()).unwrap();
        assert_eq!(value, serde_json::to_value(&expected.case).unwrap());
        let header = |name: &str| {
            let found = record.headers().unwrap().iter().find(|header| header.key == name);
            String::from_utf8(found.unwrap().value.unwrap().to_vec()).unwrap()
        };
        assert_eq!(header("content-type"), "application/json");
        assert_eq!(header("ce_specversion"), "1.0");
        assert_eq!(header("ce_id"), expected.key.replace('\n', "%0A"));
        assert_eq!(header("ce_source"), "/dirigent/shop");
        assert_eq!(header("ce_type"), format!("dirigent.case.{}", expected.event.as_str()));
        assert_eq!(header("ce_subject"), expected.case.case_id.replace('\n', "%0A"));
        assert_eq!(header("ce_time"), "2026-01-01T00:01:01.234Z");
        assert_eq!(header("ce_step"), "2");
        assert_eq!(record.headers().unwrap().count(), 8);
    }
    assert_eq!(reader.fetch_watermarks(&topic, 0, HANG).unwrap(), (0, 3));
}

#[test]
fn what_cannot_be_written_is_tried_again() {
    let Some(broker) = Broker::shared() else { return };
    let nowhere = format!("127.0.0.1:{}", free_ports(1)[0]);
    for (bootstrap, topic) in [(nowhere, "t".to_owned()), (broker.bootstrap(), unique("missing"))] {
        let mut bus = open(&bootstrap, &topic, "2s");
        let started = Instant::now();
        for _ in 0..2 {
            let error = bus.deliver(&delivery(vec![notification("A", "firing")])).unwrap_err();
            assert!(matches!(error, DeliveryError::Unavailable { .. }), "{error:?}");
            assert!(error.to_string().contains(&format!("write to the topic `{topic}`")), "{error}");
        }
        assert!(started.elapsed() < HANG, "it took {:?}", started.elapsed());
    }
}
