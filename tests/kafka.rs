//! What is promised of Kafka, against a real Apache Kafka: `kafka/broker` starts one for all tests of this binary, and others
//! where a test asks for TLS, for three nodes, or for a broker that it may hurt.
//!
//! Without Java or the jars (`make kafka-jars`) the tests pass and say that they were skipped; with `CI=true` they fail.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[allow(dead_code)] // the oracle asks more of these than these tests do
#[path = "oracle"]
mod oracle {
    pub(crate) mod batch;
    pub(crate) mod books;
    pub(crate) mod condition;
    pub(crate) mod decode;
    pub(crate) mod epochs;
    pub(crate) mod feedback;
    pub(crate) mod fraction;
    pub(crate) mod json;
    pub(crate) mod log;
    pub(crate) mod products;
    pub(crate) mod table;
    pub(crate) mod text;
    pub(crate) mod time;
    pub(crate) mod training;
}

mod kafka {
    mod at_least_once;
    mod broker;
    mod checks;
    mod clients;
    mod commands;
    mod dead_letters;
    mod declared;
    mod edges;
    mod escalation;
    mod expected;
    mod history;
    mod kills;
    mod metrics;
    mod nodes;
    mod outages;
    mod proxied;
    mod proxy;
    #[path = "../cli/receiver.rs"]
    mod receiver;
    mod receivers;
    mod running;
    mod secure;
    mod shop;
    mod stream;
    mod topics;
    mod transactions;
    mod watcher;
    mod zombies;
}
