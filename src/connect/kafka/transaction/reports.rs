//! What the producer of a transaction reports.

use std::sync::{Arc, Mutex};

use rdkafka::{
    ClientContext, Message as _, Statistics, client::OAuthToken, config::RDKafkaLogLevel, error::KafkaError,
    message::DeliveryResult, producer::ProducerContext,
};

use super::{
    super::{client::ClientState, error::says_why},
    lock,
};

/// What the producer reports: as every client does, and the offsets that were asked for.
#[derive(Clone)]
pub(super) struct Reports {
    pub(super) state: ClientState,
    pub(super) offsets: Arc<Mutex<Vec<u64>>>,
    /// Why a record of the transaction was not taken: the transaction's own error says only that one was not. Those that are given
    /// up with it may be reported before the one that it was given up for.
    pub(super) untaken: Arc<Mutex<Option<KafkaError>>>,
}

impl ClientContext for Reports {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.state.log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        self.state.stats(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.state.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.state.generate_oauth_token(config)
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, told: usize) {
        match result {
            Ok(record) if told == 1 => {
                lock(&self.offsets).push(u64::try_from(record.offset()).unwrap_or(0));
            }
            Ok(_) => {}
            Err((error, _)) => {
                let mut untaken = lock(&self.untaken);
                if !untaken.as_ref().is_some_and(says_why) {
                    *untaken = Some(error.clone());
                }
            }
        }
        self.state.delivery(result, ());
    }
}
