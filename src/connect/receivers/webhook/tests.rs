use std::{fs, path::Path, sync::Arc, time::Instant};

use base64::{Engine, engine::general_purpose::STANDARD};
use native_tls::{Identity, TlsAcceptor};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::*;
use crate::{
    connect::receivers::{
        certificates::Certificates,
        registry::ReceiverContext,
        samples,
        web_server::{Act, HANG, WebServer, status},
    },
    engine::disk::{Disk, LocalDisk},
};

fn try_open(settings: &Value) -> Result<Box<dyn Receiver>, OpenError> {
    assert_eq!((WEBHOOK.check)(settings), []);
    let disk: Arc<dyn Disk> = Arc::new(LocalDisk);
    (WEBHOOK.open)(settings, &ReceiverContext { id: "service", topology: "shop", disk: &disk })
}

/// A webhook to a port, with more settings.
fn open(port: u16, more: &Value) -> Box<dyn Receiver> {
    let mut settings = json!({ "url": format!("http://127.0.0.1:{port}/in?token=qwertz") });
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    try_open(&settings).unwrap()
}

fn one() -> Delivery {
    samples::delivery(vec![samples::drop_fires()])
}

/// What a server that answers so makes of an attempt.
fn answered(act: Act) -> DeliveryError {
    let server = WebServer::start(vec![act], None);
    let error = open(server.port(), &json!({"timeout": "60s"})).deliver(&one()).unwrap_err();
    assert!(!error.to_string().contains("qwertz"), "{error}");
    error
}

fn is_unavailable(error: &DeliveryError) -> bool {
    matches!(error, DeliveryError::Unavailable { .. })
}

#[test]
fn an_event_is_posted_with_its_key() {
    let server = WebServer::start(vec![status("202 Accepted"), status("204 No Content")], None);
    let mut webhook = open(server.port(), &json!({"headers": {"X-Shop": "s", "Authorization": "Bearer b"}}));
    webhook.deliver(&one()).unwrap();
    let request = server.request();
    assert_eq!(request.line, "POST /in?token=qwertz HTTP/1.1");
    let field = |name: &str| request.fields[name].as_str();
    assert_eq!(field("content-type"), "application/cloudevents+json");
    assert_eq!(field("idempotency-key"), "product_drop:B00ABC:1767225600000/firing/1");
    assert_eq!(field("webhook-id"), field("idempotency-key"));
    assert_eq!(field("user-agent"), concat!("dirigent/", env!("CARGO_PKG_VERSION")));
    assert_eq!((field("x-shop"), field("authorization")), ("s", "Bearer b"));
    assert!(!request.fields.contains_key("webhook-signature"));
    let event: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(event["id"], field("webhook-id"));
    // several are one request
    let both = samples::delivery(vec![samples::drop_fires(), samples::severe_ends()]);
    webhook.deliver(&both).unwrap();
    let request = server.request();
    assert_eq!(request.fields["content-type"], "application/cloudevents-batch+json");
    assert_eq!(request.fields["idempotency-key"], "group/4f1c/7");
    let events: Vec<Value> = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(events[0], event);
    assert_eq!(events[1]["type"], "dirigent.case.resolved");
    assert_eq!(events.len(), 2);
    for event in &events {
        for required in ["id", "source", "specversion", "type"] {
            assert!(!event[required].as_str().unwrap().is_empty(), "{required}");
        }
    }
    assert!(server.is_quiet());
}

/// HMAC-SHA256 as RFC 2104 writes it, for keys of at most 64 bytes.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let padded = |with: u8| -> Vec<u8> { (0..64).map(|n| key.get(n).copied().unwrap_or(0) ^ with).collect() };
    let inner = Sha256::digest([padded(0x36), message.to_vec()].concat());
    Sha256::digest([padded(0x5c), inner.to_vec()].concat()).to_vec()
}

#[test]
fn a_request_is_signed_and_a_key_may_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let [key, token] = ["key", "token"].map(|name| folder.path().join(name));
    fs::write(&key, "a key of thirty-two random bytes\n").unwrap();
    fs::write(&token, "eyJ\n").unwrap();
    let server = WebServer::start(vec![status("200 OK"); 2], None);
    let files = json!({"secret_file": key, "bearer_token_file": token});
    let mut webhook = open(server.port(), &files);
    for key_text in ["a key of thirty-two random bytes", "another key"] {
        fs::write(&key, key_text).unwrap();
        webhook.deliver(&one()).unwrap();
        let request = server.request();
        let field = |name: &str| request.fields[name].as_str();
        let signed = [field("webhook-id").as_bytes(), field("webhook-timestamp").as_bytes(), &request.body];
        let expected = STANDARD.encode(hmac(key_text.as_bytes(), &signed.join(&b'.')));
        assert_eq!(field("webhook-signature"), format!("v1,{expected}"));
        assert_eq!(field("authorization"), "Bearer eyJ");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert!(now.abs_diff(field("webhook-timestamp").parse().unwrap()) < 300);
    }
    fs::remove_file(&key).unwrap();
    let error = webhook.deliver(&one()).unwrap_err();
    assert!(is_unavailable(&error) && error.to_string().contains("`secret_file` names"), "{error}");
}

#[test]
fn alertmanagers_forms_are_posted_as_json() {
    let server = WebServer::start(vec![status("200 OK"); 2], None);
    for (format, is_array) in [("alertmanager", false), ("alertmanager_api", true)] {
        open(server.port(), &json!({"format": format, "external_url": "https://s/"}))
            .deliver(&one())
            .unwrap();
        let request = server.request();
        assert_eq!(request.fields["content-type"], "application/json");
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body.is_array(), is_array, "{format}");
    }
}

#[test]
fn busy_and_broken_servers_are_tried_again() {
    let error = answered(Act::Say("HTTP/1.1 500 Oh\r\nContent-Length: 5\r\n\r\nno db".into()));
    assert!(is_unavailable(&error));
    let told = error.to_string();
    assert!(told.starts_with("POST http://127.0.0.1:") && told.contains("/in: 500"), "{told}");
    assert!(told.ends_with(": no db"), "{told}");
    let busy = "HTTP/1.1 429 Busy\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n".to_owned();
    let DeliveryError::Unavailable { retry_after, .. } = answered(Act::Say(busy)) else {
        panic!("it is busy")
    };
    assert_eq!(retry_after, Some(Duration::from_secs(17)));
    let past = "HTTP/1.1 503 X\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n";
    let DeliveryError::Unavailable { retry_after, .. } = answered(Act::Say(past.into())) else { panic!() };
    assert_eq!(retry_after, Some(Duration::ZERO));
}

#[test]
fn what_breaks_off_is_tried_again() {
    for said in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "SSH-2.0-OpenSSH\r\n",
    ] {
        let error = answered(Act::Say(said.into()));
        assert!(is_unavailable(&error), "{said}: {error:?}");
    }
    // nobody listens
    let port = WebServer::start(Vec::new(), None).port();
    assert!(is_unavailable(&open(port, &json!({})).deliver(&one()).unwrap_err()));
}

#[test]
fn an_attempt_ends_in_time() {
    for act in [Act::Hang, Act::Dribble] {
        let server = WebServer::start(vec![act.clone()], None);
        let mut webhook = open(server.port(), &json!({"timeout": "500ms"}));
        let started = Instant::now();
        let error = webhook.deliver(&one()).unwrap_err();
        assert!(started.elapsed() < HANG, "{act:?} took {:?}", started.elapsed());
        assert!(is_unavailable(&error) && error.to_string().ends_with("no answer within 500ms"), "{error}");
    }
}

#[test]
fn redirects_are_not_followed() {
    let other = WebServer::start(vec![status("200 OK")], None);
    for code in [301, 302, 303, 307, 308] {
        let to = format!("http://a:b@127.0.0.1:{}/x?y", other.port());
        let said = format!("HTTP/1.1 {code} There\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
        let error = answered(Act::Say(said));
        let there = format!("to http://127.0.0.1:{}/x, which is not followed", other.port());
        assert!(matches!(&error, DeliveryError::Refused { reason } if reason.contains(&there)), "{error:?}");
    }
    assert!(other.is_quiet());
}

#[test]
fn a_refusal_does_not_say_secrets_back() {
    let body = "we do not know Bearer s3cr3t-t0ken, nor k3y-of-ours-x, nor token=qwertz";
    let said = format!("HTTP/1.1 401 No\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let server = WebServer::start(vec![Act::Say(said)], None);
    let more = json!({"headers": {"Authorization": "Bearer s3cr3t-t0ken"}, "secret": "k3y-of-ours-x"});
    let error = open(server.port(), &more).deliver(&one()).unwrap_err();
    let DeliveryError::Refused { reason } = &error else { panic!("{error:?}") };
    assert!(reason.ends_with("we do not know (hidden), nor (hidden), nor (hidden)"), "{reason}");
}

fn tls(certificates: &Certificates) -> TlsAcceptor {
    let [certificate, key] =
        ["server.pem", "server.key"].map(|name| fs::read(certificates.file(name)).unwrap());
    TlsAcceptor::new(Identity::from_pkcs8(&certificate, &key).unwrap()).unwrap()
}

#[test]
fn a_certificate_has_to_be_signed_by_an_authority_that_is_trusted() {
    let Some(certificates) = Certificates::make() else { return };
    let server = WebServer::start(vec![status("200 OK"); 5], Some(tls(&certificates)));
    let deliver = |host: &str, ca_file: Option<&Path>| {
        let url = format!("https://{host}:{}/in", server.port());
        try_open(&json!({"url": url, "ca_file": ca_file})).unwrap().deliver(&one())
    };
    let ca = certificates.file("ca.pem");
    deliver("127.0.0.1", Some(&ca)).unwrap();
    deliver("localhost", Some(&ca)).unwrap();
    assert_eq!(server.request().line, "POST /in HTTP/1.1");
    server.request();
    for other in [None, Some(&*certificates.file("other-ca.pem"))] {
        let error = deliver("127.0.0.1", other).unwrap_err();
        assert!(is_unavailable(&error) && error.to_string().contains("`ca_file`"), "{error}");
    }
    // another name of this machine, which the certificate does not have
    let error = deliver("127.0.0.2", Some(&ca)).unwrap_err();
    assert!(is_unavailable(&error), "{error}");
    assert!(server.is_quiet());
}

#[test]
fn wrong_settings_are_told_and_no_secret_is() {
    let faults = (WEBHOOK.check)(&json!({
        "url": "https://ann:pass@example.org/", "external_url": "example.org", "secret": "whsec_***", "timeout": "0s",
        "secret_file": "key", "bearer_token_file": "t", "headers": {
            "Authorization": "Bearer x", "Host": "y", "webhook-id": "z", "no name": "v", "X": "a\r\nb"
        },
    }));
    let told: Vec<_> = faults.iter().map(|(pointer, message, _)| format!("{pointer}: {message}")).collect();
    insta::assert_snapshot!(told.join("\n"));
    for url in ["", "x", "/x", "ftp://x/", "https:///x", "http://"] {
        assert_eq!((WEBHOOK.check)(&json!({ "url": url })).len(), 1, "{url}");
    }
    let missing =
        try_open(&json!({"url": "https://localhost/", "ca_file": "/nowhere/ca.pem"})).err().unwrap();
    assert_eq!(missing.target, "the webhook `service`");
    assert!(missing.reason.contains("/nowhere/ca.pem, which `ca_file` names"), "{missing}");
    let settings: WebhookSettings = serde_json::from_value(
        json!({"url": "https://x/", "headers": {"A": "secret-1"}, "secret": "secret-2"}),
    )
    .unwrap();
    assert!(!format!("{settings:?}").contains("secret-"));
}
