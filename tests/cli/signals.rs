//! Signals in the middle of a run. A sink into a pipe that is read slowly, or not at all, holds the run where it is.

use std::{fs::File, io::Read, time::Duration};

use super::sandbox::Sandbox;

/// Reviews in two files of which the second lies in the future of the first, so one partition is always ahead.
fn two_files() -> Sandbox {
    let sandbox = Sandbox::generated(20_000);
    let lines = sandbox.read("reviews.jsonl");
    let middle = lines.len() / 5 * 3;
    let cut = middle + lines[middle..].iter().position(|byte| *byte == b'\n').unwrap() + 1;
    sandbox.write("in/a.jsonl", &lines[..cut]);
    sandbox.write("in/b.jsonl", &lines[cut..]);
    let topology = sandbox
        .text("t.yaml")
        .replace("path: reviews.jsonl", "path: in/*.jsonl")
        .replace("epoch: 6h", "epoch: 2h");
    sandbox.write("t.yaml", topology);
    sandbox
}

fn epochs(lines: &[u8]) -> Vec<u64> {
    let lines = lines.split_inclusive(|byte| *byte == b'\n');
    lines
        .map(|line| serde_json::from_slice::<serde_json::Value>(line).unwrap()["epoch"].as_u64().unwrap())
        .collect()
}

/// What was written is the start of the full output, up to one and the same epoch in every output, which is whole.
fn stops_between_epochs(signal: &str, sandbox: &Sandbox, full: &[(&str, Vec<u8>)]) {
    let fifo = sandbox.fifo(&format!("fifo-{signal}"));
    let set = format!("sinks.products.path={}", fifo.display());
    let mut running = sandbox.start(&[
        "run",
        "t.yaml",
        "--from-scratch",
        "--set",
        &set,
        "--report",
        "report.json",
        "--workers",
        "2",
    ]);
    let mut pipe = File::open(&fifo).unwrap();
    let mut products = vec![0; 200_000];
    pipe.read_exact(&mut products).unwrap();
    running.signal(signal);
    running.wait_for("asked to stop");
    pipe.read_to_end(&mut products).unwrap();
    let told = running.end();
    assert_eq!(told.code, Some(0), "{told:?}");

    sandbox.write("out/products.jsonl", products);
    let written: Vec<(&str, Vec<u8>)> = full.iter().map(|(name, _)| (*name, sandbox.read(name))).collect();
    for ((name, full), (_, part)) in full.iter().zip(&written) {
        assert!(
            !part.is_empty() && part.len() < full.len() && full.starts_with(part),
            "{name}: {} of {} bytes",
            part.len(),
            full.len()
        );
    }
    let with_epochs = || full.iter().zip(&written).filter(|((name, _), _)| name.starts_with("out/"));
    let last = with_epochs().flat_map(|(_, (_, part))| epochs(part)).max().unwrap();
    for ((name, full), (_, part)) in with_epochs() {
        let whole = epochs(full).into_iter().filter(|epoch| *epoch <= last).count();
        assert_eq!(epochs(part).len(), whole, "{name} is not whole up to {last}");
    }
    // what had been read of later epochs is counted as pending, so the books balance; nothing was learned from it
    let books = told.books();
    for (source, books) in &books {
        assert!(books["in"] > 0 && books["pending"] > 0, "{source}: {books:?}");
    }
    let report: serde_json::Value = serde_json::from_str(&sandbox.text("report.json")).unwrap();
    assert_eq!(report["balanced"], true);
    let learned = report["epochs"].as_array().unwrap().last().unwrap()["epoch"].as_u64().unwrap();
    assert!(learned <= last, "learned from epoch {learned}, published up to {last}");
    assert_eq!(sandbox.read("out/models.jsonl"), b"");
}

#[test]
fn a_signal_finishes_the_open_epoch() {
    let sandbox = two_files();
    assert_eq!(sandbox.run(&[]).code, Some(0));
    let full: Vec<(&str, Vec<u8>)> =
        ["out/scored.jsonl", "out/products.jsonl", "state/shop/dead-letters.jsonl"]
            .map(|name| (name, sandbox.read(name)))
            .into();
    for signal in ["TERM", "INT"] {
        stops_between_epochs(signal, &sandbox, &full);
    }
}

#[test]
fn a_second_signal_ends_the_run_at_once() {
    let sandbox = Sandbox::generated(6_000);
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let fifo = sandbox.fifo(&format!("fifo-{signal}"));
        // one epoch of two megabytes: a pipe that nobody reads has no room for it
        let sets = [
            format!("sinks.scored.path={}", fifo.display()),
            "epoch=10000d".into(),
            "epoch_records=1000000".into(),
        ];
        let mut running = sandbox.start(&[
            "run",
            "t.yaml",
            "--from-scratch",
            "--set",
            &sets[0],
            "--set",
            &sets[1],
            "--set",
            &sets[2],
        ]);
        let mut pipe = File::open(&fifo).unwrap();
        // once the first byte is there it is in the middle of writing them
        pipe.read_exact(&mut [0]).unwrap();
        running.signal(signal);
        running.wait_for("asked to stop");
        std::thread::sleep(Duration::from_secs(1));
        assert!(running.alive(), "nobody reads the pipe: the epoch cannot be finished");
        running.signal(signal);
        assert_eq!(running.end().code, Some(code));
        drop(pipe);
    }
}

/// Waiting for a reader is no stall, however long it takes.
#[test]
fn a_blocked_writer_is_no_stall() {
    let sandbox = Sandbox::generated(6_000);
    let fifo = sandbox.fifo("fifo");
    let set = format!("sinks.scored.path={}", fifo.display());
    let mut running = sandbox.start(&["run", "t.yaml", "--set", &set, "--set", "stall_timeout=2s"]);
    let mut pipe = File::open(&fifo).unwrap();
    running.wait_for("running");
    std::thread::sleep(Duration::from_secs(6));
    assert!(running.alive());
    let mut scored = Vec::new();
    pipe.read_to_end(&mut scored).unwrap();
    let told = running.end();
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(!told.err.contains("no epoch has moved"), "{}", told.err);
    assert!(scored.len() > 1_000_000);
}
