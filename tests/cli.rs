//! The real binary in temporary directories: what each command takes, writes, says and returns.
//!
//! No test depends on how fast the machine is: where a run must be caught in the middle, a pipe that is read at the
//! test's pace holds it there. A limit of time is only there to tell a hang from a slow machine.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod sequential_learner;

mod cli {
    mod cases;
    mod classes;
    mod commands;
    mod escalation;
    mod faults;
    mod follow;
    mod full_disk;
    mod http;
    mod inputs;
    mod live;
    mod live_input;
    mod mail;
    mod memory;
    mod metric_lag;
    mod metric_names;
    mod metrics;
    mod open_metrics;
    mod receiver;
    mod replay;
    mod restart;
    mod runs;
    mod same_bytes;
    mod sandbox;
    mod signals;
    mod spread;
    mod start_refusals;
    mod state;
}
