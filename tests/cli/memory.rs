//! Memory is bounded by live state and by buffers of fixed size, however long the input and however slow the sink.

use std::{
    fmt::Write,
    fs::File,
    io::Read,
    time::{Duration, Instant},
};

use super::{
    http::{address, get},
    open_metrics::parse,
    sandbox::Sandbox,
};

const RECORDS: u64 = 15_000;
const TEXT: usize = 4_000;
/// Bytes that the sink takes in a second, and for how long: less than half of what the run would write.
const RATE: usize = 100_000;
const PATIENCE: Duration = Duration::from_secs(20);

/// Peak resident memory of a process in bytes.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1_024
}

#[test]
fn a_slow_sink_holds_the_input_back() {
    let sandbox = Sandbox::new();
    let mut input = String::new();
    for n in 0..RECORDS {
        let (id, ts) = (n % 2_000, 1_767_225_600 + n * 60);
        write!(
            input,
            r#"{{"review_id":"r{id}","product_id":"p{}","rating":{},"ts":{ts},"text":""#,
            id % 50,
            n % 5 + 1
        )
        .unwrap();
        let start = input.len();
        while input.len() < start + TEXT {
            write!(input, "word{} ", (n * 7_919 + input.len() as u64) % 30_011).unwrap();
        }
        input.push_str("\"}\n");
    }
    let size = input.len() as u64;
    sandbox.write("reviews.jsonl", input);
    let fifo = sandbox.fifo("fifo");
    let set = format!("sinks.scored.path={}", fifo.display());
    let mut running = sandbox.start(&[
        "run",
        "t.yaml",
        "--set",
        &set,
        "--set",
        "epoch=1h",
        "--listen",
        "127.0.0.1:0",
        "--workers",
        "2",
    ]);
    let mut pipe = File::open(&fifo).unwrap();
    let address = address(&mut running);
    let started = Instant::now();
    let mut taken = 0;
    let mut buffer = vec![0; RATE / 20];
    while started.elapsed() < PATIENCE {
        taken += pipe.read(&mut buffer).unwrap();
        let due = Duration::from_secs_f64(taken as f64 / RATE as f64);
        std::thread::sleep(due.saturating_sub(started.elapsed()));
    }
    assert!(running.alive(), "the input is too short for this machine");
    let samples = parse(&get(&address, "/metrics").unwrap().2);
    let (read, peak) = (samples["dirigent_source_read_bytes_total"][0].1 as u64, peak(running.id()));
    println!("peak {} MB, {} of {} MB read, {taken} bytes written", peak >> 20, read >> 20, size >> 20);
    assert!(peak < 400 << 20, "{} MB", peak >> 20);
    assert!(taken > 0 && read < size, "everything was read though the sink had taken {taken} bytes only");
}
