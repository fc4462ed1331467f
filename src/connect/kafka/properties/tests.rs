//! What librdkafka is told, and which properties are refused.

use serde_json::{Value, json};

use super::*;

fn settings(value: Value) -> ConnectionSettings {
    serde_json::from_value(value).unwrap()
}

#[test]
fn properties_that_are_ours_are_refused_with_the_reason() {
    for (name, reason) in OWNED {
        let settings = json!({"bootstrap_servers": "a:1", "librdkafka": {*name: "x"}});
        let faults = ConnectionSettings::faults(&settings);
        let expected =
            (format!("/librdkafka/{name}"), format!("`{name}` is not yours to set"), (*reason).to_owned());
        assert_eq!(faults, [expected]);
    }
    assert!(OWNED.is_sorted_by_key(|(name, _)| name));
}

#[test]
fn properties_that_are_given_twice_unknown_or_wrong_are_told() {
    let settings = json!({
        "bootstrap_servers": "a:1",
        "tls": {"ca_file": "ca.pem"},
        "sasl": {"mechanism": "PLAIN", "username": "u", "password": "p"},
        "librdkafka": {
            "security.protocol": "ssl", "sasl.username": "u", "ssl.ca.location": "x", "ssl.key.location": "k",
            "linger.mss": 5, "linger.ms": "soon", "socket.timeout.ms": 1, "ssl.crl.location": "crl.pem",
        },
    });
    let told: Vec<String> = ConnectionSettings::faults(&settings)
        .iter()
        .map(|(pointer, message, _)| format!("{pointer}: {message}"))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    /librdkafka/linger.ms: Invalid value for configuration property "queue.buffering.max.ms"
    /librdkafka/linger.mss: No such configuration property: "linger.mss"
    /librdkafka/sasl.username: `sasl.username` is given by `sasl.username`
    /librdkafka/security.protocol: `security.protocol` is given by `tls`
    /librdkafka/socket.timeout.ms: Configuration property "socket.timeout.ms" value 1 is outside allowed range 10..300000
    /librdkafka/ssl.ca.location: `ssl.ca.location` is given by `tls.ca_file`
    "#);
    let by_pass = json!({"bootstrap_servers": "a:1", "librdkafka": {"sasl.mechanism": "OAUTHBEARER"}});
    assert_eq!(ConnectionSettings::faults(&by_pass).len(), 1);
    let plain = json!({"bootstrap_servers": "a:1", "librdkafka": {
        "security.protocol": "sasl_ssl", "sasl.mechanism": "PLAIN", "sasl.username": "u", "sasl.password": "p",
    }});
    assert_eq!(ConnectionSettings::faults(&plain), []);
}

#[test]
fn librdkafka_takes_what_we_say() {
    let through =
        settings(json!({"bootstrap_servers": "a:1", "librdkafka": {"linger.ms": 0, "check.crcs": false}}));
    let roles = [
        Role::Consumer { group: "g" },
        Role::Producer { transactional_id: None },
        Role::Producer { transactional_id: Some("dirigent.x.0") },
        Role::Observer,
        Role::Admin,
    ];
    for role in roles {
        let config = config(&through, role).unwrap();
        let native = config.create_native_config().unwrap();
        assert_eq!(native.get("bootstrap.servers").unwrap(), "a:1");
        assert_eq!(native.get("linger.ms").unwrap(), "0");
        assert_eq!(native.get("check.crcs").unwrap(), "false");
    }
    let reader = config(&through, roles[0]).unwrap();
    for (name, value) in READING_OWNED {
        assert_eq!(reader.get(name), Some(*value));
    }
}

#[test]
fn the_protocol_follows_from_tls_and_login() {
    let login = json!({"mechanism": "SCRAM-SHA-512", "username": "u", "password": "p"});
    for (tls, sasl, protocol) in [
        (Value::Null, Value::Null, "plaintext"),
        (json!({}), Value::Null, "ssl"),
        (Value::Null, login.clone(), "sasl_plaintext"),
        (json!({}), login, "sasl_ssl"),
    ] {
        let settings = settings(json!({"bootstrap_servers": "a:1", "tls": tls, "sasl": sasl}));
        let config = config(&settings, Role::Admin).unwrap();
        assert_eq!(config.get("security.protocol"), Some(protocol));
    }
}

#[test]
fn a_password_lies_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "s3cret\n").unwrap();
    let with = |file: &str| {
        settings(json!({"bootstrap_servers": "a:1",
            "sasl": {"mechanism": "PLAIN", "username": "u", "password_file": file}}))
    };
    let config_of = |file: &str| config(&with(file), Role::Admin);
    assert_eq!(config_of(file.to_str().unwrap()).unwrap().get("sasl.password"), Some("s3cret"));
    let error = config_of("/no/such/file").unwrap_err().to_string();
    let tls = settings(json!({"bootstrap_servers": "a:1", "tls": {"ca_file": "/no/ca"}}));
    let told = config(&tls, Role::Admin).unwrap_err().to_string();
    assert!(told.starts_with("cannot read /no/ca, which `tls.ca_file` names: "), "{told}");
    insta::assert_snapshot!(error, @"cannot read /no/such/file, which `sasl.password_file` names: No such file or directory (os error 2)");
}
