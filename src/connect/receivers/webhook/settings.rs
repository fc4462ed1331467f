//! What a topology says of a webhook, and what is wrong with it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use ureq::http::{HeaderName, HeaderValue, Uri};

use super::SigningKey;
use crate::{
    connect::{kafka::secrets::Secret, registry::Fault},
    engine::duration::Millis,
};

/// Header fields that are ours; those that begin with `webhook-` are, too.
const OURS: &[&str] = &[
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "transfer-encoding",
];

/// What a body looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum BodyFormat {
    /// A CloudEvent, several as a batch.
    #[default]
    Cloudevents,
    /// What Alertmanager sends to webhooks, version 4.
    Alertmanager,
    /// What Alertmanager itself takes at `/api/v2/alerts`.
    AlertmanagerApi,
}

/// Settings of a webhook.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// Where notifications are posted to, `https://` or `http://`.
    pub url: String,
    /// What they look like: CloudEvents 1.0 as JSON (`cloudevents`, the default), what Alertmanager sends to webhooks (`alertmanager`, version 4), or what Alertmanager itself takes (`alertmanager_api`; `url` ends in `/api/v2/alerts` then).
    #[serde(default)]
    pub format: BodyFormat,
    /// More header fields, such as `{Authorization: "Bearer ${TOKEN}"}`. They are never printed.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// The key that requests are signed with (Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`): `whsec_` and Base64, or any other text; mostly `${VARIABLE}`.
    #[serde(default)]
    pub secret: Option<Secret>,
    /// A file that holds it.
    #[serde(default)]
    pub secret_file: Option<String>,
    /// A file that holds a token, sent as `Authorization: Bearer`.
    #[serde(default)]
    pub bearer_token_file: Option<String>,
    /// How long an attempt may take, from looking up the name to the end of the answer.
    #[serde(default = "ten_seconds")]
    pub timeout: Millis,
    /// Certificates of the authorities that are trusted, as PEM. Default: those of the system.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// Where people can look further; Alertmanager's forms name it.
    #[serde(default)]
    pub external_url: Option<String>,
}

/// How long an attempt may take by default.
#[must_use]
pub fn ten_seconds() -> Millis {
    Millis(10_000)
}

/// What is wrong with settings, beyond their schema. No file is read.
pub(super) fn check(settings: &Value) -> Vec<Fault> {
    // the schema has said what is wrong
    let Ok(settings) = serde_json::from_value::<WebhookSettings>(settings.clone()) else { return Vec::new() };
    let mut faults = Vec::new();
    let mut refuse = |pointer: &str, message: &str, hint: &str| {
        faults.push((pointer.to_owned(), message.to_owned(), hint.to_owned()));
    };
    for (pointer, url) in [("/url", Some(&settings.url)), ("/external_url", settings.external_url.as_ref())] {
        if let Some((message, hint)) = url.and_then(|url| url_fault(url)) {
            refuse(pointer, message, hint);
        }
    }
    for (name, value) in &settings.headers {
        let pointer = format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"));
        let lower = name.to_ascii_lowercase();
        if OURS.contains(&lower.as_str()) || lower.starts_with("webhook-") {
            refuse(
                &pointer,
                &format!("`{name}` is not yours to set"),
                "leave it out: each request has its own",
            );
        } else if HeaderName::from_bytes(name.as_bytes()).is_err() {
            refuse(
                &pointer,
                &format!("`{name}` is no name of a header field"),
                "use letters, digits and `-`",
            );
        } else if HeaderValue::from_str(value.reveal()).is_err() {
            refuse(
                &pointer,
                "no header field can have this value",
                "use visible ASCII characters and blanks",
            );
        } else if lower == "authorization" && settings.bearer_token_file.is_some() {
            refuse(&pointer, "`bearer_token_file` gives `Authorization`, too", "give one of them");
        }
    }
    if settings.secret.is_some() && settings.secret_file.is_some() {
        refuse("/secret_file", "the key is given twice", "give `secret` or `secret_file`");
    }
    if let Some(Err(message)) = settings.secret.map(|secret| SigningKey::new(secret.reveal()).map(drop)) {
        refuse("/secret", message, "give `whsec_` and Base64, or any other text, of 24 random bytes or more");
    }
    if settings.timeout.0 == 0 {
        refuse("/timeout", "no attempt can be made in no time", "give a duration such as 10s");
    }
    faults
}

fn url_fault(url: &str) -> Option<(&'static str, &'static str)> {
    let hint = "give a URL such as https://example.org/alerts";
    let Ok(uri) = url.parse::<Uri>() else { return Some(("this is no URL", hint)) };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        Some(("the URL begins with neither `https://` nor `http://`", hint))
    } else if uri.host().unwrap_or_default().is_empty() {
        Some(("the URL names no host", hint))
    } else if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        Some((
            "the URL has a name or a password",
            "use `headers: {Authorization: ...}` or `bearer_token_file`",
        ))
    } else {
        None
    }
}
