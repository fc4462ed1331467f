//! What settings of a connection are right, and what is said of those that are not.

use serde_json::json;

use super::*;

fn told(settings: &Value) -> Vec<String> {
    ConnectionSettings::faults(settings)
        .into_iter()
        .map(|(pointer, message, _)| format!("{pointer}: {message}"))
        .collect()
}

#[test]
fn right_settings_have_no_faults() {
    for settings in [
        json!({"bootstrap_servers": "localhost:9092"}),
        json!({"bootstrap_servers": "a:9092, [::1]:9093,c.d:1", "topics": ["x"], "tls": {}}),
        json!({"bootstrap_servers": "a:1", "tls": {"certificate_file": "c", "key_file": "k", "key_password": "p"}}),
        json!({"bootstrap_servers": "a:1", "sasl": {"mechanism": "PLAIN", "username": "u", "password": "p"}}),
        json!({"bootstrap_servers": "a:1", "sasl": {"mechanism": "OAUTHBEARER", "token_file": "t"}}),
        json!({"bootstrap_servers": "a:1", "librdkafka": {"linger.ms": 3, "check.crcs": false, "compression.type": "zstd"}}),
    ] {
        assert_eq!(told(&settings), [""; 0], "{settings}");
    }
}

#[test]
fn every_fault_is_told() {
    let settings = json!({
        "bootstrap_servers": "kafka",
        "tls": {"certificate_file": "c", "key_password": "s3cret", "key_password_file": "f"},
        "sasl": {"mechanism": "SCRAM-SHA-256", "password": "s3cret", "password_file": "f", "token_file": "t"},
    });
    insta::assert_snapshot!(told(&settings).join("\n"), @r"
    /bootstrap_servers: `kafka` has no port
    /tls: `certificate_file` and `key_file` belong together
    /tls/key_password_file: the password of the key is given twice
    /sasl: SCRAM-SHA-256 takes a name and a password
    /sasl/password_file: the password is given twice
    /sasl/token_file: SCRAM-SHA-256 takes no token
    ");
    let settings = json!({"bootstrap_servers": "a:1", "sasl": {"mechanism": "OAUTHBEARER", "username": "u"}});
    insta::assert_snapshot!(told(&settings).join("\n"), @r"
    /sasl: OAUTHBEARER takes a token, and there is no `token_file`
    /sasl: OAUTHBEARER takes neither name nor password
    ");
    for (servers, expected) in [
        ("", "no broker is named"),
        ("a:1,", "`` has no port"),
        ("PLAINTEXT://a:1", "`PLAINTEXT://a:1` is a URL"),
        (":1", "`:1` names no host"),
        ("a:0", "`a:0` has no port: `0` is none"),
        ("a:b", "`a:b` has no port: `b` is none"),
    ] {
        assert_eq!(addresses_fault(servers).as_deref(), Some(expected));
    }
}

#[test]
fn no_secret_is_printed() {
    let settings: ConnectionSettings = serde_json::from_value(json!({
        "bootstrap_servers": "a:1",
        "tls": {"key_password": "s3cret"},
        "sasl": {"mechanism": "PLAIN", "username": "u", "password": "s3cret"},
        "librdkafka": {"ssl.keystore.password": "s3cret"},
    }))
    .unwrap();
    let shown = format!("{settings:?}");
    assert!(shown.contains("username: Some(\"u\")") && !shown.contains("s3cret"), "{shown}");
}

/// Beside the settings of a component, unknown ones are still refused.
#[test]
fn goes_into_the_settings_of_a_component() {
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Component {
        #[serde(flatten)]
        connection: ConnectionSettings,
        topic: String,
    }
    let schema = serde_json::to_value(schemars::schema_for!(Component)).unwrap();
    assert_eq!(schema["additionalProperties"], json!(false), "{schema}");
    assert_eq!(schema["required"], json!(["bootstrap_servers", "topic"]));
    assert!(schema["properties"]["librdkafka"]["additionalProperties"]["anyOf"].is_array(), "{schema}");
    let component: Component = serde_json::from_value(
        json!({"topic": "t", "bootstrap_servers": "a:1", "librdkafka": {"linger.ms": 5}}),
    )
    .unwrap();
    assert_eq!(component.topic, "t");
    assert_eq!(component.connection.librdkafka["linger.ms"].text(), "5");
    let unknown = json!({"topic": "t", "bootstrap_servers": "a:1", "retries": 5});
    assert!(serde_json::from_value::<Component>(unknown).is_err());
}
