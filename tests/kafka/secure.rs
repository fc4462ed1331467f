//! TLS and login against a real broker: what works from end to end, and what is said where it does not.

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use dirigent::connect::kafka::{connection::ConnectionSettings, error::ClusterError, topics::Cluster};
use rdkafka::producer::Producer;
use serde_json::{Value, json};

use super::{
    broker::{Broker, HANG, Wish, settings},
    clients::{cluster, flush, fresh_topic, read_to, send, unique, writer},
    commands::{dirigent, text},
};

/// One broker with TLS and SASL for all tests here.
fn broker() -> Option<&'static Broker> {
    static SECURE: OnceLock<Option<Broker>> = OnceLock::new();
    SECURE.get_or_init(|| Broker::start(&Wish { secure: true, ..Wish::default() })).as_ref()
}

/// How a login reaches it.
fn over_tls(broker: &Broker, sasl: &Value) -> ConnectionSettings {
    let tls = json!({"ca_file": broker.file("secure/ca.pem")});
    settings(&broker.secure_bootstrap(), &json!({"tls": tls, "sasl": sasl}))
}

fn scram(user: &str, password: &str) -> Value {
    json!({"mechanism": "SCRAM-SHA-256", "username": user, "password": password})
}

/// Why the cluster cannot be used, without the port.
fn refused(broker: &Broker, settings: &ConnectionSettings) -> String {
    match Cluster::connect(settings, Duration::from_secs(3)) {
        Ok(_) => "it can".to_owned(),
        Err(error) => without_place(broker, &error),
    }
}

fn without_place(broker: &Broker, error: &ClusterError) -> String {
    error
        .to_string()
        .replace(&broker.secure_bootstrap(), "HOST:PORT")
        .replace(&broker.bootstrap(), "HOST:PORT")
}

/// A token as the broker's validator without signatures takes it.
fn token(user: &str, seconds: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({"sub": user, "iat": now, "exp": now + seconds});
    format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// Makes a topic, writes a transaction, reads it.
fn goes_through(settings: &ConnectionSettings) {
    let topic = fresh_topic(settings, "secure");
    let (writer, _) = writer(settings, Some(&unique("secure")));
    // a login with a token asks for it by an event
    writer.poll(Duration::from_millis(100));
    writer.init_transactions(HANG).unwrap();
    writer.begin_transaction().unwrap();
    send(&writer, &topic, "k", "value");
    flush(&writer);
    writer.commit_transaction(HANG).unwrap();
    let end = cluster(settings).watermarks(&topic, 0).unwrap().high;
    assert_eq!(read_to(settings, &topic, end, false), ["value"]);
}

#[test]
fn every_way_to_log_in_goes_from_end_until_end() {
    let Some(broker) = broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let password = file("password", "dirigent-secret\n");
    let token = file("token", &token("dirigent", 3_600));
    for sasl in [
        scram("dirigent", "dirigent-secret"),
        json!({"mechanism": "SCRAM-SHA-512", "username": "dirigent", "password_file": password}),
        json!({"mechanism": "PLAIN", "username": "dirigent", "password": "dirigent-secret"}),
        json!({"mechanism": "OAUTHBEARER", "token_file": token}),
    ] {
        goes_through(&over_tls(broker, &sasl));
    }
}

#[test]
fn a_wrong_password_is_told() {
    let Some(broker) = broker() else { return };
    insta::assert_snapshot!(refused(broker, &over_tls(broker, &scram("dirigent", "wrong"))), @"cannot reach Kafka: the brokers at HOST:PORT refuse the login of `dirigent` by SCRAM-SHA-256: SASL authentication error: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256. Check `sasl`, and that the brokers know this user and this mechanism");
    let plain = json!({"mechanism": "PLAIN", "username": "nobody", "password": "x"});
    insta::assert_snapshot!(refused(broker, &over_tls(broker, &plain)), @"cannot reach Kafka: the brokers at HOST:PORT refuse the login of `nobody` by PLAIN: SASL authentication error: Authentication failed: Invalid username or password. Check `sasl`, and that the brokers know this user and this mechanism");
}

#[test]
fn an_unknown_authority_is_told() {
    let Some(broker) = broker() else { return };
    let tls = json!({"ca_file": broker.file("secure/other-ca.pem")});
    let sasl = scram("dirigent", "dirigent-secret");
    let settings = settings(&broker.secure_bootstrap(), &json!({"tls": tls, "sasl": sasl}));
    insta::assert_snapshot!(refused(broker, &settings), @"cannot reach Kafka: no TLS with the brokers at HOST:PORT: SSL handshake failed: certificate verify failed: broker certificate could not be verified, verify that ssl.ca.location is correctly configured or root CA certificates are installed (install ca-certificates package). `tls.ca_file` has to name the authority that signed their certificate, and that certificate the host as `bootstrap_servers` does; where they ask for a certificate, `tls.certificate_file` and `tls.key_file` give one that they trust");
}

/// A listener that asks for a certificate, which says who connects.
const ASKS_FOR_A_CERTIFICATE: &[&str] = &[
    "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT,SECURE:SSL",
    "ssl.client.auth=required",
    "super.users=User:ANONYMOUS;User:CN=dirigent",
];

#[test]
fn a_certificate_of_ones_own_lets_in_and_none_is_told() {
    let wish = Wish { secure: true, set: ASKS_FOR_A_CERTIFICATE, ..Wish::default() };
    let Some(broker) = Broker::start(&wish) else { return };
    let with = |more: Value| {
        let mut tls = json!({"ca_file": broker.file("secure/ca.pem")});
        tls.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        settings(&broker.secure_bootstrap(), &json!({"tls": tls}))
    };
    let own = |certificate: &str, key: &str| {
        let [certificate, key] = [certificate, key].map(|name| broker.file(&format!("secure/{name}")));
        json!({"certificate_file": certificate, "key_file": key})
    };
    goes_through(&with(own("client.pem", "client.key")));
    let mut encrypted = own("client.pem", "client-encrypted.key");
    encrypted["key_password"] = "client-secret".into();
    goes_through(&with(encrypted.clone()));
    encrypted["key_password"] = "s3cret".into();
    let told = refused(&broker, &with(encrypted));
    assert!(told.contains("ssl.key.location") && !told.contains("s3cret"), "{told}");
    for none in [json!({}), own("other-client.pem", "other-client.key")] {
        let told = refused(&broker, &with(none));
        assert!(
            told.starts_with("cannot reach Kafka: no TLS with the brokers at HOST:PORT: ")
                && told.ends_with("`tls.certificate_file` and `tls.key_file` give one that they trust"),
            "{told}"
        );
    }
}

#[test]
fn produce_and_consume_log_in_with_the_token_in_a_file() {
    let Some(broker) = broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), token("dirigent", 3_600)).unwrap();
    let topic = fresh_topic(&over_tls(broker, &scram("dirigent", "dirigent-secret")), "tokens");
    let authority = format!("ssl.ca.location={}", broker.file("secure/ca.pem"));
    let reached = ["--topic", &topic, "--token-file", "token", "--property", &authority];
    let run = |command: &[&str], input: &str| {
        let arguments = [command, &reached].concat();
        let output = dirigent(folder.path(), &broker.secure_bootstrap(), &arguments, input);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, out, err) = run(&["produce", "-"], "one\ntwo\n");
    assert!(code == Some(0) && out.starts_with("2 records written"), "{out}{err}");
    let (code, out, err) = run(&["consume", "--from-beginning", "--to-end"], "");
    assert_eq!((code, out.as_str()), (Some(0), "one\ntwo\n"), "{err}");
    std::fs::write(folder.path().join("token"), token("dirigent", 0)).unwrap();
    let (code, _, err) = run(&["produce", "-"], "three\n");
    assert!(code == Some(1) && err.contains("with the token in token") && err.contains("expired"), "{err}");
}

#[test]
fn a_listener_that_speaks_otherwise_is_told() {
    let Some(broker) = broker() else { return };
    let without = settings(&broker.secure_bootstrap(), &json!({}));
    let told = refused(broker, &without);
    insta::assert_snapshot!(told, @"cannot reach Kafka: no broker answers at HOST:PORT: a broker closes the connection at the first request. It may ask for TLS or a login (`tls`, `sasl`). Does one run there, and is `bootstrap_servers` right?");
    let tls = json!({"ca_file": broker.file("secure/ca.pem")});
    let with = settings(&broker.bootstrap(), &json!({"tls": tls}));
    let told = refused(broker, &with);
    // whichever the client sees first: an answer that is no TLS, or the end of the connection in the middle of the handshake
    let either = ["connecting to a PLAINTEXT broker listener", "SSL connection closed by peer"];
    assert!(either.iter().any(|reason| told.contains(reason)), "{told}");
}

#[test]
fn no_broker_at_all_is_told() {
    let [port] = super::broker::free_ports(1)[..] else { unreachable!() };
    let settings = settings(&format!("127.0.0.1:{port}"), &json!({}));
    let error = Cluster::connect(&settings, Duration::from_secs(2)).err().unwrap().to_string();
    insta::assert_snapshot!(error.replace(&port.to_string(), "PORT"), @"cannot reach Kafka: no broker answers at 127.0.0.1:PORT: Connect to ipv4#127.0.0.1:PORT failed: Connection refused. Does one run there, and is `bootstrap_servers` right?");
}

#[test]
fn a_token_that_is_over_is_told() {
    let Some(broker) = broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, token("dirigent", 0)).unwrap();
    let sasl = json!({"mechanism": "OAUTHBEARER", "token_file": path.to_str().unwrap()});
    let told = refused(broker, &over_tls(broker, &sasl));
    assert!(
        told.contains("refuse the login by OAUTHBEARER with the token in") && told.contains("expired"),
        "{told}"
    );
}

#[test]
fn a_login_without_rights_is_told() {
    let Some(broker) = broker() else { return };
    let mine = over_tls(broker, &scram("dirigent", "dirigent-secret"));
    let topic = fresh_topic(&mine, "denied");
    let guest = cluster(&over_tls(broker, &scram("guest", "guest-secret")));
    let told = |error: ClusterError| without_place(broker, &error).replace(&topic, "TOPIC");
    insta::assert_snapshot!(told(guest.describe(&[&topic]).unwrap_err()), @"cannot describe `TOPIC`: the brokers at HOST:PORT do not allow it to the login of `guest` by SCRAM-SHA-256: TopicAuthorizationFailed (Broker: Topic authorization failed). Grant it there: docs/kafka.md lists what a run needs");
    insta::assert_snapshot!(told(guest.watermarks(&topic, 0).unwrap_err()), @"cannot find the end of partition 0 of `TOPIC`: there is no such topic or partition at HOST:PORT, or none that this login may see. `dirigent topics create TOPOLOGY` makes those of a topology");
    let made = guest.create(&[super::clients::topic("of-a-guest", 1)]);
    insta::assert_snapshot!(told(made.unwrap_err()), @"cannot make `of-a-guest`: the brokers at HOST:PORT do not allow it to the login of `guest` by SCRAM-SHA-256: TopicAuthorizationFailed (Broker: Topic authorization failed). Grant it there: docs/kafka.md lists what a run needs");
}
