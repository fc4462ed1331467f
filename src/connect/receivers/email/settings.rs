//! What a topology says of a mail server, and what is wrong with it.

use lettre::message::Mailbox;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    connect::{kafka::secrets::Secret, receivers::webhook::ten_seconds, registry::Fault},
    engine::duration::Millis,
};

/// How the way to a mail server is kept from others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum MailTls {
    /// By STARTTLS; a server that does not offer it gets nothing.
    #[default]
    Required,
    /// From the first byte.
    Implicit,
    /// Not at all.
    None,
}

/// Settings of a mail server.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailSettings {
    /// The mail server.
    pub host: String,
    /// Its port. Default: 587 with `tls: required`, 465 with `implicit`, 25 with `none`.
    #[serde(default)]
    pub port: Option<u16>,
    /// TLS by STARTTLS (`required`, the default), from the first byte (`implicit`), or none at all (`none`).
    #[serde(default)]
    pub tls: MailTls,
    /// Certificates of the authorities that are trusted, as PEM. Default: those of the system.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// Who logs in.
    #[serde(default)]
    pub user: Option<String>,
    /// The password; mostly `${VARIABLE}`.
    #[serde(default)]
    pub password: Option<Secret>,
    /// A file that holds it. It is read for each attempt.
    #[serde(default)]
    pub password_file: Option<String>,
    /// The sender, such as `Dirigent <alerts@example.org>`.
    pub from: String,
    /// The recipients.
    #[schemars(length(min = 1))]
    pub to: Vec<String>,
    /// How long an attempt may take.
    #[serde(default = "ten_seconds")]
    pub timeout: Millis,
}

impl EmailSettings {
    /// The port, given or not.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            MailTls::Required => 587,
            MailTls::Implicit => 465,
            MailTls::None => 25,
        })
    }
}

/// What is wrong with settings, beyond their schema. No file is read.
pub(super) fn check(settings: &Value) -> Vec<Fault> {
    // the schema has said what is wrong
    let Ok(settings) = serde_json::from_value::<EmailSettings>(settings.clone()) else { return Vec::new() };
    let mut faults = Vec::new();
    let mut refuse = |pointer: &str, message: String, hint: &str| {
        faults.push((pointer.to_owned(), message, hint.to_owned()));
    };
    let addresses = settings.to.iter().enumerate().map(|(n, to)| (format!("/to/{n}"), to));
    for (pointer, address) in addresses.chain([("/from".to_owned(), &settings.from)]) {
        if address.parse::<Mailbox>().is_ok_and(|mailbox| !mailbox.email.to_string().is_ascii()) {
            refuse(
                &pointer,
                format!("`{address}` has other characters than ASCII"),
                "write its domain as `xn--...`",
            );
        } else if let Err(error) = address.parse::<Mailbox>() {
            refuse(
                &pointer,
                format!("`{address}` is no address: {error}"),
                "give `a@example.org` or `A B <a@example.org>`",
            );
        }
    }
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    if settings.host.is_empty() || !settings.host.chars().all(is_host) {
        refuse(
            "/host",
            format!("`{}` names no host", settings.host),
            "give a name such as mail.example.org, without a port",
        );
    }
    let passwords = [settings.password.is_some(), settings.password_file.is_some()];
    if passwords == [true, true] {
        refuse("/password_file", "the password is given twice".into(), "give `password` or `password_file`");
    }
    if settings.user.is_some() != passwords.contains(&true) {
        let hint = "give `user`, and `password` or `password_file`, or none of them";
        refuse("/user", "a login has a name and a password".into(), hint);
    }
    if settings.tls == MailTls::None && settings.user.is_some() {
        let message = "without TLS the password would go over the network as it is".into();
        refuse("/tls", message, "use `required` or `implicit`, or leave the login out");
    }
    if settings.tls == MailTls::None && settings.ca_file.is_some() {
        refuse("/ca_file", "without TLS nobody is asked for a certificate".into(), "leave it out");
    }
    if settings.timeout.0 == 0 {
        refuse("/timeout", "no attempt can be made in no time".into(), "give a duration such as 10s");
    }
    faults
}
