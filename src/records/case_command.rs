//! What a person says about a case, as a client writes it. Keyed by `case_id`, so that the commands of one case keep
//! their order.
//!
//! As with [`Review`](super::Review), this struct is the schema and the writing side; reading goes through
//! [`decode`](super::decode). A `note` action without a note is an error; every other action may bring one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::review::{Id, Ts, UserId};

/// A person's word on a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "CaseCommand")]
pub struct CaseCommand {
    /// Names this command: the same one twice acts once.
    pub command_id: Id,
    /// The case it is about; the Kafka key.
    #[schemars(length(min = 1, max = 291))]
    pub case_id: String,
    /// What is to be done.
    pub action: CaseAction,
    /// Who says so; `""` is null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// What is to be remembered, a ticket's number for example; at most 4,096 bytes, a blank one is null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub note: Option<String>,
    /// When it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts: Option<Ts>,
}

/// What is to be done with a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaseAction {
    /// Somebody takes it on: nobody else is called.
    Ack,
    /// It is over.
    Resolve,
    /// Only the note.
    Note,
    /// A resolved case fires again.
    Reopen,
}

impl CaseAction {
    /// The name that is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ack => "ack",
            Self::Resolve => "resolve",
            Self::Note => "note",
            Self::Reopen => "reopen",
        }
    }
}
