//! Taking the log: from then on nobody older writes there, and what is in it is final.
//!
//! Opening sources and choosing a checkpoint takes a while after the log was read, and a run that was fenced meanwhile rightly
//! fences back: its transaction may only have taken too long. So the number of a start is written at once, as a claim, before
//! anything follows from what was read. A claim that does not come through starts all over, with what is there by then; one
//! that somebody else was faster with ends the start.

use super::{
    error::ClusterError,
    log_topic::{LogTopic, Placed, ReadError, last_generation},
    patience::Patience,
    standby::Nonce,
    transaction::Transactions,
};
use crate::engine::log::record::{Body, LogRecord};

/// The log, when it is ours.
pub(super) struct Claimed {
    /// All that stood in it.
    pub(super) before: Vec<Placed>,
    /// The record that says whose it is.
    pub(super) claim: Placed,
    /// Nothing of this start stands before this offset.
    pub(super) begins_at: u64,
    pub(super) nonce: String,
}

/// Why the log cannot be taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClaimError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the nonce of this start cannot be stored: {0}")]
    Nonce(#[from] std::io::Error),
    #[error("start {generation} of this run has taken over")]
    Superseded { generation: u64 },
    #[error("a record was committed at offset {0} and is not there")]
    Unseen(u64),
    #[error("{0}")]
    GivenUp(String),
}

impl From<ClusterError> for ClaimError {
    fn from(error: ClusterError) -> Self {
        Self::Read(error.into())
    }
}

/// Takes the log.
pub(super) fn claim(
    log: &LogTopic,
    transactions: &mut Transactions,
    nonce: &mut Nonce,
    patience: &mut Patience,
) -> Result<Claimed, ClaimError> {
    let nonce = nonce.renew()?;
    // most of it is read before anybody is fenced: what follows has to be quick
    let (mut before, mut end) = log.look(0)?;
    loop {
        log.fence(transactions)?;
        let (more, at) = log.read(end)?;
        before.extend(more);
        end = at;
        let (seq, last) = before.last().map_or((0, 0), |(_, record)| (record.seq, record.generation));
        let body = Body::Claim { nonce: nonce.clone() };
        let claim = LogRecord { seq: seq + 1, generation: last + 1, body };
        match log.append(transactions, std::slice::from_ref(&claim)) {
            Ok(offsets) => {
                let offset = offsets.first().copied().unwrap_or(end);
                // a commit that says done may not be visible yet
                let (seen, _) = log.read(end)?;
                return match seen.iter().find(|(_, seen)| *seen == claim) {
                    _ if last_generation(&seen).is_some_and(|generation| generation > last + 1) => {
                        let generation = last_generation(&seen).unwrap_or_default();
                        Err(ClaimError::Superseded { generation })
                    }
                    Some(_) => {
                        patience.calm();
                        Ok(Claimed { before, claim: (offset, claim), begins_at: end, nonce })
                    }
                    None => Err(ClaimError::Unseen(offset)),
                };
            }
            Err(error) => {
                tracing::warn!("the epoch log: {error}; it is read again");
                patience.pause(&error.into()).map_err(ClaimError::GivenUp)?;
            }
        }
        let is_newer = |record: &LogRecord| record.generation > last && record.body != claim.body;
        if let Some(generation) = log.successor(end, transactions.fenced, is_newer)? {
            return Err(ClaimError::Superseded { generation });
        }
    }
}
