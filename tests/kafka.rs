//! What is promised of Kafka, against a real Apache Kafka: `kafka/broker` starts one for all tests of this binary, and others
//! where a test asks for TLS, for three nodes, or for a broker that it may hurt.
//!
//! Without Java or the jars (`make kafka-jars`) the tests pass and say that they were skipped; with `CI=true` they fail.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod kafka {
    mod broker;
    mod clients;
    mod commands;
    mod declared;
    mod nodes;
    mod proxied;
    mod proxy;
    mod secure;
    mod topics;
    mod transactions;
}
