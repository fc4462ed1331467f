//! Sends notifications by mail: SMTP, over TLS from the beginning, after STARTTLS, or in plain where that is asked for.
//!
//! A mail goes to every recipient that the server takes; one that it will never take is warned of and keeps nobody else
//! waiting. Where a recipient may be taken later, nobody gets the mail until then.
//!
//! An attempt is made on a thread of its own and given up after `timeout`, because a server that dribbles keeps each single read
//! within any limit. What is left behind ends by itself; where four of them have not, no other is begun. A mail that
//! such a thread gets through after all comes twice, with the same `Message-ID`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    thread,
    time::Duration,
};

mod settings;

use lettre::{
    Message,
    message::Mailbox,
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{Certificate, CertificateStore, SmtpConnection, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::ClientId,
    },
};
use schemars::schema_for;

use super::{
    Delivery, DeliveryError, Receiver,
    files::{certificates, read},
    letter::letter,
    registry::ReceiverKind,
    words::plain,
};
use crate::connect::{kafka::secrets::HIDDEN, registry::OpenError};

use settings::check;
pub use settings::{EmailSettings, MailTls};

/// So many attempts that were given up may still be under way.
const BEHIND: usize = 4;
/// Characters of an answer that are told.
const TOLD: usize = 200;

/// The registry entry.
pub const EMAIL: ReceiverKind = ReceiverKind {
    name: "email",
    summary: "Sends notifications by mail (SMTP), one mail for those that are handed over at once.",
    schema: || schema_for!(EmailSettings),
    check,
    target: |_| None,
    open: |settings, context| {
        let fault = |reason: String| OpenError {
            target: format!("the mail server of `{}`", context.id),
            reason,
            hint: "check its settings, and the files that they name".into(),
        };
        let settings: EmailSettings =
            serde_json::from_value(settings.clone()).map_err(|error| fault(error.to_string()))?;
        Ok(Box::new(Email::new(settings).map_err(fault)?))
    },
};

struct Email {
    settings: EmailSettings,
    from: Mailbox,
    to: Vec<Mailbox>,
    tls: Option<TlsParameters>,
    /// Attempts that are under way.
    under_way: Arc<AtomicUsize>,
}

/// All that an attempt needs.
struct Attempt {
    server: (String, u16),
    timeout: Duration,
    mode: MailTls,
    tls: Option<TlsParameters>,
    login: Option<Credentials>,
    letter: Message,
}

impl Email {
    fn new(settings: EmailSettings) -> Result<Self, String> {
        let mailbox = |text: &String| text.parse().map_err(|error| format!("`{text}`: {error}"));
        let from = mailbox(&settings.from)?;
        let to = settings.to.iter().map(mailbox).collect::<Result<_, _>>()?;
        let tls = match settings.tls {
            MailTls::None => None,
            MailTls::Required | MailTls::Implicit => {
                let mut tls = TlsParameters::builder(settings.host.clone());
                if let Some(file) = &settings.ca_file {
                    tls = tls.certificate_store(CertificateStore::None);
                    for certificate in certificates(file)? {
                        let read = Certificate::from_der(certificate.der().to_vec());
                        tls = tls.add_root_certificate(read.map_err(|error| format!("{file}: {error}"))?);
                    }
                }
                Some(tls.build().map_err(|error| error.to_string())?)
            }
        };
        let email = Self { settings, from, to, tls, under_way: Arc::default() };
        email.password()?;
        Ok(email)
    }

    fn password(&self) -> Result<Option<String>, String> {
        match (&self.settings.password, &self.settings.password_file) {
            (Some(password), _) => Ok(Some(password.reveal().to_owned())),
            (None, Some(file)) => read("password_file", file).map(Some),
            (None, None) => Ok(None),
        }
    }
}

impl Receiver for Email {
    fn deliver(&mut self, delivery: &Delivery) -> Result<(), DeliveryError> {
        let EmailSettings { host, timeout, .. } = &self.settings;
        let port = self.settings.port();
        let doing = format!("mail by {host}:{port}");
        let unavailable = |reason: String| {
            Err(DeliveryError::Unavailable { reason: format!("{doing}: {reason}"), retry_after: None })
        };
        let password = match self.password() {
            Ok(password) => password,
            Err(reason) => return unavailable(reason),
        };
        let letter = match letter(delivery, &self.from, &self.to) {
            Ok(letter) => letter,
            Err(error) => return Err(DeliveryError::Refused { reason: format!("{doing}: {error}") }),
        };
        if self.under_way.load(Ordering::Acquire) >= BEHIND {
            return unavailable(format!("{BEHIND} earlier attempts have come to no end"));
        }
        let attempt = Attempt {
            server: (host.clone(), port),
            timeout: Duration::from_millis(timeout.0),
            mode: self.settings.tls,
            tls: self.tls.clone(),
            login: (self.settings.user.clone().zip(password.clone()))
                .map(|(user, password)| Credentials::new(user, password)),
            letter,
        };
        let (sender, result) = channel();
        let under_way = Arc::clone(&self.under_way);
        under_way.fetch_add(1, Ordering::AcqRel);
        let begun = thread::Builder::new().name("mail".into()).spawn(move || {
            let sent = attempt.send();
            under_way.fetch_sub(1, Ordering::AcqRel);
            // nobody listens any more where the attempt was given up
            let _ = sender.send(sent);
        });
        if let Err(error) = begun {
            self.under_way.fetch_sub(1, Ordering::AcqRel);
            return unavailable(error.to_string());
        }
        let error = match result.recv_timeout(Duration::from_millis(timeout.0)) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error,
            Err(RecvTimeoutError::Timeout) => return unavailable(format!("no end within {timeout}")),
            Err(RecvTimeoutError::Disconnected) => return unavailable("the attempt broke off".into()),
        };
        let mut reason = error.to_string();
        if let Some(password) = password.filter(|password| !password.is_empty()) {
            reason = reason.replace(&password, HIDDEN);
        }
        let reason = plain(&reason, TOLD);
        if error.is_permanent() {
            return Err(DeliveryError::Refused { reason: format!("{doing}: {reason}") });
        }
        // with TLS from the first byte its faults count as ones of the connection
        unavailable(if error.is_tls() || reason.contains("certificate") {
            format!("{reason}. Has an authority that is trusted (`ca_file`) signed its certificate?")
        } else {
            reason
        })
    }
}

impl Attempt {
    /// Makes it; each single wait is within the limit.
    fn send(&self) -> Result<(), Error> {
        let (host, port) = (self.server.0.as_str(), self.server.1);
        let hello = ClientId::default();
        let at_once = self.tls.as_ref().filter(|_| self.mode == MailTls::Implicit);
        let mut server = SmtpConnection::connect((host, port), Some(self.timeout), &hello, at_once, None)?;
        if let (MailTls::Required, Some(tls)) = (self.mode, &self.tls) {
            server.starttls(tls, &hello)?;
        }
        let sent = self.talk(&mut server);
        match &sent {
            // the mail is accepted: that the server says no good-bye changes nothing
            Ok(()) => drop(server.quit()),
            Err(_) => server.abort(),
        }
        sent
    }

    fn talk(&self, server: &mut SmtpConnection) -> Result<(), Error> {
        if let Some(login) = &self.login {
            server.auth(&[Mechanism::Plain, Mechanism::Login], login)?;
        }
        let envelope = self.letter.envelope();
        server.command(Mail::new(envelope.from().cloned(), Vec::new()))?;
        let mut refused = Vec::new();
        for to in envelope.to() {
            match server.command(Rcpt::new(to.clone(), Vec::new())) {
                Err(error) if error.is_permanent() => refused.push((to, error)),
                other => drop(other?),
            }
        }
        if refused.len() == envelope.to().len() {
            return refused.into_iter().next().map_or(Ok(()), |(_, error)| Err(error));
        }
        for (to, error) in refused {
            tracing::warn!("{} does not take mail for {to}: {error}", self.server.0);
        }
        server.command(Data)?;
        server.message(&self.letter.formatted()).map(drop)
    }
}

#[cfg(test)]
mod tests;
