//! What librdkafka is told: the properties that we rely on, those that settings with names of their own give, and the rest, passed
//! through.
//!
//! Every default that a promise or a figure rests on is written down here, so that a newer librdkafka does not change
//! it. A property that exactly-once rests on is ours alone: a topology that gives it is refused, with the reason. One
//! that a named setting gives is taken from `librdkafka` only where that setting is absent.

use rdkafka::{ClientConfig, config::RDKafkaLogLevel, error::KafkaError};

use super::{
    connection::{ConnectionSettings, readable, secret},
    error::ClusterError,
    pinned::{OWNED, REACHING, READING, READING_OWNED, TOKEN, WRITING},
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

/// How long a request of a transactional producer waits, at least but for a fifth, before it is sent again: a commit that took
/// less was sent once (`transaction`).
pub(super) const RESENT_AFTER_MS: u64 = 1_000;

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
        Role::Observer => set(&[
            ("isolation.level", "read_uncommitted"),
            // says what a broker may have disliked when it closes the first connection
            ("log.connection.close", "true"),
        ]),
        Role::Admin => {}
    }
    secure(settings, &mut config)?;
    for (name, value) in &settings.librdkafka {
        let value = value.text();
        // `probe` looks where systems keep their certificates
        if name.starts_with("ssl.") && name.ends_with(".location") && value != "probe" {
            readable(name, &value)?;
        }
        config.set(name, value);
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
                for name in ["retry.backoff.ms", "retry.backoff.max.ms"] {
                    config.set(name, RESENT_AFTER_MS.to_string());
                }
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
            ("ssl.ca.location", "tls.ca_file", &tls.ca_file),
            ("ssl.certificate.location", "tls.certificate_file", &tls.certificate_file),
            ("ssl.key.location", "tls.key_file", &tls.key_file),
        ];
        for (name, setting, file) in files {
            if let Some(file) = file {
                readable(setting, file)?;
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

#[cfg(test)]
mod tests;
