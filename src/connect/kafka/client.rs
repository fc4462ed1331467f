//! What a client of librdkafka reports while it works: logs, statistics, errors, deliveries, and its need of a token.
//!
//! librdkafka reports by events, which arrive while the client is polled. A [`ClientState`] is given to the client when
//! it is made, and a clone of it stays with whoever uses the client: all clones share what was reported.

use std::{
    error::Error,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Statistics,
    client::OAuthToken,
    config::RDKafkaLogLevel,
    consumer::ConsumerContext,
    error::{KafkaError, RDKafkaErrorCode},
    message::DeliveryResult,
    producer::ProducerContext,
};

use super::{
    connection::ConnectionSettings,
    error::{Cause, ClusterError, code_of, is_absence, is_denial, is_rejection, plain, says_only_late, told},
    token::{TokenError, TokenFile},
};

/// How long what kept a client from its brokers explains a call that took too long.
const EXPLAINS: Duration = Duration::from_secs(120);

/// What librdkafka calls the state of a connection on which the first request waits for its answer.
const FIRST_REQUEST: &str = "in state APIVERSION_QUERY";

/// What it is told as.
const CLOSED_AT_ONCE: &str =
    "a broker closes the connection at the first request. It may ask for TLS or a login (`tls`, `sasl`)";

/// What OpenSSL says where the other side has ended the connection for a reason of TLS.
const ALERT: &str = "SSL alert number";

/// What a client has reported.
#[derive(Clone, Debug)]
pub struct ClientState(Arc<State>);

#[derive(Debug)]
struct State {
    brokers: String,
    login: String,
    token: Option<TokenFile>,
    is_asked: bool,
    reported: Mutex<Reported>,
    errors: AtomicU64,
    delivered: AtomicU64,
    delivered_bytes: AtomicU64,
    undelivered: AtomicU64,
}

#[derive(Debug, Default)]
struct Reported {
    statistics: Option<Arc<Statistics>>,
    /// The last report of each cause.
    causes: [Option<(Instant, String)>; 3],
    /// The first delivery that failed.
    undelivered: Option<KafkaError>,
}

impl ClientState {
    /// Of a client; where one `is_asked`, whoever asks is told of errors, and they are no news in the log.
    pub(super) fn new(settings: &ConnectionSettings, token: Option<TokenFile>, is_asked: bool) -> Self {
        Self(Arc::new(State {
            brokers: settings.bootstrap_servers.clone(),
            login: settings.login(),
            token,
            is_asked,
            reported: Mutex::default(),
            errors: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            delivered_bytes: AtomicU64::new(0),
            undelivered: AtomicU64::new(0),
        }))
    }

    /// The last statistics, of at most `statistics.interval.ms` (5 s) ago.
    #[must_use]
    pub fn statistics(&self) -> Option<Arc<Statistics>> {
        self.reported().statistics.clone()
    }

    /// Where the brokers are, as the settings say.
    pub(super) fn brokers(&self) -> &str {
        &self.0.brokers
    }

    /// How many errors were reported, those of single records left out.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.0.errors.load(Ordering::Relaxed)
    }

    /// Records that brokers have taken, and their bytes (key and value).
    #[must_use]
    pub fn delivered(&self) -> (u64, u64) {
        (self.0.delivered.load(Ordering::Relaxed), self.0.delivered_bytes.load(Ordering::Relaxed))
    }

    /// Records that were given up, and why the first of them was.
    #[must_use]
    pub fn undelivered(&self) -> Option<(u64, KafkaError)> {
        let first = self.reported().undelivered.clone()?;
        Some((self.0.undelivered.load(Ordering::Relaxed), first))
    }

    /// Why a call failed: by what it answered, and by what was reported meanwhile. `doing` says what was tried, as in
    /// "cannot {doing}".
    #[must_use]
    pub fn explain(&self, doing: &str, error: &KafkaError) -> ClusterError {
        let (doing, brokers, login) = (doing.to_owned(), self.0.brokers.clone(), self.0.login.clone());
        let code = code_of(error);
        let of_code = code.filter(|code| !says_only_late(*code)).and_then(Cause::of);
        let (cause, reason) = match (of_code, self.cause()) {
            // what was reported says more than the code
            (Some(cause), reported) => {
                let reason = reported.filter(|(reported, _)| *reported == cause).map(|(_, reason)| reason);
                (Some(cause), reason.unwrap_or_else(|| told(error)))
            }
            (None, Some((cause, reason))) if code.is_some_and(says_only_late) => (Some(cause), reason),
            (None, _) => (None, told(error)),
        };
        match cause {
            Some(Cause::Login) => ClusterError::Login { doing, brokers, login, reason },
            Some(Cause::Tls) => ClusterError::Untrusted { doing, brokers, reason },
            Some(Cause::Network) => ClusterError::Unreachable { doing, brokers, reason },
            None if code.is_some_and(is_denial) => ClusterError::Denied { doing, brokers, login, reason },
            None if code.is_some_and(is_absence) => ClusterError::NoTopic { doing, brokers },
            None if code.is_some_and(is_rejection) => ClusterError::Rejected { doing, brokers, reason },
            None if code.is_some_and(says_only_late) => ClusterError::Unreachable { doing, brokers, reason },
            None => ClusterError::Refused { doing, brokers, reason },
        }
    }

    /// The worst of what has lately kept the client from its brokers.
    fn cause(&self) -> Option<(Cause, String)> {
        let reported = self.reported();
        [Cause::Login, Cause::Tls, Cause::Network].into_iter().find_map(|cause| {
            let (at, reason) = reported.causes[cause as usize].as_ref()?;
            (at.elapsed() < EXPLAINS).then(|| (cause, reason.clone()))
        })
    }

    fn keep(&self, cause: Cause, reason: String) {
        self.reported().causes[cause as usize] = Some((Instant::now(), reason));
    }

    fn reported(&self) -> MutexGuard<'_, Reported> {
        // each report is stored whole
        self.0.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token to log in with.
    pub(super) fn token(&self) -> Result<Option<OAuthToken>, Box<dyn Error>> {
        Ok(self.0.token.as_ref().map(TokenFile::read).transpose()?)
    }
}

impl ClientContext for ClientState {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // settings are shared by clients that read and clients that write
        let is_other_kind = facility == "CONFWARN"
            && (message.contains("is a consumer property") || message.contains("is a producer property"));
        if facility == "FAIL" && message.contains("Disconnected") && message.contains(FIRST_REQUEST) {
            self.keep(Cause::Network, CLOSED_AT_ONCE.to_owned());
        }
        match level {
            // comes as an event, too, and is told there; or is tried again
            _ if is_other_kind || ["FAIL", "ERROR", "GETPID", "REQTMOUT"].contains(&facility) => {
                tracing::debug!("librdkafka: {facility}: {message}");
            }
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => tracing::warn!("librdkafka: {facility}: {message}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                tracing::debug!("librdkafka: {facility}: {message}");
            }
        }
    }

    fn stats(&self, statistics: Statistics) {
        self.reported().statistics = Some(Arc::new(statistics));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // what a reader asks for is no error
        if matches!(code_of(&error), Some(RDKafkaErrorCode::PartitionEOF | RDKafkaErrorCode::NoOffset)) {
            return;
        }
        self.0.errors.fetch_add(1, Ordering::Relaxed);
        let mut cause = code_of(&error).and_then(Cause::of);
        // a certificate of ours that is refused, or lacking, is told only when the connection is up
        if cause == Some(Cause::Network) && reason.contains(ALERT) {
            cause = Some(Cause::Tls);
        }
        let is_sum = code_of(&error) == Some(RDKafkaErrorCode::AllBrokersDown);
        if let Some(cause) = cause
            // that all brokers are down says less than why one is
            && (!is_sum || self.reported().causes[cause as usize].is_none())
        {
            self.keep(cause, plain(reason));
        }
        if self.0.is_asked {
            tracing::debug!("Kafka: {}", plain(reason));
        } else {
            tracing::warn!("Kafka: {}", plain(reason));
        }
    }

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.token()?.ok_or_else(|| TokenError::None.into())
    }
}

impl ConsumerContext for ClientState {}

impl ProducerContext for ClientState {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(record) => {
                let bytes = record.payload_len() + record.key_len();
                self.0.delivered.fetch_add(1, Ordering::Relaxed);
                self.0.delivered_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
            }
            Err((error, _)) => {
                self.0.undelivered.fetch_add(1, Ordering::Relaxed);
                self.reported().undelivered.get_or_insert_with(|| error.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(state: &ClientState, code: RDKafkaErrorCode) -> String {
        state.explain("read the topic `t`", &KafkaError::MetadataFetch(code)).to_string()
    }

    #[test]
    fn a_call_that_took_too_long_is_explained_by_what_was_reported() {
        let state = ClientState::new(&ConnectionSettings::plain("a:1"), None, true);
        let late = RDKafkaErrorCode::OperationTimedOut;
        insta::assert_snapshot!(told(&state, late), @"cannot read the topic `t`: no broker answers at a:1: OperationTimedOut (Local: Timed out). Does one run there, and is `bootstrap_servers` right?");
        let report = |code, reason: &str| state.error(KafkaError::Global(code), reason);
        report(RDKafkaErrorCode::AllBrokersDown, "1/1 brokers are down");
        insta::assert_snapshot!(told(&state, late), @"cannot read the topic `t`: no broker answers at a:1: 1/1 brokers are down. Does one run there, and is `bootstrap_servers` right?");
        report(
            RDKafkaErrorCode::BrokerTransportFailure,
            "a:1/bootstrap: Connection refused (after 1ms in state X)",
        );
        report(RDKafkaErrorCode::AllBrokersDown, "1/1 brokers are down");
        insta::assert_snapshot!(told(&state, late), @"cannot read the topic `t`: no broker answers at a:1: Connection refused. Does one run there, and is `bootstrap_servers` right?");
        let alert =
            "ssl://a:1/1: Receive failed: error:0A000412:SSL routines::bad certificate: SSL alert number 42";
        report(RDKafkaErrorCode::BrokerTransportFailure, alert);
        assert!(
            told(&state, late).contains("no TLS with the brokers at a:1: Receive failed: bad certificate")
        );
        report(RDKafkaErrorCode::Authentication, "a:1/bootstrap: invalid credentials");
        insta::assert_snapshot!(told(&state, late), @"cannot read the topic `t`: the brokers at a:1 refuse the login of nobody (`sasl` is not set): invalid credentials. Check `sasl`, and that the brokers know this user and this mechanism");
        // another answer stands for itself
        insta::assert_snapshot!(told(&state, RDKafkaErrorCode::UnknownTopicOrPartition), @"cannot read the topic `t`: there is no such topic or partition at a:1, or none that this login may see. `dirigent topics create TOPOLOGY` makes those of a topology");
        insta::assert_snapshot!(told(&state, RDKafkaErrorCode::TopicAuthorizationFailed), @"cannot read the topic `t`: the brokers at a:1 do not allow it to the login of nobody (`sasl` is not set): TopicAuthorizationFailed (Broker: Topic authorization failed). Grant it there: docs/kafka.md lists what a run needs");
        insta::assert_snapshot!(told(&state, RDKafkaErrorCode::PolicyViolation), @"cannot read the topic `t`: the brokers at a:1 do not take it: PolicyViolation (Broker: Policy violation)");
        assert_eq!(state.errors(), 5);
    }
}
