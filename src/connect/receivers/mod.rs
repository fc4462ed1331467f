//! Receivers: where people are called about a case. What is committed in the output of cases becomes notifications; a
//! receiver is handed some of them and says whether they arrived.
//!
//! A receiver makes one attempt and keeps nothing: when to try, again or at all, is decided by who calls it. A notification
//! may come more than once; its key is the same then, and goes along, so that whoever gets it can tell.
//!
//! # Layout
//! [`registry`] lists the kinds. What a notification looks like: [`cloud_events`], `alertmanager`, `words`. [`log`]: a file.
//! [`webhook`]: a web server; `signature`: what it can check, `answer`: what it says.
//! [`email`]: a mail server; `letter`: what a mail says. `kafka::receiver`: a topic. `files`: secrets and certificates.

mod alertmanager;
mod answer;
#[cfg(test)]
mod certificates;
pub mod cloud_events;
pub mod email;
mod files;
mod letter;
pub mod log;
pub mod registry;
#[cfg(test)]
mod samples;
mod signature;
#[cfg(test)]
mod web_server;
pub mod webhook;
mod words;

use std::time::Duration;

use thiserror::Error;

use crate::records::Case;

pub use crate::records::CaseEvent as Event;

/// What a receiver is to be told of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The idempotency key: one and the same however often it is sent.
    pub key: String,
    /// What has become of the case.
    pub event: Event,
    /// The step of the escalation that is due, from 1; where it is not about a step, the last one that was.
    pub step: u32,
    /// The case as it is committed.
    pub case: Case,
}

/// What is handed over at once: one notification, or several that were grouped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The idempotency key of the whole: of a single notification, its own.
    pub key: String,
    /// The name of the topology.
    pub topology: String,
    /// The id of the receiver, as the topology has it.
    pub receiver: String,
    /// At least one, in the order in which they became due.
    pub notifications: Vec<Notification>,
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeliveryError {
    /// It may do better later: nobody answered, or the answer was that it is busy or broken.
    #[error("{reason}")]
    Unavailable {
        /// What was tried and what came of it.
        reason: String,
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// It will not take this one, however often it comes.
    #[error("{reason}")]
    Refused {
        /// What was tried and what came of it.
        reason: String,
    },
}

/// Where people are called.
pub trait Receiver: Send {
    /// Makes one attempt, and returns within the receiver's own time limit.
    ///
    /// # Errors
    /// It has not arrived, as far as can be told: it may have, where the answer was lost.
    fn deliver(&mut self, delivery: &Delivery) -> Result<(), DeliveryError>;
}
