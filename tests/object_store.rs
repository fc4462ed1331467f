//! Checkpoints and models in object stores, over servers that speak their protocols: started here on a free port of the
//! loopback, ended by their process id. `make test-stores` fetches them.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod object_store {
    #[cfg(feature = "azure")]
    mod azurite;
    mod faults;
    mod life;
    mod sandbox;
    mod server;
}
