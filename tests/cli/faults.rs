//! When the outside fails: exit 1, one clear line that names what and why, and never a hang.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use super::sandbox::{Sandbox, Told, review};

fn refused(told: &Told, texts: &[&str]) {
    assert_eq!(told.code, Some(1), "{told:?}");
    for text in texts {
        assert!(told.err.contains(text), "no {text:?} in {}", told.err);
    }
    assert!(!told.out.contains("books"), "{told:?}");
    assert_eq!(told.err.matches("ERROR").count(), 1, "{}", told.err);
}

#[test]
fn inputs_that_are_not_there() {
    let sandbox = Sandbox::new();
    refused(
        &sandbox.run(&["sources.reviews.path=absent.jsonl"]),
        &["absent.jsonl", "no such file", "hint: "],
    );
    refused(
        &sandbox.run(&["sources.reviews.path=absent/*.jsonl.gz"]),
        &["absent/*.jsonl.gz", "a glob must match at least one file"],
    );
}

#[test]
fn sinks_and_states_that_cannot_be_made() {
    let sandbox = Sandbox::new();
    sandbox.write("reviews.jsonl", review("a", "p", 3_600));
    // a file stands where a folder is needed: that stops the superuser too
    refused(&sandbox.run(&["sinks.scored.path=t.yaml/scored.jsonl"]), &["t.yaml/scored.jsonl", "hint: "]);
    refused(&sandbox.run(&["state=file:./t.yaml/state"]), &["t.yaml/state"]);
}

/// The disk is full: the fault comes while epochs are under way, or after the last record was read.
#[test]
fn a_sink_that_fails_ends_the_run() {
    let small = Sandbox::new();
    small.write("reviews.jsonl", review("a", "p", 3_600));
    let large = Sandbox::generated(3_000);
    for sandbox in [small, large] {
        for sink in ["scored", "products", "models"] {
            let started = Instant::now();
            let told = sandbox.run_anew(&[&format!("sinks.{sink}.path=/dev/full")]);
            refused(&told, &["cannot write /dev/full", "No space left on device"]);
            assert!(started.elapsed() < Duration::from_secs(50), "the stall watch had to end it");
        }
    }
}

#[test]
fn a_damaged_archive_is_named_with_its_offset() {
    let sandbox = Sandbox::generated(3_000);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&sandbox.read("reviews.jsonl")).unwrap();
    let whole = encoder.finish().unwrap();
    let middle = whole.len() / 2;
    let mut damaged = whole.clone();
    damaged[middle..middle + 64].fill(0xA5);
    sandbox.write("damaged.gz", damaged);
    sandbox.write("cut.gz", &whole[..middle]);
    for name in ["damaged.gz", "cut.gz"] {
        let told = sandbox.run_anew(&[&format!("sources.reviews.path={name}")]);
        refused(&told, &[&format!("cannot read {name} at offset ")]);
        let offset = told.err.split(" at offset ").nth(1).unwrap().split(':').next().unwrap();
        assert!(offset.parse::<u64>().unwrap() > 1_000, "{}", told.err);
    }
}

#[test]
fn input_of_another_kind_stops_the_run() {
    let sandbox = Sandbox::new();
    sandbox.write("reviews.jsonl", "{\"sepal_length\":5.1}\n".repeat(10_001));
    refused(&sandbox.run(&[]), &["10000 of 10000 records of reviews.jsonl", "max_error_ratio", "`fields:`"]);
    let told = sandbox.run(&["max_error_ratio=1"]);
    assert_eq!((told.code, told.books()["reviews"]["dead_letter{missing_field}"]), (Some(0), 10_001));
}

#[test]
fn an_address_that_is_taken() {
    let sandbox = Sandbox::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    refused(&sandbox.dirigent(&["run", "t.yaml", "--listen", &address]), &[&address, "cannot serve there"]);
}
