//! Hands notifications to a web server by POST: as CloudEvents, or in Alertmanager's forms, signed where there is a key.
//!
//! An attempt ends within `timeout` from name to the end of the answer, however slowly the server dribbles. Each has a
//! connection of its own. Redirects are not followed, a proxy of the environment is not used: what is sent goes where the
//! topology says, and nowhere else. Files with secrets are read for each attempt, so that they can be replaced.
//!
//! What went wrong is told with the URL, but without its query, and with the beginning of the answer, but without our secrets.

mod settings;

use std::{
    io::Read,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use schemars::schema_for;
use ureq::{
    Agent, Error,
    http::header,
    tls::{RootCerts, TlsConfig, TlsProvider},
};

use super::{
    Delivery, DeliveryError, Receiver, alertmanager,
    answer::{Answer, without_secrets},
    cloud_events::{self, CloudEvent, token},
    files::{certificates, read},
    registry::ReceiverKind,
    signature::SigningKey,
};
use crate::connect::{
    kafka::secrets::{HIDDEN, Secret},
    registry::OpenError,
};

use settings::check;
pub use settings::{BodyFormat, WebhookSettings, ten_seconds};

/// How much of an answer is read.
const READ: u64 = 64 * 1024;
/// The registry entry.
pub const WEBHOOK: ReceiverKind = ReceiverKind {
    name: "webhook",
    summary: "Posts notifications to a web server, as CloudEvents or in Alertmanager's forms, signed.",
    schema: || schema_for!(WebhookSettings),
    check,
    target: |_| None,
    open: |settings, context| {
        let fault = |reason: String| OpenError {
            target: format!("the webhook `{}`", context.id),
            reason,
            hint: "check its settings, and the files that they name".into(),
        };
        let settings: WebhookSettings =
            serde_json::from_value(settings.clone()).map_err(|error| fault(error.to_string()))?;
        Ok(Box::new(Webhook::new(settings).map_err(fault)?))
    },
};

struct Webhook {
    settings: WebhookSettings,
    agent: Agent,
    /// What is done, for messages.
    doing: String,
}

/// What is read for each attempt.
struct Secrets {
    key: Option<SigningKey>,
    token: Option<String>,
}

impl Webhook {
    fn new(settings: WebhookSettings) -> Result<Self, String> {
        let roots = match &settings.ca_file {
            Some(file) => certificates(file)?.into(),
            None => RootCerts::PlatformVerifier,
        };
        let tls = TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(roots).build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(Duration::from_millis(settings.timeout.0)))
            .max_redirects(0)
            .http_status_as_error(false)
            .proxy(None)
            .max_idle_connections(0)
            .user_agent(concat!("dirigent/", env!("CARGO_PKG_VERSION")))
            .build();
        let doing = format!("POST {}", without_secrets(&settings.url));
        let webhook = Self { settings, agent: config.into(), doing };
        webhook.secrets()?;
        Ok(webhook)
    }

    fn secrets(&self) -> Result<Secrets, String> {
        let Self { settings, .. } = self;
        let key = match (&settings.secret, &settings.secret_file) {
            (Some(secret), _) => Some(SigningKey::new(secret.reveal())?),
            (None, Some(file)) => {
                let key = SigningKey::new(&read("secret_file", file)?);
                Some(key.map_err(|message| format!("{file}, which `secret_file` names: {message}"))?)
            }
            (None, None) => None,
        };
        let file = settings.bearer_token_file.as_deref();
        Ok(Secrets { key, token: file.map(|file| read("bearer_token_file", file)).transpose()? })
    }

    /// The body of a delivery, and its media type.
    fn body(&self, delivery: &Delivery) -> (Vec<u8>, &'static str) {
        let external_url = self.settings.external_url.as_deref().unwrap_or_default();
        match self.settings.format {
            BodyFormat::Alertmanager => (alertmanager::webhook(delivery, external_url), "application/json"),
            BodyFormat::AlertmanagerApi => (alertmanager::api(delivery, external_url), "application/json"),
            BodyFormat::Cloudevents => {
                let event = |notification| CloudEvent::new(&delivery.topology, notification);
                let mut body = Vec::new();
                if let [one] = &delivery.notifications[..] {
                    event(one).write(&mut body);
                    return (body, cloud_events::ONE);
                }
                for (n, notification) in delivery.notifications.iter().enumerate() {
                    body.push(if n == 0 { b'[' } else { b',' });
                    event(notification).write(&mut body);
                }
                body.push(b']');
                (body, cloud_events::SEVERAL)
            }
        }
    }

    /// Posts a body; its answer, once all of it is there.
    fn post(&self, delivery: &Delivery, secrets: &Secrets) -> Result<Answer, Error> {
        let (body, media_type) = self.body(delivery);
        let id = token(&delivery.key);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut request = self.agent.post(&self.settings.url).header(header::CONTENT_TYPE, media_type);
        for (name, value) in &self.settings.headers {
            request = request.header(name, value.reveal());
        }
        if let Some(token) = &secrets.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        request = request.header("idempotency-key", &id).header("webhook-id", &id);
        request = request.header("webhook-timestamp", now.to_string());
        if let Some(key) = &secrets.key {
            request = request.header("webhook-signature", key.sign(&id, now, &body));
        }
        let response = request.send(&body)?;
        let field = |name| response.headers().get(name)?.to_str().ok().map(str::to_owned);
        let mut answer = Answer {
            status: response.status().to_string(),
            code: response.status().as_u16(),
            retry_after: field(header::RETRY_AFTER),
            location: field(header::LOCATION).filter(|_| response.status().is_redirection()),
            body: String::new(),
        };
        let mut text = Vec::new();
        let read = response.into_body().into_reader().take(READ).read_to_end(&mut text);
        answer.body = String::from_utf8_lossy(&text).into_owned();
        match read {
            // that it arrived is said by the status, why not by what there is of the answer
            Err(error) if answer.code < 300 => Err(error.into()),
            _ => Ok(answer),
        }
    }

    /// A text without what is secret, should a server say it back.
    fn hidden(&self, text: &str, secrets: &Secrets) -> String {
        let query = self.settings.url.split_once('?').map(|(_, query)| query);
        let given = self.settings.headers.values().chain(&self.settings.secret).map(Secret::reveal);
        let all = given.chain(secrets.token.as_deref()).chain(query);
        // of `Bearer x`, the x alone is secret, too
        let words = all.flat_map(|secret| [secret, secret.rsplit(' ').next().unwrap_or_default()]);
        words.filter(|word| word.len() > 3).fold(text.to_owned(), |text, word| text.replace(word, HIDDEN))
    }
}

impl Receiver for Webhook {
    fn deliver(&mut self, delivery: &Delivery) -> Result<(), DeliveryError> {
        let secrets = match self.secrets() {
            Ok(secrets) => secrets,
            Err(reason) => return Err(DeliveryError::Unavailable { reason, retry_after: None }),
        };
        let failed = match self.post(delivery, &secrets) {
            Ok(mut answer) => {
                answer.body = self.hidden(&answer.body, &secrets);
                return answer.meaning(&self.doing);
            }
            Err(error) => error,
        };
        let told = match &failed {
            Error::Timeout(_) => format!("no answer within {}", self.settings.timeout),
            Error::HostNotFound => "nobody knows the name of the host".to_owned(),
            Error::NativeTls(error) => {
                format!(
                    "no TLS: {error}. Has an authority that is trusted (`ca_file`) signed its certificate?"
                )
            }
            other => other.to_string(),
        };
        let reason = self.hidden(&format!("{}: {told}", self.doing), &secrets);
        Err(match failed {
            // nothing was sent, and nothing else will be
            Error::Http(_) | Error::BadUri(_) => DeliveryError::Refused { reason },
            _ => DeliveryError::Unavailable { reason, retry_after: None },
        })
    }
}

#[cfg(test)]
mod tests;
