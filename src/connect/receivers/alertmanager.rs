//! Notifications as Prometheus' Alertmanager writes and takes them: the body of its webhooks, version 4
//! (<https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>), and the alerts of its own API,
//! `POST /api/v2/alerts`.
//!
//! An alert is what its labels say: the same case has the same labels and the same fingerprint all its life. Alertmanager
//! knows no acknowledgement: an acknowledged case is firing, and the annotation `state` says more.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    Delivery, Event, Notification,
    words::{ending, plain, summary},
};
use crate::records::{Case, calendar::rfc3339};

/// An alert that has not ended, as Go writes a time that is not set.
const NOT_ENDED: &str = "0001-01-01T00:00:00Z";
/// How long an alert that Alertmanager is handed fires if nothing ends it, in ms. Without an end it would be over after its
/// `resolve_timeout`, five minutes, because Prometheus repeats its alerts and we do not.
const FIRES_FOR: u64 = 365 * 86_400_000;

/// Texts by name.
type Texts = BTreeMap<&'static str, String>;

fn time(ms: u64) -> String {
    rfc3339(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// What tells a case from others. Values are cut and have no control characters.
fn labels(topology: &str, case: &Case) -> Texts {
    let mut labels = BTreeMap::from([
        ("alertname", case.kind.as_str().to_owned()),
        ("severity", case.severity.as_str().to_owned()),
        ("topology", topology.to_owned()),
        ("case_id", plain(&case.case_id, 1_000)),
    ]);
    labels.extend(case.product_id.as_ref().map(|id| ("product_id", plain(id, 1_000))));
    labels.extend(case.review_id.as_ref().map(|id| ("review_id", plain(id, 1_000))));
    labels
}

fn annotations(notification: &Notification) -> Texts {
    let case = &notification.case;
    let mut annotations = BTreeMap::from([
        ("summary", summary(case)),
        ("state", notification.event.as_str().to_owned()),
        ("step", notification.step.to_string()),
    ]);
    annotations.extend(ending(notification).map(|text| ("description", text)));
    annotations.extend(case.note.as_ref().map(|note| ("note", plain(note, 1_000))));
    let reviews: Vec<_> = case.evidence.reviews.iter().map(|id| plain(id, 256)).collect();
    if !reviews.is_empty() {
        annotations.insert("reviews", reviews.join(", "));
    }
    annotations
}

/// What all of them have in common.
fn common(all: &[Texts]) -> Texts {
    let mut common = all.first().cloned().unwrap_or_default();
    common.retain(|name, value| all.iter().all(|texts| texts.get(name) == Some(value)));
    common
}

/// The fingerprint that Prometheus gives to labels: FNV-1a of 64 bits over the sorted names and values, a byte 255 after each.
fn fingerprint(labels: &Texts) -> u64 {
    let bytes =
        labels.iter().flat_map(|(name, value)| name.bytes().chain([255]).chain(value.bytes()).chain([255]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

fn status(notification: &Notification) -> &'static str {
    match notification.event {
        Event::Firing | Event::Acknowledged => "firing",
        Event::Resolved => "resolved",
    }
}

/// The body of a webhook. `external_url`: where people can look further, or nothing.
#[must_use]
pub(super) fn webhook(delivery: &Delivery, external_url: &str) -> Vec<u8> {
    let all: Vec<_> = delivery.notifications.iter().map(|n| labels(&delivery.topology, &n.case)).collect();
    let annotated: Vec<_> = delivery.notifications.iter().map(annotations).collect();
    let alerts: Vec<Value> = (delivery.notifications.iter().zip(&all).zip(&annotated))
        .map(|((notification, labels), annotations)| {
            let ends = matches!(notification.event, Event::Resolved);
            json!({
                "status": status(notification),
                "labels": labels,
                "annotations": annotations,
                "startsAt": time(notification.case.opened),
                "endsAt": if ends { time(notification.case.updated) } else { NOT_ENDED.to_owned() },
                "generatorURL": external_url,
                "fingerprint": format!("{:016x}", fingerprint(labels)),
            })
        })
        .collect();
    let common_labels = common(&all);
    let group: BTreeMap<_, _> = common_labels
        .iter()
        .filter(|(name, _)| ["alertname", "case_id", "topology"].contains(*name))
        .collect();
    let pairs: Vec<_> = group.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    let firing = delivery.notifications.iter().any(|notification| status(notification) == "firing");
    let body = json!({
        "version": "4",
        "groupKey": format!("{{}}/{{receiver={:?}}}:{{{}}}", delivery.receiver, pairs.join(", ")),
        "truncatedAlerts": 0,
        "status": if firing { "firing" } else { "resolved" },
        "receiver": delivery.receiver,
        "groupLabels": group,
        "commonLabels": common_labels,
        "commonAnnotations": common(&annotated),
        "externalURL": external_url,
        "alerts": alerts,
    });
    body.to_string().into_bytes()
}

/// What Alertmanager's own API takes.
#[must_use]
pub(super) fn api(delivery: &Delivery, external_url: &str) -> Vec<u8> {
    let alerts: Vec<Value> = (delivery.notifications.iter())
        .map(|notification| {
            let case = &notification.case;
            let ends =
                case.updated + if matches!(notification.event, Event::Resolved) { 0 } else { FIRES_FOR };
            let mut alert = Map::new();
            alert.insert("labels".into(), json!(labels(&delivery.topology, case)));
            alert.insert("annotations".into(), json!(annotations(notification)));
            alert.insert("startsAt".into(), time(case.opened).into());
            alert.insert("endsAt".into(), time(ends).into());
            // it has to be a URL where it is given
            if !external_url.is_empty() {
                alert.insert("generatorURL".into(), external_url.into());
            }
            alert.into()
        })
        .collect();
    Value::from(alerts).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::receivers::samples;

    fn parsed(body: &[u8]) -> Value {
        serde_json::from_slice(body).unwrap()
    }

    #[test]
    fn one_firing_case_as_a_webhook() {
        let delivery = samples::delivery(vec![samples::drop_fires()]);
        insta::assert_json_snapshot!(parsed(&webhook(&delivery, "https://shop.example/alerts")));
    }

    #[test]
    fn a_group_is_firing_while_one_of_it_is() {
        let delivery = samples::delivery(vec![samples::drop_fires(), samples::severe_ends()]);
        let body = parsed(&webhook(&delivery, ""));
        assert_eq!(body["status"], "firing");
        assert_eq!(body["alerts"][1]["status"], "resolved");
        assert_eq!(body["alerts"][1]["endsAt"], "2026-01-01T01:01:40.000Z");
        assert_eq!(body["commonLabels"], json!({"topology": "shop"}));
        assert_eq!(body["groupKey"], r#"{}/{receiver="service"}:{topology="shop"}"#);
        let ended = samples::delivery(vec![samples::severe_ends()]);
        assert_eq!(parsed(&webhook(&ended, ""))["status"], "resolved");
        for alert in body["alerts"].as_array().unwrap() {
            for value in alert["labels"].as_object().unwrap().values() {
                assert!(!value.as_str().unwrap().contains(char::is_control), "{value}");
            }
        }
    }

    #[test]
    fn the_api_gets_alerts_that_last_until_they_are_ended() {
        let mut acknowledged = samples::drop_fires();
        acknowledged.event = Event::Acknowledged;
        let delivery = samples::delivery(vec![acknowledged, samples::severe_ends()]);
        let body = parsed(&api(&delivery, ""));
        let alerts = body.as_array().unwrap();
        assert_eq!(alerts[0]["startsAt"], "2026-01-01T00:00:00.000Z");
        assert_eq!(alerts[0]["endsAt"], "2027-01-01T00:01:01.234Z");
        assert_eq!(alerts[0]["annotations"]["state"], "acknowledged");
        assert_eq!(alerts[1]["endsAt"], "2026-01-01T01:01:40.000Z");
        assert!(alerts[0].get("generatorURL").is_none());
        assert_eq!(parsed(&api(&delivery, "https://x/"))[0]["generatorURL"], "https://x/");
    }

    #[test]
    fn fingerprints_are_those_of_prometheus() {
        // from the test of its package `model`
        let labels = BTreeMap::from([
            ("name", "garland, briggs".to_owned()),
            ("fear", "love is not enough".to_owned()),
        ]);
        assert_eq!(fingerprint(&labels), 5_799_056_148_416_392_346);
        assert_eq!(fingerprint(&BTreeMap::new()), 14_695_981_039_346_656_037);
    }
}
