//! The registry of receivers: what `validate`, `schema` and whoever calls people know about each kind.

use std::sync::Arc;

use schemars::Schema;
use serde_json::Value;

use super::Receiver;
use crate::{
    connect::registry::{Fault, OpenError, Target},
    engine::disk::Disk,
};

/// What a receiver may need of the run to be opened.
#[derive(Clone, Copy, Debug)]
pub struct ReceiverContext<'a> {
    /// The id of the receiver.
    pub id: &'a str,
    /// The name of the topology.
    pub topology: &'a str,
    /// The disk of the run.
    pub disk: &'a Arc<dyn Disk>,
}

/// Opens a receiver by its settings.
pub type OpenReceiver = fn(&Value, &ReceiverContext<'_>) -> Result<Box<dyn Receiver>, OpenError>;

/// A kind of receiver.
#[derive(Debug)]
pub struct ReceiverKind {
    /// `type:` in a topology.
    pub name: &'static str,
    /// One sentence for the reference.
    pub summary: &'static str,
    /// JSON Schema of its settings, without `type`.
    pub schema: fn() -> Schema,
    /// What the schema cannot say.
    pub check: fn(&Value) -> Vec<Fault>,
    /// What it writes to, where no sink and no other receiver of its topology may write.
    pub target: fn(&Value) -> Option<Target>,
    /// Opens it. Nobody is called and no connection is made: a receiver that is away when a run starts is no reason not to
    /// start. Files that the settings name are read, and have to be there.
    pub open: OpenReceiver,
}

/// All kinds of receivers.
pub const RECEIVERS: &[&ReceiverKind] = &[
    &super::webhook::WEBHOOK,
    &super::email::EMAIL,
    &crate::connect::kafka::receiver::RECEIVER,
    &super::log::LOG,
];
