//! Apache Kafka: how a cluster is reached, and what topics it has.
//!
//! Everything that talks to a broker does so over librdkafka, with settings of one shape ([`connection`]) and with every default
//! that matters written down (`properties`), so that a newer librdkafka changes nothing by itself.
//!
//! # Layout
//! [`connection`]: the settings that sources, sinks and commands share. `properties`: what librdkafka is told;
//! `pinned`: what we rely on. [`secrets`]: what is never printed. [`client`]: what a client reports: logs, statistics,
//! errors, deliveries. `standing`: how far a source is behind. [`error`]: what went wrong, in words. [`topics`]:
//! clusters asked for topics as they are (`topic`), and making them. [`wanted`]: what they should be like. `token`:
//! tokens to log in with. `native`: calls that the Rust binding lacks.

mod appended;
mod arrivals;
mod at_least_once;
mod claim;
pub mod client;
mod committed;
pub mod connection;
mod consumer;
pub mod dead_letters;
pub mod error;
mod exactly_once;
mod fence;
mod log;
mod log_topic;
mod log_writer;
mod native;
mod opening;
mod outputs;
mod partitioner;
mod patience;
mod pinned;
mod progress;
mod properties;
mod read_end;
pub mod receiver;
pub mod secrets;
pub mod sink;
pub mod source;
mod standby;
mod standing;
mod token;
mod topic;
pub mod topics;
mod transaction;
pub mod wanted;

/// `type:` of sources and sinks.
pub const NAME: &str = "kafka";
