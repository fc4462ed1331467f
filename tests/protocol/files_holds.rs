//! The protocol over files, whole, walked to the end; each test within other bounds.

use std::time::Instant;

use super::explorer::explore;
use super::files::LANDMARKS;
use super::files::rules::Bounds;

/// Nothing breaks, and the landmarks of these numbers are reached.
fn holds(name: &str, bounds: &Bounds, landmarks: &[usize]) {
    let begun = Instant::now();
    let live = bounds.rot + bounds.tampering == 0;
    let seen = explore(bounds, live);
    println!("{name}: {seen}, {:.1} s", begun.elapsed().as_secs_f64());
    assert!(seen.violation.is_none(), "{name}: {seen}");
    for &landmark in landmarks {
        assert!(seen.landmarks & 1 << landmark != 0, "{name}: not reached: {}", LANDMARKS[landmark]);
    }
}

const BASE: Bounds = Bounds::BASE;

#[test]
fn with_checkpoints() {
    let bounds = Bounds { failures: 1, checkpoints: true, ..BASE };
    holds("3 epochs, checkpoints, 1 cut, 1 crash, 1 failed sync", &bounds, &[0, 1, 2, 3, 4, 5]);
}

#[test]
fn with_a_journal() {
    let bounds = Bounds { failures: 1, journal: true, ..BASE };
    holds("3 epochs, journal, 1 cut, 1 crash, 1 failed sync", &bounds, &[0, 1, 4, 5]);
}

#[test]
fn two_cuts_and_two_crashes() {
    let bounds = Bounds { epochs: 2, cuts: 2, crashes: 2, journal: true, checkpoints: true, ..BASE };
    holds("2 epochs, journal, checkpoints, 2 cuts, 2 crashes", &bounds, &[0, 1, 2, 3, 5]);
}

#[test]
fn what_others_did_to_the_files() {
    let bounds = Bounds { rot: 1, tampering: 1, checkpoints: true, ..BASE };
    holds("3 epochs, checkpoints, 1 rotten record, 1 shortened output", &bounds, &[0, 1, 2, 3, 5]);
}

/// Only with `DIRIGENT_MODEL=large`.
#[test]
fn larger_bounds() {
    if std::env::var("DIRIGENT_MODEL").as_deref() != Ok("large") {
        println!("skipped: DIRIGENT_MODEL is not large");
        return;
    }
    let all = Bounds { cuts: 2, crashes: 2, checkpoints: true, ..BASE };
    holds("3 epochs, checkpoints, 2 cuts, 2 crashes", &all, &[0, 1, 2, 3, 5]);
    let all = Bounds { epochs: 2, failures: 1, journal: true, ..all };
    holds("2 epochs, journal, checkpoints, 2 cuts, 2 crashes, 1 failed sync", &all, &[0, 1, 2, 3, 4, 5]);
}
