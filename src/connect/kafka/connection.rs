//! How a cluster is reached: the settings that Kafka sources, Kafka sinks and the commands share.
//!
//! What most people need has a name here; everything else of librdkafka is passed through `librdkafka`, except what we rely
//! on (`properties`). A secret is given as a text, mostly `${VARIABLE}`, or as the name of a file that holds it; a file is read
//! anew for each client, a token whenever librdkafka asks for one.

use std::{collections::BTreeMap, fs, path::Path};

use rdkafka::ClientConfig;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{client::ClientState, error::ClusterError, properties, secrets::Secret, token::TokenFile};
use crate::connect::registry::Fault;

pub use super::properties::Role;

/// How a cluster is reached.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct ConnectionSettings {
    /// Brokers to begin with, `host:port`, several with commas between; they name the others.
    pub bootstrap_servers: String,
    /// Speak TLS; `{}` trusts the authorities that the system trusts.
    #[serde(default)]
    pub tls: Option<TlsSettings>,
    /// Log in.
    #[serde(default)]
    pub sasl: Option<SaslSettings>,
    /// Properties of librdkafka by their own names, such as `{compression.type: zstd}`. Those that exactly-once rests on are refused.
    #[serde(default)]
    pub librdkafka: BTreeMap<String, Property>,
}

/// Speaking TLS.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "tls")]
pub struct TlsSettings {
    /// Certificates of the authorities that are trusted, as PEM. Default: those of the system.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// Our own certificate, as PEM, where the brokers ask for one.
    #[serde(default)]
    pub certificate_file: Option<String>,
    /// The key of our certificate, as PEM.
    #[serde(default)]
    pub key_file: Option<String>,
    /// What the key is encrypted with; mostly `${VARIABLE}`.
    #[serde(default)]
    pub key_password: Option<Secret>,
    /// A file that holds it.
    #[serde(default)]
    pub key_password_file: Option<String>,
}

/// Logging in.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "sasl")]
pub struct SaslSettings {
    /// How.
    pub mechanism: Mechanism,
    /// Who; for `PLAIN` and `SCRAM`.
    #[serde(default)]
    pub username: Option<String>,
    /// The password; mostly `${VARIABLE}`.
    #[serde(default)]
    pub password: Option<Secret>,
    /// A file that holds it.
    #[serde(default)]
    pub password_file: Option<String>,
    /// A file that holds a token (JWT), for `OAUTHBEARER`. It is read whenever a token is needed; who replaces it does so by renaming. Its claim `exp` says how long it lasts.
    #[serde(default)]
    pub token_file: Option<String>,
}

/// Ways to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Mechanism {
    /// The password as it is.
    #[serde(rename = "PLAIN")]
    Plain,
    /// A proof of the password.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// The same with the longer hash.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
    /// A token.
    #[serde(rename = "OAUTHBEARER")]
    OauthBearer,
}

impl Mechanism {
    /// Its name in SASL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::OauthBearer => "OAUTHBEARER",
        }
    }
}

/// The value of a property of librdkafka.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Property {
    /// A text.
    Text(Secret),
    /// A number.
    Number(serde_json::Number),
    /// `true` or `false`.
    Switch(bool),
}

impl Property {
    /// As librdkafka reads it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.reveal().to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Switch(switch) => switch.to_string(),
        }
    }
}

impl ConnectionSettings {
    /// Settings for brokers that ask for nothing.
    #[must_use]
    pub fn plain(bootstrap_servers: impl Into<String>) -> Self {
        let bootstrap_servers = bootstrap_servers.into();
        Self { bootstrap_servers, tls: None, sasl: None, librdkafka: BTreeMap::new() }
    }

    /// What is wrong with the settings of a component that has these among its own, beyond their schema. No broker is asked and
    /// no file is read.
    #[must_use]
    pub fn faults(settings: &Value) -> Vec<Fault> {
        match serde_json::from_value::<Self>(settings.clone()) {
            Ok(connection) => connection.check(),
            // the schema has said what is wrong
            Err(_) => Vec::new(),
        }
    }

    fn check(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut refuse = |pointer: &str, message: String, hint: &str| {
            faults.push((pointer.to_owned(), message, hint.to_owned()));
        };
        if let Some(problem) = addresses_fault(&self.bootstrap_servers) {
            refuse("/bootstrap_servers", problem, "give `host:port`, several with commas between them");
        }
        if let Some(tls) = &self.tls {
            if tls.certificate_file.is_some() != tls.key_file.is_some() {
                let message = "`certificate_file` and `key_file` belong together".to_owned();
                refuse("/tls", message, "give both, or neither");
            }
            if tls.key_password.is_some() && tls.key_password_file.is_some() {
                let message = "the password of the key is given twice".to_owned();
                refuse("/tls/key_password_file", message, "give `key_password` or `key_password_file`");
            }
        }
        if let Some(sasl) = &self.sasl {
            let name = sasl.mechanism.name();
            let passwords = [sasl.password.is_some(), sasl.password_file.is_some()];
            if sasl.mechanism == Mechanism::OauthBearer {
                if sasl.token_file.is_none() {
                    let message = "OAUTHBEARER takes a token, and there is no `token_file`".to_owned();
                    refuse("/sasl", message, "give the file that holds the token");
                }
                if sasl.username.is_some() || passwords.contains(&true) {
                    let message = "OAUTHBEARER takes neither name nor password".to_owned();
                    refuse("/sasl", message, "the token says who we are: leave them out");
                }
            } else {
                if sasl.username.is_none() || passwords == [false, false] {
                    let message = format!("{name} takes a name and a password");
                    refuse("/sasl", message, "give `username`, and `password` or `password_file`");
                }
                if passwords == [true, true] {
                    let message = "the password is given twice".to_owned();
                    refuse("/sasl/password_file", message, "give `password` or `password_file`");
                }
                if sasl.token_file.is_some() {
                    let message = format!("{name} takes no token");
                    refuse("/sasl/token_file", message, "leave it out, or use `mechanism: OAUTHBEARER`");
                }
            }
        }
        faults.extend(properties::faults(self));
        faults
    }

    /// The settings of a client, and what keeps what it reports. `role` says what it is for.
    ///
    /// # Errors
    /// A file with a secret cannot be read, or librdkafka does not take a property.
    pub fn client(&self, role: Role<'_>) -> Result<(ClientConfig, ClientState), ClusterError> {
        let config = properties::config(self, role)?;
        let token = self.sasl.as_ref().and_then(|sasl| sasl.token_file.as_deref()).map(TokenFile::new);
        let is_asked = matches!(role, Role::Observer | Role::Admin);
        Ok((config, ClientState::new(self, token, is_asked)))
    }

    /// Who logs in and how, for messages.
    pub(super) fn login(&self) -> String {
        match &self.sasl {
            None => "of nobody (`sasl` is not set)".to_owned(),
            Some(SaslSettings { mechanism, username: Some(user), .. }) => {
                format!("of `{user}` by {}", mechanism.name())
            }
            Some(SaslSettings { mechanism, token_file: Some(file), .. }) => {
                format!("by {} with the token in {file}", mechanism.name())
            }
            Some(SaslSettings { mechanism, .. }) => format!("by {}", mechanism.name()),
        }
    }
}

/// A secret that is given or lies in a file; white space at the end of the file does not count.
///
/// # Errors
/// The file cannot be read, or is no text.
pub(super) fn secret(
    setting: &str,
    given: Option<&Secret>,
    file: Option<&str>,
) -> Result<Option<Secret>, ClusterError> {
    let Some(file) = file else { return Ok(given.cloned()) };
    match fs::read_to_string(Path::new(file)) {
        Ok(text) => Ok(Some(Secret::new(text.trim_end()))),
        Err(error) => Err(unreadable(setting, file, &error)),
    }
}

/// A file that a setting names has to be there: librdkafka says of one that is not only that something failed.
pub(super) fn readable(setting: &str, file: &str) -> Result<(), ClusterError> {
    // a folder of certificates is one of the forms
    fs::metadata(file).map(drop).map_err(|error| unreadable(setting, file, &error))
}

fn unreadable(setting: &str, file: &str, error: &std::io::Error) -> ClusterError {
    ClusterError::File { setting: setting.to_owned(), file: file.to_owned(), reason: error.to_string() }
}

fn addresses_fault(servers: &str) -> Option<String> {
    if servers.trim().is_empty() {
        return Some("no broker is named".to_owned());
    }
    servers.split(',').map(str::trim).find_map(|server| {
        let Some((host, port)) = server.rsplit_once(':') else {
            return Some(format!("`{server}` has no port"));
        };
        if server.contains("://") {
            Some(format!("`{server}` is a URL"))
        } else if host.is_empty() || host.contains(char::is_whitespace) {
            Some(format!("`{server}` names no host"))
        } else if port.parse::<u16>().is_ok_and(|port| port > 0) {
            None
        } else {
            Some(format!("`{server}` has no port: `{port}` is none"))
        }
    })
}

#[cfg(test)]
mod tests;
