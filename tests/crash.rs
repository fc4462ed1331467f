//! Crash-proof: whatever ends a run, at whatever moment, the next ones give what an uninterrupted run gives, to the byte.
//!
//! Most runs are in this process, over a disk that loses what was not synced and stops at any operation; some are of the
//! real binary, ended by SIGKILL. Some of the points are taken, all with `DIRIGENT_CRASHES=all`;
//! `DIRIGENT_KILLS=30` kills more often, over the input that `DIRIGENT_KILLS_INPUT` names if it names one.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "held_to_data/checks.rs"]
mod checks;
#[allow(dead_code)] // the oracle asks more of these than this test does
#[path = "held_to_data/oracle.rs"]
mod oracle;
#[allow(dead_code)] // runs of shipped topologies are another test's
#[path = "held_to_data/run.rs"]
mod run;

mod crash {
    mod damage;
    mod disk;
    mod drive;
    mod faults;
    mod golden;
    mod input;
    mod kills;
    mod live_input;
    mod live_kills;
    mod names;
    mod operations;
    mod outcome;
    mod points;
    mod random;
    mod resume;
    mod scene;
    mod starts;
    mod wall;
}
