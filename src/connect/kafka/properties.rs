//! What librdkafka is told: the properties that we rely on, those that settings with names of their own give, and the rest, passed
//! through.
//!
//! Every default that a promise or a figure rests on is written down here, so that a newer librdkafka does not change it. A property
//! that exactly-once rests on is ours alone: a topology that gives it is refused, with the reason. One that a named setting gives is
//! taken from `librdkafka` only where that setting is absent.

use rdkafka::{ClientConfig, config::RDKafkaLogLevel, error::KafkaError};

use super::{
    connection::{ConnectionSettings, secret},
    error::ClusterError,
    secrets::is_secret,
};
use crate::connect::registry::Fault;

/// What a client is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role<'a> {
    /// Reads partitions that are assigned by hand, what is committed only. The group is for lag tools.
    Consumer {
        /// Where offsets are committed to.
        group: &'a str,
    },
    /// Writes, in transactions where it has an id for them.
    Producer {
        /// The id of its transactions.
        transactional_id: Option<&'a str>,
    },
    /// Looks at topics and where their partitions end, whatever is committed: a consumer that joins nothing.
    Observer,
    /// Makes topics and asks for their settings.
    Admin,
}

/// Properties that are ours alone, and why.
const OWNED: &[(&str, &str)] = &[
    ("acks", ACKS),
    (
        "allow.auto.create.topics",
        "a topic that a typing error makes is worse than none; `dirigent topics create` makes them",
    ),
    ("auto.commit.enable", OFFSETS),
    ("auto.commit.interval.ms", OFFSETS),
    ("auto.offset.reset", "an offset that is gone is lost input: it is told, and never passed over"),
    ("bootstrap.servers", "it is `bootstrap_servers`"),
    ("delivery.report.only.error", "every delivery is counted"),
    ("enable.auto.commit", OFFSETS),
    ("enable.auto.offset.store", OFFSETS),
    ("enable.gapless.guarantee", ACKS),
    ("enable.idempotence", "without it a retry may double or reorder records"),
    ("enable.partition.eof", "the end of a partition is found by its offsets"),
    ("enable.sasl.oauthbearer.unsecure.jwt", TOKEN),
    ("enabled_events", "the binding of librdkafka needs its own"),
    ("group.id", "it is `group_id`"),
    ("group.instance.id", GROUP),
    ("group.protocol", GROUP),
    ("group.remote.assignor", GROUP),
    ("isolation.level", "only what is committed may be read: an aborted record would be counted"),
    ("log.queue", "the binding of librdkafka needs its own"),
    ("metadata.broker.list", "it is `bootstrap_servers`"),
    ("offset.store.method", OFFSETS),
    ("partition.assignment.strategy", GROUP),
    (
        "partitioner",
        "all records of a key have to stay in one partition, where every Kafka client looks for them (murmur2)",
    ),
    ("queuing.strategy", "records keep their order"),
    ("request.required.acks", ACKS),
    ("sasl.oauthbearer.config", TOKEN),
    ("sasl.oauthbearer.method", TOKEN),
    ("test.mock.num.brokers", "a mocked broker keeps nothing"),
    (
        "transactional.id",
        "it follows from the name of the topology: two runs of one name must not write at a time",
    ),
];

const ACKS: &str = "a record counts when every replica in sync has it";
const GROUP: &str =
    "partitions are assigned by hand, since epochs are cut over all of them: there is no group to join";
const OFFSETS: &str = "what has been read stands in the epoch log, and is committed to the group from there";
const TOKEN: &str = "a token comes from `sasl: { mechanism: OAUTHBEARER, token_file: … }`";

/// Properties that a setting of its own gives.
fn named(property: &str, settings: &ConnectionSettings) -> Option<&'static str> {
    let tls = settings.tls.as_ref();
    let sasl = settings.sasl.as_ref();
    let given = |is: bool, name| is.then_some(name);
    match property {
        "security.protocol" if tls.is_some() => Some("tls"),
        "security.protocol" | "sasl.mechanism" | "sasl.mechanisms" => given(sasl.is_some(), "sasl"),
        "sasl.username" => given(sasl.is_some(), "sasl.username"),
        "sasl.password" => given(sasl.is_some(), "sasl.password"),
        "ssl.ca.location" | "ssl.ca.pem" => given(tls?.ca_file.is_some(), "tls.ca_file"),
        "ssl.certificate.location" | "ssl.certificate.pem" => {
            given(tls?.certificate_file.is_some(), "tls.certificate_file")
        }
        "ssl.key.location" | "ssl.key.pem" => given(tls?.key_file.is_some(), "tls.key_file"),
        "ssl.key.password" => {
            let tls = tls?;
            given(tls.key_password.is_some() || tls.key_password_file.is_some(), "tls.key_password")
        }
        _ => None,
    }
}

/// What is wrong with the properties that are passed through.
pub(super) fn faults(settings: &ConnectionSettings) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (name, value) in &settings.librdkafka {
        let pointer = format!("/librdkafka/{}", name.replace('~', "~0").replace('/', "~1"));
        if let Some((_, reason)) = OWNED.iter().find(|(owned, _)| owned == name) {
            faults.push((pointer, format!("`{name}` is not yours to set"), (*reason).to_owned()));
        } else if let Some(setting) = named(name, settings) {
            let message = format!("`{name}` is given by `{setting}`");
            faults.push((pointer, message, "give it once".to_owned()));
        } else if ["sasl.mechanism", "sasl.mechanisms"].contains(&name.as_str())
            && value.text() == "OAUTHBEARER"
        {
            faults.push((pointer, format!("`{name}` is not yours to set here"), TOKEN.to_owned()));
        } else if let Err(error) = ClientConfig::new().set(name, value.text()).create_native_config() {
            let hint = "https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md lists them"
                .to_owned();
            faults.push((pointer, refusal(name, &error), hint));
        }
    }
    faults
}

/// What librdkafka says against a property, without a value that may be a secret.
fn refusal(name: &str, error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, reason, _, _) if !is_secret(name) => reason.trim().to_owned(),
        _ => format!("librdkafka does not take `{name}` with this value"),
    }
}

/// The settings of a client.
///
/// # Errors
/// A file with a secret cannot be read, or librdkafka does not take a property.
pub(super) fn config(settings: &ConnectionSettings, role: Role<'_>) -> Result<ClientConfig, ClusterError> {
    let mut config = ClientConfig::new();
    config.set_log_level(RDKafkaLogLevel::Info);
    let mut set = |properties: &[(&str, &str)]| {
        for &(name, value) in properties {
            config.set(name, value);
        }
    };
    set(REACHING);
    match role {
        Role::Consumer { .. } => set(READING),
        Role::Producer { transactional_id } => {
            set(WRITING);
            // a delivery has to be given up before its transaction is
            set(&[("message.timeout.ms", if transactional_id.is_some() { "50000" } else { "120000" })]);
        }
        // a consumer that reads what is committed is told the last stable offset where it asks for the end
        Role::Observer => set(&[("isolation.level", "read_uncommitted")]),
        Role::Admin => {}
    }
    secure(settings, &mut config)?;
    for (name, value) in &settings.librdkafka {
        config.set(name, value.text());
    }
    config.set("bootstrap.servers", &settings.bootstrap_servers).set("allow.auto.create.topics", "false");
    match role {
        Role::Consumer { group } => {
            config.set("group.id", group);
            for (name, value) in READING_OWNED {
                config.set(*name, *value);
            }
        }
        Role::Producer { transactional_id } => {
            config.set("enable.idempotence", "true").set("acks", "all").set("partitioner", "murmur2_random");
            if let Some(id) = transactional_id {
                config.set("transactional.id", id);
            }
        }
        Role::Observer | Role::Admin => {}
    }
    match config.create_native_config() {
        Ok(_) => Ok(config),
        Err(KafkaError::ClientConfig(_, reason, name, _)) if !is_secret(&name) => {
            Err(ClusterError::Settings { reason })
        }
        Err(_) => Err(ClusterError::Settings { reason: "a property has a value that is refused".to_owned() }),
    }
}

/// TLS and login.
fn secure(settings: &ConnectionSettings, config: &mut ClientConfig) -> Result<(), ClusterError> {
    let protocol = match (&settings.tls, &settings.sasl) {
        (None, None) => "plaintext",
        (Some(_), None) => "ssl",
        (None, Some(_)) => "sasl_plaintext",
        (Some(_), Some(_)) => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    if let Some(tls) = &settings.tls {
        let files = [
            ("ssl.ca.location", &tls.ca_file),
            ("ssl.certificate.location", &tls.certificate_file),
            ("ssl.key.location", &tls.key_file),
        ];
        for (name, file) in files {
            if let Some(file) = file {
                config.set(name, file);
            }
        }
        let password =
            secret("tls.key_password_file", tls.key_password.as_ref(), tls.key_password_file.as_deref())?;
        if let Some(password) = password {
            config.set("ssl.key.password", password.reveal());
        }
    }
    if let Some(sasl) = &settings.sasl {
        config.set("sasl.mechanism", sasl.mechanism.name());
        if let Some(user) = &sasl.username {
            config.set("sasl.username", user);
        }
        let password = secret("sasl.password_file", sasl.password.as_ref(), sasl.password_file.as_deref())?;
        if let Some(password) = password {
            config.set("sasl.password", password.reveal());
        }
    }
    Ok(())
}

/// How brokers are reached, whatever for.
const REACHING: &[(&str, &str)] = &[
    ("broker.address.family", "any"),
    ("client.id", "dirigent"),
    ("connections.max.idle.ms", "0"),
    // what a client measures of itself goes nowhere but to us
    ("enable.metrics.push", "false"),
    ("enable.ssl.certificate.verification", "true"),
    ("log.connection.close", "false"),
    ("metadata.max.age.ms", "900000"),
    // a broker that comes back is found within a second
    ("reconnect.backoff.max.ms", "1000"),
    ("reconnect.backoff.ms", "100"),
    ("retry.backoff.max.ms", "1000"),
    ("retry.backoff.ms", "100"),
    ("socket.connection.setup.timeout.ms", "10000"),
    ("socket.keepalive.enable", "true"),
    ("socket.nagle.disable", "true"),
    ("socket.timeout.ms", "60000"),
    ("ssl.endpoint.identification.algorithm", "https"),
    ("statistics.interval.ms", "5000"),
    ("topic.metadata.refresh.interval.ms", "60000"),
];

/// How records are fetched; may be given otherwise.
const READING: &[(&str, &str)] = &[
    ("check.crcs", "true"),
    ("fetch.error.backoff.ms", "100"),
    ("fetch.max.bytes", "52428800"),
    ("fetch.message.max.bytes", "1048576"),
    ("fetch.min.bytes", "1"),
    // by default a consumer whose queue was full looks again after a second
    ("fetch.queue.backoff.ms", "20"),
    ("fetch.wait.max.ms", "500"),
    ("queued.max.messages.kbytes", "65536"),
    ("queued.min.messages", "100000"),
    ("receive.message.max.bytes", "100000000"),
];

/// What exactly-once asks of a consumer.
const READING_OWNED: &[(&str, &str)] = &[
    ("auto.offset.reset", "error"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("enable.partition.eof", "false"),
    ("group.protocol", "classic"),
    ("isolation.level", "read_committed"),
];

/// How records are sent; may be given otherwise.
const WRITING: &[(&str, &str)] = &[
    ("batch.num.messages", "10000"),
    ("batch.size", "1000000"),
    ("compression.type", "none"),
    ("linger.ms", "5"),
    ("max.in.flight.requests.per.connection", "5"),
    // a dead letter of the longest record, its key and its headers; a broker takes 1,048,588 bytes unless told otherwise
    ("message.max.bytes", "1048500"),
    ("message.send.max.retries", "2147483647"),
    ("queue.buffering.max.kbytes", "262144"),
    ("queue.buffering.max.messages", "200000"),
    ("request.timeout.ms", "30000"),
    ("transaction.timeout.ms", "60000"),
];

#[cfg(test)]
mod tests {
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
            let expected = (
                format!("/librdkafka/{name}"),
                format!("`{name}` is not yours to set"),
                (*reason).to_owned(),
            );
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
        let through = settings(
            json!({"bootstrap_servers": "a:1", "librdkafka": {"linger.ms": 0, "check.crcs": false}}),
        );
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
        insta::assert_snapshot!(error, @"cannot read /no/such/file, which `sasl.password_file` names: No such file or directory (os error 2)");
    }
}
