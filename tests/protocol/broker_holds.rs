//! The protocol over a broker, whole, walked to the end; each test within other bounds.

use std::time::Instant;

use super::broker::LANDMARKS;
use super::broker::rules::Bounds;
use super::explorer::explore;

/// Nothing breaks, and the landmarks of these numbers are reached.
fn holds(name: &str, bounds: &Bounds, landmarks: &[usize]) {
    let begun = Instant::now();
    let seen = explore(bounds, true);
    println!("{name}: {seen}, {:.1} s", begun.elapsed().as_secs_f64());
    assert!(seen.violation.is_none(), "{name}: {seen}");
    for &landmark in landmarks {
        assert!(seen.landmarks & 1 << landmark != 0, "{name}: not reached: {}", LANDMARKS[landmark]);
    }
}

const BASE: Bounds = Bounds::BASE;
/// A second generation, everything visible, a zombie awake, a rescue.
const EVENTS: [usize; 4] = [0, 1, 2, 5];

#[test]
fn two_generations_two_shards_three_epochs() {
    let bounds = Bounds { markers: true, ..BASE };
    holds("3 epochs, 2 shards, markers, 1 unclear commit", &bounds, &[0, 1, 2, 5, 6]);
}

#[test]
fn every_step_on_its_own() {
    let bounds = Bounds { epochs: 2, markers: true, fine: true, parts: true, ..BASE };
    holds("2 epochs, 2 shards, every step on its own", &bounds, &EVENTS);
    let bounds = Bounds { shards: 1, workers: true, ..bounds };
    holds("2 epochs, 1 shard, 2 workers, every step on its own", &bounds, &EVENTS);
}

#[test]
fn three_generations() {
    let bounds = Bounds { epochs: 2, starts: 3, shards: 1, ..BASE };
    holds("3 generations, 2 epochs, 1 shard, 1 unclear commit", &bounds, &EVENTS);
}

#[test]
fn with_checkpoints() {
    let bounds = Bounds { timeouts: 0, checkpoints: true, ..BASE };
    holds("3 epochs, 2 shards, checkpoints, 2 kept", &bounds, &[0, 1, 2, 3, 4, 5]);
}

#[test]
fn with_checkpoints_and_unclear_commits() {
    let bounds = Bounds { shards: 1, checkpoints: true, keep: 1, ..BASE };
    holds("3 epochs, 1 shard, checkpoints, 1 kept, 1 unclear commit", &bounds, &[0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn with_a_rotten_file() {
    let bounds = Bounds { shards: 1, timeouts: 0, checkpoints: true, rot: 1, ..BASE };
    holds("3 epochs, 1 shard, checkpoints, 2 kept, 1 rotten file", &bounds, &[0, 1, 2, 3, 4, 5]);
}

/// Only with `DIRIGENT_MODEL=large`.
#[test]
fn larger_bounds() {
    if std::env::var("DIRIGENT_MODEL").as_deref() != Ok("large") {
        println!("skipped: DIRIGENT_MODEL is not large");
        return;
    }
    let stored = Bounds { checkpoints: true, ..BASE };
    holds("3 epochs, 2 shards, checkpoints, 2 kept, 1 unclear commit", &stored, &[3, 4, 5, 6]);
    let harsh = Bounds { keep: 1, ..stored };
    holds("3 epochs, 2 shards, checkpoints, 1 kept, 1 unclear commit", &harsh, &[3, 4, 5, 6]);
    let rot = Bounds { rot: 1, shards: 1, ..stored };
    holds("3 epochs, 1 shard, checkpoints, 1 rotten file, 1 unclear commit", &rot, &[3, 4, 5, 6]);
    let unclear = Bounds { timeouts: 2, markers: true, shards: 1, ..BASE };
    holds("3 epochs, 1 shard, markers, 2 unclear commits", &unclear, &[0, 1, 2, 5, 6]);
    let fine = Bounds { markers: true, fine: true, parts: true, ..BASE };
    holds("3 epochs, 2 shards, every step on its own", &fine, &[0, 1, 2, 5, 6]);
    let three = Bounds { starts: 3, shards: 1, timeouts: 0, ..stored };
    holds("3 generations, 3 epochs, 1 shard, checkpoints, 2 kept", &three, &[0, 1, 2, 3, 4, 5]);
    let three = Bounds { starts: 3, epochs: 2, ..BASE };
    holds("3 generations, 2 epochs, 2 shards, 1 unclear commit", &three, &[0, 1, 2, 5, 6]);
}
