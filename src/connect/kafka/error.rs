//! What goes wrong with a cluster, in words: what happened, where, what was expected and what to do.
//!
//! librdkafka answers a call with a code, often only that time has run out; why the brokers could not be reached it tells apart, in
//! events that `client` keeps. [`ClusterError`] puts both together. No message holds a secret: of properties only names are told.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use thiserror::Error;

/// Why a cluster cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClusterError {
    /// librdkafka does not take a property.
    #[error("the settings of the connection to Kafka are refused: {reason}")]
    Settings {
        /// What librdkafka said.
        reason: String,
    },
    /// A file with a secret, a key or a certificate cannot be read.
    #[error("cannot read {file}, which `{setting}` names: {reason}")]
    File {
        /// The setting.
        setting: String,
        /// The file.
        file: String,
        /// What the system said.
        reason: String,
    },
    /// No broker answers.
    #[error(
        "cannot {doing}: no broker answers at {brokers}: {reason}. Does one run there, and is `bootstrap_servers` right?"
    )]
    Unreachable {
        /// What was tried.
        doing: String,
        /// Where.
        brokers: String,
        /// What librdkafka said.
        reason: String,
    },
    /// TLS came to no end.
    #[error(
        "cannot {doing}: no TLS with the brokers at {brokers}: {reason}. `tls.ca_file` has to name the authority that signed their certificate, and that certificate the host as `bootstrap_servers` does; where they ask for a certificate, `tls.certificate_file` and `tls.key_file` give one that they trust"
    )]
    Untrusted {
        /// What was tried.
        doing: String,
        /// Where.
        brokers: String,
        /// What librdkafka said.
        reason: String,
    },
    /// The login was refused.
    #[error(
        "cannot {doing}: the brokers at {brokers} refuse the login {login}: {reason}. Check `sasl`, and that the brokers know this user and this mechanism"
    )]
    Login {
        /// What was tried.
        doing: String,
        /// Where.
        brokers: String,
        /// Who, and how.
        login: String,
        /// What librdkafka said.
        reason: String,
    },
    /// Who logged in may not do this.
    #[error(
        "cannot {doing}: the brokers at {brokers} do not allow it to the login {login}: {reason}. Grant it there: docs/kafka.md lists what a run needs"
    )]
    Denied {
        /// What was tried.
        doing: String,
        /// Where.
        brokers: String,
        /// Who, and how.
        login: String,
        /// What the broker said.
        reason: String,
    },
    /// There is no such topic.
    #[error(
        "cannot {doing}: there is no such topic or partition at {brokers}, or none that this login may see. `dirigent topics create TOPOLOGY` makes those of a topology"
    )]
    NoTopic {
        /// What was tried.
        doing: String,
        /// Where.
        brokers: String,
    },
    /// It will never be taken as it is.
    #[error("cannot {doing}: the brokers at {brokers} do not take it: {reason}")]
    Rejected {
        /// What was tried.
        doing: String,
        /// Where.
        brokers: String,
        /// What librdkafka or a broker said.
        reason: String,
    },
    /// Anything else.
    #[error("cannot {doing}: {reason} (Kafka at {brokers})")]
    Refused {
        /// What was tried.
        doing: String,
        /// Where.
        brokers: String,
        /// What librdkafka or a broker said.
        reason: String,
    },
}

/// What kept a client from its brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// The login was refused.
    Login,
    /// TLS came to no end.
    Tls,
    /// No broker answered.
    Network,
}

impl Cause {
    /// Of an error that librdkafka reports.
    pub(super) fn of(code: Code) -> Option<Self> {
        match code {
            Code::Authentication | Code::SaslAuthenticationFailed => Some(Self::Login),
            Code::SSL => Some(Self::Tls),
            Code::BrokerTransportFailure | Code::Resolve | Code::AllBrokersDown => Some(Self::Network),
            _ => None,
        }
    }
}

/// Whether waiting does not help: the login or the certificate is refused, a right is lacking, or what is asked for is not there.
/// Brokers that cannot be reached may come back.
#[must_use]
pub fn is_final(error: &KafkaError) -> bool {
    code_of(error).is_some_and(|code| {
        let lacks = matches!(Cause::of(code), Some(Cause::Login | Cause::Tls));
        let gone = matches!(code, Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::Fatal);
        lacks || gone || is_denial(code) || is_absence(code)
    })
}

/// Whether a code says no more than that the brokers were not reached.
pub(super) fn says_only_late(code: Code) -> bool {
    matches!(
        code,
        Code::OperationTimedOut
            | Code::MessageTimedOut
            | Code::RequestTimedOut
            | Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::NetworkException
    )
}

/// Whether a code says that somebody else has the id of a transactional producer; or that its transaction was given up.
pub(super) fn is_fencing(code: Code) -> bool {
    matches!(code, Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch)
}

/// Whether a code says that the login lacks a right.
pub(super) fn is_denial(code: Code) -> bool {
    matches!(
        code,
        Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
    )
}

/// Whether a code says that a record will never be taken as it is.
pub(super) fn is_rejection(code: Code) -> bool {
    matches!(
        code,
        Code::MessageSizeTooLarge
            | Code::InvalidMessageSize
            | Code::MessageBatchTooLarge
            | Code::InvalidRecord
            | Code::PolicyViolation
            | Code::UnsupportedForMessageFormat
    )
}

/// Whether an error says why a record is not taken, and will not be.
pub(super) fn says_why(error: &KafkaError) -> bool {
    code_of(error).is_some_and(|code| is_rejection(code) || is_denial(code) || is_absence(code))
}

/// Whether an error may mean no more than that a partition has no leader now: its broker has just gone or come, or was paused.
pub(super) fn lacks_a_leader(error: &KafkaError) -> bool {
    matches!(
        code_of(error),
        Some(
            Code::UnknownPartition
                | Code::LeaderNotAvailable
                | Code::NotLeaderForPartition
                | Code::DestroyBroker
        )
    )
}

/// Whether a code says that there is no such topic or partition.
pub(super) fn is_absence(code: Code) -> bool {
    matches!(code, Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition)
}

/// What an error of the binding says, without the value of a property.
pub(super) fn told(error: &KafkaError) -> String {
    match (error, code_of(error)) {
        (KafkaError::ClientConfig(_, _, name, _), _) => format!("the property `{name}` is refused"),
        (KafkaError::ClientCreation(reason), _) => plain(reason),
        (KafkaError::Transaction(error), _) => plain(&error.string()),
        (_, Some(code)) => plain(&code.to_string()),
        (other, None) => plain(&other.to_string()),
    }
}

/// What librdkafka says, without the broker in front of it, the time behind it, and the numbers of OpenSSL.
pub(super) fn plain(reason: &str) -> String {
    let reason = reason.trim();
    let behind = match reason.split_once(": ") {
        Some((broker, rest)) if broker.contains("://") || broker.contains("/bootstrap") => rest,
        _ => reason,
    };
    let end = behind.find(" (after ").unwrap_or(behind.len());
    let said = behind[..end].trim_end_matches(['.', '?', ' ']);
    // `error:0A000086:SSL routines::certificate verify failed`: number, library and function before the reason
    match said.split_once("error:") {
        Some((before, error)) if error.splitn(4, ':').count() == 4 => {
            format!("{before}{}", error.splitn(4, ':').last().unwrap_or_default().trim_start())
        }
        _ => said.to_owned(),
    }
}

/// The code of an error of the binding, if it has one; the binding's own method has none for what an administrator is answered.
#[allow(clippy::disallowed_methods, reason = "the one place")]
pub(super) fn code_of(error: &KafkaError) -> Option<Code> {
    match error {
        KafkaError::AdminOp(code) => Some(*code),
        KafkaError::Transaction(error) => Some(error.code()),
        other => other.rdkafka_error_code(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_an_administrator_is_judged_like_any_other() {
        for error in [KafkaError::AdminOp, KafkaError::MetadataFetch, KafkaError::MessageConsumption] {
            assert!(lacks_a_leader(&error(Code::LeaderNotAvailable)));
            assert!(!lacks_a_leader(&error(Code::TopicAuthorizationFailed)));
            assert!(is_final(&error(Code::TopicAuthorizationFailed)));
            assert!(!is_final(&error(Code::BrokerTransportFailure)));
        }
    }

    #[test]
    fn reasons_are_told_without_broker_and_time() {
        for (reason, expected) in [
            (
                "sasl_ssl://127.0.0.1:9094/bootstrap: SASL authentication error: Authentication failed (after 5ms in state AUTH_REQ)",
                "SASL authentication error: Authentication failed",
            ),
            (
                "127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT, 3 identical error(s) suppressed)",
                "Connect to ipv4#127.0.0.1:1 failed: Connection refused",
            ),
            (
                "ssl://a:1/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: unknown (after 5ms in state X)",
                "SSL handshake failed: certificate verify failed: unknown",
            ),
            ("1/1 brokers are down", "1/1 brokers are down"),
        ] {
            assert_eq!(plain(reason), expected);
        }
    }
}
