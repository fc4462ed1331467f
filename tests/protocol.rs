//! The protocol of the epoch log, walked through every state it can reach within bounds; `docs/protocol.md` says what it is.
//!
//! `*_holds`: the whole protocol breaks no property. `*_rules`: each rule taken away breaks one that is named. With
//! `--nocapture` the numbers of states, the depth and the shortest way to each violation are printed.
//!
//! `DIRIGENT_MODEL=large` walks larger bounds too: some five minutes, 1 GB.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod protocol {
    mod bits;
    mod broker;
    mod broker_holds;
    mod broker_rules;
    mod explorer;
    mod files;
    mod files_holds;
    mod files_rules;
    mod taken_away;
}
