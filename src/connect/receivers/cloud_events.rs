//! A notification as a CloudEvent, version 1.0 of the specification (<https://github.com/cloudevents/spec>), in its JSON format.
//!
//! `data` is the case as it is committed. What the notification adds are attributes: `type` says what has become of the case,
//! `id` is the idempotency key, and the extension `step` says which step of the escalation is due. Keys and ids may hold
//! any character, attributes and header fields may not: [`token`] makes one text of a key that all of them can hold.

use std::fmt::Write;

use serde::Serialize;

use super::Notification;
use crate::records::{Case, calendar::rfc3339};

/// The media type of one event.
pub const ONE: &str = "application/cloudevents+json";
/// The media type of several, in an array.
pub const SEVERAL: &str = "application/cloudevents-batch+json";

/// An event, its attributes in this order.
#[derive(Clone, Debug, Serialize)]
pub struct CloudEvent<'a> {
    specversion: &'static str,
    id: String,
    source: String,
    r#type: String,
    subject: String,
    time: String,
    datacontenttype: &'static str,
    step: u32,
    data: &'a Case,
}

impl<'a> CloudEvent<'a> {
    /// The event of a notification of a topology.
    #[must_use]
    pub fn new(topology: &str, notification: &'a Notification) -> Self {
        let case = &notification.case;
        Self {
            specversion: "1.0",
            id: token(&notification.key),
            source: format!("/dirigent/{topology}"),
            r#type: format!("dirigent.case.{}", notification.event.as_str()),
            subject: without_controls(&case.case_id),
            time: rfc3339(i64::try_from(case.updated).unwrap_or(i64::MAX)),
            datacontenttype: "application/json",
            step: notification.step,
            data: case,
        }
    }

    /// Its attributes without `datacontenttype`, by name, for bindings that have a place of their own for them and for the data.
    #[must_use]
    pub fn attributes(&self) -> [(&'static str, String); 7] {
        [
            ("specversion", self.specversion.to_owned()),
            ("id", self.id.clone()),
            ("source", self.source.clone()),
            ("type", self.r#type.clone()),
            ("subject", self.subject.clone()),
            ("time", self.time.clone()),
            ("step", self.step.to_string()),
        ]
    }

    /// Appends it as JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        // nothing in it can fail to serialize: keys are strings, numbers are finite
        let _ = serde_json::to_writer(out, self);
    }
}

/// A key as header fields and attributes hold it: every byte but ASCII letters, digits and `-_~:/#@+=` as `%XX`. Different
/// keys stay different. A full stop is written so, too: signatures end the key by one.
#[must_use]
pub fn token(key: &str) -> String {
    escaped(key, |c| c.is_ascii_alphanumeric() || "-_~:/#@+=".contains(c))
}

/// A text with its control characters as `%XX`: no attribute may hold them.
#[must_use]
pub fn without_controls(text: &str) -> String {
    escaped(text, |c| !c.is_control())
}

fn escaped(text: &str, stays: fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if stays(c) {
            out.push(c);
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::receivers::samples;

    #[test]
    fn an_event_has_what_the_specification_requires() {
        let notification = samples::drop_fires();
        let mut line = Vec::new();
        CloudEvent::new("shop", &notification).write(&mut line);
        let mut event: serde_json::Value = serde_json::from_slice(&line).unwrap();
        let data = event.as_object_mut().unwrap().remove("data").unwrap();
        assert_eq!(serde_json::from_value::<Case>(data).unwrap(), notification.case);
        insta::assert_json_snapshot!(event, @r#"
        {
          "specversion": "1.0",
          "id": "product_drop:B00ABC:1767225600000/firing/1",
          "source": "/dirigent/shop",
          "type": "dirigent.case.firing",
          "subject": "product_drop:B00ABC:1767225600000",
          "time": "2026-01-01T00:01:01.234Z",
          "datacontenttype": "application/json",
          "step": 1
        }
        "#);
    }

    #[test]
    fn keys_stay_apart_and_fit_into_header_fields() {
        assert_eq!(
            token("severe_review:r-1:1700000000000/firing/2"),
            "severe_review:r-1:1700000000000/firing/2"
        );
        assert_eq!(token("a.b%2E\r\nÜ \"x\""), "a%2Eb%252E%0D%0A%C3%9C%20%22x%22");
        assert_eq!(without_controls("ü\n\u{85}%"), "ü%0A%C2%85%");
    }
}
