//! Every form of input gives what the plain file gives.

use std::{
    fs::File,
    io::Write,
    net::TcpListener,
    time::{Duration, Instant},
};

use super::{
    http::{address, get},
    sandbox::{HANG, Sandbox, review},
};

const HOUR: u64 = 3_600;

fn packed(text: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    (encoder.finish().unwrap(), zstd::encode_all(text, 1).unwrap())
}

#[test]
fn packed_files_and_standard_input_read_like_plain_ones() {
    let sandbox = Sandbox::generated(1_500);
    let text = sandbox.read("reviews.jsonl");
    let (gz, zst) = packed(&text);
    sandbox.write("reviews.gz", gz);
    sandbox.write("reviews.jsonl.zst", zst);
    assert_eq!(sandbox.run(&[]).code, Some(0));
    let outputs = || ["scored", "products", "models"].map(|name| sandbox.text(&format!("out/{name}.jsonl")));
    let letters = || {
        sandbox
            .values("state/shop/dead-letters.jsonl")
            .into_iter()
            .map(|letter| letter["value"].clone())
            .collect::<Vec<_>>()
    };
    let plain = (outputs(), letters());
    assert!(plain.0[0].lines().count() > 1_400 && !plain.1.is_empty());
    for path in ["reviews.gz", "reviews.jsonl.zst"] {
        assert_eq!(sandbox.run_anew(&[&format!("sources.reviews.path={path}")]).code, Some(0));
        assert!((outputs(), letters()) == plain, "{path} differs");
    }
    let input = File::open(sandbox.path("reviews.jsonl")).unwrap();
    let arguments = ["run", "t.yaml", "--from-scratch", "--set", "sources.reviews.path=-"];
    let told = sandbox.start_with(&arguments, input).end();
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!((outputs(), letters()) == plain, "standard input differs");
    let topic =
        sandbox.values("state/shop/dead-letters.jsonl")[0]["headers"]["__connect.errors.topic"].clone();
    assert_eq!(topic, "-");
}

#[test]
fn files_are_partitions_in_name_order() {
    let sandbox = Sandbox::new();
    // both speak of `same` in one epoch: the later partition comes later in log order
    sandbox.write("in/b.jsonl", format!("{}\n{}\n", review("same", "of-b", HOUR), review("b", "p", HOUR)));
    sandbox.write("in/a.jsonl", format!("{}\n{}\n", review("a", "p", HOUR), review("same", "of-a", HOUR)));
    let told = sandbox.run(&["sources.reviews.path=in/*.jsonl"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(told.books()["reviews"]["superseded"], 1);
    let rows = sandbox.values("out/scored.jsonl");
    let seen: Vec<(&str, u64, &str)> = rows
        .iter()
        .map(|row| {
            (
                row["review_id"].as_str().unwrap(),
                row["origin"]["partition"].as_u64().unwrap(),
                row["product_id"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(seen, [("a", 0, "p"), ("b", 1, "p"), ("same", 1, "of-b")]);
}

#[test]
fn carriage_returns_marks_blank_lines_and_a_missing_last_newline_do_no_harm() {
    let sandbox = Sandbox::new();
    let lines = ["a", "b", "c"].map(|id| review(id, "p", HOUR));
    sandbox.write("reviews.jsonl", format!("\u{feff}{}\r\n\r\n \t\n{}\r\n{}", lines[0], lines[1], lines[2]));
    let told = sandbox.run(&[]);
    assert_eq!(told.code, Some(0), "{told:?}");
    let books = told.books();
    assert_eq!((books["reviews"]["in"], books["reviews"]["applied"]), (3, 3));
    let offsets: Vec<u64> = sandbox
        .values("out/scored.jsonl")
        .iter()
        .map(|row| row["origin"]["offset"].as_u64().unwrap())
        .collect();
    let second = 3 + lines[0].len() as u64 + 2 + 2 + 3;
    assert_eq!(offsets, [0, second, second + lines[1].len() as u64 + 2]);
}

#[test]
fn a_line_of_ten_megabytes_is_a_dead_letter_with_its_length() {
    let sandbox = Sandbox::new();
    let long = format!(r#"{{"review_id":"long","text":"{}"}}"#, "x".repeat(10_000_000));
    sandbox
        .write("reviews.jsonl", format!("{}\n{long}\n{}\n", review("a", "p", HOUR), review("b", "p", HOUR)));
    let told = sandbox.run(&[]);
    assert_eq!(told.code, Some(0), "{told:?}");
    let books = told.books();
    assert_eq!((books["reviews"]["applied"], books["reviews"]["dead_letter{too_large}"]), (2, 1));
    let letters = sandbox.values("state/shop/dead-letters.jsonl");
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["headers"]["__connect.errors.exception.class.name"], "too_large");
    assert_eq!(letters[0]["headers"]["dirigent.truncated"], long.len().to_string());
    assert_eq!(letters[0]["value"].as_str().unwrap(), &long[..1_000_000]);
}

/// A reader that waits for the outside holds up neither health nor metrics, and is no stall.
#[test]
fn a_pipe_that_gives_nothing_yet_is_waited_for() {
    let sandbox = Sandbox::new();
    let fifo = sandbox.fifo("fifo");
    let set = format!("sources.reviews.path={}", fifo.display());
    let arguments = ["run", "t.yaml", "--set", &set, "--set", "stall_timeout=1s", "--listen", "127.0.0.1:0"];
    let mut running = sandbox.start(&arguments);
    let mut pipe = File::options().write(true).open(&fifo).unwrap();
    writeln!(pipe, "{}", review("a", "p", HOUR)).unwrap();
    let address = address(&mut running);
    running.wait_for("running topology");
    std::thread::sleep(Duration::from_secs(2));
    for path in ["/livez", "/startupz", "/readyz", "/metrics"] {
        assert_eq!(get(&address, path).map(|answer| answer.0), Some(200), "{path}");
    }
    assert!(running.alive());
    writeln!(pipe, "{}", review("b", "p", HOUR)).unwrap();
    drop(pipe);
    let told = running.end();
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(told.books()["reviews"]["applied"], 2);
}

/// A pipe that nobody has opened to write holds a run at its start: it lives, and has not started.
#[test]
fn health_tells_a_run_that_starts_from_one_that_has_started() {
    let sandbox = Sandbox::new();
    let fifo = sandbox.fifo("fifo");
    let set = format!("sources.reviews.path={}", fifo.display());
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut running = sandbox.start(&["run", "t.yaml", "--set", &set, "--listen", &address]);
    let started = Instant::now();
    let mut ask = |path: &str, wanted: u16| loop {
        let answer = get(&address, path);
        if let Some((status, _, body)) = answer.filter(|(status, ..)| *status == wanted) {
            return (status, body);
        }
        assert!(running.alive() && started.elapsed() < HANG, "{path} never says {wanted}");
        std::thread::sleep(Duration::from_millis(5));
    };
    ask("/livez", 200);
    assert_eq!(ask("/startupz", 503).1, "not started: starting\n");
    ask("/readyz", 503);
    let pipe = File::options().write(true).open(&fifo).unwrap();
    assert_eq!(ask("/startupz", 200).1, "started\n");
    ask("/readyz", 200);
    drop(pipe);
    assert_eq!(running.end().code, Some(0));
}
